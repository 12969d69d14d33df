"""The metadata of messages: from a client's object to the JSON that PostgreSQL keeps; `app.db.jsonb` is the way back.

`jsonb` keeps a number as its digits and writes them all out, 309 of them for `1e308`. So the size of metadata is that
of its JSON without spaces and with its numbers written out, which is what PostgreSQL stores and gives back.
"""

import math
import re
from decimal import Decimal
from typing import Any

import orjson

from app.db.jsonb import MAX_DEPTH
from app.payloads.fields.validation import refusal_of_field
from protocol import is_deeper

MAX_METADATA = 64 * 1024  # bytes of JSON, with numbers written out

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
