// Counts durations in buckets that are at most 1/64 of their value wide, so that millions of them cost no memory.
#pragma once
#include <stdint.h>

void histogram_reset(void);
void histogram_add(uint64_t ns);

// The duration, in milliseconds, below which `share` (0 to 1) of those counted lie; 0 when there are none.
double histogram_quantile_ms(double share);
