"""The one contract for JSON that comes from outside: what JavaScript's `JSON.parse` reads, within limits.

A text that `JSON.parse` refuses is no JSON: `ValueError`. A text that it reads and that cannot be carried is
`BadValue`: nested too deep, too many values, a number out of a double's range, which JavaScript reads as infinite and
writes as null. The sender of such a value is told so and stays connected.

The limits are held before anything is built: parsed, a list of empty lists takes forty times its bytes. Texts below
`SHORT` characters cannot break them, and pay one comparison.
"""

import json
import math
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import orjson

from protocol.errors import BadValue

MAX_DEPTH = 64  # levels of lists and objects, in what clients send
MAX_VALUES = 100_000  # of one message of a client
DEEPEST = 254  # levels that can be written; what comes from another server has no more

SHORT = 130  # characters that MAX_DEPTH + 1 levels take, closed
_EVERYTHING = bytes(range(256))
_NOT_BRACKETS = _EVERYTHING.translate(None, b'[]{}"')  # the quotes stay, to see what stands between them
_NOT_MARKS = _EVERYTHING.translate(None, b'[]{},:"')
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # one level down or up, as signed bytes
_DIGITS_OF_64_BITS = 18  # no more than these, and an integer fits; Python reads longer ones slowly


def parse_json(text: str, max_depth: int = MAX_DEPTH, max_values: int = MAX_VALUES) -> Any:
    """Parse a JSON text as JavaScript's `JSON.parse` does, within limits.

    Integers of up to 64 bits are exact, larger ones become the nearest double; half of a surrogate pair becomes U+FFFD.
    `max_depth` is from 64 to 254 levels. `max_values` counts each opening bracket, comma and colon. Texts below 130
    characters are not checked against the limits. Raises `ValueError` if the text is not JSON, and `BadValue` if it
    breaks a limit.

        parse_json('{"a": [1, 2]}')  # {"a": [1, 2]}
    """
    if len(text) >= SHORT and (  # most have one list and one object, and need not be read twice
        text.find("[", 1) > 0 or text.find("{", text.find("{", 1) + 1) > 0 or len(text) > max_values
    ):
        check_size(text, max_depth, max_values)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _parse_as_javascript(text)


def check_size(text: str, max_depth: int, max_values: int) -> None:
    """Hold a JSON text to limits before it is parsed, by searching and replacing alone.

    Raises `BadValue`, and `ValueError` for brackets that do not pair.
    """
    opened = text.count("[") + text.count("{")
    if len(text) > max_values and opened + text.count(",") + text.count(":") > max_values:
        marks = _outside_strings(text, _NOT_MARKS, max_values)
        _check_pairs(marks)
        if sum(map(marks.count, (b"[", b"{", b",", b":"))) > max_values:
            raise BadValue(f"more than {max_values} values")
    if opened > max_depth:
        brackets = _outside_strings(text, _NOT_BRACKETS, max_values)
        _check_pairs(brackets)
        if _is_deeper(brackets, max_depth):
            raise BadValue(f"nested more than {max_depth} levels deep")


def is_deeper(text: str, depth: int) -> bool:
    """Return whether the value of a JSON text has more than `depth` levels of lists and objects."""
    if text.count("[") + text.count("{") <= depth:
        return False
    return _is_deeper(_outside_strings(text, _NOT_BRACKETS, len(text)), depth)


def _outside_strings(text: str, dropped: bytes, max_values: int) -> bytes:
    """The characters of a JSON text that do not stand in strings and are not `dropped`.

    Each string is a value or a key, so they are counted before the text is cut into as many pieces.
    """
    left = text.encode("utf-8", "replace")
    if b"\\" in left:
        left = left.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = left.translate(None, dropped)
    left = left.replace(b'""', b"")  # where one string ends and the next begins, too: that changes nothing
    if left.count(b'"') > 2 * (max_values + 1):
        raise BadValue(f"more than {max_values} values")
    return b"".join(left.split(b'"')[::2])


def _check_pairs(marks: bytes) -> None:
    if marks.count(b"[") != marks.count(b"]") or marks.count(b"{") != marks.count(b"}"):
        raise ValueError("brackets that do not pair")


def _is_deeper(brackets: bytes, depth: int) -> bool:
    steps = memoryview(brackets.translate(_STEPS)).cast("b")
    return max(accumulate(steps), default=0) > depth


def _parse_as_javascript(text: str) -> Any:
    """Parse what JavaScript reads and orjson does not: numbers out of range, and halves of surrogate pairs."""
    out_of_range: list[str] = []

    def number(digits: str) -> int | float:
        if len(digits) <= _DIGITS_OF_64_BITS and digits.lstrip("-").isdigit():
            return int(digits)
        value = float(digits)
        if math.isinf(value):
            out_of_range.append(digits)
        return value

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    value = json.loads(text, parse_int=number, parse_float=number, parse_constant=refuse)
    if out_of_range:
        raise BadValue("a number is out of range")
    return replace_halves(value)


def replace_halves(value: Any) -> Any:
    """The same JSON value with U+FFFD for each half of a surrogate pair, which no UTF-8 can carry."""
    text = json.dumps(value, ensure_ascii=False)
    return orjson.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def is_beyond(value: Any, max_depth: int, max_values: int) -> str | None:
    """How a parsed value breaks the limits; None if it does not. For what came in another form than text.

    Walks level by level, so that no depth is too much for it.
    """
    counted = depth = 0
    level: list[Any] = [value]
    while level:
        inner: list[Any] = []
        for each in level:
            items = _items(each)
            if items is not None:
                inner += items
                counted += len(each)
            elif type(each) is float and not math.isfinite(each):
                return "a number is out of range"
        depth += any(_items(each) is not None for each in level)
        if depth > max_depth:
            return f"nested more than {max_depth} levels deep"
        if counted > max_values:
            return f"more than {max_values} values"
        level = inner
    return None


def _items(value: Any) -> Iterable[Any] | None:
    if type(value) is dict:
        return value.values()
    return value if type(value) is list else None
