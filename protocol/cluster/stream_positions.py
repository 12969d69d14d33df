"""Where a record stands among the others of its order: offsets, in a form that can be compared."""

import re
from typing import TypeAlias

Position: TypeAlias = tuple[int, ...]
"""An offset, `<ms>-<count>`, or `<ms>-<count>-<number>` within a batch of records, in a form that can be compared."""

NOWHERE: Position = (-1, -1)  # before every record

_OFFSET = re.compile(r"(\d{1,20})-(\d{1,20})(?:-([1-9]\d?))?", re.ASCII)


def position_of(offset: object) -> Position | None:
    """The position that an offset names; None for what is no offset."""
    match = _OFFSET.fullmatch(offset) if isinstance(offset, str) else None
    return tuple(int(number) for number in match.groups() if number is not None) if match else None


def position(offset: str) -> Position:
    """The position of an offset that this cluster gave."""
    return position_of(offset) or NOWHERE
