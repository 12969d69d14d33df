"""How the opening of a websocket is answered, by either shell: the headers of the 101, or a refusal."""

from http import HTTPStatus

from protocol.errors import HandshakeCode, HandshakeError
from protocol.server.config.options import EngineOptions
from protocol.server.config.session_headers import session_headers
from protocol.server.http.request import RawHeaders, Request
from protocol.websocket.server_handshake import offered_subprotocols

OFFER = b"sec-websocket-protocol"
_OFFER = OFFER.decode()


def subprotocol(options: EngineOptions, request: Request) -> str | None:
    """The one to name (RFC 6455 §1.9); None where the client offers none, or none that the server speaks.

    Engine.IO has none of its own, but a client that offers some gives up where the server names none. Raises
    `HandshakeError` for an offer that is malformed.
    """
    if request.header(_OFFER) is None:
        return None
    try:
        offered = offered_subprotocols(request.headers[_OFFER])
    except ValueError as error:
        raise HandshakeError(HandshakeCode.BAD_REQUEST, str(error)) from error
    if options.subprotocols is None:
        return offered[0]  # as the reference does
    return next((name for name in options.subprotocols if name in offered), None)


def accept_headers(
    options: EngineOptions, request: Request, chosen: str | None, opened: str | None = None
) -> list[tuple[bytes, bytes]]:
    """Further headers of the 101, with the chosen subprotocol. `opened`: see `session_headers`."""
    headers = session_headers(options, request, opened)
    if chosen is not None:
        headers.append((OFFER, chosen.encode()))
    return headers


def refusal(status: int, message: str, headers: RawHeaders) -> bytes:
    """A plain HTTP answer instead of the 101, the last of its connection."""
    body = message.encode()
    lines = [
        b"HTTP/1.1 %d %b" % (status, HTTPStatus(status).phrase.encode()),
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
        *(b"%b: %b" % header for header in headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
