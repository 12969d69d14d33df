"""What an invariant finds."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from msgspec import Struct

from scripts.soaking.history import AnyEntry
from scripts.soaking.timeline import Timeline


class Violation(Struct, frozen=True):
    """A place in a history where an invariant does not hold.

    `subject` is what it is about: the same words of the same place in each history that shows it. `words` tell a
    person, and `evidence` are the entries that it was seen by.
    """

    subject: str
    words: str
    evidence: tuple[AnyEntry, ...] = ()


Invariant: TypeAlias = Callable[[Timeline], Iterator[Violation]]
