"""Values as the admin UI may show them: no secrets, no more than a page can take, and nothing that cannot be sent.

A pure module. A secret is known by the name of its key, or by its form: a JSON Web Token, the credential of an
`Authorization` header, a parameter of a URL with such a name.
"""

import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Any, Final

HIDDEN: Final = "[hidden]"
CUT: Final = "…"

MAX_DEPTH = 6
MAX_ITEMS = 50  # of one list or object
MAX_TEXT = 1_000  # characters
MAX_VALUES = 500  # of all

_SAFE_INTEGER = 2**53  # JavaScript's
_SECRET_NAME = re.compile(
    r"token|secret|passw|pwd|passphrase|credential|authori[sz]ation|cookie|session|jwt|signature"
    r"|(?:api|access|private|secret|encryption)[-_ ]?key|(?:^|[-_.])(?:auth|sid|otp|pin|key)(?:$|[-_.])",
    re.IGNORECASE,
)
_WEB_TOKEN = re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*")
_SCHEME = re.compile(r"\b(bearer|basic|digest)\s+[^\s,]{4,}", re.IGNORECASE)
_PARAMETER = re.compile(r"([?&;])([^=&;#\s]{1,100})=([^&;#\s]*)")
_USER_OF_URL = re.compile(r"(://)[^/@\s]+@")


def is_secret(name: object) -> bool:
    """True if what a key or header with this name holds is not to be shown."""
    return _SECRET_NAME.search(str(name)) is not None


def shown(value: Any) -> Any:
    """A value as it may be shown. What is too deep, too long or of an unknown type is named instead."""
    return _Shower().value(value, 0)


def shown_text(text: str) -> str:
    """A text without the secrets that can be told by their form, and not too long."""
    cut = len(text) > MAX_TEXT
    text = text[:MAX_TEXT].encode("utf-8", "replace").decode()
    text = _WEB_TOKEN.sub(HIDDEN, text)
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _USER_OF_URL.sub(rf"\1{HIDDEN}@", text)
    text = _PARAMETER.sub(_shown_parameter, text)
    return text + CUT if cut else text


def _shown_parameter(found: re.Match[str]) -> str:
    separator, name, value = found.groups()
    return f"{separator}{name}={HIDDEN if is_secret(name) else value}"


class _Shower:
    """Shows one value, and counts how many there are in it."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def value(self, value: Any, depth: int) -> Any:
        self._left -= 1
        match value:
            case None | bool():
                return value
            case int():
                return value if abs(value) < _SAFE_INTEGER else f"{value:.20g}"
            case float():
                return value if math.isfinite(value) else None
            case str():
                return shown_text(value)
            case bytes() | bytearray() | memoryview():
                return f"<{len(value)} bytes>"
            case datetime() | date():
                return value.isoformat()
            case Mapping() | list() | tuple() | AbstractSet() if depth >= MAX_DEPTH or self._left <= 0:
                return CUT
            case Mapping():
                return self._mapping(value, depth)
            case list() | tuple() | AbstractSet():
                return self._items(value, depth)
        return f"<{type(value).__name__}>"

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number, (key, item) in enumerate(value.items()):
            if number >= MAX_ITEMS or self._left <= 0:
                found[CUT] = CUT
                break
            name = shown_text(str(key))
            found[name] = HIDDEN if is_secret(key) else self.value(item, depth + 1)
        return found

    def _items(self, values: Any, depth: int) -> list[Any]:
        found = []
        for number, item in enumerate(values):
            if number >= MAX_ITEMS or self._left <= 0:
                found.append(CUT)
                break
            found.append(self.value(item, depth + 1))
        return found
