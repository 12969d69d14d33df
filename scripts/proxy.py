"""A TCP proxy that spreads connections over several servers, and fails as networks do when it is told to.

    proxy = Proxy([("127.0.0.1", 3001), ("127.0.0.1", 3002)])
    await proxy.start(port=3000)

It holds no more of what passes than a transport's buffer: one end is read only while the other takes more.
"""

import asyncio
import socket
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeAlias, cast

Target: TypeAlias = tuple[str, int] | Path
"""Where a server listens: a host and port, or a unix socket."""

CONNECT_WITHIN = 10.0  # seconds
BACKLOG = 4096


class Mode(Enum):
    """What becomes of connections."""

    FORWARD = auto()
    REFUSE = auto()  # there are none, and new ones are refused
    STALL = auto()  # nothing passes; new ones are taken and hear nothing
    STALL_TO_SERVER = auto()  # nothing passes from clients to servers
    STALL_TO_CLIENT = auto()  # nothing passes from servers to clients

    @property
    def connects(self) -> bool:
        """True if a new connection gets one to a server."""
        return self not in (Mode.REFUSE, Mode.STALL)


TO_SERVER = (Mode.FORWARD, Mode.STALL_TO_CLIENT)
TO_CLIENT = (Mode.FORWARD, Mode.STALL_TO_SERVER)


class End(asyncio.Protocol):
    """One end of a link."""

    def __init__(self, link: "Link") -> None:
        self.transport: asyncio.Transport | None = None
        self.full = False  # whether the transport holds more than it wants to
        self.ended = False  # whether the peer sends no more
        self._link = link
        self._reads = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self._link.made(self)

    def read(self, wanted: bool) -> None:
        """Read from the peer, or do not."""
        if self.transport is None or self.ended or self.transport.is_closing() or wanted is self._reads:
            return
        self._reads = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Bytes for the other end."""
        self._link.pass_on(self, data)

    def eof_received(self) -> bool:
        """The peer sends no more, but may read on."""
        self.ended = True
        self._link.pass_end(self)
        return True

    def pause_writing(self) -> None:
        """The peer is slower than the other one."""
        self.full = True
        self._link.regulate()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self.full = False
        self._link.regulate()

    def connection_lost(self, _error: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        self._link.lost(self)


class Link:
    """A client's connection and the one to its server, once that is there."""

    def __init__(self, proxy: "Proxy") -> None:
        self.client = End(self)
        self.server = End(self)
        self.connecting: asyncio.Task[None] | None = None
        self.abandoned = False
        self._proxy = proxy
        self._early = b""  # what the client sent before there was a server

    def made(self, end: End) -> None:
        """One end is connected: the client first."""
        if end is self.client:
            self._proxy.admit(self)
        elif self.client.transport is None:  # it has gone meanwhile
            self.abort()
        else:
            self.pass_on(self.client, self._early)
            if self.client.ended:
                self.pass_end(self.client)
            # Not now: uvloop begins to read after this call, paused or not.
            asyncio.get_running_loop().call_soon(self.regulate)

    def regulate(self) -> None:
        """Let each end be read exactly while the other takes more."""
        mode = self._proxy.mode
        passing = not self.abandoned and self.server.transport is not None
        to_server, to_client = mode in TO_SERVER, mode in TO_CLIENT
        self.client.read(passing and to_server and not self.server.full)
        self.server.read(passing and to_client and not self.client.full)

    def pass_on(self, end: End, data: bytes) -> None:
        """Write what came to the other end."""
        transport = self._other(end).transport
        if transport is not None:
            transport.write(data)
        elif end is self.client:
            self._early += data
            end.read(wanted=False)

    def pass_end(self, end: End) -> None:
        """Tell the other end that no more comes."""
        transport = self._other(end).transport
        if self.client.ended and self.server.ended:
            self.close()
        elif transport is not None and not transport.is_closing():
            transport.write_eof()

    def lost(self, end: End) -> None:
        """What is left of the link is written out and ends."""
        if self.connecting is not None:
            self.connecting.cancel()
        self.gone(end)

    def gone(self, end: End) -> None:
        """Of one end there is nothing left, or there never was anything."""
        end.transport = None
        self.close()
        if self.client.transport is self.server.transport is None:
            self._proxy.forget(self)

    def close(self) -> None:
        """End both connections once what they hold is written."""
        for end in (self.client, self.server):
            if end.transport is not None:
                end.transport.close()

    def abort(self) -> None:
        """Cut both connections."""
        if self.connecting is not None:
            self.connecting.cancel()
        for end in (self.client, self.server):
            if end.transport is not None:
                end.transport.abort()

    def _other(self, end: End) -> End:
        return self.server if end is self.client else self.client


class Proxy:
    """Takes connections and gives each to the next of `targets` that takes it. `port` is where it listens."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = targets
        self.mode = Mode.FORWARD
        self.port = 0
        self._host = "127.0.0.1"
        self._turn = 0
        self._links: dict[Link, None] = {}  # in the order of their coming
        self._empty = asyncio.Event()  # whether there are none
        self._empty.set()
        self._listener: socket.socket | None = None
        self._coming: set[asyncio.Task[Any]] = set()  # connections that were taken, and are not links yet

    @property
    def url(self) -> str:
        """Where an HTTP client finds it."""
        return f"http://{self._host}:{self.port}"

    @property
    def links(self) -> int:
        """How many connections it holds."""
        return len(self._links)

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen; port 0 is any free one. Raises OSError."""
        self._host, self.port = host, port
        self._listen()

    def stop_listening(self) -> None:
        """Take no more connections; those that there are go on."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    async def stop(self) -> None:
        """Cut all and listen no more."""
        self.stop_listening()
        while self._coming:
            await asyncio.wait(self._coming)
        self.cut()
        await self._empty.wait()

    # --- faults ---

    def cut(self) -> None:
        """Cut the connections that there are."""
        for link in list(self._links):
            link.abort()

    def refuse(self) -> None:
        """Cut all, and refuse new ones until `resume`, as a server does that has ended."""
        self.mode = Mode.REFUSE
        self.stop_listening()
        self.cut()

    def stall(self, mode: Mode = Mode.STALL) -> None:
        """Let nothing pass until `resume`, and tell nobody, as a network does that loses every packet; or nothing in
        one of the directions."""
        self.mode = mode
        self._regulate()

    def abandon(self) -> None:
        """Let nothing ever pass again over the connections that there are, and tell nobody, as a network does that has
        forgotten them. New ones are forwarded."""
        for link in self._links:
            link.abandoned = True
        self._regulate()

    async def resume(self) -> None:
        """Let all pass again; what was held back comes late."""
        self.mode = Mode.FORWARD
        if self._listener is None:
            self._listen()
        self._regulate()

    # --- what the links call ---

    def admit(self, link: Link) -> None:
        """A client has come."""
        self._links[link] = None
        self._empty.clear()
        if self._listener is None:  # it came just before that ended
            link.abort()
        elif self.mode.connects:
            link.connecting = asyncio.create_task(self._connect(link))

    def forget(self, link: Link) -> None:
        """Nothing is left of a link."""
        self._links.pop(link, None)
        if not self._links:
            self._empty.set()

    # --- steps of these ---

    def _listen(self) -> None:
        """Listen, and take connections by hand: where an asyncio.Server is closed in the moment in which it takes one,
        Python up to 3.12 leaves that open for good."""
        self._listener = socket.create_server((self._host, self.port), backlog=BACKLOG)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(BACKLOG):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            connection.setblocking(False)
            coming = loop.create_task(loop.connect_accepted_socket(lambda: Link(self).client, connection))
            self._coming.add(coming)
            coming.add_done_callback(self._coming.discard)

    def _regulate(self) -> None:
        for link in self._links:
            if link.connecting is None and self.mode.connects:  # it came while nothing passed
                link.connecting = asyncio.create_task(self._connect(link))
            link.regulate()

    async def _connect(self, link: Link) -> None:
        turn, self._turn = self._turn, self._turn + 1
        for place in range(turn, turn + len(self.targets)):  # each once, whatever other links do meanwhile
            target = self.targets[place % len(self.targets)]
            try:
                async with asyncio.timeout(CONNECT_WITHIN):
                    await _connected(target, link)
            except (OSError, TimeoutError):
                continue
            except asyncio.CancelledError:
                # Where it was made a moment ago, uvloop ends it and does not say so.
                link.gone(link.server)
                raise
            return
        link.abort()


async def _connected(target: Target, link: Link) -> None:
    loop = asyncio.get_running_loop()
    if isinstance(target, Path):
        await loop.create_unix_connection(lambda: link.server, str(target))
    else:
        await loop.create_connection(lambda: link.server, *target)
