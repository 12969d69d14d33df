"""Which origins' pages may call a server: the forms of the option `cors_origins`, those of the reference's
`cors.origin`."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeAlias

OriginRule: TypeAlias = bool | str | re.Pattern[str] | Collection[str | re.Pattern[str]]
OriginHook: TypeAlias = Callable[[str | None], OriginRule | Awaitable[OriginRule]]
CorsOrigins: TypeAlias = OriginRule | OriginHook

_FORMS = 'cors_origins must be True, "*", an origin, a pattern, a list of these two, or a function'


def check_rule(rule: Any) -> None:
    """Raises `ValueError`, in one sentence, for what is no `OriginRule`."""
    if isinstance(rule, bool | str) or _is_pattern(rule):
        return
    if not isinstance(rule, Collection) or isinstance(rule, bytes | bytearray | memoryview | Mapping):
        raise ValueError(f"{_FORMS}, not {rule!r}")
    for part in rule:
        if not isinstance(part, str) and not _is_pattern(part):
            raise ValueError(f"{_FORMS}, and {part!r} in the list is neither an origin nor a pattern")
        if part == "*":
            raise ValueError(
                'cors_origins is "*" for every origin; in a list it would be an origin of that name'
            )


def _is_pattern(rule: Any) -> bool:
    return isinstance(rule, re.Pattern) and isinstance(rule.pattern, str)


def allows(rule: OriginRule, origin: str) -> bool:
    """True if pages of `origin` may call. A pattern may match any part of it, as in JavaScript: anchor it."""
    match rule:
        case bool():
            return rule
        case str():
            return rule in ("*", origin)
        case re.Pattern():
            return rule.search(origin) is not None
    return any(part == origin if isinstance(part, str) else part.search(origin) for part in rule)
