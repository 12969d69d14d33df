#include "histogram.h"

#include <string.h>

enum { UNIT_NS = 100 };

void histogram_reset(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    uint64_t value = ns / UNIT_NS;
    int index = (int)value;
    if (value >= BUCKETS) {
        int shift = 63 - __builtin_clzll(value) - BITS; // brings the value to BUCKETS .. 2 * BUCKETS - 1
        index = shift * BUCKETS + (int)(value >> shift);
    }
    histogram->counts[index]++;
    histogram->total++;
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

double histogram_quantile_ms(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->total);
    uint64_t seen = 0;
    for (int index = 0; index < (POWERS + 1) * BUCKETS; index++) {
        seen += histogram->counts[index];
        if (seen > wanted)
            return bucket_ms(index);
    }
    return 0;
}
