"""Which namespaces may come to be because a client asks for them."""

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from protocol.server.namespaces.handlers import Handlers, call

if TYPE_CHECKING:
    from protocol.server.namespaces.local_namespace import LocalNamespace

Accepts: TypeAlias = Callable[[str, Any], bool | Awaitable[bool]]
"""`(name, auth) -> bool`; it may be a coroutine function."""


class NamespaceRule:
    """A pattern, which the whole of a name must match, or a function of the name and the client's `auth`.

    `handlers` are those of all namespaces that it makes, `children` those that are there now.
    """

    def __init__(self, rule: re.Pattern[str] | Accepts) -> None:
        self.handlers = Handlers()
        self.children: dict[str, LocalNamespace] = {}
        self.facade: Any = None  # what applications see of it
        self._rule = rule

    def matches(self, name: str) -> bool:
        """True if the rule is a pattern that matches the name."""
        return isinstance(self._rule, re.Pattern) and self._rule.fullmatch(name) is not None

    async def accepts(self, name: str, auth: dict[str, Any]) -> bool:
        """True if a client that comes with `auth` may ask for a name."""
        if isinstance(self._rule, re.Pattern):
            return self.matches(name)
        return bool(await call(self._rule, name, auth))
