"""What an Engine.IO request asks with: a query and headers, with 0x1e between them; the first byte chooses the rest.

Headers are those that an HTTP server lets through.
"""

import re

from uvicorn import Config

from protocol.engineio.session import Session
from protocol.engineio.timing import Timing
from protocol.errors import HandshakeError
from protocol.server.config.cors import cors_headers, preflight_headers
from protocol.server.config.options import EngineOptions
from protocol.server.http.forwarded_headers import see_through
from protocol.server.http.handshake import Handshake, verify, verify_version
from protocol.server.http.request import Request
from tests.fuzz.draw import Draw

OPTIONS = [
    EngineOptions(),
    EngineOptions(cors_origins="*"),
    EngineOptions(cors_origins=("https://a.example", "https://b.example"), cors_credentials=True),
]
CONFIG = Config(None, forwarded_allow_ips=["127.0.0.1", "10.0.0.0/8"])
SESSION = Session("a", Timing(25_000, 20_000, 10_000), websocket=False, now=0)
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*")
WORDS = [
    b"\x1eorigin: https://a.example",
    b"\x1ex-forwarded-for: 10.0.0.1, [::1]:80",
    b"\x1ex-forwarded-proto: https",
    b"\x1eaccess-control-request-headers: a",
    b"EIO=4&transport=polling",
    b"&sid=a",
    b"&transport=websocket",
    b"%0d%0a",
]


def check(data: bytes) -> None:
    """Only `HandshakeError` is raised; what is answered with adds no line to the answer; a header is what was sent, and
    so is what was asked for."""
    draw = Draw(data)
    choice = draw.below(256)
    query, *lines = draw.rest().split(b"\x1e")
    fields = [(match[1].lower(), match[2]) for line in lines if (match := FIELD.fullmatch(line))]
    scope = {
        "type": "websocket" if choice & 1 else "http",
        "method": ("GET", "POST", "OPTIONS", "PUT")[choice // 2 % 4],
        "path": "/socket.io/",
        "query_string": query,
        "headers": fields,
        "client": ("127.0.0.1", 5) if choice & 8 else ("192.0.2.1", 5),
        "scheme": "ws" if choice & 1 else "http",
    }
    see_through(CONFIG, scope)
    if not choice & 8:
        assert scope["client"][0] == "192.0.2.1", "only a trusted proxy names another client"
    request = Request.of_scope(scope)
    check_fields(request, fields)
    options = OPTIONS[choice // 16 % 3]
    for headers in (cors_headers(options, request), preflight_headers(options, request)):
        assert not any(re.search(rb"[\r\n\0]", name + value) for name, value in headers)
    for session in (None, SESSION):
        try:
            verify(request, session, options.transports)
            verify_version(request)
        except HandshakeError as error:
            assert error.status in (400, 403)
            continue
        assert request.transport == ("websocket" if choice & 1 else "polling")
        assert request.version == "4"


def check_fields(request: Request, fields: list[tuple[bytes, bytes]]) -> None:
    for name, _ in fields:
        values = [value.decode("latin-1") for key, value in fields if key == name]
        assert request.header(name.decode()) == values[0]
        assert request.headers[name.decode()] == ", ".join(values)
    handshake = Handshake(request, 0)
    assert handshake.xdomain == any(name == b"origin" for name, _ in fields)
    assert handshake.query.get("sid") == request.sid
    assert handshake.url.startswith("/socket.io/")
    assert request.address is not None
