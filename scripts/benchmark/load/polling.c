#define _GNU_SOURCE
#include "polling.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "run.h"

enum { READ_SIZE = 1 << 16, MAX_TEXT = 1024, MAX_SID = 64, MAX_EVENTS = 1024, PADDING = 42, QUEUED = 4 };

static const char SEPARATOR = '\x1e'; // of the packets of an answer

enum what { GET, POST };

struct poller;

// One kept-alive connection, with at most one request under way.
struct way {
    struct poller *poller;
    enum what what;
    int fd, busy;
    char *held; // the part of an answer that has come
    size_t size;
};

struct poller {
    struct way ways[2];
    char sid[MAX_SID];
    int joined;
    uint64_t asked, answered, received;
    uint64_t asked_at;
    char queued[QUEUED][MAX_TEXT]; // packets that the next POST takes, first come first
    int queue;
};

static struct poller *pollers;
static int epoll, count, ready, asking;
static uint64_t done; // events that were acknowledged and delivered
static char padding[PADDING + 1];

static void broken(const struct way *way, const char *what)
{
    fail("polling client %ld, %s: %s", (long)(way->poller - pollers) + 1, way->what == GET ? "GET" : "POST", what);
}

// --- requests ---

static void request(struct way *way, const char *body)
{
    char text[4 * MAX_TEXT], session[MAX_SID + 8] = "";
    if (way->busy)
        broken(way, "begins a request before the last one is answered");
    if (way->poller->sid[0] != '\0')
        snprintf(session, sizeof session, "&sid=%s", way->poller->sid);
    int size = snprintf(text, sizeof text, "%s /socket.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n",
                        way->what == GET ? "GET" : "POST", session, ports[0]);
    if (way->what == POST)
        size += snprintf(text + size, sizeof text - (size_t)size,
                         "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    else
        size += snprintf(text + size, sizeof text - (size_t)size, "\r\n");
    if (size >= (int)sizeof text || send(way->fd, text, (size_t)size, MSG_NOSIGNAL) != size)
        broken(way, "the server does not read");
    way->busy = 1;
}

static void post_queued(struct poller *poller)
{
    char body[QUEUED * MAX_TEXT + QUEUED] = "";
    if (poller->queue == 0 || poller->ways[POST].busy)
        return;
    size_t size = 0;
    for (int i = 0; i < poller->queue; i++)
        size += (size_t)snprintf(body + size, sizeof body - size, i > 0 ? "\x1e%s" : "%s", poller->queued[i]);
    poller->queue = 0;
    request(&poller->ways[POST], body);
}

static void post(struct poller *poller, const char *packet)
{
    if (poller->queue == QUEUED)
        broken(&poller->ways[POST], "the server does not answer");
    snprintf(poller->queued[poller->queue++], MAX_TEXT, "%s", packet);
    post_queued(poller);
}

static void ask(struct poller *poller)
{
    char text[MAX_TEXT];
    poller->asked_at = now_ns();
    snprintf(text, sizeof text, "42%llu[\"pass\",{\"t\":%llu,\"u\":\"user-12\",\"p\":\"%s\"}]",
             (unsigned long long)poller->asked++, (unsigned long long)poller->asked_at, padding);
    post(poller, text);
}

// --- answers ---

static void on_open(struct poller *poller, const char *packet)
{
    const char *sid = strstr(packet, "\"sid\":\"");
    if (sid == NULL || sscanf(sid + 7, "%63[^\"]", poller->sid) != 1)
        broken(&poller->ways[GET], "got an open packet without a session id");
    char text[MAX_TEXT];
    snprintf(text, sizeof text, "40{\"room\":\"room %ld\"}", (long)(poller - pollers));
    post(poller, text);
}

static void on_packet(struct poller *poller, const char *packet)
{
    uint64_t before = poller->answered < poller->received ? poller->answered : poller->received;
    if (strcmp(packet, "2") == 0) {
        post(poller, "3"); // Engine.IO's heartbeat
    } else if (packet[0] == '0' && poller->sid[0] == '\0') {
        on_open(poller, packet);
    } else if (strncmp(packet, "40", 2) == 0 && !poller->joined) {
        poller->joined = 1;
        ready++;
    } else if (strncmp(packet, "42[\"msg\",", 9) == 0 && poller->received < poller->asked) {
        poller->received++;
    } else if (strncmp(packet, "43", 2) == 0 && strtoull(packet + 2, NULL, 10) == poller->answered &&
               poller->answered < poller->asked) {
        poller->answered++;
    } else {
        char what[160];
        snprintf(what, sizeof what, "got the packet %.100s", packet);
        broken(&poller->ways[GET], what);
    }
    if (poller->answered <= before || poller->received <= before)
        return;
    done++;
    if (load.measuring)
        histogram_add(&load.ack_times, now_ns() - poller->asked_at);
    if (asking)
        ask(poller);
}

static void on_answer(struct way *way, char *body, size_t size)
{
    struct poller *poller = way->poller;
    way->busy = 0;
    if (way->what == POST) {
        post_queued(poller);
        return;
    }
    char *packet = body, *end = body + size;
    int opened = poller->sid[0] != '\0';
    while (packet < end) {
        char *next = memchr(packet, SEPARATOR, (size_t)(end - packet));
        if (next == NULL)
            next = end;
        *next = '\0'; // behind the body is a byte of the buffer's
        if (opened && !way->busy)
            request(way, ""); // as a client does, before it handles what has come
        on_packet(poller, packet);
        packet = next + 1;
    }
    if (!way->busy)
        request(way, "");
}

// Puts the chunks at `body` together if all of them have come; returns the size of the whole, or -1.
static long take_chunks(struct way *way, char *body, const char *end)
{
    char *from = body, *to = body;
    for (int pass = 0; pass < 2; pass++, from = body) // first looks, then moves
        for (;;) {
            char *line_end = memmem(from, (size_t)(end - from), "\r\n", 2);
            if (line_end == NULL)
                return -1;
            long size = strtol(from, NULL, 16);
            if (size < 0 || end - line_end < size + 4)
                return -1;
            from = line_end + 4 + size;
            if (size == 0 && pass == 0 && from != end)
                broken(way, "got more than one answer");
            if (size == 0)
                break;
            if (pass == 1)
                to = (char *)memmove(to, line_end + 2, (size_t)size) + size;
        }
    return to - body;
}

// Handles the answer if it is whole.
static void take_answer(struct way *way)
{
    char *head_end = memmem(way->held, way->size, "\r\n\r\n", 4);
    if (head_end == NULL)
        return;
    char *body = head_end + 4;
    long came = way->held + (long)way->size - body, size;
    *head_end = '\0';
    const char *length = strcasestr(way->held, "\r\ncontent-length:");
    if (strncmp(way->held, "HTTP/1.1 200", 12) != 0)
        broken(way, way->held);
    if (length != NULL && (size = strtol(length + 17, NULL, 10)) < came)
        broken(way, "got more than one answer");
    else if (length == NULL && strcasestr(way->held, "\r\ntransfer-encoding: chunked") == NULL)
        broken(way, "got an answer without its length");
    else if (length == NULL)
        size = take_chunks(way, body, body + came);
    if (size < 0 || size > came) {
        *head_end = '\r'; // the rest is still to come
        return;
    }
    way->size = 0;
    on_answer(way, body, (size_t)size);
}

static void receive(struct way *way)
{
    if (way->size == READ_SIZE)
        broken(way, "got an answer that is too long");
    ssize_t got = recv(way->fd, way->held + way->size, READ_SIZE - way->size, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        broken(way, got == 0 ? "the server closed the connection" : strerror(errno));
    way->size += (size_t)got;
    if (!way->busy)
        broken(way, "got an answer to nothing");
    take_answer(way);
}

static void poll_once(void)
{
    static struct epoll_event events[MAX_EVENTS];
    int found = epoll_wait(epoll, events, MAX_EVENTS, POLL_MS);
    for (int i = 0; i < found; i++)
        receive(events[i].data.ptr);
}

static void run_for(double seconds)
{
    for (uint64_t end = deadline(seconds); now_ns() < end;)
        poll_once();
}

static void run_until(const int *value, int wanted, const char *what)
{
    for (uint64_t end = now_ns() + STALLED_NS; *value < wanted; poll_once())
        if (now_ns() > end)
            fail("%d of %d polling clients %s", *value, wanted, what);
}

// --- the test ---

static void open_way(struct poller *poller, enum what what)
{
    struct way *way = &poller->ways[what];
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)ports[0])};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *way = (struct way){.poller = poller, .what = what, .fd = socket(AF_INET, SOCK_STREAM, 0), .held = malloc(READ_SIZE + 1)};
    if (way->fd < 0 || way->held == NULL || connect(way->fd, (struct sockaddr *)&address, sizeof address) != 0)
        broken(way, strerror(errno));
    setsockopt(way->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = way};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, way->fd, &event) != 0)
        broken(way, strerror(errno));
}

static int finished(void)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += pollers[i].answered == pollers[i].asked && pollers[i].received == pollers[i].asked;
    return sum;
}

static void finish(void)
{
    int all = 0;
    for (uint64_t end = now_ns() + STALLED_NS; all < count; all = finished()) {
        poll_once();
        if (now_ns() > end)
            fail("the server lost an acknowledgement or an event of %d polling clients", count - finished());
    }
}

void test_polling(int clients, double warm, double seconds)
{
    count = clients;
    epoll = epoll_create1(0);
    pollers = calloc((size_t)clients, sizeof *pollers);
    if (epoll < 0 || pollers == NULL)
        fail("no memory for %d clients", clients);
    memset(padding, 'x', PADDING);
    for (int i = 0; i < clients; i++) {
        open_way(&pollers[i], GET);
        open_way(&pollers[i], POST);
        request(&pollers[i].ways[GET], "");
        run_until(&ready, i + 1, "have connected");
    }
    asking = 1;
    for (int i = 0; i < clients; i++)
        ask(&pollers[i]);
    run_for(warm);
    load.ready = clients;
    load.room_size = 1;
    struct measure measure = measure_begin("polling", clients, &done, &load.ack_times);
    measure.poll = poll_once;
    run_for(seconds);
    measure_end(&measure);
    asking = 0;
    finish();
    measure_print(&measure, "%s", "");
}
