"""One port that several processes listen on.

On Linux each worker has sockets of its own (SO_REUSEPORT), and the kernel deals new connections out among those that
listen. They are bound here and begin to listen in the worker, once it is ready: a port is held all the time, and no
connection waits for a process that is only starting. Elsewhere all workers share the same sockets, and the first
takes a connection.
"""

import errno
import socket
import sys
from typing import Any

from app.core.errors import CannotStart

OWN_SOCKETS = sys.platform == "linux"
ATTEMPTS = 10  # to find a port that is free on all addresses of a host
NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)  # a machine without IPv6 still resolves to its addresses


class ListenError(CannotStart):
    """The port cannot be listened on. The text is one sentence."""


class Port:
    """A port of `host`, bound on each of its addresses until `close`; 0 is any free one. Raises ListenError."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._bound = self._bind(port)
        self.number: int = self._bound[0].getsockname()[1]

    @property
    def url(self) -> str:
        """Where it is reached."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.number}"

    def sockets(self) -> list[socket.socket]:
        """Those of one worker, one for each address. They are to be closed by `release`."""
        if not OWN_SOCKETS:
            return self._bound
        return [bound(held.family, held.getsockname()) for held in self._bound]

    def release(self, sockets: list[socket.socket]) -> None:
        """The worker is gone: what its sockets would have been dealt goes to the others."""
        if OWN_SOCKETS:
            for one in sockets:
                one.close()

    def close(self) -> None:
        """Let go of the port."""
        for held in self._bound:
            held.close()

    def _bind(self, port: int) -> list[socket.socket]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return bind_all(self._host, port)
            except OSError as error:
                if port or attempt == ATTEMPTS or error.errno != errno.EADDRINUSE:
                    shown = f"{self._host}:{port}"
                    raise ListenError(f"cannot listen on {shown}: {error.strerror or error}.") from error
        raise AssertionError("the last attempt returns or raises")


def bind_all(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of a host, all with the same port. Raises OSError."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[socket.socket] = []
    missing: OSError | None = None
    for family, _, _, _, given in dict.fromkeys(found):
        address = (given[0], made[0].getsockname()[1] if made else port, *given[2:])
        try:
            if address[1]:
                bound(
                    family, address, exclusive=True
                ).close()  # with SO_REUSEPORT another Parley's is no obstacle
            made.append(bound(family, address))
        except OSError as error:
            if error.errno not in NOT_HERE:
                close_all(made)
                raise
            missing = error
    if missing is not None and not made:
        raise missing
    return made


def bound(family: int, address: tuple[Any, ...], *, exclusive: bool = False) -> socket.socket:
    """A socket that is bound and does not listen. Raises OSError."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if OWN_SOCKETS and not exclusive:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def close_all(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()
