// Clocks, and what processes use of the machine.
#pragma once
#include <stdint.h>
#include <sys/types.h>

// Says why on stderr, in one sentence, and ends the program.
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

uint64_t now_ns(void);

enum { MAX_SERVERS = 2 };

// The processes that serve; unused places are 0.
struct processes {
    pid_t server[MAX_SERVERS];
    pid_t postgres; // the first of PostgreSQL's, whose children are the others
    pid_t redis;
};

// All fields in nanoseconds. CPU times are those of all threads.
struct usage {
    uint64_t at; // when it was taken
    uint64_t server_cpu, postgres_cpu, redis_cpu;
    uint64_t own_cpu;       // of this program
    uint64_t all_cpu;       // of every process and of the kernel, on all cores
    uint64_t server_waited; // how long the first threads of the servers could have run and had no core
    uint64_t own_waited;    // the same for this program
};

struct usage usage_of(const struct processes *processes);

// Memory of the process that is in RAM (VmRSS), in KiB.
long resident_kib(pid_t process);
