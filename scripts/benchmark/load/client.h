// Socket.IO clients (Engine.IO v4, websocket transport) in one thread over epoll. What a client can meet that is
// not right - a closed connection, a packet that it does not know, an ack twice - ends the program with a sentence.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum state {
    CONNECTING, // TCP
    UPGRADING,  // the HTTP request is sent
    OPENING,    // waits for Engine.IO's open packet
    JOINING,    // waits for the answer to Socket.IO's CONNECT
    READY,
};

struct client {
    int fd, port;
    enum state state;
    uint64_t started;  // when it began to connect, ns
    uint64_t asked;    // events sent that want an ack; also the id of the next
    uint64_t answered; // acks received
    uint64_t received; // broadcasts received
    uint8_t *partial;  // the bytes of a frame that is not whole yet
    size_t held;       // how many they are
};

// All clients together.
struct load {
    struct client *clients;
    int opened, ready;           // clients that have begun to connect, and that are connected
    uint64_t deliveries, answers; // sums of what the clients have received
    int measuring;               // latencies are counted
    int asking;                  // each ack is followed by the next event
};

extern struct load load;

// Makes room for `count` clients. An event has about `event_size` bytes.
void clients_prepare(int count, size_t event_size);

// Begins to connect the next client to the server on 127.0.0.1:`port`.
void client_open(int port);

// Waits at most `timeout_ms` for something to arrive, and handles it.
void clients_poll(int timeout_ms);

void client_emit_broadcast(struct client *client);
void client_emit_with_ack(struct client *client);
