"""What a packet's or record's data is, for targets that compare it before and after a round trip."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, structs

MAX_DEPTH = 64  # levels that every encoder must take


def depth(value: Any) -> int:
    """How many lists, objects and structs of `value` stand one in another."""
    deepest, level = 0, [value]
    while level := [inner for outer in level for inner in _inside(outer)]:
        deepest += 1
    return deepest


def _inside(value: Any) -> list[Any]:
    match value:
        case list() | tuple() | set() | frozenset():
            return [None, *value]
        case dict():
            return [None, *value.values()]
        case Struct():
            return [None, *structs.astuple(value)]
    return []


def plain(value: Any, *, nan: Any = "NaN") -> Any:
    """`value`, at most some hundred levels deep, in a form in which equal means the same on the wire: a date has
    milliseconds, and NaN, which equals nothing, is `nan`."""
    match value:
        case list() | tuple():
            return [plain(item, nan=nan) for item in value]
        case set() | frozenset():
            return sorted((plain(item, nan=nan) for item in value), key=repr)
        case dict():
            return {key: plain(item, nan=nan) for key, item in value.items()}
        case Struct():
            return [type(value).__name__, *plain(structs.astuple(value), nan=nan)]
        case datetime():
            return value - timedelta(microseconds=value.microsecond % 1000)
        case float() if value != value:
            return nan
    return value
