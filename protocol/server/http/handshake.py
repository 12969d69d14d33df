"""The request of an Engine.IO handshake, and its checks
(docs/protocol.md §1)."""

import logging
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from protocol.engineio.session import Session
from protocol.errors import HandshakeCode, HandshakeError
from protocol.server.http.request import Request

log = logging.getLogger(__name__)

PROTOCOL = "4"


class Handshake:
    """The handshake of a client: the request that began its session, and the `auth` it sent to join the namespace.

    `issued` is in milliseconds since 1970. `address` is the client's, as the ASGI server reports it.
    """

    __slots__ = ("auth", "issued", "request")

    def __init__(self, request: Request, issued: int, auth: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.request = request
        self.issued = issued
        self.auth = auth

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names in lower case, and their values."""
        return self.request.headers

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query."""
        return self.request.query

    @property
    def address(self) -> str | None:
        """The client's address."""
        return self.request.address

    @property
    def secure(self) -> bool:
        """True if the client came over TLS."""
        return self.request.secure

    @property
    def xdomain(self) -> bool:
        """True if a browser sent the request for a page (it names the page's origin)."""
        return self.request.header("origin") is not None

    @property
    def url(self) -> str:
        """Path and query."""
        return self.request.url


def verify(request: Request, session: Session | None, transports: Collection[str | None]) -> None:
    """Check a request in the reference's order; raises `HandshakeError`. `session` is the one that its `sid` names.

    The application's hook and the protocol's version, which come last for a new session, are `verify_version`'s and the
    caller's part.
    """
    if request.transport not in transports:
        raise HandshakeError(HandshakeCode.TRANSPORT_UNKNOWN)
    origin = request.header("origin") or ""
    if not origin.isprintable() or not origin.isascii():
        raise HandshakeError(HandshakeCode.BAD_REQUEST)
    if request.sid:
        if session is None:
            raise HandshakeError(HandshakeCode.SESSION_UNKNOWN)
        if not request.upgrade and request.transport != session.transport:
            raise HandshakeError(HandshakeCode.BAD_REQUEST)
        if request.version != PROTOCOL:
            raise HandshakeError(HandshakeCode.BAD_REQUEST)
    elif request.method != "GET":
        raise HandshakeError(HandshakeCode.BAD_HANDSHAKE_METHOD)
    if request.upgrade != (request.transport == "websocket"):
        raise HandshakeError(HandshakeCode.BAD_REQUEST)


def verify_version(request: Request) -> None:
    """The last check of a new session. A missing EIO counts as 3, which is refused. Raises `HandshakeError`."""
    if request.version != PROTOCOL:
        log.info(
            "a client of Engine.IO %.20r is refused, for this is 4 (%s): %.200r at %s, of %.200r",
            request.version or "3",
            "socket.io-client 1 and 2 speak 3"
            if (request.version or "3") == "3"
            else "as from socket.io-client 3",
            request.header("user-agent"),
            request.address,
            request.header("origin"),
        )
        raise HandshakeError(HandshakeCode.UNSUPPORTED_PROTOCOL_VERSION)
