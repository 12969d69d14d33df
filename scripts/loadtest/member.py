"""One client of the load: it is in one room, follows it as docs/chat.md tells clients to, and keeps count."""

import asyncio
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from app.client import ChatClient, ChatRefused
from protocol import AckTimeout, Disconnected, Refused, Unreachable
from scripts.loadtest.polling import PollingChat

GAP = 0.25  # seconds that a missing number may still come by itself
AGAIN_AFTER = 0.2  # seconds
ANSWER_WITHIN = 10_000  # ms
PASSING = ("unavailable", "rate_limited", "internal", "too_many")
FAILURES = (ChatRefused, AckTimeout, Disconnected, Unreachable, Refused, OSError)
NUMBERS = {
    "message:new": "changeSeq",
    "room:updated": "changeSeq",
    "message:edited": "changeSeq",
    **dict.fromkeys(
        ("message:deleted", "reaction:updated", "room:user-joined", "room:user-left", "room:member-updated"),
        "seq",
    ),
}


class View:
    """Which numbers of its room's log a client has, and how it came by each."""

    def __init__(self) -> None:
        self.applied = 0  # all up to this one are there
        self.first = 0  # what was before this client is not counted
        self.live: set[int] = set()
        self.asked: set[int] = set()  # got by room:sync, though the client was connected all the time
        self.caught_up: set[int] = set()  # got by room:sync after it had been away
        self.doubled = 0
        self.out_of_order = 0
        self._top = 0  # the highest of this connection
        self._highest = 0

    @property
    def has_gap(self) -> bool:
        """Whether a later number is there than one that is missing."""
        return self._highest > self.applied

    @property
    def missed(self) -> int:
        """How many numbers never came by themselves though they should have."""
        return len(self.asked - self.live)

    def begin(self, last: int) -> None:
        """Everything up to here is known."""
        self.applied = self.first = last

    def connect(self) -> None:
        """A new connection, whose order begins anew."""
        self._top = 0

    def hear(self, number: int) -> bool:
        """Count a live announcement; False for one that was heard before."""
        if number in self.live:
            self.doubled += 1
            return False
        if number <= self.first:
            return False
        self.out_of_order += number < self._top
        self._top = max(self._top, number)
        self._highest = max(self._highest, number)
        self.live.add(number)
        self._advance()
        return True

    def take(self, numbers: list[int], up_to: int, *, away: bool) -> None:
        """Count what room:sync gave; `away`: the client had not been connected all the time."""
        (self.caught_up if away else self.asked).update(
            number for number in numbers if number > self.first and number not in self.live
        )
        self.applied = max(self.applied, up_to)
        self._advance()

    def lost(self, last: int) -> int:
        """How many numbers up to the last of the log have not come in any way."""
        return len(set(range(self.first + 1, last + 1)) - self.live - self.asked - self.caught_up)

    def _advance(self) -> None:
        while self.applied + 1 in self.live:
            self.applied += 1


class Member:
    """A client. `heard(text)` is called for each message that is new to it; `failed(kind)` for each error.

    `headers` are those of a websocket's handshake.
    """

    def __init__(
        self,
        url: str,
        token: str,
        room: str,
        *,
        polling: bool,
        heard: Callable[[str], None],
        failed: Callable[[str], None],
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.room = room
        self.view = View()
        self.disconnects = 0
        self.last_heard = 0
        self._heard = heard
        self._failed = failed
        self._known = False
        self._away = True
        self._session: str | None = None
        self._reads = False  # the log
        self._behind = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._chat: ChatClient | PollingChat
        options = {"reconnection_delay": 200, "headers": headers}
        self._chat = PollingChat(url, token) if polling else ChatClient(url, token, **options)
        for event in NUMBERS:
            self._chat.on(event)(self._hearing(event))
        self._chat.on("disconnect")(self._leave)
        self._chat.on("authenticated")(self._enter)
        if isinstance(self._chat, ChatClient):  # which connects again by itself
            self._chat.on("connect_error")(lambda error: failed(f"reconnect: {kind_of(error)}"))

    @property
    def id(self) -> str | None:
        """The server's name for its session, which stays the same where the session is recovered; None over polling."""
        return self._chat.id if isinstance(self._chat, ChatClient) else None

    @property
    def connected(self) -> bool:
        """Whether it can send now."""
        return self._chat.connected and self._known

    async def connect(self) -> None:
        """Connect, and know where the room's log stands; tried until it succeeds."""
        while True:
            try:
                await self._chat.connect()
                break
            except FAILURES as error:
                self._failed(f"connect: {kind_of(error)}")
                await self._chat.disconnect()
                await asyncio.sleep(AGAIN_AFTER)
        if not self._known:
            self.view.begin((await self.insist("room:get", {"roomId": self.room}))["lastSeq"])
            self._known = True
            self._away = False
            self._following = asyncio.create_task(self._follow())

    async def disconnect(self) -> None:
        """Go away."""
        await self._chat.disconnect()

    async def close(self) -> None:
        """End for good."""
        if self._following is not None:
            self._following.cancel()
        await self._chat.disconnect()

    async def caught_up(self) -> None:
        """Wait until the log has been read to its end after the client was away."""
        while self._away or self._reads or self.view.has_gap:  # noqa: ASYNC110 - ends with either
            await asyncio.sleep(0.01)

    async def send(self, text: str, key: str) -> int:
        """Send a message until it is acknowledged; its number."""
        message = {"roomId": self.room, "content": text, "clientId": key}
        number: int = (await self.insist("message:send", message))["changeSeq"]
        return number

    async def read(self) -> None:
        """Mark as read what was heard."""
        await self.insist("room:read", {"roomId": self.room, "seq": self.last_heard})

    async def type(self) -> None:
        """Begin to type."""
        await self._chat.emit("typing:start", {"roomId": self.room})

    async def insist(self, event: str, payload: dict[str, Any]) -> Any:
        """Call until there is an answer that patience does not change."""
        while True:
            try:
                return await self._chat.call(event, payload, timeout=ANSWER_WITHIN)
            except (ChatRefused, AckTimeout, Disconnected) as error:
                self._failed(f"{event}: {kind_of(error)}")
                if isinstance(error, ChatRefused):
                    if error.reason not in PASSING:
                        raise
                    await asyncio.sleep((error.retry_after or 0) / 1000)
            await asyncio.sleep(AGAIN_AFTER)

    async def ask_for_the_rest(self) -> None:
        """Read the log once more: what comes by it was missed."""
        await self._sync(away=False)

    # --- what comes ---

    def _hearing(self, event: str) -> Callable[..., None]:
        field, is_message = NUMBERS[event], event == "message:new"

        def hear(payload: dict[str, Any], *_offset: str) -> None:  # which our own client takes off
            if payload.get("roomId", payload.get("id")) != self.room:
                return
            if self.view.hear(payload[field]) and is_message:
                self.last_heard = max(self.last_heard, payload["seq"])
                self._heard(payload["content"])
            if self.view.has_gap:
                self._behind.set()

        return hear

    def _enter(self, _welcome: Any) -> None:
        session, self._session = self._session, self.id
        if session is not None and session == self.id:  # it was recovered: what was missed has come by itself
            self._away = False
        else:
            self.view.connect()
        self._behind.set()

    def _leave(self, _reason: str) -> None:
        self.disconnects += 1
        self._away = True

    async def _follow(self) -> None:
        while True:
            await self._behind.wait()
            if not self._away:
                await asyncio.sleep(GAP)
            self._behind.clear()
            if self._away or self.view.has_gap:
                self._reads = True
                away, self._away = self._away, False
                await self._sync(away=away)
                self._reads = False

    async def _sync(self, *, away: bool) -> None:
        more = True
        while more:
            asked = {"roomId": self.room, "afterSeq": self.view.applied}
            page = await self.insist("room:sync", asked)
            numbers = [change[change["type"]]["changeSeq"] for change in page["changes"]]
            self.view.take(numbers, page["nextSeq"], away=away or self._away)
            more = page["hasMore"]


def kind_of(error: BaseException) -> str:
    return error.reason if isinstance(error, ChatRefused) else type(error).__name__


def now() -> float:
    """Seconds on a clock that all processes of the machine share."""
    return time.monotonic()
