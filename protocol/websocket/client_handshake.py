"""The client's side of a WebSocket's opening handshake: the request's bytes and the check of its answer
(RFC 6455 §4.1). Nothing is followed, negotiated or retried: an answer other than 101 is a refusal.
"""

import base64
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from protocol.errors import Unreachable
from protocol.websocket.accept_key import accept_key

_MAX_HEAD = 16_384
_MAX_BODY = 65_536  # of a refusal
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: ([\x20-\x7e\x80-\xff]*))?", re.ASCII)
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\x20-\x7e\x80-\xff\t]*")
_OWN_FIELDS = frozenset(
    {"host", "upgrade", "connection", "content-length", "transfer-encoding"}
    | {f"sec-websocket-{name}" for name in ("key", "version", "protocol", "extensions")}
)


class Address(Struct, frozen=True):
    """Where a server is: `target` is the request's path and query, `authority` its Host header."""

    host: str
    port: int
    secure: bool
    authority: str
    target: str


def parse_url(url: str, path: str) -> Address:
    """The address of an Engine.IO server at `path` of a URL like `https://host:port?key=value`.

    Raises `ValueError` for another scheme, and for a path or a user name in the URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"a server's URL is http://host:port or https://host:port, not {url!r}")
    if parts.path not in ("", "/") or parts.username is not None or parts.fragment:
        raise ValueError("a server's URL has no path (say `path=`), no user name and no fragment")
    authority = _authority(parts)
    query = "EIO=4&transport=websocket" + (f"&{parts.query}" if parts.query else "")
    target = f"{path}?{query}"
    if not re.fullmatch(r"[!-~]+", authority):
        raise ValueError(f"not a host: {parts.hostname!r}")
    if not re.fullmatch(r"/[!-~]*", target):
        raise ValueError(f"a path begins with a slash, and it and the query are percent-encoded: {target!r}")
    return Address(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        secure=parts.scheme in ("https", "wss"),
        authority=authority,
        target=target,
    )


def _authority(parts: SplitResult) -> str:
    """The Host header: no port where it is the scheme's own (RFC 9110 §7.2)."""
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host.encode("idna").decode()
    return name if parts.port in (None, _PORTS[parts.scheme]) else f"{name}:{parts.port}"


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise `ValueError` for a header that HTTP does not allow, or that the handshake itself sets."""
    for name, value in headers.items():
        if name.lower() in _OWN_FIELDS:
            raise ValueError(f"the handshake sets {name!r} itself")
        if not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise ValueError(f"not an HTTP header: {name!r}")


def request(address: Address, headers: Mapping[str, str], nonce: bytes) -> bytes:
    """The bytes of the opening request. `nonce`: 16 random bytes, for this request alone."""
    lines = [
        f"GET {address.target} HTTP/1.1",
        f"Host: {address.authority}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(nonce).decode()}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class AnswerReader:
    """Reads the answer to the request with this `nonce`."""

    __slots__ = ("_accept", "_buffer")

    def __init__(self, nonce: bytes) -> None:
        self._accept = accept_key(base64.b64encode(nonce))
        self._buffer = b""

    def receive(self, data: bytes, *, end: bool = False) -> bytes | None:
        """Take bytes; `end` says that no more will come. None: the answer is not whole yet. Bytes, perhaps none:
        the websocket is open, and they are the first of its frames.

        Raises `Unreachable` for any other answer.
        """
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        # Where its end is not found yet, three bytes of that may be there.
        if len(head) > (_MAX_HEAD if found else _MAX_HEAD + 3) or (end and not found):
            raise Unreachable("the server did not answer with HTTP")
        if not found:
            return None
        status_line, *lines = head.split(b"\r\n")
        status = _STATUS.fullmatch(status_line)
        if status is None:
            raise Unreachable("the server did not answer with HTTP")
        fields = _fields(lines)
        if status[1] == b"101":
            self._check(fields)
            return rest
        size = _body_size(fields)
        if not end and len(rest) < size:
            return None
        text = rest[:size].decode(errors="replace")
        reason = (status[2] or b"").decode("latin-1")
        raise Unreachable(f"HTTP {status[1].decode()} {reason}".rstrip() + (f": {text}" if text else ""))

    def _check(self, fields: Mapping[bytes, bytes]) -> None:
        """Raise `Unreachable` unless the server agrees to a websocket without extensions and subprotocol."""
        tokens = [token.strip().lower() for token in fields.get(b"connection", b"").split(b",")]
        if fields.get(b"upgrade", b"").lower() != b"websocket" or b"upgrade" not in tokens:
            raise Unreachable("the server did not switch to a websocket")
        if fields.get(b"sec-websocket-accept") != self._accept:
            raise Unreachable("the server did not prove that it read the request")
        if b"sec-websocket-extensions" in fields or b"sec-websocket-protocol" in fields:
            raise Unreachable("the server chose an extension or a subprotocol that was not offered")


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    """Header fields by their names in lower case; values of one name are joined by a comma."""
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        fields[name] = fields[name] + b", " + value if name in fields else value
    return fields


def _body_size(fields: Mapping[bytes, bytes]) -> int:
    """How much of a refusal's body to wait for. Without a length, that is until the server closes."""
    length = fields.get(b"content-length", b"")
    return min(int(length), _MAX_BODY) if re.fullmatch(rb"\d{1,9}", length) else _MAX_BODY
