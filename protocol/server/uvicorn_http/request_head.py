"""The head of an HTTP/1.1 request, after uvicorn's parser and before the application: what is refused, how the body is
framed, and whether the connection is to become a websocket."""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TypeAlias

_END = b"\r\n\r\n"

Fields: TypeAlias = Sequence[tuple[bytes, bytes]]  # names in lower case

_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]{0,5})?[ \t]*"
)  # RFC 3986 §3.2.2


class RequestRefused(Exception):
    """A request that is not served. `words` say why, and are the body of the answer."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words

    @property
    def answer(self) -> bytes:
        """The whole answer, for a connection that ends with it."""
        body = self.words.encode()
        return (
            b"HTTP/1.1 %d %b\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n%b"
        ) % (self.status, self.status.phrase.encode(), len(body), body)


def find_end(tail: bytes, data: bytes) -> int:
    """Where in `data` the next empty line ends, which may have begun in the `tail` of what came before it; 0 if it is
    not there."""
    if tail:
        found = (tail + data[:3]).find(_END)
        if found >= 0:
            return found + len(_END) - len(tail)
    found = data.find(_END)
    return found + len(_END) if found >= 0 else 0


def tail_of(tail: bytes, data: bytes) -> bytes:
    """The last bytes of `tail` and `data`, as far as an empty line may begin in them."""
    return (tail + data[-3:])[-3:]


def check_host(fields: Fields, version: Callable[[], str]) -> None:
    """There must be one Host and it must be one; HTTP/1.0 may have none (RFC 9112 §3.2). Raises `RequestRefused`."""
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) != 1 and (hosts or version() != "1.0"):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "A request must have one Host header field")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "The Host header field is malformed")


def body_length(fields: Fields) -> int | None:
    """The bytes of the body; None if it is chunked. The parser refuses a head that says both, or one twice."""
    named = dict(fields)
    return None if b"transfer-encoding" in named else int(named.get(b"content-length", 0))


def opens_websocket(method: bytes, version: str, fields: Fields) -> bool:
    """True if a request that offers to change the protocol is a websocket's (RFC 6455 §4.1). The offer of HTTP/1.0 does
    not count (RFC 9110 §7.8)."""
    offers = b",".join(values(fields, b"upgrade")).lower().split(b",")
    return (
        method == b"GET"
        and version == "1.1"
        and b"websocket" in [offer.strip() for offer in offers]
        and body_length(fields) == 0
    )


def without_offer(method: bytes, target: bytes, version: str, fields: Fields) -> bytes:
    """The bytes of the same head, without the offer of another protocol."""
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    lines += [b"%b: %b" % field for field in fields if field[0] != b"upgrade"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def values(fields: Fields, name: bytes) -> list[bytes]:
    """The values of all fields with this name."""
    return [value.strip(b" \t") for key, value in fields if key == name]
