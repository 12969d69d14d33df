#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        fail("a clock cannot be read: the server has ended");
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t process_cpu_ns(pid_t process)
{
    clockid_t clock;
    if (clock_getcpuclockid(process, &clock) != 0)
        fail("the server's process %d has ended", process);
    return clock_ns(clock);
}

static uint64_t machine_cpu_ns(void)
{
    unsigned long long user, nice, system, idle, iowait, irq, softirq;
    FILE *file = fopen("/proc/stat", "r");
    if (file == NULL)
        fail("/proc/stat cannot be read");
    int fields = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait,
                        &irq, &softirq);
    fclose(file);
    if (fields != 7)
        fail("/proc/stat is not what Linux writes");
    uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    return (user + nice + system + irq + softirq) * tick_ns;
}

struct usage usage_of(const struct servers *servers)
{
    uint64_t server_cpu = 0;
    for (int i = 0; i < MAX_SERVERS && servers->process[i] != 0; i++)
        server_cpu += process_cpu_ns(servers->process[i]);
    return (struct usage){
        .at = now_ns(),
        .server_cpu = server_cpu,
        .own_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
        .all_cpu = machine_cpu_ns(),
    };
}

long resident_kib(pid_t process)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", process);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail("the server's process %d has ended", process);
    while (kib < 0 && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kib) != 1)
            kib = -1;
    fclose(file);
    if (kib < 0)
        fail("%s names no VmRSS", path);
    return kib;
}
