"""What a client asks with, and whether it may: the request of an Engine.IO handshake and its checks
(protocol.md §1)."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from protocol.errors import HandshakeCode, HandshakeError
from protocol.session import Session

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]

PROTOCOL = "4"


class Request:
    """One HTTP request of a client, polling's or a websocket's opening. Header names are lower case."""

    def __init__(
        self,
        *,
        method: str,
        path: str,
        query_string: bytes,
        headers: RawHeaders,
        address: str | None,
        secure: bool,
        upgrade: bool = False,
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.raw_headers = headers
        self.address = address
        self.secure = secure
        self.upgrade = upgrade

    @classmethod
    def of_scope(cls, scope: Mapping[str, Any]) -> "Request":
        """The request of an ASGI http or websocket scope."""
        client = scope.get("client")
        return cls(
            method=scope.get("method", "GET"),
            path=scope["path"],
            query_string=scope.get("query_string", b""),
            headers=scope["headers"],
            address=client[0] if client else None,
            secure=scope.get("scheme") in ("https", "wss"),
            upgrade=scope["type"] == "websocket",
        )

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query's parameters; of one that is given several times, the last."""
        pairs = parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True)
        return MappingProxyType(dict(pairs))

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers; the values of one that is given several times are joined by a comma (RFC 9110 §5.3)."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in self.raw_headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return MappingProxyType(headers)

    @property
    def url(self) -> str:
        """Path and query."""
        query = self.query_string.decode("latin-1")
        return f"{self.path}?{query}" if query else self.path


class Handshake:
    """What a client came with, for the application: the request of its session, and the `auth` payload of its
    namespace.

    `issued` is in milliseconds since 1970; `address` is the peer's, as the server in front of us sees it.
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
        """The peer's address."""
        return self.request.address

    @property
    def secure(self) -> bool:
        """Whether the client came over TLS."""
        return self.request.secure

    @property
    def xdomain(self) -> bool:
        """Whether a browser sent the request for a page (it names the page's origin)."""
        return "origin" in self.request.headers

    @property
    def url(self) -> str:
        """Path and query."""
        return self.request.url


def verify(request: Request, session: Session | None, transports: Collection[str | None]) -> None:
    """Check a request in the reference's order; raises `HandshakeError`. `session` is the one that its `sid` names.

    The application's hook and the protocol's version, which come last for a new session, are `verify_version`'s and the
    caller's part.
    """
    query = request.query
    transport = query.get("transport")
    if transport not in transports:
        raise HandshakeError(HandshakeCode.TRANSPORT_UNKNOWN)
    origin = request.headers.get("origin", "")
    if not origin.isprintable() or not origin.isascii():
        raise HandshakeError(HandshakeCode.BAD_REQUEST)
    if query.get("sid"):
        if session is None:
            raise HandshakeError(HandshakeCode.SESSION_UNKNOWN)
        if not request.upgrade and transport != session.transport:
            raise HandshakeError(HandshakeCode.BAD_REQUEST)
        if query.get("EIO") != PROTOCOL:
            raise HandshakeError(HandshakeCode.BAD_REQUEST)
    elif request.method != "GET":
        raise HandshakeError(HandshakeCode.BAD_HANDSHAKE_METHOD)
    if request.upgrade != (transport == "websocket"):
        raise HandshakeError(HandshakeCode.BAD_REQUEST)


def verify_version(request: Request) -> None:
    """The last check of a new session. A missing EIO counts as 3, which is refused. Raises `HandshakeError`."""
    if request.query.get("EIO") != PROTOCOL:
        raise HandshakeError(HandshakeCode.UNSUPPORTED_PROTOCOL_VERSION)
