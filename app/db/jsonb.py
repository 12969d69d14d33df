"""Values of PostgreSQL's `jsonb`, whatever was stored before there were limits."""

import json
import math
from typing import Any

import orjson

from protocol import is_deeper

MAX_DEPTH = 64  # levels of lists and objects


def read_jsonb(text: str) -> Any:
    """A value of PostgreSQL, whatever was stored before there were limits.

    What is nested deeper than metadata may be, or is a number beyond a double's range, becomes null: a message can be
    read whatever its sender made of its metadata.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = _read_beyond(text)
    return pruned(value) if value is not None and is_deeper(text, MAX_DEPTH) else value


def _read_beyond(text: str) -> Any:
    def number(digits: str) -> int | float | None:
        value = float(digits)
        return None if math.isinf(value) else value

    try:
        return json.loads(text, parse_int=number, parse_float=number)
    except RecursionError:
        return None


def pruned(value: Any) -> Any:
    """The same list or object with null for what is nested more than 64 levels deep."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH - 1):
        level = [
            inner for container in level for inner in _values(container) if isinstance(inner, dict | list)
        ]
    for container in level:
        for key, inner in list(container.items() if isinstance(container, dict) else enumerate(container)):
            if isinstance(inner, dict | list):
                container[key] = None
    return value


def _values(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container
