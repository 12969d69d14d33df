"""Clocks that jump: each instance reads the time through libfaketime, which takes its offset from a file."""

from pathlib import Path

from app.core.errors import CannotStart
from scripts.ecosystem.workshop import NotAvailable, Workshop

PACKAGE = "libfaketime"
LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def clock_of(file: Path) -> dict[str, str]:
    """The environment of a process whose clock is off by what a file says, such as `+2.5`. Raises CannotStart.

    The monotonic clock, by which timers run, does not jump.
    """
    workshop = Workshop()
    try:
        library = workshop.debian(PACKAGE, LIBRARY).path
    except NotAvailable as error:
        raise CannotStart(f"Clocks cannot jump: {error}.") from None
    finally:
        workshop.close()
    set_clock(file, 0)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def set_clock(file: Path, seconds: float) -> None:
    """Let the clock of a process be off by so many seconds, from the next second on."""
    file.write_text(f"{seconds:+.3f}\n")
