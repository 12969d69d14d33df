#define _GNU_SOURCE
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "machine.h"

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 }; // opcodes of RFC 6455
enum { READ_SIZE = 1 << 16, MAX_SENT = 4096, MAX_EVENTS = 1024, WRITE_TIMEOUT_MS = 5000 };

struct load load;

static int epoll;
static const int *ports;
static char padding[MAX_SENT / 2 + 1];
static uint8_t buffer[2 * READ_SIZE];
static uint64_t read_at; // when the bytes in `buffer` were read, ns

static void broken(const struct client *client, const char *what)
{
    fail("client %ld of %d: %s", (long)(client - load.clients) + 1, load.opened, what);
}

// --- writing ---

static void send_bytes(struct client *client, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = send(client->fd, bytes, size, MSG_NOSIGNAL);
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd writable = {.fd = client->fd, .events = POLLOUT};
            if (poll(&writable, 1, WRITE_TIMEOUT_MS) <= 0)
                broken(client, "the server does not read");
        } else {
            broken(client, strerror(errno));
        }
    }
}

static uint32_t next_mask(void)
{
    static uint32_t state = 2463534242u; // xorshift32: servers must unmask, so the mask must not be zero
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void send_frame(struct client *client, int opcode, const void *payload, size_t size)
{
    uint8_t frame[8 + MAX_SENT];
    size_t head = 2;
    frame[0] = (uint8_t)(0x80 | opcode);
    frame[1] = (uint8_t)(0x80 | (size < 126 ? size : 126));
    if (size >= 126) {
        frame[2] = (uint8_t)(size >> 8);
        frame[3] = (uint8_t)size;
        head = 4;
    }
    uint32_t value = next_mask();
    uint8_t mask[4];
    memcpy(mask, &value, 4);
    memcpy(frame + head, mask, 4);
    head += 4;
    for (size_t i = 0; i < size; i++)
        frame[head + i] = ((const uint8_t *)payload)[i] ^ mask[i & 3];
    send_bytes(client, frame, head + size);
}

static void send_text(struct client *client, const char *text)
{
    send_frame(client, TEXT, text, strlen(text));
}

// Sends `prefix` and the data that events carry: their time, a name, and padding up to the size asked for.
static void send_event(struct client *client, const char *prefix)
{
    char text[MAX_SENT];
    snprintf(text, sizeof text, "%s,{\"t\":%llu,\"u\":\"user-12\",\"p\":\"%s\"}]", prefix,
             (unsigned long long)now_ns(), padding);
    send_text(client, text);
}

void client_emit_broadcast(struct client *client)
{
    client->sent++;
    send_event(client, "42[\"msg\"");
}

// The message's text begins with its time, too. Its `clientId` is never used again, in no other run.
static void send_message(struct client *client, unsigned long long id)
{
    char text[MAX_SENT];
    unsigned long long now = now_ns();
    snprintf(text, sizeof text, "42%llu[\"message:send\",{\"roomId\":\"%s\",\"content\":\"%llu %s\",\"clientId\":\"%llx-%lx\"}]",
             id, client->chat_room, now, padding, now, (long)(client - load.clients));
    client->sent++;
    send_text(client, text);
}

void client_emit_with_ack(struct client *client)
{
    char prefix[48];
    unsigned long long id = client->asked++;
    if (id - client->answered >= MAX_ASKED)
        broken(client, "the server does not acknowledge");
    client->asked_at[id % MAX_ASKED] = now_ns();
    if (client->token != NULL) {
        send_message(client, id);
    } else {
        snprintf(prefix, sizeof prefix, "42%llu[\"echo\"", id);
        send_event(client, prefix);
    }
}

// --- connecting ---

void clients_prepare(int count, size_t event_size, const int *server_ports)
{
    const size_t without_padding = 58;
    ports = server_ports;
    load.room_size = count;
    load.timed_server = -1;
    epoll = epoll_create1(0);
    load.clients = calloc((size_t)count, sizeof *load.clients);
    if (epoll < 0 || load.clients == NULL)
        fail("no memory for %d clients", count);
    size_t missing = event_size > without_padding ? event_size - without_padding : 0;
    if (missing > MAX_SENT / 2)
        fail("an event must have at most %d bytes", MAX_SENT / 2);
    memset(padding, 'x', missing);
}

static void watch(struct client *client, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (epoll_ctl(epoll, operation, client->fd, &event) != 0)
        broken(client, strerror(errno));
}

void client_open(int server)
{
    struct client *client = &load.clients[load.opened++];
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->fd < 0)
        broken(client, strerror(errno));
    int on = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client->server = server;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)ports[server])};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->state = CONNECTING;
    client->started = now_ns();
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        broken(client, strerror(errno));
    watch(client, EPOLL_CTL_ADD, EPOLLOUT);
}

static void request_upgrade(struct client *client)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
        broken(client, strerror(error));
    char request[512];
    int length = snprintf(request, sizeof request,
                          "GET /%s/?EIO=4&transport=websocket HTTP/1.1\r\n"
                          "Host: 127.0.0.1:%d\r\n"
                          "Upgrade: websocket\r\n"
                          "Connection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n",
                          client->token != NULL ? "io" : "socket.io", ports[client->server]);
    client->state = UPGRADING;
    watch(client, EPOLL_CTL_MOD, EPOLLIN);
    send_bytes(client, (const uint8_t *)request, (size_t)length);
}

// --- reading ---

static int starts_with(const uint8_t *bytes, size_t size, const char *prefix)
{
    size_t length = strlen(prefix);
    return size >= length && memcmp(bytes, prefix, length) == 0;
}

static void unexpected(const struct client *client, const uint8_t *packet, size_t size)
{
    char what[160];
    snprintf(what, sizeof what, "in state %d it does not expect the packet %.*s", client->state,
             (int)(size < 100 ? size : 100), (const char *)packet);
    broken(client, what);
}

// Counts the time since a broadcast was sent, which it carries behind `name`.
static void on_delivery(struct client *client, const uint8_t *packet, size_t size, const char *name)
{
    client->received++;
    load.deliveries++;
    if (!load.measuring || (load.timed_server >= 0 && client->server != load.timed_server))
        return;
    const uint8_t *end = packet + size;
    const uint8_t *digit = memmem(packet, size, name, strlen(name));
    if (digit == NULL)
        broken(client, "got an event without its data");
    uint64_t sent_at = 0;
    for (digit += strlen(name); digit < end && *digit >= '0' && *digit <= '9'; digit++)
        sent_at = sent_at * 10 + (uint64_t)(*digit - '0');
    histogram_add(&load.delivery_times, read_at - sent_at);
}

static void become_ready(struct client *client)
{
    client->state = READY;
    load.ready++;
    if (load.measuring)
        histogram_add(&load.connect_times, read_at - client->started);
}

static void on_ack(struct client *client, const uint8_t *packet, size_t size)
{
    const char accepted[] = "[{\"ok\":true";
    uint64_t id = 0;
    size_t at = 2;
    for (; at < size && packet[at] >= '0' && packet[at] <= '9'; at++)
        id = id * 10 + (uint64_t)(packet[at] - '0');
    if (id != client->answered || id >= client->asked)
        broken(client, "got an ack that it does not wait for");
    if (client->token != NULL && !starts_with(packet + at, size - at, accepted))
        unexpected(client, packet, size);
    client->answered++;
    if (client->state == ENTERING) {
        become_ready(client);
        return;
    }
    load.answers++;
    if (load.measuring)
        histogram_add(&load.ack_times, read_at - client->asked_at[id % MAX_ASKED]);
    if (load.asking && client->server == 0)
        client_emit_with_ack(client);
}

// What only a chat sends; 0 if the packet is none of that.
static int on_chat_packet(struct client *client, const uint8_t *packet, size_t size)
{
    char text[256];
    if (client->token == NULL || !starts_with(packet, size, "42["))
        return 0;
    if (client->state == READY && starts_with(packet, size, "42[\"message:new\",")) {
        on_delivery(client, packet, size, "\"content\":\"");
    } else if (client->state == AUTHENTICATING && starts_with(packet, size, "42[\"authenticated\"")) {
        snprintf(text, sizeof text, "42%llu[\"room:join\",{\"roomId\":\"%s\"}]", (unsigned long long)client->asked++,
                 client->chat_room);
        client->state = ENTERING;
        send_text(client, text);
    } else if (starts_with(packet, size, "42[\"unauthenticated\"") || starts_with(packet, size, "42[\"error\"")) {
        return 0;
    }
    return 1;
}

static void on_connected(struct client *client)
{
    if (client->token == NULL) {
        become_ready(client);
    } else {
        client->state = AUTHENTICATING;
        send_text(client, "42[\"authenticate\"]");
    }
}

// Asks for the namespace: as a user of the chat, or as one of its room of the benchmark's application.
static void join(struct client *client)
{
    char text[MAX_SENT];
    if (client->token != NULL)
        snprintf(text, sizeof text, "40{\"token\":\"%s\"}", client->token);
    else
        snprintf(text, sizeof text, "40{\"room\":\"room %ld\"}", (long)(client - load.clients) / load.room_size);
    client->state = JOINING;
    send_text(client, text);
}

static void on_packet(struct client *client, const uint8_t *packet, size_t size)
{
    if (client->state == READY && starts_with(packet, size, "42[\"msg\",")) {
        on_delivery(client, packet, size, "\"t\":");
    } else if (client->state >= ENTERING && starts_with(packet, size, "43")) {
        on_ack(client, packet, size);
    } else if (size == 1 && packet[0] == '2') {
        send_text(client, "3"); // Engine.IO's heartbeat
    } else if (client->state == OPENING && packet[0] == '0') {
        join(client);
    } else if (client->state == JOINING && starts_with(packet, size, "40")) {
        on_connected(client);
    } else if (!on_chat_packet(client, packet, size)) {
        unexpected(client, packet, size);
    }
}

static void on_frame(struct client *client, uint8_t first, const uint8_t *payload, size_t size)
{
    if (first == (0x80 | TEXT) && size > 0)
        on_packet(client, payload, size);
    else if (first == (0x80 | PING) && size < 126)
        send_frame(client, PONG, payload, size);
    else if (first == (0x80 | CLOSE))
        broken(client, "the server closed the websocket");
    else
        broken(client, "got a frame that it does not expect");
}

// Handles the whole frames among the bytes; returns how many bytes they are.
static size_t take_frames(struct client *client, const uint8_t *bytes, size_t size)
{
    size_t taken = 0;
    while (size - taken >= 2) {
        const uint8_t *frame = bytes + taken;
        size_t length = frame[1], head = 2;
        if (length > 126)
            broken(client, "got a frame that is masked or longer than 64 KiB");
        if (length == 126) {
            if (size - taken < 4)
                break;
            length = (size_t)frame[2] << 8 | frame[3];
            head = 4;
        }
        if (size - taken < head + length)
            break;
        on_frame(client, frame[0], frame + head, length);
        taken += head + length;
    }
    return taken;
}

// The same for the answer to the upgrade: 0 as long as it is not whole.
static size_t take_answer(struct client *client, const uint8_t *bytes, size_t size)
{
    const uint8_t *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    if (!starts_with(bytes, size, "HTTP/1.1 101"))
        broken(client, "the server refused the websocket");
    client->state = OPENING;
    return (size_t)(end - bytes) + 4;
}

static void keep_partial(struct client *client, const uint8_t *bytes, size_t size)
{
    if (size > READ_SIZE)
        broken(client, "got an answer that does not end");
    if (size > client->held && (client->partial = realloc(client->partial, size)) == NULL)
        fail("no memory for a partial frame");
    if (size > 0)
        memcpy(client->partial, bytes, size);
    client->held = size;
}

static void receive(struct client *client)
{
    if (client->held > 0)
        memcpy(buffer, client->partial, client->held);
    ssize_t got = recv(client->fd, buffer + client->held, READ_SIZE, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        broken(client, got == 0 ? "the server closed the connection" : strerror(errno));
    read_at = now_ns();
    size_t size = client->held + (size_t)got, taken = 0;
    if (client->state == UPGRADING)
        taken = take_answer(client, buffer, size);
    if (client->state != UPGRADING)
        taken += take_frames(client, buffer + taken, size - taken);
    keep_partial(client, buffer + taken, size - taken);
}

void clients_poll(int timeout_ms)
{
    static struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(epoll, events, MAX_EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        if (client->state == CONNECTING)
            request_upgrade(client);
        else
            receive(client);
    }
}
