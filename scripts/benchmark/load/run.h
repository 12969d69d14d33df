// What all tests need: servers, clients that connect and wait, and measures that are printed as JSON lines.
#pragma once
#include <stdint.h>

#include "histogram.h"
#include "machine.h"

enum {
    POLL_MS = 20,
    CONNECTING_AT_ONCE = 128,
};

static const uint64_t STALLED_NS = 10000000000u; // without anything that arrives

extern struct processes processes;
extern int ports[MAX_SERVERS];

struct measure {
    const char *name;
    int clients;
    int in_flight, rate;           // 0: whatever comes
    const uint64_t *counter;       // operations so far
    const struct histogram *times; // of these operations
    void (*poll)(void);            // lets things arrive
    uint64_t operations;           // at first how many there were before, at the end how many were measured
    struct usage before, after;
};

struct measure measure_begin(const char *name, int in_flight, const uint64_t *counter, const struct histogram *times);
// Ends a measure, but not before its first operation: on a busy machine that can take longer than planned.
void measure_end(struct measure *measure);
// Prints what all measures have, without the end of the line: `more` fields may follow, in printf's words.
__attribute__((format(printf, 2, 3))) void measure_print(const struct measure *measure, const char *more, ...);

uint64_t deadline(double seconds);
void poll_for(double seconds);
// Polls until the counter has the value; a server that stops short of it has lost `what`.
void await_count(const uint64_t *counter, uint64_t wanted, const char *what);
// Connects clients to a server until `count` are ready.
void connect_up_to(int count, int server);
// Waits for what may come twice, and ends the program unless each client has had all broadcasts of its room.
void check_deliveries(void);

double number(const char *text);
