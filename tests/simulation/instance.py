"""One instance: the project's server with its bus, its store and its announcements, and the handlers of a small chat.

The handlers stand for `app.api` and the parts of the chat, whose SQL needs a real database; they keep to the order in
which those commit, announce and answer.
"""

import asyncio
from contextvars import copy_context
from random import Random
from types import SimpleNamespace
from typing import Any

from app.announce.announcer import Announcer, room_channel, to_room, user_channel
from app.payloads.server_events import USER_JOINED, USER_LEFT
from protocol import BusUnavailable, RedisBus, RedisStore, Refused, Server, Socket
from protocol.server.config.observer import Observer
from tests.simulation.chat_log import Away, ChatLog
from tests.simulation.histories import History
from tests.simulation.polling_path import PollingPath
from tests.simulation.redis_model import RedisModel
from tests.simulation.virtual_loop import OWNER, VirtualLoop

NEWS = "/news"
PING_INTERVAL, PING_TIMEOUT = 2_000, 1_500  # ms
RECOVERY = 8_000  # ms that a client may be away

_CONFIG: Any = SimpleNamespace(proxy_headers=False)


class InstanceObserver(Observer):
    """Counts what the checks have to know."""

    def __init__(self) -> None:
        self.over = False  # the history has ended, and what happens now is its clearing away
        self.gaps = 0
        self.outcomes: dict[str, int] = {}
        self.closed: list[str] = []

    def records_lost(self) -> None:
        """The bus lost records for this instance."""
        self.gaps += 1

    def recovery(self, outcome: str) -> None:
        """A client asked for its session."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def session_closed(self, transport: str, reason: str) -> None:
        """A session ended."""
        if not self.over:
            self.closed.append(reason)


class Instance:
    """A process of the server, from its start to its end. A new one with another name takes its place."""

    def __init__(
        self, loop: VirtualLoop, name: str, redis: RedisModel, log: ChatLog, history: History
    ) -> None:
        self.name = name
        self.up = False
        self.context = copy_context()
        self.context.run(OWNER.set, self)
        self.observer = InstanceObserver()
        self.handled: list[int] = []  # numbers of emissions
        self._loop = loop
        self._redis = redis
        self._log = log
        url = f"redis://{name}:6379/0"
        self.io = Server(
            bus=RedisBus(url, stream_count=history.streams, publish_timeout=1_500),
            store=RedisStore(url),
            path="/io/",
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            upgrade_timeout=1_500,
            connect_timeout=4_000,
            recovery=RECOVERY,
            recovery_history=history.kept,
            serve_client=False,
            max_buffered=40_000,
            observer=self.observer,
        )
        self.announcer = Announcer(self.io, None)  # `store.members.state` is the model's
        self.news = self.io.of(NEWS)
        self._register()
        self._protocol = self.io.websocket_protocol
        self._state: Any = SimpleNamespace(connections=set())
        self._serving: asyncio.Task[None] | None = None

    # --- life ---

    def start(self) -> None:
        """Begin to serve, as soon as Redis answers."""
        self._serving = self._loop.create_task(self._start(), context=self.context)

    async def _start(self) -> None:
        while True:
            try:
                await self.io.start()
            except BusUnavailable:
                await asyncio.sleep(0.5)
            else:
                self.up = True
                return

    def accept(self, random: Random, *, polling: bool) -> asyncio.Protocol:
        """The protocol of a new connection, as uvicorn makes it, or the way of one who polls."""
        return PollingPath(self.io, self._accept, self.do, random) if polling else self._accept()

    def _accept(self) -> asyncio.Protocol:
        return self._protocol(_CONFIG, self._state, {})

    async def stop(self) -> None:
        """End in order."""
        self.up = False
        stopping = self._loop.create_task(self._stop(), context=self.context)
        await stopping
        self._loop.cancel_tasks_of(self)

    async def _stop(self) -> None:
        await self.announcer.close()
        await self.io.stop(grace=500)

    def kill(self) -> None:
        """End at once: nothing of what it was about to do reaches anyone."""
        self.up = False
        self._redis.dead.add(self.name)
        self._loop.cancel_tasks_of(self)

    def do(self, work: Any) -> "asyncio.Task[Any]":
        """Run a coroutine on this instance."""
        return self._loop.create_task(work, context=self.context)

    # --- handlers ---

    def _register(self) -> None:
        io = self.io
        io.use_recovery(self._returning)
        for event, handler in (
            ("authenticate", self._authenticate),
            ("message:send", self._send),
            ("room:join", self._join),
            ("room:leave", self._leave),
            ("room:sync", self._sync),
        ):
            io.on(event)(handler)
        io.on_error(self._refused)
        self.news.on("connection")(self._reads_news)

    async def _returning(self, socket: Socket) -> None:
        try:
            rooms = {room_channel(room) for room in await self._log.rooms_of(socket.data["user"])}
        except (Away, KeyError) as error:  # the database is away, or it was a stranger
            raise Refused(repr(error)) from error
        followed = {channel for channel in socket.rooms if channel.startswith(room_channel(""))}
        await socket.leave(*(followed - rooms))

    async def _refused(self, _socket: Socket, _incoming: object, error: Exception) -> dict[str, Any]:
        if isinstance(error, Away | BusUnavailable):
            return refusal("unavailable")
        if isinstance(error, KeyError):
            return refusal("not_a_member")
        raise error

    async def _reads_news(self, socket: Socket) -> None:
        await socket.join(user_channel(socket.handshake.auth["user"]))

    async def _authenticate(self, socket: Socket, payload: dict[str, Any]) -> dict[str, Any]:
        user = payload["token"]
        await socket.join(user_channel(user))
        found = set(await self._log.rooms_of(user))
        await socket.join(*map(room_channel, found))
        kept = found & set(await self._log.rooms_of(user))
        await socket.leave(*map(room_channel, found - kept))
        socket.data["user"] = user
        return answer(sorted(kept))

    async def _send(self, socket: Socket, payload: dict[str, Any]) -> dict[str, Any]:
        self.handled.append(payload["emission"])
        message, number = await self._log.write(payload["room"], socket.data["user"], payload["name"])
        if message is not None:
            await self.announcer.message(message)
        return answer(number)

    async def _join(self, socket: Socket, payload: dict[str, Any]) -> dict[str, Any]:
        return await self._change(socket.data["user"], payload, member=True)

    async def _leave(self, socket: Socket, payload: dict[str, Any]) -> dict[str, Any]:
        return await self._change(socket.data["user"], payload, member=False)

    async def _change(self, user: str, payload: dict[str, Any], *, member: bool) -> dict[str, Any]:
        self.handled.append(payload["emission"])
        room = payload["room"]
        change = await self._log.change_member(room, user, member=member)
        if change is None:
            await self.announcer.follow(user, room, member=member)
            return answer(None)
        event = USER_JOINED if member else USER_LEFT
        await self.announcer.change_members(room, {user: member}, to_room(room, event, change, user))
        return answer(None)

    async def _sync(self, socket: Socket, payload: dict[str, Any]) -> dict[str, Any]:
        found = await self._log.changes_after(payload["room"], socket.data["user"], payload["after"])
        if found is None:
            raise KeyError(payload["room"])
        return answer(found)


def answer(data: Any) -> dict[str, Any]:
    """An ack, as the chat gives it."""
    return {"ok": True, "data": data}


def refusal(reason: str) -> dict[str, Any]:
    """An ack of a refusal, as the chat gives it."""
    return {"ok": False, "error": {"code": "x", "reason": reason, "message": reason, "requestId": "x"}}
