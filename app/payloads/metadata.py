"""The metadata of messages: from a client's object to PostgreSQL's `jsonb`, and back.

`jsonb` keeps a number as its digits and writes them all out, 309 of them for `1e308`. So the size of metadata is that
of its JSON without spaces and with its numbers written out, which is what PostgreSQL stores and gives back.
"""

import json
import math
import re
from decimal import Decimal
from typing import Any

import orjson

from app.payloads.validation import refusal_of_field
from protocol import is_deeper

MAX_METADATA = 64 * 1024  # bytes of JSON, with numbers written out
MAX_DEPTH = 64  # levels of lists and objects

_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_EXPONENT = re.compile(rb"[0-9]e[-+]?[0-9]")  # in a number, or in a text


def metadata_json(metadata: dict[str, Any]) -> str:
    """An object as the JSON that PostgreSQL keeps. Raises Refusal when it is no JSON, or too much of it."""
    try:
        encoded = orjson.dumps(metadata)
    except TypeError:  # bytes, keys that are no text, or nested much too deep
        raise refusal_of_field("metadata", "must be a JSON object", "invalid_type") from None
    if len(encoded) > MAX_METADATA or stored_size(metadata, encoded) > MAX_METADATA:
        text = f"must be at most {MAX_METADATA} bytes of JSON, with its numbers written out"
        raise refusal_of_field("metadata", text, "too_long")
    if _NUL_ESCAPE.search(encoded):
        raise refusal_of_field("metadata", "must not contain the character U+0000", "invalid")
    text = encoded.decode()
    if is_deeper(text, MAX_DEPTH):
        raise refusal_of_field("metadata", f"must be nested at most {MAX_DEPTH} levels deep", "invalid")
    return text


def stored_size(metadata: Any, encoded: bytes) -> int:
    """The bytes that a value and its JSON take in PostgreSQL, spaces aside; counted no further than is needed."""
    size = len(encoded)
    if not _EXPONENT.search(encoded):
        return size
    waiting = [metadata]
    while waiting and size <= MAX_METADATA:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, float) and math.isfinite(value):
            size += _digits_left_out(value)
    return size


def _digits_left_out(number: float) -> int:
    """How many more characters a number has when it is written without an exponent."""
    short = orjson.dumps(number).decode()
    return len(format(Decimal(short), "f")) - len(short) if "e" in short else 0


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
