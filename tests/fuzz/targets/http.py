"""HTTP/1.1 requests on one connection: the first byte chooses how the others are cut."""

import asyncio
from collections.abc import Iterable
from functools import cache
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from protocol.server.http.asgi import Receive, Scope, Send, read_body
from protocol.server.uvicorn_http.http_protocol import HttpProtocol
from protocol.websocket.server_handshake import parse_head
from tests.fuzz.draw import Draw, cut
from tests.fuzz.loop import event_loop, run

LIMIT = 100_000
TURNS = 8  # of the event loop
WORDS = [
    b"GET / HTTP/1.1\r\n",
    b"POST /a?b=c HTTP/1.1\r\n",
    b"Host: a\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"\r\n\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"0\r\na: b\r\n\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive, Upgrade\r\n",
    b"Upgrade: websocket\r\n",
    b"Expect: 100-continue\r\n",
    b"HTTP/1.0",
]


def check(data: bytes) -> None:
    """Nothing is raised; each request gets one answer; requests mean the same however they are cut; the head of a
    websocket's opening holds what was sent."""
    draw = Draw(data)
    seed = draw.below(256)
    wire = draw.rest()
    whole, pieces = Client(), Client()
    run(whole.send([wire] if wire else []))
    run(pieces.send(cut(wire, seed)))
    for client in (whole, pieces):
        client.check_answers()
    if not whole.refused and not pieces.refused:
        assert pieces.requests == whole.requests
        assert pieces.opening == whole.opening


class Client(asyncio.Transport):
    """The transport of a connection, and what the application saw of it."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[Any, ...]] = []
        self.opening: tuple[Any, ...] | None = None
        self.answers = b""
        self.closing = False
        self.state = ServerState()
        self.protocol: Any = None

    @property
    def refused(self) -> bool:
        """Whether the server has found a fault, or ended the connection after an answer: what comes later is lost, and
        how much that is depends on the pieces."""
        return self.closing or b"HTTP/1.1 4" in self.answers

    async def send(self, pieces: Iterable[bytes]) -> None:
        """Sends, lets the server answer in between, and goes."""
        self.protocol = HttpProtocol(config(), self.state, {"client": self}, event_loop())
        self.protocol.connection_made(self)
        for piece in pieces:
            if self.closing or self.opening is not None:
                break
            self.protocol.data_received(piece)
            await self.settle(TURNS + len(piece) // 64)
        if self.opening is None:
            self.protocol.connection_lost(None)
        await asyncio.gather(*self.state.tasks)

    async def settle(self, turns: int) -> None:
        """Lets the server do what it can without more bytes."""
        for _ in range(turns):
            await asyncio.sleep(0)

    def check_answers(self) -> None:
        count = self.answers.count(b"HTTP/1.1 204")
        assert count <= len(self.requests)
        assert self.answers.count(b"HTTP/1.1 4") <= 1
        assert b"HTTP/1.1 5" not in self.answers, "no request is a fault of the server"
        for method, _, _, headers, body in self.requests:
            assert method.isalpha() or "-" in method
            names = [name for name, _ in headers]
            assert names.count(b"content-length") <= 1
            if not {b"content-length", b"transfer-encoding"} & set(names):
                assert body == b""
            lengths = [int(value) for name, value in headers if name == b"content-length"]
            assert not lengths or len(body) == lengths[0]

    # --- what the server does with its end ---

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 80)}.get(name, default)

    def write(self, data: bytes) -> None:
        self.answers += data

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0  # the client takes what it gets

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers each request that comes whole, and tells the client what it was."""
    body = await read_body(receive, LIMIT)
    if body is None:
        return
    headers = list(scope["headers"])
    scope["state"]["client"].requests.append(
        (scope["method"], scope["path"], scope["query_string"], headers, body)
    )
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


class Opening(asyncio.Protocol):
    """Takes over a connection that becomes a websocket."""

    def __init__(self, *, app_state: dict[str, Any], **_: Any) -> None:
        self._client = app_state["client"]

    def data_received(self, data: bytes) -> None:
        """Its head, as uvicorn writes it out."""
        assert self._client.opening is None
        self._client.opening = parse_head(data)


@cache
def config() -> Config:
    """uvicorn's."""
    made = Config(
        application, ws=Opening, interface="asgi3", log_config=None, access_log=False, lifespan="off"
    )
    made.load()
    return made
