#include "histogram.h"

#include <string.h>

// Values below BUCKETS have a bucket each. Above, each power of two is cut into BUCKETS equal buckets.
enum { BITS = 6, BUCKETS = 1 << BITS, POWERS = 64 - BITS, UNIT_NS = 100 };

static uint64_t counts[(POWERS + 1) * BUCKETS];
static uint64_t total;

void histogram_reset(void)
{
    memset(counts, 0, sizeof counts);
    total = 0;
}

void histogram_add(uint64_t ns)
{
    uint64_t value = ns / UNIT_NS;
    int index = (int)value;
    if (value >= BUCKETS) {
        int shift = 63 - __builtin_clzll(value) - BITS; // brings the value to BUCKETS .. 2 * BUCKETS - 1
        index = shift * BUCKETS + (int)(value >> shift);
    }
    counts[index]++;
    total++;
}

static double bucket_ms(int index)
{
    uint64_t value = (uint64_t)index;
    if (index >= 2 * BUCKETS) {
        int shift = index / BUCKETS - 1;
        value = (uint64_t)(index - shift * BUCKETS) << shift;
    }
    return (double)value * UNIT_NS / 1e6;
}

double histogram_quantile_ms(double share)
{
    uint64_t wanted = (uint64_t)(share * (double)total);
    uint64_t seen = 0;
    for (int index = 0; index < (POWERS + 1) * BUCKETS; index++) {
        seen += counts[index];
        if (seen > wanted)
            return bucket_ms(index);
    }
    return 0;
}
