#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

static const double DUPLICATES_S = 0.1;

struct processes processes;
int ports[MAX_SERVERS];

// --- measuring ---

static void poll_clients(void)
{
    clients_poll(POLL_MS);
}

struct measure measure_begin(const char *name, int in_flight, const uint64_t *counter, const struct histogram *times)
{
    histogram_reset(&load.connect_times);
    histogram_reset(&load.ack_times);
    histogram_reset(&load.delivery_times);
    load.measuring = 1;
    return (struct measure){
        .name = name,
        .clients = load.ready,
        .in_flight = in_flight,
        .counter = counter,
        .times = times,
        .poll = poll_clients,
        .operations = *counter,
        .before = usage_of(&processes),
    };
}

void measure_end(struct measure *measure)
{
    for (uint64_t end = now_ns() + STALLED_NS; *measure->counter == measure->operations;) {
        if (now_ns() > end)
            fail("the server did nothing for %.0f s", (double)STALLED_NS / 1e9);
        measure->poll();
    }
    measure->after = usage_of(&processes);
    measure->operations = *measure->counter - measure->operations;
    load.measuring = 0;
}

static double percent(uint64_t before, uint64_t after, double wall)
{
    return (double)(after - before) / wall * 100;
}

void measure_print(const struct measure *measure, const char *more, ...)
{
    const struct usage *before = &measure->before, *after = &measure->after;
    double operations = (double)measure->operations;
    double wall = (double)(after->at - before->at);
    double of_server = percent(before->server_cpu, after->server_cpu, wall);
    double of_postgres = percent(before->postgres_cpu, after->postgres_cpu, wall);
    double of_redis = percent(before->redis_cpu, after->redis_cpu, wall);
    double of_load = percent(before->own_cpu, after->own_cpu, wall);
    double of_others = percent(before->all_cpu, after->all_cpu, wall) - of_server - of_postgres - of_redis - of_load;
    double us_each = wall / 1e5 / operations; // of 1 % of a core
    printf("{\"measure\":\"%s\",\"clients\":%d,\"room_size\":%d,\"in_flight\":%d,\"rate\":%d,", measure->name,
           measure->clients, load.room_size < measure->clients ? load.room_size : measure->clients, measure->in_flight,
           measure->rate);
    printf("\"seconds\":%.3f,\"operations\":%.0f,\"per_s\":%.3f,", wall / 1e9, operations, operations / wall * 1e9);
    printf("\"cpu_us\":%.3f,\"postgres_us\":%.3f,\"redis_us\":%.3f,", of_server * us_each, of_postgres * us_each,
           of_redis * us_each);
    printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,", histogram_quantile_ms(measure->times, 0.5),
           histogram_quantile_ms(measure->times, 0.99));
    va_list arguments;
    va_start(arguments, more);
    vprintf(more, arguments);
    va_end(arguments);
    printf("\"server_cpu_pct\":%.1f,\"postgres_cpu_pct\":%.1f,\"redis_cpu_pct\":%.1f,\"load_cpu_pct\":%.1f,", of_server,
           of_postgres, of_redis, of_load);
    printf("\"server_waited_pct\":%.1f,\"load_waited_pct\":%.1f,",
           percent(before->server_waited, after->server_waited, wall),
           percent(before->own_waited, after->own_waited, wall));
    // The kernel counts the CPU time of all in ticks, so a little less than nothing can be left for the others.
    printf("\"others_cpu_pct\":%.1f}\n", of_others > 0 ? of_others : 0);
}

// --- waiting ---

uint64_t deadline(double seconds)
{
    return now_ns() + (uint64_t)(seconds * 1e9);
}

void poll_for(double seconds)
{
    for (uint64_t end = deadline(seconds); now_ns() < end;)
        clients_poll(POLL_MS);
}

void await_count(const uint64_t *counter, uint64_t wanted, const char *what)
{
    uint64_t last = *counter, moved = now_ns();
    while (*counter < wanted) {
        clients_poll(POLL_MS);
        if (*counter != last) {
            last = *counter;
            moved = now_ns();
        } else if (now_ns() - moved > STALLED_NS) {
            fail("the server lost %s: %llu of %llu are missing", what, (unsigned long long)(wanted - last),
                 (unsigned long long)wanted);
        }
    }
}

void connect_up_to(int count, int server)
{
    uint64_t last = now_ns();
    int ready = load.ready;
    while (load.ready < count) {
        while (load.opened < count && load.opened - load.ready < CONNECTING_AT_ONCE)
            client_open(server);
        clients_poll(POLL_MS);
        if (load.ready != ready) {
            ready = load.ready;
            last = now_ns();
        } else if (now_ns() - last > STALLED_NS) {
            fail("the server connects no more clients after %d of %d", ready, count);
        }
    }
}

void check_deliveries(void)
{
    uint64_t wanted = 0;
    int size = load.room_size;
    for (int i = 0; i < load.ready; i++) {
        int room = i / size * size, members = load.ready - room < size ? load.ready - room : size;
        wanted += load.clients[i].sent * (uint64_t)members;
    }
    await_count(&load.deliveries, wanted, "deliveries");
    poll_for(DUPLICATES_S);
    for (int first = 0; first < load.ready; first += size) {
        uint64_t sent = 0;
        for (int i = first; i < first + size && i < load.ready; i++)
            sent += load.clients[i].sent;
        for (int i = first; i < first + size && i < load.ready; i++)
            if (load.clients[i].received != sent)
                fail("client %d received %llu of %llu broadcasts", i + 1, (unsigned long long)load.clients[i].received,
                     (unsigned long long)sent);
    }
}

double number(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*end != '\0' || value <= 0)
        fail("%s is not a positive number", text);
    return value;
}
