"""Whom a text names as @username."""

import re

MAX_MENTIONS = 50  # different names of one message that are looked at

_NAME = re.compile(r"(?<![\w@])@([A-Za-z0-9_.-]{3,50})(?![A-Za-z0-9_.-])", re.ASCII)


def names_in(text: str) -> list[list[str]]:
    """For each of the first 50 places where the text names a user, the usernames that may be meant, longest first.

    "@ann." is `ann.` where there is such a user, and else `ann` at the end of a sentence.
    """
    if "@" not in text:
        return []
    written = dict.fromkeys(match[1].lower() for match in _NAME.finditer(text))
    return [_readings(name) for name in list(written)[:MAX_MENTIONS]]


def _readings(name: str) -> list[str]:
    """The name as it stands, and without the punctuation that may follow it."""
    readings = dict.fromkeys((name, name.rstrip(".-"), name.rstrip("._-")))
    return [reading for reading in readings if len(reading) >= 3]
