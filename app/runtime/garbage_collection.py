"""Keeps Python's garbage collector from stopping an instance.

A full collection looks at everything, which takes a quarter of a second where some thousand clients are connected, and
no request is served meanwhile; under load Python would make one every few seconds. But what has outlived one is mostly
there to stay, and what of it ends is freed without the collector, for nothing here refers to itself any more once it
has ended. So a full collection looks at what is new since the last one. Everything is looked at again only when there
is three times as much: what an instance can lose to garbage is bounded by that.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

GROWTH = 3.0
COUNTED_EVERY = 8  # full collections; counting takes as long as one
OLDEST = 2  # the generation that a full collection is named by


class Settled:
    """Sets aside what outlives a full collection. Called by the collector when it begins and ends."""

    def __init__(self, growth: float) -> None:
        self._growth = growth
        self._all = True  # whether the next full collection looks at everything
        self._most = 0.0  # objects set aside until it does again
        self._since = 0  # full collections since they were counted

    def __call__(self, phase: Literal["start", "stop"], info: dict[str, Any]) -> None:
        if phase == "start" or info["generation"] != OLDEST:
            return
        gc.freeze()
        self._since += 1
        if self._all:
            self._most = self._count() * self._growth
            self._all = False
        elif self._since == COUNTED_EVERY and self._count() > self._most:
            gc.unfreeze()
            self._all = True

    def _count(self) -> int:
        self._since = 0
        return gc.get_freeze_count()


@contextmanager
def seldom_collected(growth: float = GROWTH) -> Iterator[None]:
    """Looks at everything seldom, for the length of the block; it begins with what there is then."""
    settled = Settled(growth)
    gc.callbacks.append(settled)
    gc.collect()
    try:
        yield
    finally:
        gc.callbacks.remove(settled)
        gc.unfreeze()
