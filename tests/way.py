"""The way of a message through the code, as a profile of one message shows it.

A message passes from task to task. `HANDOFFS` names the last function of each part of the way, which leaves something
for the next part; the functions of `app` and `protocol` that are on the stack when it is called are the main line.
Functions that only prepare something, and have returned before, are not on it.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import CodeType, FrameType
from typing import Any, NamedTuple

from tests.folders import FILES, ROOT

PLACES = {str(ROOT / file): file for file in FILES.values()}


class Step(NamedTuple):
    """A function on the way."""

    file: str
    function: str


class Way:
    """What is seen of one message. `handoffs` are qualified names of functions, in the order of their calls."""

    def __init__(self, handoffs: Sequence[str]) -> None:
        self.parts: list[list[Step]] = []
        self.called: set[Step] = set()  # all functions, on the main line or beside it
        self._handoffs = list(handoffs)

    def see(self, frame: FrameType, event: str, _argument: Any) -> None:
        """A profile function, see `sys.setprofile`."""
        if event != "call" or frame.f_code.co_filename not in PLACES or not self.missing:
            return
        self.called.add(step_of(frame.f_code))
        if frame.f_code.co_qualname == self.missing[0]:
            self.parts.append([step_of(code) for code in stack_of(frame) if code.co_filename in PLACES])

    @property
    def missing(self) -> list[str]:
        """The handoffs that were not seen."""
        return self._handoffs[len(self.parts) :]

    @property
    def steps(self) -> list[Step]:
        """The main line. What several parts begin with is counted once."""
        steps: list[Step] = []
        for part in self.parts:
            steps += [step for step in part if step not in steps]
        return steps

    def of(self, top: str) -> list[Step]:
        """The steps of `app` or of `protocol`."""
        return [step for step in self.steps if step.file.startswith(f"{top}/")]

    @staticmethod
    def changes_of_file(steps: Sequence[Step]) -> int:
        """How often the next function is in another file."""
        files = [step.file for step in steps]
        return sum(before != after for before, after in pairwise(files))

    def listed(self) -> str:
        """The steps for docs/architecture.md: a line a part, the functions of a file beside each other."""
        seen: set[Step] = set()
        lines = []
        for number, part in enumerate(self.parts, start=1):
            new = [step for step in part if step not in seen]
            seen.update(new)
            lines.append(f"{number}. {' → '.join(by_file(new))}")
        return "\n".join(lines)


def by_file(steps: Sequence[Step]) -> Iterator[str]:
    """Neighbours of one file together: `file`: functions."""
    place = 0
    while place < len(steps):
        file = steps[place].file
        functions = []
        while place < len(steps) and steps[place].file == file:
            functions.append(f"`{steps[place].function}`")
            place += 1
        yield f"`{file}`: {', '.join(functions)}"


def step_of(code: CodeType) -> Step:
    return Step(PLACES[code.co_filename], code.co_qualname.replace(".<locals>", ""))


def stack_of(frame: FrameType) -> list[CodeType]:
    """The outermost first."""
    codes = []
    outer: FrameType | None = frame
    while outer is not None:
        codes.append(outer.f_code)
        outer = outer.f_back
    return codes[::-1]


@contextmanager
def watched(handoffs: Sequence[str]) -> Iterator[Way]:
    """See what this thread does."""
    way = Way(handoffs)
    before = sys.getprofile()
    sys.setprofile(way.see)
    try:
        yield way
    finally:
        sys.setprofile(before)
