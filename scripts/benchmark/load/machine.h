// Clocks, and what processes use of the machine.
#pragma once
#include <stdint.h>
#include <sys/types.h>

// Says why on stderr, in one sentence, and ends the program.
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

uint64_t now_ns(void);

enum { MAX_SERVERS = 2 };

// The processes that serve; unused places are 0.
struct servers {
    pid_t process[MAX_SERVERS];
};

// All fields in nanoseconds.
struct usage {
    uint64_t at;         // when it was taken
    uint64_t server_cpu; // CPU time of the servers, all their threads
    uint64_t own_cpu;    // CPU time of this program
    uint64_t all_cpu;    // CPU time of every process and of the kernel, on all cores
};

struct usage usage_of(const struct servers *servers);

// Memory of the process that is in RAM (VmRSS), in KiB.
long resident_kib(pid_t process);
