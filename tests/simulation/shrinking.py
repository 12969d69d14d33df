"""A history that breaks an invariant, made as short as it gets while it still breaks the same one."""

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.histories import History, without
from tests.simulation.invariants import checked

MOST_TRIES = 2_000


def broken_by(history: History) -> set[str]:
    """The names of the invariants that a history breaks."""
    return {violation.invariant for violation in checked(history)}


def shrunk(history: History, invariant: str) -> History:
    """The shortest history that was found to break an invariant."""
    tries = 0
    smaller = True
    while smaller:
        smaller = False
        for candidate in simpler(history):
            tries += 1
            if tries > MOST_TRIES:
                return history
            if invariant in broken_by(candidate):
                history, smaller = candidate, True
                break
    return history


def simpler(history: History) -> Iterator[History]:
    """Histories that are a little simpler, those that are much simpler first."""
    many = len(history.steps)
    while many:
        yield from (without(history, first, many) for first in range(0, len(history.steps), many))
        many //= 2
    for name, least in (("polling", 0), ("streams", 1), ("rooms", 1), ("instances", 1), ("members", 1)):
        if getattr(history, name) > least:
            yield replace(history, **{name: getattr(history, name) - 1})
