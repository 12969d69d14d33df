#include "machine.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static uint64_t tick_ns(void)
{
    return 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
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
    return (user + nice + system + irq + softirq) * tick_ns();
}

// How long a process's first thread has waited for a core; 0 where the kernel does not count it.
static uint64_t waited_ns(pid_t process)
{
    char path[64];
    unsigned long long ran, waited = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", process);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &ran, &waited) != 2)
        waited = 0;
    fclose(file);
    return waited;
}

struct family {
    pid_t parent;
    uint64_t ended_ns; // CPU time of its children that have ended
};

// Reads /proc/PROCESS/stat; 0 if that process has ended.
static int read_family(pid_t process, struct family *family)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *after_name = strrchr(text, ')'); // the name may have any characters
    unsigned long long user, system;
    if (after_name == NULL ||
        sscanf(after_name + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %llu %llu", &family->parent,
               &user, &system) != 3)
        return 0;
    family->ended_ns = (user + system) * tick_ns();
    return 1;
}

// The CPU time of a process, its children, and its children that have ended.
static uint64_t family_cpu_ns(pid_t first)
{
    struct family family;
    if (!read_family(first, &family))
        fail("the process %d has ended", first);
    uint64_t sum = process_cpu_ns(first) + family.ended_ns;
    DIR *folder = opendir("/proc");
    if (folder == NULL)
        fail("/proc cannot be read");
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        pid_t process = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
        clockid_t clock;
        struct timespec time;
        if (process == 0 || !read_family(process, &family) || family.parent != first)
            continue;
        if (clock_getcpuclockid(process, &clock) == 0 && clock_gettime(clock, &time) == 0) // else it has just ended
            sum += (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
    }
    closedir(folder);
    return sum;
}

struct usage usage_of(const struct processes *processes)
{
    struct usage usage = {
        .postgres_cpu = processes->postgres != 0 ? family_cpu_ns(processes->postgres) : 0,
        .redis_cpu = processes->redis != 0 ? process_cpu_ns(processes->redis) : 0,
        .own_waited = waited_ns(getpid()),
    };
    for (int i = 0; i < MAX_SERVERS && processes->server[i] != 0; i++) {
        usage.server_cpu += process_cpu_ns(processes->server[i]);
        usage.server_waited += waited_ns(processes->server[i]);
    }
    usage.at = now_ns();
    usage.own_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    usage.all_cpu = machine_cpu_ns();
    return usage;
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
