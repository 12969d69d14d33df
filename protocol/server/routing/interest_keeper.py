"""Tells Redis which rooms this instance hears of, and that it is there.

What changes in one turn of the loop goes as one command. Redis may lose what it knew: all of it, or the last of it when
a replica takes over. So it is asked again and again whether it knows the inbox and the last order; if not, `lost` is
set, and the instance is to begin anew, with another inbox.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from protocol.cluster.interest.record_rooms import interest_key, interest_keys
from protocol.cluster.interest.room_states import InterestTable, Order
from protocol.cluster.stream_positions import position
from protocol.errors import BusUnavailable
from protocol.server.redis.connection import Backoff, Word
from protocol.server.routing.inbox_writer import InboxWriter
from protocol.server.routing.redis_functions import KEEP_INTEREST

log = logging.getLogger(__name__)

RENEW_EVERY = 2.0  # s
SETTLE = 4_000  # ms that all have to begin anew when Redis has lost everything, before anything is stored
IN_ORDER = 3  # signs of life after which all others have given theirs, too: those that did not are gone
ORDER_BATCH = 2_000  # rooms of one command: Redis does nothing else meanwhile
LINGER = 5.0  # s that a room is heard of without a member: someone may have reloaded the page
MARGIN = 30.0  # s more than clients may be away
LEAVE_WITHIN = 1.0  # s
LATE = 60.0  # s after which an instance that gives no sign of life is forgotten, at the earliest


def uid_of(inbox: str) -> str:
    """The `uid` of the instance that an inbox is, or was, of."""
    return inbox.partition(".")[0]


class _Lost(Exception):
    """Redis does not know the inbox, or the last order."""


class InterestKeeper:
    """The interest of one instance. `uid` begins the names of its inboxes."""

    def __init__(self, writer: InboxWriter, uid: str) -> None:
        self._writer = writer
        writer.on_no_inbox = self.look_soon
        self._uid = uid
        self._table = InterestTable(LINGER)
        self._retention = 0.0
        self._inboxes = 0
        self.inbox = ""
        self._version = 0  # the last order that was carried out
        self._in_order = 0
        self._heard_from = self._newest = self._read_to = "0-0"
        self._renew_at = 0.0
        self._wake = asyncio.Event()
        self._told = asyncio.Event()  # set when an order is carried out or has failed
        self._has_read = asyncio.Event()  # set when something in the inbox is delivered
        self._runs = False  # from the first inbox to the end
        self._fails = False
        self.lost = asyncio.Event()

    def retain(self, duration: float) -> None:
        """Clients come back for so many seconds."""
        self._table.linger = duration + MARGIN
        self._retention = 2 * duration + MARGIN  # what is saved of one that was connected stays for longer

    async def register(self) -> tuple[str, str]:
        """Have a new inbox; returns the offset after which it is filled, and that of the newest entry of the common
        stream. All rooms are to be told again.

        Raises `BusUnavailable`.
        """
        self._inboxes += 1
        inbox = f"{self._uid}.{self._inboxes}"
        settle = SETTLE if self.inbox else 0  # the others, which had one too, are about to do the same
        began, common = await self._writer.call("register", inbox, settle)
        self.inbox = inbox
        self._writer.write_for(inbox)
        self._version = self._in_order = 0
        self._heard_from = self._newest = self._read_to = began
        self._table.lose(_now())
        self.lost.clear()
        self._runs = True
        return began, common

    async def leave(self) -> None:
        """This instance ends. What is for its clients is collected on, if they may come back."""
        self._runs = False
        self._told.set()
        self._has_read.set()
        try:
            async with asyncio.timeout(LEAVE_WITHIN):
                await self._writer.call("leave", self.inbox, int(self._retention > 0))
        except (BusUnavailable, TimeoutError) as error:
            log.info("Redis is not told that this instance ends: %s", error)
        self._table = InterestTable(self._table.linger)

    # --- rooms ---

    def interest(self, nsp: str, room: str, present: bool) -> None:
        """See `Bus.interest`."""
        key = interest_key(nsp, room)
        if present:
            self._table.enter(key, _now())
            self._wake.set()
        else:
            self._table.leave(key, _now())

    def given(self, rooms: Iterable[str], offset: str) -> None:
        """A record has been read by which Redis gave us rooms."""
        for room in rooms:
            self._table.given(room, _now())
        self._wake.set()
        self._heard_from = max(self._heard_from, offset, key=position)

    def read_to(self, offset: str) -> None:
        """What is in the inbox up to an offset is delivered."""
        self._read_to = offset
        self._has_read.set()

    async def announced(self, nsp: str, rooms: Iterable[str]) -> None:
        """See `Routing.announced`."""
        keys = interest_keys(nsp, rooms)
        while self._runs and not self._fails and not self._table.is_held(keys):
            await _next(self._told)

    async def hold(self, nsp: str, rooms: Iterable[str]) -> str:
        """See `Routing.hold`."""
        keys = interest_keys(nsp, rooms)
        for key in keys:
            self._table.hold(key, _now())
        self._wake.set()
        while not self._table.is_held(keys):
            self._check()
            await _next(self._told)
        heard_from, newest = self._heard_from, position(self._newest)
        while position(self._read_to) < newest:
            self._check()
            await _next(self._has_read)
        return max(heard_from, self._read_to, key=position)

    def _check(self) -> None:
        if not self._runs or self._fails:
            raise BusUnavailable("Redis cannot be told of rooms")

    # --- telling ---

    async def run(self, on_late: Callable[[], None]) -> None:
        """Tell, until it is cancelled or Redis has lost what it knew. `on_late` is called when rooms could be told only
        after their members counted."""
        try:
            while True:
                await self._tell_all(on_late)
                if _now() >= self._renew_at:
                    await self._renew()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await self._wake.wait()
                self._wake.clear()
        except _Lost:
            self.lost.set()

    def look_soon(self) -> None:
        """Redis may have lost something."""
        self._renew_at = 0.0
        self._wake.set()

    def _pause(self) -> float:
        due = self._table.next_due()
        wake_at = self._renew_at if due is None else min(self._renew_at, due)
        return max(0.0, wake_at - _now())

    async def _tell_all(self, on_late: Callable[[], None]) -> None:
        backoff = Backoff()
        while order := self._table.take(ORDER_BATCH, _now()):
            try:
                is_done = await self._tell(order)
            except BusUnavailable as error:
                log.info("Redis is told of rooms later: %s", error)
                self._table.failed(order, _now())
                self._fails = True
                self._told.set()
                await asyncio.sleep(backoff.next())
                continue
            self._table.stored(order, _now(), kept=not is_done)
            self._told.set()
            if self._fails:
                on_late()
            self._fails = False

    async def _tell(self, order: Order) -> bool:
        """Whether all of an order is carried out, or only what it announces. Raises `BusUnavailable`."""
        version = self._version + 1
        rooms: tuple[Word, ...] = (len(order.announced), *order.announced, *order.withdrawn)
        is_done, *ids = await self._writer.call("order", self.inbox, version, self._read_to, *rooms)
        if not ids:
            raise _Lost
        self._version = version
        last, self._newest = ids
        self._heard_from = max(self._heard_from, last, key=position)
        return bool(is_done)

    async def _renew(self) -> None:
        age = max(LATE, self._retention) if self._in_order >= IN_ORDER else 0
        self._renew_at = _now() + RENEW_EVERY
        try:
            known = await self._writer.call("renew", self.inbox, self._version, round(age * 1000))
            if not known:
                raise _Lost
            await self._repeat()
        except BusUnavailable:
            self._in_order = 0
        else:
            self._in_order = self._in_order + 1 if _now() < self._renew_at else 0

    async def _repeat(self) -> None:
        """Tell again of some rooms, so that Redis forgets none."""
        turns = KEEP_INTEREST / 2000 / RENEW_EVERY
        rooms = self._table.renew(int(len(self._table) / turns) + 1)
        if rooms:
            await self._tell(Order(rooms, ()))


async def _next(event: asyncio.Event) -> None:
    """Wait until it is set once more."""
    event.clear()
    await event.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
