"""The bytes of a websocket's opening on the server's side."""

import re
from collections.abc import Iterable
from typing import TypeAlias

from protocol.websocket.accept_key import accept_key

RawHeaders: TypeAlias = Iterable[tuple[bytes, bytes]]
_AUTHORITY = re.compile(rb"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2


def parse_head(head: bytes) -> tuple[str, str, bytes, list[tuple[bytes, bytes]]]:
    """Method, path, query and headers of the request that uvicorn has already parsed and written out again.

    The path is `/` at least.
    """
    request_line, *lines = head.rstrip(b"\r\n").split(b"\r\n")
    method, target, _ = request_line.split(b" ", 2)
    origin_form = _AUTHORITY.sub(
        b"", target
    )  # a client may name the host in the target, too (RFC 9112 §3.2.2)
    path, _, query = origin_form.partition(b"?")
    headers = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.strip().lower(), value.strip()))
    return method.decode("latin-1"), path.decode("latin-1") or "/", query, headers


def offered_subprotocols(header: str) -> list[str]:
    """The names in `Sec-WebSocket-Protocol`, by the client's preference (RFC 6455 §4.1). Raises `ValueError`."""
    names = [name.strip(" \t") for name in header.split(",")]
    if len({*names}) < len(names) or not all(_TOKEN.fullmatch(name) for name in names):
        raise ValueError("Invalid Sec-WebSocket-Protocol header")
    return names


def switch(key: str, headers: RawHeaders) -> bytes:
    """The answer that makes the connection a websocket (RFC 6455 §4.2.2)."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept_key(key.encode()),
        *(b"%b: %b" % header for header in headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"
