// Counts durations in buckets that are at most 1/64 of their value wide, so that millions of them cost no memory.
#pragma once
#include <stdint.h>

// Values below BUCKETS have a bucket each. Above, each power of two is cut into BUCKETS equal buckets.
enum { BITS = 6, BUCKETS = 1 << BITS, POWERS = 64 - BITS };

struct histogram {
    uint64_t counts[(POWERS + 1) * BUCKETS];
    uint64_t total;
};

void histogram_reset(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t ns);

// The duration, in milliseconds, below which `share` (0 to 1) of those counted lie; 0 when there are none.
double histogram_quantile_ms(const struct histogram *histogram, double share);
