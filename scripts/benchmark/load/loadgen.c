// Puts load on one Socket.IO server and writes what it measured as JSON lines.
//
//   loadgen fanout PORT PID CLIENTS WARM_S SECONDS IN_FLIGHT...   broadcasts to a room of all clients
//   loadgen ack PORT PID CLIENTS WARM_S SECONDS                   each client emits, waits for the ack, emits again
//   loadgen connect PORT PID CLIENTS HOLD_S                       connects, then holds the idle connections
//   loadgen across PORT,PORT PID,PID CLIENTS WARM_S SECONDS RATE...
//       a client of the first server sends to CLIENTS of the second, RATE events a second; 0: as many as come through
//
// The application that it expects: a client joins a room when it connects; "msg" is broadcast to the room; "echo" is
// acknowledged with its data. PID is the server's process, whose CPU time and memory are read.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "client.h"
#include "histogram.h"
#include "machine.h"

enum {
    SENDERS = 4,            // clients that take turns with broadcasts
    EVENT_BYTES = 100,
    CONNECTING_AT_ONCE = 128,
    FIRST_CLIENTS = 100,    // connected before connects are measured: the server has then loaded what it loads late
    POLL_MS = 20,
    ACROSS_IN_FLIGHT = 8,   // of events that are sent as fast as they come through
};

static const uint64_t STALLED_NS = 10000000000u;
static const uint64_t DUPLICATES_NS = 100000000u;

static struct servers servers;
static int ports[MAX_SERVERS];

// --- measuring ---

struct measure {
    const char *name;
    int clients;
    int in_flight, rate;     // 0: whatever comes
    const uint64_t *counter; // operations so far
    uint64_t operations;     // at first how many there were before, at the end how many were measured
    struct usage before, after;
};

static struct measure measure_begin(const char *name, int in_flight, const uint64_t *counter)
{
    histogram_reset();
    load.measuring = 1;
    return (struct measure){name, load.ready, in_flight, 0, counter, *counter, .before = usage_of(&servers)};
}

static void measure_end(struct measure *measure)
{
    measure->after = usage_of(&servers);
    measure->operations = *measure->counter - measure->operations;
    load.measuring = 0;
}

static void measure_print(const struct measure *measure)
{
    const struct usage *before = &measure->before, *after = &measure->after;
    double operations = (double)measure->operations;
    double wall = (double)(after->at - before->at);
    double of_server = (double)(after->server_cpu - before->server_cpu);
    double of_load = (double)(after->own_cpu - before->own_cpu);
    double of_others = (double)(after->all_cpu - before->all_cpu) - of_server - of_load;
    if (operations == 0)
        fail("the server did nothing for %.1f s", wall / 1e9);
    printf("{\"measure\":\"%s\",\"clients\":%d,\"in_flight\":%d,\"rate\":%d,", measure->name, measure->clients,
           measure->in_flight, measure->rate);
    printf("\"seconds\":%.3f,\"operations\":%.0f,", wall / 1e9, operations);
    printf("\"per_s\":%.0f,\"cpu_us\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,", operations / wall * 1e9,
           of_server / 1e3 / operations, histogram_quantile_ms(0.5), histogram_quantile_ms(0.99));
    // The kernel counts the CPU time of all in ticks, so a little less than nothing can be left for the others.
    printf("\"server_cpu_pct\":%.1f,\"load_cpu_pct\":%.1f,\"others_cpu_pct\":%.1f}\n", of_server / wall * 100,
           of_load / wall * 100, of_others > 0 ? of_others / wall * 100 : 0);
}

static uint64_t deadline(double seconds)
{
    return now_ns() + (uint64_t)(seconds * 1e9);
}

// Polls until the counter has the value; a server that stops short of it has lost `what`.
static void await_count(const uint64_t *counter, uint64_t wanted, const char *what)
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

// --- connecting ---

static void connect_up_to(int count, int port)
{
    uint64_t last = now_ns();
    int ready = load.ready;
    while (load.ready < count) {
        while (load.opened < count && load.opened - load.ready < CONNECTING_AT_ONCE)
            client_open(port);
        clients_poll(POLL_MS);
        if (load.ready != ready) {
            ready = load.ready;
            last = now_ns();
        } else if (now_ns() - last > STALLED_NS) {
            fail("the server connects no more clients after %d of %d", ready, count);
        }
    }
}

// Events of one client are handled in order, so one ack for each says that each has joined the room.
static void await_joined(void)
{
    for (int i = 0; i < load.ready; i++)
        client_emit_with_ack(&load.clients[i]);
    await_count(&load.answers, load.answers + (uint64_t)load.ready, "acks");
}

// --- the tests ---

static double number(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*end != '\0' || value <= 0)
        fail("%s is not a positive number", text);
    return value;
}

static uint64_t broadcasts;

static uint64_t expected_deliveries(void)
{
    return broadcasts * (uint64_t)load.ready;
}

static void broadcast_for(double seconds, int in_flight, int senders)
{
    uint64_t end = deadline(seconds), most_missing = (uint64_t)(in_flight - 1) * (uint64_t)load.ready;
    uint64_t last = 0, moved = now_ns();
    while (now_ns() < end) {
        while (expected_deliveries() <= load.deliveries + most_missing)
            client_emit_broadcast(&load.clients[broadcasts++ % (uint64_t)senders]);
        clients_poll(POLL_MS);
        if (load.deliveries != last) {
            last = load.deliveries;
            moved = now_ns();
        } else if (now_ns() - moved > STALLED_NS) {
            break; // `check_deliveries` says what is missing
        }
    }
}

static void check_deliveries(void)
{
    await_count(&load.deliveries, expected_deliveries(), "deliveries");
    for (uint64_t end = now_ns() + DUPLICATES_NS; now_ns() < end;)
        clients_poll(POLL_MS);
    for (int i = 0; i < load.ready; i++)
        if (load.clients[i].received != broadcasts)
            fail("client %d received %llu of %llu broadcasts", i + 1, (unsigned long long)load.clients[i].received,
                 (unsigned long long)broadcasts);
}

static void fanout(int in_flight, double warm, double seconds)
{
    broadcast_for(warm, in_flight, SENDERS);
    struct measure measure = measure_begin("fanout", in_flight, &load.deliveries);
    broadcast_for(seconds, in_flight, SENDERS);
    measure_end(&measure);
    check_deliveries();
    measure_print(&measure);
}

static void test_fanout(int clients, double warm, double seconds, char **in_flight)
{
    if (clients < SENDERS)
        fail("fanout needs %d clients", SENDERS);
    connect_up_to(clients, ports[0]);
    await_joined();
    for (; *in_flight != NULL; in_flight++)
        fanout((int)number(*in_flight), warm, seconds);
}

static void poll_for(double seconds)
{
    for (uint64_t end = deadline(seconds); now_ns() < end;)
        clients_poll(POLL_MS);
}

static void test_ack(int clients, double warm, double seconds)
{
    connect_up_to(clients, ports[0]);
    await_joined();
    load.asking = 1;
    for (int i = 0; i < load.ready; i++)
        client_emit_with_ack(&load.clients[i]);
    poll_for(warm);
    struct measure measure = measure_begin("ack", clients, &load.answers);
    poll_for(seconds);
    measure_end(&measure);
    load.asking = 0;
    uint64_t asked = 0;
    for (int i = 0; i < load.ready; i++)
        asked += load.clients[i].asked;
    await_count(&load.answers, asked, "acks");
    measure_print(&measure);
}

static void test_connect(int clients, double hold)
{
    connect_up_to(FIRST_CLIENTS, ports[0]);
    await_joined();
    long before = resident_kib(servers.process[0]);
    uint64_t connected = 0; // `load.ready` as the measure wants it, set at the end
    struct measure measure = measure_begin("connect", CONNECTING_AT_ONCE, &connected);
    connect_up_to(FIRST_CLIENTS + clients, ports[0]);
    connected = (uint64_t)clients;
    measure_end(&measure);
    measure_print(&measure);
    poll_for(hold);
    long resident = resident_kib(servers.process[0]);
    printf("{\"measure\":\"idle\",\"clients\":%d,\"in_flight\":0,\"seconds\":%.3f,\"kib_before\":%ld,\"kib_after\":%ld,"
           "\"kib_per_connection\":%.3f}\n",
           clients, hold, before, resident, (double)(resident - before) / clients);
}

// An open load: each event has its time, whether those before it have arrived or not.
static void broadcast_at(double seconds, int rate)
{
    uint64_t begin = now_ns(), end = deadline(seconds), interval = 1000000000u / (uint64_t)rate;
    for (uint64_t due = begin; due < end;) {
        uint64_t now = now_ns();
        for (; due <= now && due < end; due += interval, broadcasts++)
            client_emit_broadcast(&load.clients[0]);
        clients_poll(due > now + 1000000u ? (int)((due - now) / 1000000u) : 0);
    }
}

static void across(int rate, double warm, double seconds)
{
    struct measure measure;
    if (rate > 0) {
        broadcast_at(warm, rate);
        measure = measure_begin("across", 0, &broadcasts);
        broadcast_at(seconds, rate);
    } else {
        broadcast_for(warm, ACROSS_IN_FLIGHT, 1);
        measure = measure_begin("across", ACROSS_IN_FLIGHT, &broadcasts);
        broadcast_for(seconds, ACROSS_IN_FLIGHT, 1);
    }
    measure_end(&measure);
    measure.rate = rate;
    measure.clients = load.ready - 1; // without the one who sends
    check_deliveries();
    measure_print(&measure);
}

static void test_across(int clients, double warm, double seconds, char **rates)
{
    connect_up_to(1, ports[0]);
    connect_up_to(1 + clients, ports[1]);
    await_joined();
    for (; *rates != NULL; rates++)
        across(strcmp(*rates, "0") == 0 ? 0 : (int)number(*rates), warm, seconds);
}

// --- the command line ---

static void allow_many_files(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

// The numbers of a list with commas; returns how many they are.
static int numbers(char *text, int *values)
{
    int count = 0;
    for (char *part = strtok(text, ","); part != NULL && count < MAX_SERVERS; part = strtok(NULL, ","))
        values[count++] = (int)number(part);
    return count;
}

int main(int count, char **arguments)
{
    const char *test = count > 1 ? arguments[1] : "";
    int is_fanout = strcmp(test, "fanout") == 0, is_ack = strcmp(test, "ack") == 0;
    int is_connect = strcmp(test, "connect") == 0, is_across = strcmp(test, "across") == 0;
    if (!(is_fanout && count >= 8) && !(is_ack && count == 7) && !(is_connect && count == 6) &&
        !(is_across && count >= 8))
        fail("usage: loadgen fanout|ack|connect|across PORT PID CLIENTS ... (see loadgen.c)");
    int clients = (int)number(arguments[4]);
    if (numbers(arguments[2], ports) != numbers(arguments[3], servers.process) || (ports[1] == 0) == is_across)
        fail("%s is not measured on the ports %s", test, arguments[2]);
    allow_many_files();
    clients_prepare(clients + FIRST_CLIENTS, EVENT_BYTES);
    if (is_across)
        test_across(clients, number(arguments[5]), number(arguments[6]), arguments + 7);
    else if (is_fanout)
        test_fanout(clients, number(arguments[5]), number(arguments[6]), arguments + 7);
    else if (is_ack)
        test_ack(clients, number(arguments[5]), number(arguments[6]));
    else
        test_connect(clients, number(arguments[5]));
    return 0;
}
