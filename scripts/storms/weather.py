"""What storms are made of, and what comes of them."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Struct

RATIO = 1.3  # of p99 with clients that never read to p99 without


class Weather(Struct, frozen=True):
    """What a storm is made of: so many clients, so much load, and where data is kept. `settings` are those of the
    instances, with the URLs of their databases."""

    clients: int
    seconds: float
    rate: float
    folder: Path
    settings: dict[str, str]
    rounds: int = 1
    ratio: float | None = RATIO


class Damage(Struct, frozen=True):
    """What came of a storm: sentences with figures, and a sentence for each thing that must not be."""

    figures: list[str]
    wrong: list[str]


Storm: TypeAlias = Callable[[Weather], Coroutine[Any, Any, Damage]]


def seconds(milliseconds: float | None) -> str:
    """Milliseconds, for people."""
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f} s"
