"""One HTTP request of a client: polling's, or a websocket's opening."""

from collections.abc import Iterable, Mapping
from sys import maxsize
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

RawHeaders: TypeAlias = Iterable[tuple[bytes, bytes]]

_MAX_PARAMETERS = 100  # of a query; each takes a microsecond to parse


class Request:
    """A request of a client. A session keeps its first one for the application, so it is kept small: the headers
    are one block of bytes, and what is asked of it often stands beside it.

    `transport`, `sid` and `version` are the query's `transport`, `sid` and `EIO`, None where it has none. `base64`: the
    query has `b64`, so a websocket is to carry binary as text. `size` is the bytes of path, query and headers; a query
    of very many parameters is too large for any server. `allowed_origin`: the origin, if the application's function for
    `cors_origins` has been asked and allows it. `session_id`: the one that the application chose for a new session.
    """

    __slots__ = (
        "_headers",
        "_query",
        "address",
        "allowed_origin",
        "base64",
        "method",
        "path",
        "secure",
        "session_id",
        "sid",
        "size",
        "transport",
        "upgrade",
        "version",
    )

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
        self.address = address
        self.secure = secure
        self.upgrade = upgrade
        self._query = query_string
        self._headers = b"".join([b"\n%b: %b" % (name.lower(), value) for name, value in headers]) + b"\n"
        self.size = len(path) + len(query_string) + len(self._headers)
        if query_string.count(b"&") >= _MAX_PARAMETERS:
            self._query, self.size = b"", maxsize
        query = self.query
        self.transport = query.get("transport")
        self.sid = query.get("sid")
        self.version = query.get("EIO")
        self.base64 = bool(query.get("b64"))
        self.allowed_origin: str | None = None
        self.session_id: str | None = None

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

    def header(self, name: str) -> str | None:
        """The value of a header, the first where it is given several times. The name is in lower case."""
        start = self._headers.find(b"\n%b: " % name.encode())
        if start < 0:
            return None
        start += len(name) + 3
        return self._headers[start : self._headers.index(b"\n", start)].decode("latin-1")

    @property
    def headers(self) -> dict[str, str]:
        """All headers, names in lower case; the values of one that is given several times are joined by a comma
        (RFC 9110 §5.3)."""
        headers: dict[str, str] = {}
        for line in self._headers.decode("latin-1").strip("\n").split("\n"):
            name, _, value = line.partition(": ")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of one that is given several times, the last."""
        return dict(parse_qsl(self._query.decode("latin-1"), keep_blank_values=True))

    @property
    def url(self) -> str:
        """Path and query."""
        query = self._query.decode("latin-1")
        return f"{self.path}?{query}" if query else self.path
