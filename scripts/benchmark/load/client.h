// Socket.IO clients (Engine.IO v4, websocket transport) in one thread over epoll. What a client can meet that is
// not right - a closed connection, a packet that it does not know, an ack twice - ends the program with a sentence.
//
// A client with a token is one of a chat: it authenticates and joins its room of the chat before it is ready, and
// ignores what else a chat tells.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

enum { MAX_ASKED = 8 }; // acks that a client may wait for

enum state {
    CONNECTING,     // TCP
    UPGRADING,      // the HTTP request is sent
    OPENING,        // waits for Engine.IO's open packet
    JOINING,        // waits for the answer to Socket.IO's CONNECT
    AUTHENTICATING, // waits for the chat's `authenticated`
    ENTERING,       // waits for the acknowledgement of the chat's `room:join`
    READY,
};

struct client {
    int fd;
    int server; // which of the servers it is a client of, from 0
    enum state state;
    const char *token, *chat_room; // of a chat's client; NULL for others
    uint64_t started;              // when it began to connect, ns
    uint64_t asked;                // events sent that want an ack; also the id of the next
    uint64_t asked_at[MAX_ASKED];  // when those were sent that wait for theirs, ns
    uint64_t answered;             // acks received
    uint64_t received;             // broadcasts received
    uint64_t sent;                 // broadcasts sent
    uint8_t *partial;              // the bytes of a frame that is not whole yet
    size_t held;                   // how many they are
};

// All clients together.
struct load {
    struct client *clients;
    int opened, ready;            // clients that have begun to connect, and that are connected
    int room_size;                // client `i` is in the room `i / room_size`
    uint64_t deliveries, answers; // sums of what the clients have received
    int measuring;                // times are counted
    int asking;                   // each ack that a client of the first server gets is followed by its next event
    int timed_server;             // the server whose clients' deliveries are timed; -1: all
    struct histogram connect_times, ack_times, delivery_times;
};

extern struct load load;

// Makes room for `count` clients. An event has about `event_size` bytes; `ports` are those of the servers.
void clients_prepare(int count, size_t event_size, const int *ports);

// Begins to connect the next client to a server on 127.0.0.1.
void client_open(int server);

// Waits at most `timeout_ms` for something to arrive, and handles it.
void clients_poll(int timeout_ms);

// Sends an event that the server sends to all of the client's room.
void client_emit_broadcast(struct client *client);
// Sends an event that the server acknowledges; in a chat, a message to its room.
void client_emit_with_ack(struct client *client);
