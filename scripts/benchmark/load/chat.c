// Members of rooms send messages of about 100 bytes. RATE is how many a second all of them together send, without
// waiting for earlier ones; with 0 each sends its next one when its last one is acknowledged.
//
// A line of MEMBERS_FILE is a client: its token and the id of its room; ROOM_SIZE lines that follow each other are one
// room's. With two servers the clients are theirs in turn, those of the first send, and the deliveries at those of the
// second are timed.
#include "chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "run.h"

enum { TEXT_BYTES = 100, LINE = 4096 };

static const double SETTLE_S = 0.5;

static int servers; // how many
static uint64_t turns;

static char *copy(const char *text)
{
    char *copied = strdup(text);
    if (copied == NULL)
        fail("no memory for the members");
    return copied;
}

// Returns how many members there are.
static int read_members(const char *path)
{
    char line[LINE], token[LINE], room[LINE];
    int count = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail("%s cannot be read", path);
    while (fgets(line, sizeof line, file) != NULL)
        count++;
    rewind(file);
    clients_prepare(count, TEXT_BYTES, ports);
    for (int i = 0; i < count && fgets(line, sizeof line, file) != NULL; i++) {
        if (sscanf(line, "%4095s %4095s", token, room) != 2)
            fail("%s has a line without a token and a room", path);
        load.clients[i].token = copy(token);
        load.clients[i].chat_room = copy(room);
    }
    fclose(file);
    return count;
}

static uint64_t asked(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < load.ready; i++)
        sum += load.clients[i].sent;
    return sum;
}

// The one whose turn it is to send: from room to room, and in a room from member to member.
static struct client *next_sender(void)
{
    struct client *client;
    do {
        int rooms = load.ready / load.room_size, turn = (int)(turns++ % (uint64_t)load.ready);
        client = &load.clients[turn % rooms * load.room_size + turn / rooms];
    } while (client->server != 0);
    return client;
}

static void send_at(int rate, double seconds)
{
    uint64_t end = deadline(seconds), interval = 1000000000u / (uint64_t)rate;
    for (uint64_t due = now_ns(); due < end;) {
        uint64_t now = now_ns();
        for (; due <= now && due < end; due += interval)
            client_emit_with_ack(next_sender());
        clients_poll(due > now + 1000000u ? (int)((due - now) / 1000000u) : 0);
    }
}

static void begin_asking(void)
{
    load.asking = 1;
    for (int i = 0; i < load.ready; i++)
        if (load.clients[i].server == 0)
            client_emit_with_ack(&load.clients[i]);
}

static void chat(int rate, double warm, double seconds)
{
    if (rate == 0)
        begin_asking();
    if (rate == 0)
        poll_for(warm);
    else
        send_at(rate, warm);
    struct measure measure = measure_begin("chat", rate == 0 ? load.ready / servers : 0, &load.answers,
                                           &load.delivery_times);
    if (rate == 0)
        poll_for(seconds);
    else
        send_at(rate, seconds);
    measure_end(&measure);
    measure.rate = rate;
    load.asking = 0;
    await_count(&load.answers, asked(), "acks");
    check_deliveries();
    measure_print(&measure, "\"instances\":%d,\"ack_p50_ms\":%.3f,\"ack_p99_ms\":%.3f,", servers,
                  histogram_quantile_ms(&load.ack_times, 0.5), histogram_quantile_ms(&load.ack_times, 0.99));
}

void test_chat(char **options, int count)
{
    if (count < 7)
        fail("usage: loadgen chat PORT[,PORT] PID[,PID] POSTGRES_PID REDIS_PID MEMBERS_FILE ROOM_SIZE WARM_S SECONDS RATE...");
    processes.postgres = (pid_t)number(options[0]);
    processes.redis = (pid_t)number(options[1]);
    int clients = read_members(options[2]);
    load.room_size = (int)number(options[3]);
    if (clients == 0 || clients % load.room_size != 0)
        fail("%d members do not fill rooms of %d", clients, load.room_size);
    servers = ports[1] == 0 ? 1 : 2;
    if (servers == 2)
        load.timed_server = 1;
    for (int i = 0; i < clients; i++)
        connect_up_to(i + 1, i % servers);
    poll_for(SETTLE_S); // what a chat tells of those who came
    for (char **rate = options + 6; *rate != NULL; rate++)
        chat(strcmp(*rate, "0") == 0 ? 0 : (int)number(*rate), number(options[4]), number(options[5]));
}
