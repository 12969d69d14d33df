"""Whole instances of the chat, and people who use them over HTTP and real Socket.IO connections."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from itertools import count
from typing import Any, TypeAlias

import aiohttp
import socketio
from engineio.payload import Payload
from joserfc import jwt
from joserfc.jwk import OctKey

from app.config.settings import Settings
from app.payloads.responses import Presence
from app.serving.server import ChatServer
from tests.support.chat import descriptions as described
from tests.support.python_client import leave
from tests.support.waiting import PATIENCE

PASSWORD = "correct horse battery staple"


names = count(1)

# Beyond 16 the client would take the answer to a poll for an attack, and end.
Payload.max_decode_packets = 1_000


class Instance:
    """A server that runs in this event loop."""

    path = "/io/"

    def __init__(self, settings: Settings) -> None:
        self.server = ChatServer(settings)
        self.port = 0
        self.url = ""
        self.running = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        try:
            await self.server.serve()
        except SystemExit as end:  # which would end the event loop, and all tests after this one with it
            raise AssertionError(f"the server could not start: status {end.code}") from end

    async def started(self) -> "Instance":
        while not self.server.started:
            if self.running.done():
                self.running.result()
                raise AssertionError("the server ended at once")
            await asyncio.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def stop(self) -> None:
        """What SIGTERM does."""
        self.server.ask_to_end()
        await self.running


class Device:
    """One Socket.IO connection. Keeps every event that comes, in order; `heard` has those of all names."""

    def __init__(self, url: str, token: str | None, transport: str, **options: Any) -> None:
        self.url = url
        self.token = token
        self.transport = transport
        # Its own handler of SIGINT would cancel the tasks of a server beside it.
        self.client = socketio.AsyncClient(**{"reconnection": False, "handle_sigint": False, **options})
        self.received: dict[str, list[Any]] = defaultdict(list)
        self.heard: list[tuple[str, Any]] = []
        self.undescribed: list[str] = []
        self._news = asyncio.Condition()
        self._read: dict[str, int] = defaultdict(int)
        self.client.on("*", self._receive)
        self.client.on("disconnect", self._end)

    async def _receive(self, event: str, *args: Any) -> None:
        if event != "disconnect":
            try:
                described.check_event(event, args[0] if args else None)
            except AssertionError as error:  # which would be lost in a task of the client
                self.undescribed.append(str(error))
        async with self._news:
            self.heard.append((event, args[0] if args else None))
            self.received[event].append(args[0] if args else None)
            self._news.notify_all()

    async def _end(self, reason: str) -> None:
        await self._receive("disconnect", reason)

    async def connect(self, headers: dict[str, str] | None = None) -> "Device":
        await self.client.connect(
            self.url,
            headers=headers or {},
            auth=None if self.token is None else {"token": self.token},
            transports=[self.transport],
            socketio_path="/io",
            wait_timeout=PATIENCE,
        )
        return self

    async def close(self) -> None:
        with suppress(aiohttp.ClientPayloadError):  # let out where the server was killed amid an answer
            await leave(self.client)
        assert self.undescribed == []

    async def call(self, event: str, *args: Any) -> Any:
        """Emits an event; returns its ack."""
        data = args if len(args) != 1 else args[0]
        answer = await self.client.call(event, data, timeout=PATIENCE)
        described.check_ack(event, args[0] if args else None, answer)
        return answer

    async def ok(self, event: str, *args: Any) -> Any:
        """Emits an event that must succeed; returns its data."""
        answer = await self.call(event, *args)
        assert answer["ok"] is True, answer
        return answer["data"]

    async def refused(self, event: str, *args: Any) -> Any:
        """Emits an event that must be refused; returns the error."""
        answer = await self.call(event, *args)
        assert answer["ok"] is False, answer
        assert set(answer["error"]) - {"retryAfter"} == {"code", "reason", "message", "requestId"}
        return answer["error"]

    async def expect(self, event: str) -> Any:
        """The next event of a name that was not asked for before."""
        async with asyncio.timeout(PATIENCE), self._news:
            place = self._read[event]
            await self._news.wait_for(lambda: len(self.received[event]) > place)
            self._read[event] += 1
            return self.received[event][place]

    async def authenticate(self) -> Any:
        return await self.ok("authenticate")


class Person:
    """An account, with its HTTP client and its devices."""

    def __init__(
        self, url: str, session: dict[str, Any], stack: AsyncExitStack, transports: Iterator[str]
    ) -> None:
        self.url = url
        self.token: str = session["token"]
        self.device_token: str = session["deviceToken"]
        self.user: dict[str, Any] = session["user"]
        self.id: str = self.user["id"]
        self.http = described.client(url, headers={"authorization": f"Bearer {self.token}"})
        self._stack = stack
        self._transports = transports

    async def device(self, url: str | None = None) -> Device:
        """A connected and authenticated device, at another instance if its URL is given."""
        device = Device(url or self.url, self.token, next(self._transports))
        self._stack.push_async_callback(device.close)
        await device.connect()
        await device.authenticate()
        return device

    async def room(self, **fields: Any) -> str:
        """Creates a room; returns its id."""
        answer = await self.http.post("/chat/rooms", json={"name": "a room", **fields})
        assert answer.status_code == 201, answer.text
        room_id: str = answer.json()["id"]
        return room_id


People: TypeAlias = Callable[..., Awaitable[Person]]  # the fixture `people`, which signs somebody up
Start: TypeAlias = Callable[
    ..., Awaitable[Instance]
]  # the fixture `start`, which starts instances of one chat
Connect: TypeAlias = Callable[..., Awaitable[Device]]  # the fixture `connect`


async def together(*people: Person) -> str:
    """A room of the first of them that all of them are in."""
    room = await people[0].room()
    for person in people[1:]:
        answer = await person.http.post(f"/chat/rooms/{room}/join")
        assert answer.status_code == 200, answer.text
    return room


async def nobody_is_here(_: list[str]) -> dict[str, Presence]:
    """Stands for the presence of users where a test has no sockets."""
    return {}


def token_of(settings: Settings, person: Person, lifetime: float) -> str:
    """A token as the instances make them, valid for so many seconds."""
    claims = {"sub": person.id, "iat": int(time.time()), "exp": int(time.time() + lifetime), "jti": "short"}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(settings.jwt_secret))
