"""The state of a socket by which its client can come back to it."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import UNSET, UnsetType

from protocol.cluster.saved_sessions import Trail
from protocol.engineio.session import CloseReason


class RecoverableSession:
    """The stay of a client in a namespace. `pid` names it, and is a secret of the client and the server.

    The others are as in `protocol.cluster.saved_sessions.Saved`. `known` says whether the store may hold it, and
    `missing` whether it did not when the session was last saved again.
    """

    __slots__ = ("before", "known", "missing", "pid", "sent", "since", "trail")

    def __init__(self, pid: str, since: str) -> None:
        self.pid = pid
        self.known = False
        self.missing = False
        self.since = since
        self.sent: str | None = None
        self.before: str | None = None
        self.trail: Trail | UnsetType = UNSET


class HasName(Protocol):
    """A namespace."""

    @property
    def name(self) -> str:
        """Such as `/`."""
        ...


class RecoverableSocket(Protocol):
    """A socket as recovery sees it."""

    id: str
    data: Any
    recoverable: RecoverableSession | None
    reason: CloseReason | None

    @property
    def namespace(self) -> HasName:
        """The namespace that it is in."""
        ...

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that it is in."""
        ...

    def abandon(self) -> None:
        """End it: its client has come back elsewhere."""
        ...


def _noticed(name: str) -> Any:
    change = getattr(dict, name)

    def changing(data: "TrackedDict", *args: Any, **kwargs: Any) -> Any:
        try:
            return change(data, *args, **kwargs)
        finally:
            data.changed()

    return changing


class TrackedDict(dict[Any, Any]):
    """A socket's `data` that calls `changed` at each change of its items; not when a value changes within itself."""

    __slots__ = ("changed",)

    def __init__(self, items: Mapping[Any, Any], changed: Callable[[], None]) -> None:
        super().__init__(items)
        self.changed = changed

    __setitem__ = _noticed("__setitem__")
    __delitem__ = _noticed("__delitem__")
    __ior__ = _noticed("__ior__")
    clear = _noticed("clear")
    pop = _noticed("pop")
    popitem = _noticed("popitem")
    setdefault = _noticed("setdefault")
    update = _noticed("update")
