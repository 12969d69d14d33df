"""The way of a client that begins by polling, and upgrades to a websocket after some polls, as engine.io-client does.

The project's client for programs speaks websocket alone. So this stands where its websocket ends: it takes the client's
messages and brings them by POST, fetches those of the server by GET, and in the end puts the project's websocket in its
place. It is a model of the other end of a session; the session itself is the server's own.
"""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, cast

from protocol.engineio import packets as engine
from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.errors import CloseCode
from protocol.websocket import frames
from protocol.websocket.frames import FrameReader
from protocol.websocket.messages import Close
from protocol.websocket.server_handshake import parse_head, switch

MASK = b"mask"
POLLS = 12  # at most, before the upgrade
_HEAD = (
    "GET /io/?EIO=4&transport=websocket&sid={} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

Serve = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]
"""An ASGI application."""


class Gone(Exception):
    """The server does not know the session, or not any more."""


class UpgradingTransport(asyncio.Transport):
    """What the websocket of the upgrade writes to: its bytes go to the path, and after the upgrade on to the client."""

    def __init__(self, path: "PollingPath") -> None:
        super().__init__()
        self._path = path

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As the client's own."""
        return self._path.client.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        """As the client's own."""
        return self._path.client.get_write_buffer_size()

    def is_closing(self) -> bool:
        """As the client's own."""
        return self._path.client.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Bytes of the server."""
        self._path.written(bytes(data))

    def pause_reading(self) -> None:
        """As the client's own."""
        self._path.client.pause_reading()

    def resume_reading(self) -> None:
        """As the client's own."""
        self._path.client.resume_reading()

    def close(self) -> None:
        """As the client's own."""
        self._path.client.close()

    def abort(self) -> None:
        """As the client's own."""
        self._path.client.abort()


class PollingPath(asyncio.Protocol):
    """One client. `serve` is the server, `accept` makes its websocket, `run` runs a task of its instance."""

    client: asyncio.Transport

    def __init__(
        self,
        serve: Serve,
        accept: Callable[[], asyncio.Protocol],
        run: Callable[[Coroutine[Any, Any, None]], Any],
        random: Random,
    ) -> None:
        self._serve = serve
        self._accept = accept
        self._run = run
        self._polls = random.randrange(POLLS)
        self._session = ""
        self._reader = FrameReader(masked=True, max_payload=1_000_000)
        self._outgoing: list[EnginePacket] = []
        self._wake = asyncio.Event()
        self._posting = False
        self._gone = asyncio.Event()
        self._websocket: asyncio.Protocol | None = None
        self._upgraded = False
        self._answer = bytearray()  # of the websocket, before the upgrade
        self._probed = asyncio.Event()
        self._held = bytearray()  # of the client, while it upgrades

    # --- the client's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self.client = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Its request for a websocket, then frames."""
        if not self._session and data.startswith(b"GET"):
            _, _, _, headers = parse_head(data)
            self._run(self._live(dict(headers)[b"sec-websocket-key"].decode()))
        elif self._upgraded and self._websocket is not None:
            self._websocket.data_received(data)
        elif self._websocket is not None:
            self._held += data
        else:
            self._take(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, and with it the request that waits."""
        self._gone.set()
        self._wake.set()
        self._probed.set()
        if self._websocket is not None:
            self._websocket.connection_lost(exc)

    def _take(self, data: bytes) -> None:
        for message in self._reader.receive(data):
            if isinstance(message, str | bytes):
                self._outgoing.append(engine.decode_packet(message))
                self._wake.set()
            elif isinstance(message, Close):
                self.client.close()
                self._gone.set()

    # --- polling ---

    async def _live(self, key: str) -> None:
        try:
            body = await self._request("GET", "EIO=4&transport=polling")
            self._session = str(engine.decode_packet(body.decode().split("\x1e")[0]).data).split('"')[3]
            self.client.write(switch(key, []))
            self._forward(body)
            self._run(self._post_all())
            for _ in range(self._polls):
                await self._poll()
            await self._upgrade()
        except Gone:
            self.client.close()

    async def _poll(self) -> None:
        self._forward(await self._request("GET", f"EIO=4&transport=polling&sid={self._session}"))

    def _forward(self, body: bytes) -> None:
        for packet in engine.decode_payload(body):
            if packet.type is PacketType.CLOSE:  # a websocket has a frame for that
                self.client.write(frames.encode_close(CloseCode.NORMAL))
            else:
                message = engine.encode_packet(packet)
                opcode = frames.Opcode.BINARY if isinstance(message, bytes) else frames.Opcode.TEXT
                self.client.write(
                    frames.encode(opcode, message if isinstance(message, bytes) else message.encode())
                )

    async def _post_all(self) -> None:
        """What the client sends, one POST after the other."""
        try:
            while not (self._gone.is_set() or self._websocket):
                await self._wake.wait()
                self._wake.clear()
                self._posting = True
                while self._outgoing:
                    packets, self._outgoing = self._outgoing, []
                    body = engine.encode_payload(packets).encode()
                    await self._request("POST", f"EIO=4&transport=polling&sid={self._session}", body)
                self._posting = False
        except Gone:
            self.client.close()

    async def _request(self, method: str, query: str, body: bytes = b"") -> bytes:
        """The body of an answer. Raises `Gone`."""
        incoming = [{"type": "http.request", "body": body, "more_body": False}]
        answer: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop()
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            answer.append(message)

        scope = {
            "type": "http", "method": method, "path": "/io/", "query_string": query.encode(), "headers": [],
            "client": ("127.0.0.1", 1), "scheme": "http",
        }  # fmt: skip
        await self._serve(scope, receive, send)
        if self._gone.is_set() or not answer or answer[0]["status"] != 200:
            raise Gone
        return b"".join(message.get("body", b"") for message in answer)

    # --- the upgrade ---

    async def _upgrade(self) -> None:
        """Probe, let polling end, upgrade; from then on the bytes of the websocket are the client's."""
        while (self._posting or self._outgoing) and not self._gone.is_set():  # noqa: ASYNC110 - a virtual clock
            await asyncio.sleep(0.01)
        if self._gone.is_set():
            raise Gone
        self._websocket = self._accept()
        self._websocket.connection_made(UpgradingTransport(self))
        self._websocket.data_received(_HEAD.format(self._session).encode())
        self._websocket.data_received(frames.encode(frames.Opcode.TEXT, b"2probe", mask=MASK))
        polling = asyncio.ensure_future(self._poll())
        await self._probed.wait()
        await polling
        self._websocket.data_received(frames.encode(frames.Opcode.TEXT, b"5", mask=MASK))
        self._upgraded = True
        held, self._held = bytes(self._held), bytearray()
        if held:
            self._websocket.data_received(held)

    def written(self, data: bytes) -> None:
        """Bytes of the websocket."""
        if self._upgraded:
            self.client.write(data)
            return
        self._answer += data
        if b"3probe" in self._answer:
            self._probed.set()
