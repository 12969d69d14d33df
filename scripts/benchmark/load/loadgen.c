// Puts load on one Socket.IO server and writes what it measured as JSON lines.
//
//   loadgen fanout|rooms PORT PID CLIENTS ROOM_SIZE WARM_S SECONDS IN_FLIGHT...
//       broadcasts to rooms of so many clients
//   loadgen ack PORT PID CLIENTS WARM_S SECONDS                   each client emits, waits for the ack, emits again
//   loadgen polling PORT PID CLIENTS WARM_S SECONDS               the same over HTTP polling, with an event back, too
//   loadgen connect PORT PID CLIENTS HOLD_S                       connects, then holds the idle connections
//   loadgen across PORT,PORT PID,PID CLIENTS WARM_S SECONDS RATE...
//       a client of the first server sends to CLIENTS of the second, RATE events a second; 0: as many as come through
//   loadgen chat PORT[,PORT] PID[,PID] POSTGRES_PID REDIS_PID MEMBERS_FILE ROOM_SIZE WARM_S SECONDS RATE...
//       members of a chat's rooms send messages, see chat.c
//
// The application that it expects: a client joins the room that it names when it connects; "msg" is broadcast to the
// room; "echo" is acknowledged with its data; "pass" is, too, and "msg" with the data is sent back. PID is the server's
// process, whose CPU time and memory are read.
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "chat.h"
#include "client.h"
#include "polling.h"
#include "run.h"

enum {
    SENDERS = 4,          // clients of a room that take turns with broadcasts
    EVENT_BYTES = 100,
    FIRST_CLIENTS = 100,  // connected before connects are measured: the server has then loaded what it loads late
    ACROSS_IN_FLIGHT = 8, // of events that are sent as fast as they come through
};

// Events of one client are handled in order, so one ack for each says that each has joined the room.
static void await_joined(void)
{
    for (int i = 0; i < load.ready; i++)
        client_emit_with_ack(&load.clients[i]);
    await_count(&load.answers, load.answers + (uint64_t)load.ready, "acks");
}

static uint64_t broadcasts;

// Rooms are of one size here.
static uint64_t room_members(void)
{
    return (uint64_t)(load.room_size < load.ready ? load.room_size : load.ready);
}

// The next room's turn, and in the room the next sender's.
static void broadcast(int senders)
{
    uint64_t rooms = (uint64_t)load.ready / room_members(), member = broadcasts / rooms % (uint64_t)senders;
    client_emit_broadcast(&load.clients[broadcasts % rooms * room_members() + member]);
    broadcasts++;
}

static void broadcast_for(double seconds, int in_flight, int senders)
{
    uint64_t end = deadline(seconds), most_missing = (uint64_t)(in_flight - 1) * room_members();
    uint64_t last = 0, moved = now_ns();
    while (now_ns() < end) {
        while (broadcasts * room_members() <= load.deliveries + most_missing)
            broadcast(senders);
        clients_poll(POLL_MS);
        if (load.deliveries != last) {
            last = load.deliveries;
            moved = now_ns();
        } else if (now_ns() - moved > STALLED_NS) {
            break; // `check_deliveries` says what is missing
        }
    }
}

static void fanout(const char *name, int in_flight, double warm, double seconds)
{
    broadcast_for(warm, in_flight, SENDERS);
    struct measure measure = measure_begin(name, in_flight, &load.deliveries, &load.delivery_times);
    broadcast_for(seconds, in_flight, SENDERS);
    measure_end(&measure);
    check_deliveries();
    measure_print(&measure, "%s", "");
}

static void test_fanout(const char *name, int clients, int room_size, double warm, double seconds, char **in_flight)
{
    if (room_size < SENDERS || clients % room_size != 0)
        fail("%s needs rooms of %d clients at least, and all of one size", name, SENDERS);
    load.room_size = room_size;
    connect_up_to(clients, 0);
    await_joined();
    for (; *in_flight != NULL; in_flight++)
        fanout(name, (int)number(*in_flight), warm, seconds);
}

static void test_ack(int clients, double warm, double seconds)
{
    connect_up_to(clients, 0);
    await_joined();
    load.asking = 1;
    for (int i = 0; i < load.ready; i++)
        client_emit_with_ack(&load.clients[i]);
    poll_for(warm);
    struct measure measure = measure_begin("ack", clients, &load.answers, &load.ack_times);
    poll_for(seconds);
    measure_end(&measure);
    load.asking = 0;
    uint64_t asked = 0;
    for (int i = 0; i < load.ready; i++)
        asked += load.clients[i].asked;
    await_count(&load.answers, asked, "acks");
    measure_print(&measure, "%s", "");
}

static void test_connect(int clients, double hold)
{
    connect_up_to(FIRST_CLIENTS, 0);
    await_joined();
    long before = resident_kib(processes.server[0]);
    uint64_t connected = 0; // `load.ready` as the measure wants it, set at the end
    struct measure measure = measure_begin("connect", CONNECTING_AT_ONCE, &connected, &load.connect_times);
    connect_up_to(FIRST_CLIENTS + clients, 0);
    connected = (uint64_t)clients;
    measure_end(&measure);
    measure_print(&measure, "%s", "");
    poll_for(hold);
    long resident = resident_kib(processes.server[0]);
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
        for (; due <= now && due < end; due += interval)
            broadcast(1);
        clients_poll(due > now + 1000000u ? (int)((due - now) / 1000000u) : 0);
    }
}

static void across(int rate, double warm, double seconds)
{
    struct measure measure;
    if (rate > 0) {
        broadcast_at(warm, rate);
        measure = measure_begin("across", 0, &broadcasts, &load.delivery_times);
        broadcast_at(seconds, rate);
    } else {
        broadcast_for(warm, ACROSS_IN_FLIGHT, 1);
        measure = measure_begin("across", ACROSS_IN_FLIGHT, &broadcasts, &load.delivery_times);
        broadcast_for(seconds, ACROSS_IN_FLIGHT, 1);
    }
    measure_end(&measure);
    measure.rate = rate;
    measure.clients = load.ready - 1; // without the one who sends
    check_deliveries();
    measure_print(&measure, "%s", "");
}

static void test_across(int clients, double warm, double seconds, char **rates)
{
    connect_up_to(1, 0);
    connect_up_to(1 + clients, 1);
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

// Tests of the benchmark's own application; `options` are what follows the process ids.
static void run_test(const char *test, char **options, int count)
{
    int is_across = strcmp(test, "across") == 0;
    if ((ports[1] == 0) == is_across)
        fail("%s is not measured on so many servers", test);
    int clients = (int)number(options[0]);
    clients_prepare(clients + FIRST_CLIENTS, EVENT_BYTES, ports);
    if (is_across && count >= 4)
        test_across(clients, number(options[1]), number(options[2]), options + 3);
    else if ((strcmp(test, "fanout") == 0 || strcmp(test, "rooms") == 0) && count >= 5)
        test_fanout(test, clients, (int)number(options[1]), number(options[2]), number(options[3]), options + 4);
    else if (strcmp(test, "ack") == 0 && count == 3)
        test_ack(clients, number(options[1]), number(options[2]));
    else if (strcmp(test, "polling") == 0 && count == 3)
        test_polling(clients, number(options[1]), number(options[2]));
    else if (strcmp(test, "connect") == 0 && count == 2)
        test_connect(clients, number(options[1]));
    else
        fail("there is no test %s with %d options (see loadgen.c)", test, count);
}

int main(int count, char **arguments)
{
    if (count < 5)
        fail("usage: loadgen TEST PORT PID ... (see loadgen.c)");
    if (numbers(arguments[2], ports) != numbers(arguments[3], processes.server))
        fail("there are as many ports as processes of servers");
    allow_many_files();
    if (strcmp(arguments[1], "chat") == 0)
        test_chat(arguments + 4, count - 4);
    else
        run_test(arguments[1], arguments + 4, count - 4);
    return 0;
}
