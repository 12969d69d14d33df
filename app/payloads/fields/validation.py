"""Payloads that do not fit their types, told in words that name the field."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from app.core.errors import Cause, Reason, Refusal

# `$` alone would let a newline pass, and JSON Schema does not know `\Z`.
ID = r"^[0-9A-Za-z_-]{1,64}(?!\n)$"
CHANNEL = r"^[0-9A-Za-z_:-]{1,80}(?!\n)$"
USERNAME = r"^[A-Za-z0-9_.-]{3,50}(?!\n)$"
# What follows a name in a sentence does not change it, and no name stands for a group; names of before may be so.
NEW_USERNAME = r"^(?!(?:[Aa][Ll][Ll]|[Hh][Ee][Rr][Ee])$)[A-Za-z0-9_.-]{2,49}[A-Za-z0-9](?!\n)$"

T = TypeVar("T")


def parse(kind: type[T], args: Sequence[Any]) -> T:
    """The payload of an event, its first argument; none, or null, is an object without fields.

    Raises Refusal that tells which field is wrong.
    """
    return fit(kind, args[0] if args and args[0] is not None else {})


def fit(kind: type[T], value: object) -> T:
    """A payload from plain objects; 1.0 is a whole number, as JSON Schema has it.

    Raises Refusal that tells which field is wrong.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        if not isinstance(value, dict) or not any(map(_is_whole, value.values())):
            raise misfit(error) from None
    return fit(kind, {name: int(field) if _is_whole(field) else field for name, field in value.items()})


def _is_whole(value: object) -> bool:
    return type(value) is float and value.is_integer() and abs(value) < 2**53


def misfit(error: msgspec.ValidationError) -> Refusal:
    """The refusal for a payload that does not fit its type."""
    text = str(error)
    path = ""
    if place := _PLACE.search(text):
        text, path = text[: place.start()], place[1].lstrip(".")
    for pattern, words, code in _FAULTS:
        if fault := pattern.fullmatch(text):
            field = fault.groupdict().get("field", "")
            return refusal_of_field(".".join(filter(None, (path, field))), fault.expand(words), code)
    return refusal_of_field(path, text, "invalid")


def refusal_of_field(path: str, message: str, code: str) -> Refusal:
    """The refusal of a payload for one field; `path` is empty when it is the payload as a whole."""
    reason: Reason = "too_long" if code == "too_long" else "invalid"
    return Refusal(reason, f"{path or 'payload'}: {message}", (Cause(path, message, code),))


def is_id(text: str) -> bool:
    """True if a text can be an id."""
    return re.fullmatch(ID, text) is not None


def check_text(field: str, text: str, *, blank: bool = False) -> None:
    """Raises ValueError, which msgspec reports with the path, for text that cannot be stored or read."""
    if "\0" in text:
        raise ValueError(f"field `{field}` must not contain the character U+0000")
    if not blank and not text.strip():
        raise ValueError(f"field `{field}` must not be blank")


_PLACE = re.compile(r" - at (?:`key` in )?`\$([\w.\[\]]*)`$")
_TYPES = {
    "str": "text",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_PATTERNS = {
    ID: "must be an id",
    CHANNEL: "must be the name of a room",
    USERNAME: "must be 3 to 50 letters A-Z or a-z, digits, or _ . -",
    NEW_USERNAME: "must be 3 to 50 letters A-Z or a-z, digits, or _ . -, a letter or digit at the end, not all or here",
}
# What msgspec says, and what our own types say by raising ValueError; in words for people; for programs.
_FAULTS = [
    (re.compile(pattern, re.DOTALL), words, code)
    for pattern, words, code in (
        (r"Object missing required field `(?P<field>\w+)`", "is required", "required"),
        (r"field `(?P<field>\w+)` must not be blank", "must not be blank", "blank"),
        (r"field `(?P<field>\w+)` (.+)", r"\2", "invalid"),
        (r"Expected `str` of length >= 1", "must not be empty", "too_short"),
        (r"Expected `str` of length >= (\d+)", r"must have at least \1 characters", "too_short"),
        (r"Expected `str` of length <= (\d+)", r"must have at most \1 characters", "too_long"),
        (r"Expected `array` of length <= (\d+)", r"must have at most \1 items", "too_long"),
        (r"Expected `int` >= (\d+)", r"must be at least \1", "out_of_range"),
        (r"Expected `int` <= (\d+)", r"must be at most \1", "out_of_range"),
        (r"Invalid enum value .+", "must be one of the values that are allowed", "not_allowed"),
        *(
            (re.escape(f"Expected `str` matching regex {pattern!r}"), words, "pattern")
            for pattern, words in _PATTERNS.items()
        ),
        *((rf"Expected `{name}\b.+", f"must be {words}", "invalid_type") for name, words in _TYPES.items()),
    )
]
