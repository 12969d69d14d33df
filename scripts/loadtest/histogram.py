"""Latencies in buckets that grow with what they hold: each value is known to about 1.5 %, and histograms add up."""

from collections import Counter
from collections.abc import Mapping

FINE = 6  # bits that are kept of a value
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


class Histogram:
    """Counts of whole microseconds."""

    def __init__(self, buckets: Mapping[int, int] | None = None) -> None:
        self.buckets = Counter(buckets or {})

    def __len__(self) -> int:
        return self.buckets.total()

    def add(self, seconds: float) -> None:
        """Count one value."""
        self.buckets[bucket(max(0, round(seconds * 1e6)))] += 1

    def merge(self, other: "Histogram") -> None:
        """Add what another one has counted."""
        self.buckets.update(other.buckets)

    def quantile(self, share: float) -> float | None:
        """The value in ms that this share of all is not above; None where nothing was counted."""
        left = share * len(self)
        for index in sorted(self.buckets):
            left -= self.buckets[index]
            if left <= 0:
                return highest(index) / 1000
        return None

    def summary(self) -> dict[str, float | int | None]:
        """The count and the usual quantiles, in ms."""
        quantiles = {name: self.quantile(share) for name, share in QUANTILES.items()}
        return {"count": len(self), **quantiles, "max": self.quantile(1)}


def bucket(value: int) -> int:
    """Where a value is counted: in a bucket of its own below 2**FINE, above with those of its first FINE bits."""
    shift = max(0, value.bit_length() - FINE)
    return (shift << FINE) + (value >> shift)


def highest(index: int) -> int:
    """The largest value of a bucket."""
    shift = index >> FINE
    return (((index & ((1 << FINE) - 1)) + 1) << shift) - 1
