// The floor of a Socket.IO server's costs:  floor PORT
//
// It makes the system calls that any server in one thread makes, over epoll, and hardly anything else: it takes the
// load generator's packets for what they are, answers the handshake with texts prepared beforehand, sends an event to a
// room as the bytes that came, and keeps what one turn of its loop brings a room for one write to each member. It is no
// server: it checks nothing, and a client that does not read stops it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT = 0x81, READ_SIZE = 1 << 16, MAX_EVENTS = 512, MAX_ROOMS = 20000, ROOM_BYTES = 1 << 18, BACKLOG = 4096 };

struct client {
    int fd, upgraded;
    uint8_t *partial; // the bytes of a frame that is not whole yet
    size_t held;
    struct room *room;
};

struct room {
    struct client **members;
    size_t count;
    uint8_t *bytes; // frames that this turn brings its members
    size_t size;
};

static struct room rooms[MAX_ROOMS];
static struct room *changed[MAX_ROOMS]; // rooms with bytes
static size_t changes;
static uint8_t buffer[2 * READ_SIZE];

// The load generator's key is always the same, and so is what follows from it.
static const char UPGRADED[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char OPEN[] = "0{\"sid\":\"abcdefghijklmnopqrst\",\"upgrades\":[],\"pingInterval\":25000,"
                           "\"pingTimeout\":20000,\"maxPayload\":1000000}";
static const char CONNECTED[] = "40{\"sid\":\"abcdefghijklmnopqrsu\"}";

__attribute__((noreturn)) static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *resized(void *memory, size_t size)
{
    if ((memory = realloc(memory, size)) == NULL && size > 0)
        fail("floor: no memory");
    return memory;
}

static void send_bytes(const struct client *client, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = send(client->fd, bytes, size, MSG_NOSIGNAL);
        struct pollfd writable = {.fd = client->fd, .events = POLLOUT};
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (errno != EAGAIN || poll(&writable, 1, -1) < 0) {
            return; // it has gone; the next read tells
        }
    }
}

// Writes a frame; returns its size.
static size_t put_frame(uint8_t *to, const void *payload, size_t size)
{
    size_t head = size < 126 ? 2 : 4;
    to[0] = TEXT;
    to[1] = (uint8_t)(size < 126 ? size : 126);
    if (head == 4) {
        to[2] = (uint8_t)(size >> 8);
        to[3] = (uint8_t)size;
    }
    memcpy(to + head, payload, size);
    return head + size;
}

static void flush_room(struct room *room)
{
    for (size_t i = 0; i < room->count; i++)
        send_bytes(room->members[i], room->bytes, room->size);
    room->size = 0;
}

static void broadcast(struct room *room, const uint8_t *payload, size_t size)
{
    if (room->bytes == NULL)
        room->bytes = resized(NULL, ROOM_BYTES);
    if (room->size + size + 4 > ROOM_BYTES)
        flush_room(room);
    else if (room->size == 0)
        changed[changes++] = room;
    room->size += put_frame(room->bytes + room->size, payload, size);
}

static void acknowledge(const struct client *client, uint8_t *payload, size_t size)
{
    uint8_t frame[READ_SIZE], answer[READ_SIZE];
    uint8_t *list = memchr(payload, '[', size), *comma = memchr(payload, ',', size);
    if (list == NULL || comma == NULL)
        return;
    size_t id = (size_t)(list - payload) + 1, rest = size - (size_t)(comma + 1 - payload);
    memcpy(answer, payload, id);
    answer[1] = '3';
    memcpy(answer + id, comma + 1, rest);
    send_bytes(client, frame, put_frame(frame, answer, id + rest));
}

static void join(struct client *client, const uint8_t *payload, size_t size)
{
    uint8_t frame[128];
    const char *name = memmem(payload, size, "\"room ", 6);
    unsigned long number = name == NULL ? 0 : strtoul(name + 6, NULL, 10);
    struct room *room = &rooms[number % MAX_ROOMS];
    if ((room->count & (room->count - 1)) == 0)
        room->members = resized(room->members, (room->count == 0 ? 1 : 2 * room->count) * sizeof *room->members);
    room->members[room->count++] = client;
    client->room = room;
    send_bytes(client, frame, put_frame(frame, CONNECTED, strlen(CONNECTED)));
}

static void on_packet(struct client *client, uint8_t *payload, size_t size)
{
    if (size < 3 || payload[0] != '4')
        return;
    if (payload[1] == '0')
        join(client, payload, size);
    else if (payload[1] == '2' && payload[2] == '[' && client->room != NULL)
        broadcast(client->room, payload, size);
    else if (payload[1] == '2')
        acknowledge(client, payload, size);
}

// Handles the whole frames among the bytes, which are masked and short; returns how many bytes they are.
static size_t take_frames(struct client *client, uint8_t *bytes, size_t size)
{
    size_t taken = 0;
    while (size - taken >= 6) {
        uint8_t *frame = bytes + taken, *mask;
        size_t length = frame[1] & 127, head = 2;
        if (length == 126) {
            length = (size_t)frame[2] << 8 | frame[3];
            head = 4;
        }
        if (size - taken < head + 4 + length)
            break;
        mask = frame + head;
        for (size_t i = 0; i < length; i++)
            mask[4 + i] ^= mask[i & 3];
        on_packet(client, mask + 4, length);
        taken += head + 4 + length;
    }
    return taken;
}

static size_t take_request(struct client *client, const uint8_t *bytes, size_t size)
{
    uint8_t answer[1024];
    const uint8_t *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    memcpy(answer, UPGRADED, strlen(UPGRADED));
    size_t length = strlen(UPGRADED) + put_frame(answer + strlen(UPGRADED), OPEN, strlen(OPEN));
    client->upgraded = 1;
    send_bytes(client, answer, length);
    return (size_t)(end - bytes) + 4;
}

static void close_client(struct client *client)
{
    struct room *room = client->room;
    for (size_t i = 0; room != NULL && i < room->count; i++)
        if (room->members[i] == client)
            room->members[i] = room->members[--room->count];
    close(client->fd);
    free(client->partial);
    free(client);
}

static void receive(struct client *client)
{
    if (client->held > 0)
        memcpy(buffer, client->partial, client->held);
    ssize_t got = recv(client->fd, buffer + client->held, READ_SIZE, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || client->held > READ_SIZE) {
        close_client(client);
        return;
    }
    size_t size = client->held + (size_t)got, taken = 0;
    if (!client->upgraded)
        taken = take_request(client, buffer, size);
    if (client->upgraded)
        taken += take_frames(client, buffer + taken, size - taken);
    if (size - taken > client->held)
        client->partial = resized(client->partial, size - taken);
    client->held = size - taken;
    if (client->held > 0)
        memcpy(client->partial, buffer + taken, client->held);
}

static void accept_all(int listener, int epoll)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct client *client = resized(NULL, sizeof *client);
        *client = (struct client){.fd = fd};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            fail("floor: epoll_ctl");
    }
}

static int listen_on(int port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, BACKLOG) != 0)
        fail("floor: listen");
    return listener;
}

int main(int count, char **arguments)
{
    struct epoll_event events[MAX_EVENTS], event = {.events = EPOLLIN};
    struct rlimit limit;
    int port = count == 2 ? atoi(arguments[1]) : 0;
    if (port <= 0) {
        fputs("usage: floor PORT\n", stderr);
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int listener = listen_on(port), epoll = epoll_create1(0);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        fail("floor: epoll");
    for (;;) {
        int found = epoll_wait(epoll, events, MAX_EVENTS, -1);
        for (int i = 0; i < found; i++)
            if (events[i].data.ptr == NULL)
                accept_all(listener, epoll);
            else
                receive(events[i].data.ptr);
        for (size_t i = 0; i < changes; i++)
            flush_room(changed[i]);
        changes = 0;
    }
}
