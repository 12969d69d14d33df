"""A user with one device: the project's client for programs, following rooms by the rules of docs/chat.md, and reading
news, whose past nobody gives it but connection state recovery."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from itertools import count
from typing import Any, NamedTuple

from app.client import ChatClient, ChatRefused
from protocol import AckTimeout, Disconnected, Refused, Unreachable
from tests.simulation.instance import NEWS
from tests.simulation.virtual_loop import OWNER, VirtualLoop

CALL_WITHIN = 3_000  # ms
AGAIN_AFTER = 0.3  # s
NEWS_AGAIN_AFTER = 0.2  # s


class Heard(NamedTuple):
    """An announcement of a change, as it came: when, of which room, and its number."""

    at: float
    room: str
    number: int


class Stay:
    """What one session of a client heard, however often its connection was lost and the session recovered."""

    def __init__(self) -> None:
        self.changes: list[Heard] = []
        self.news: list[int] = []
        self.recoveries = 0


class Ack(NamedTuple):
    """A change that was acknowledged, and when: a message by its name, or an end or beginning of a membership."""

    at: float
    room: str
    kind: str  # "message", "enter" or "leave"
    name: str
    number: int | None


class Member:
    """`views` is what it knows of each room, by the numbers of the changes, up to `known`."""

    def __init__(self, loop: VirtualLoop, name: str, rooms: list[str], emissions: "count[int]") -> None:
        self.name = name
        self.stays: list[Stay] = []  # in the chat
        self.news_stays: list[Stay] = []
        self.reasons: list[str] = []  # of disconnections
        self.acks: list[Ack] = []
        self.asked: list[tuple[float, str, str]] = []  # when it asked to enter a room: time, kind, room
        self.pending = 0  # calls
        self.views: dict[str, dict[int, str]] = {room: {} for room in rooms}
        self.known: dict[str, int] = dict.fromkeys(rooms, 0)
        self.stale: set[str] = set()  # rooms that it could not sync
        self._syncing = asyncio.Lock()
        self._loop = loop
        self._emissions = emissions
        self.context = copy_context()
        self.context.run(OWNER.set, self)
        self.chat = ChatClient(
            f"http://{name}",
            name,
            auth={"user": name},
            connect_timeout=3_000,
            reconnection_delay=100,
            reconnection_delay_max=1_000,
        )
        self.client = self.chat._client
        self.news = self.client.of(NEWS, auth={"user": name})
        self._listen()

    def _listen(self) -> None:
        chat = self.chat
        chat.on("connect")(self._connected)
        chat.on("disconnect")(self._disconnected)
        chat.on("message:new")(self._message)
        chat.on("room:user-joined")(self._membership)
        chat.on("room:user-left")(self._membership)
        self.news.on("connect")(self._news_connected)
        self.news.on("disconnect")(self._disconnected)
        self.news.on("tick")(self._tick)

    def start(self) -> None:
        """Connect, and stay connected."""
        for connect, active in (
            (self.chat.connect, lambda: self.client.active),
            (self.news.connect, lambda: self.news.active),
        ):
            self.do(self._stay_connected(connect, active))

    def do(self, work: Any) -> "asyncio.Task[Any]":
        """Run a coroutine as this client."""
        return self._loop.create_task(work, context=self.context)

    async def _stay_connected(self, connect: Callable[[], Any], active: Callable[[], bool]) -> None:
        """As programs do that are refused or thrown out: try again a little later."""
        while True:
            if not active():
                try:
                    await connect()
                except (Refused, Unreachable, Disconnected, ChatRefused) as error:
                    self.reasons.append(type(error).__name__)
            await asyncio.sleep(NEWS_AGAIN_AFTER)

    # --- what it hears ---

    async def _connected(self) -> None:
        if self.client.recovered and self.stays:
            self.stays[-1].recoveries += 1
        else:
            self.stays.append(Stay())
            for room in self.known:
                await self._sync(room)
        for room in sorted(self.stale):
            await self._sync(room)

    def _disconnected(self, reason: str) -> None:
        self.reasons.append(reason)

    def _news_connected(self) -> None:
        if self.news.recovered and self.news_stays:
            self.news_stays[-1].recoveries += 1
        else:
            self.news_stays.append(Stay())

    def _tick(self, number: int) -> None:
        self.news_stays[-1].news.append(number)

    async def _message(self, message: dict[str, Any]) -> None:
        await self._change(message["roomId"], message["changeSeq"], message["content"])

    async def _membership(self, change: dict[str, Any]) -> None:
        verb = "enters" if change["member"]["state"] == "member" else "leaves"
        await self._change(change["roomId"], change["seq"], f"{change['userId']} {verb}")

    async def _change(self, room: str, number: int, what: str) -> None:
        if self.stays:
            self.stays[-1].changes.append(Heard(self._loop.time(), room, number))
        if number == self.known[room] + 1:
            self._apply(room, number, what)
        elif number > self.known[room]:
            await self._sync(room)

    def _apply(self, room: str, number: int, what: str) -> None:
        self.views[room][number] = what
        self.known[room] = number

    async def _sync(self, room: str) -> None:
        """Get what changed; what it is not told now it asks for when it is connected again."""
        self.stale.add(room)
        async with self._syncing:
            await self._sync_alone(room)

    async def _sync_alone(self, room: str) -> None:
        while self.client.connected:
            after = self.known[room]
            try:
                changes = await self.chat.call(
                    "room:sync", {"room": room, "after": after}, timeout=CALL_WITHIN
                )
            except ChatRefused as refused:
                if refused.reason == "not_a_member":
                    break
                await asyncio.sleep(AGAIN_AFTER)
            except AckTimeout:
                continue
            except Disconnected:
                return
            else:
                for number, what in enumerate(changes, after + 1):
                    if number > self.known[room]:  # it may have come meanwhile
                        self._apply(room, number, what)
                break
        else:
            return
        self.stale.discard(room)

    # --- what it does ---

    async def send(self, room: str, name: str) -> None:
        """Send a message, again and again until there is an answer."""
        await self._call("message", "message:send", room, name)

    async def enter(self, room: str, name: str) -> None:
        """Become a member of a room, and learn what it missed."""
        await self._call("enter", "room:join", room, name)
        await self._sync(room)

    async def leave(self, room: str, name: str) -> None:
        """End the membership."""
        await self._call("leave", "room:leave", room, name)

    async def _call(self, kind: str, event: str, room: str, name: str) -> None:
        self.pending += 1
        self.asked.append((self._loop.time(), kind, room))
        while True:
            payload = {"room": room, "name": name, "emission": next(self._emissions)}
            try:
                answer = await self.chat.call(event, payload, timeout=CALL_WITHIN)
            except ChatRefused as refused:
                if refused.reason == "not_a_member":
                    break
                await asyncio.sleep(AGAIN_AFTER)
            except AckTimeout:
                continue
            except (Disconnected, Refused, Unreachable):
                await asyncio.sleep(AGAIN_AFTER)
            else:
                self.acks.append(Ack(self._loop.time(), room, kind, name, answer))
                break
        self.pending -= 1
