"""The bus: how every fan-out, and every request, reaches every instance, the one that sent it included."""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, Protocol, TypeAlias

from protocol.cluster import requests
from protocol.cluster.requests import ClusterAnswer, ClusterMessage, ClusterRequest
from protocol.cluster.stream_records import Record, decode, encode
from protocol.errors import BusUnavailable, ProtocolError
from protocol.server.bus.skip_log import SkipLog

log = logging.getLogger(__name__)

NOT_STARTED = (
    "the bus is not started: await the server's start(), or have its lifespan served, before anything is sent"
)

Deliver: TypeAlias = Callable[[Record, str, int], None]
"""Gets each record, its offset, and its size: the characters of its text on the way, about the bytes it takes here.
What it raises is logged and stops nothing."""

OnGap: TypeAlias = Callable[[], None]
"""Told that records were lost before this instance could read them; what is delivered next comes after the gap."""

ReceiveRequest: TypeAlias = Callable[[str, ClusterMessage], None]
"""Gets the uid of an instance, and the request or answer that it sent. What it raises is logged and stops nothing."""


BusFailure: TypeAlias = Literal[
    "unreachable",
    "silent",
    "oom",
    "readonly",
    "noreplicas",
    "misconf",
    "masterdown",
    "loading",
    "refused",
    "unreadable",
]
"""Why records cannot be stored or read. Of Redis: no connection, no answer in time, the codes of the refusals that
operators meet, any other refusal, and, where records can be stored, a stream that cannot be read."""


class Past(NamedTuple):
    """Records from before the start, the oldest first. `floor` is the offset after which none is missing."""

    entries: list[tuple[str, Record, int]]  # offset, record, size
    floor: str


class Routing(Protocol):
    """What a bus offers that brings records to those instances only that have members in the rooms concerned.

    Such an instance hears what is in its `inbox`, from when it has told that it wants to hear of a room.
    """

    @property
    def inbox(self) -> str:
        """The name of the inbox; another one after Redis has lost what it knew."""
        ...

    def retain(self, duration: int) -> None:
        """Clients come back for so many ms: until then go on hearing of rooms that have no member any more, and have
        the inbox filled when this instance is gone. Before the start."""

    def given(self, nsp: str, rooms: Iterable[str], offset: str) -> None:
        """A record has come, at an offset, that makes sockets join rooms: whoever gets it hears of them from there on,
        also without a member."""

    async def announced(self, nsp: str, rooms: Iterable[str]) -> None:
        """Return when what is sent to some rooms that this instance has members in comes here; at once where it does
        already, and while Redis fails. What was missed by then is told as a gap."""

    async def hold(self, nsp: str, rooms: Iterable[str]) -> str:
        """Hear of rooms, for somebody who is about to come back. Returns the offset after which this instance has all
        that is sent to them, once all that it has up to there is delivered. Raises `BusUnavailable`."""

    async def read(self, inbox: str, after: str, limit: int, max_size: int) -> Past:
        """What is in an inbox after an offset, of any instance: the newest up to `limit`, and about `max_size` in sum.
        Nothing, and no floor, if there is no such inbox. Raises `BusUnavailable`."""


class Bus(Protocol):
    """How instances reach each other: `Server(bus=RedisBus(url))`.

    It delivers each record to every started instance, also to the publisher, in the same order for all records of a
    namespace. A bus with `routing` leaves out those that do not hear of the rooms that the record is for. It also
    carries requests and answers, which are not stored: a disconnected instance misses them.

    A delivered record is a copy that was encoded and decoded, so tuples are lists, and structs and dataclasses are
    dicts. `uid` identifies this instance in the cluster.
    """

    uid: str

    async def start(self, deliver: Deliver, on_gap: OnGap, receive: ReceiveRequest | None = None) -> None:
        """Delivers what is published from now on. Raises `BusUnavailable`; `RuntimeError` when it is started.

        The callbacks run on the event loop and must not block. A stopped bus may be started again; it does
        not deliver what came in between.
        """

    async def publish(self, record: Record) -> str:
        """Stores a record and returns its offset, which grows with each record.

        Raises `BusUnavailable` when it could not be stored, or that is not known, and `TypeError` for a value
        that cannot be sent. The records of one task, and those that are published one after the other without
        an await between, keep their order.
        """

    def keep(self, record: Record) -> asyncio.Future[str]:
        """Stores a record as `publish` does, but whenever that is possible: until then it is kept in memory, in its
        place among the others. The result is its offset; whoever cancels it gives up the result alone.

        Raises `BusUnavailable` where too many are kept already, and `TypeError`. The result raises `BusUnavailable`
        for a record that was still kept when the bus stopped.
        """

    @property
    def failure(self) -> BusFailure | None:
        """Why records cannot be stored or read at present; None while nothing is known to be wrong."""

    @property
    def kept(self) -> int:
        """How many records are kept and not stored yet."""

    def interest(self, nsp: str, room: str, present: bool) -> None:
        """Tells that this instance has members in a room, or no longer any. For `routing`; else it is ignored."""

    @property
    def routing(self) -> Routing | None:
        """How to hear of rooms; None where each instance gets all records."""

    def listen(self, nsp: str) -> None:
        """Get the requests of a namespace from soon on, before the start too. It may be told several times; it
        holds until `unlisten` was told as often."""

    def unlisten(self, nsp: str) -> None:
        """Take back one `listen`."""

    async def request(self, request: ClusterRequest) -> int:
        """Brings a request to the instances that listen to its namespace, this one included if it does, and returns
        how many they are.

        Raises `BusUnavailable`, and `TypeError` for a value that cannot be sent. Unlike a record, it gets lost where
        an instance has no connection just then.
        """

    def answer(self, uid: str, answer: ClusterAnswer) -> None:
        """Sends an answer to the instance `uid`; it is on its way when this returns, and may get lost.

        Raises `BusUnavailable` when it cannot even set off, and `TypeError` for a value that cannot be sent.
        """

    async def listeners(self, nsp: str) -> set[str]:
        """The uids of the instances that listen to a namespace now. Raises `BusUnavailable`."""

    def order(self, nsp: str) -> str:
        """Names the order that a namespace's records are in: only within one do offsets tell what came first."""

    async def recent(self, limit: int, max_size: int) -> Past:
        """The newest records that were there at the start, up to `limit` and about `max_size` in sum: what comes
        after them is delivered. Raises `BusUnavailable`.
        """

    async def ping(self) -> None:
        """Raises `BusUnavailable` unless records can be stored and read right now."""

    async def stop(self) -> None:
        """Ends the delivery and frees what the bus holds; publishers that still wait get `BusUnavailable`."""


class MemoryBus:
    """The bus of a single instance, the default of `Server`. `publish` delivers before it returns. Offsets are `1-0`,
    `2-0`, …"""

    def __init__(self) -> None:
        self.uid = secrets.token_hex(8)
        self._deliver: Deliver | None = None
        self._receive: ReceiveRequest | None = None
        self._skipped = SkipLog(log)
        self._listened_to: Counter[str] = Counter()
        self._count = 0
        self._started_at = 0

    async def start(
        self,
        deliver: Deliver,
        on_gap: OnGap,  # noqa: ARG002 - nothing is ever lost
        receive: ReceiveRequest | None = None,
    ) -> None:
        """See `Bus.start`. A second server cannot share a bus that keeps its records in memory."""
        if self._deliver is not None:
            raise RuntimeError("the bus is started already")
        self._deliver, self._receive = deliver, receive
        self._started_at = self._count

    async def publish(self, record: Record) -> str:
        """See `Bus.publish`. The record goes through the wire format, so it is held to the same rules as on Redis."""
        return self._store(record)

    def _store(self, record: Record) -> str:
        fields = encode(record, "")
        copy = decode(fields)
        assert copy is not None  # only what others write is not for us
        self._check_started()
        assert self._deliver is not None
        self._count += 1
        offset = f"{self._count}-0"
        hand_over(self._deliver, copy, offset, len(fields["data"]))
        return offset

    def keep(self, record: Record) -> asyncio.Future[str]:
        """See `Bus.keep`. It is delivered before this returns."""
        stored: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        stored.set_result(self._store(record))
        return stored

    @property
    def failure(self) -> BusFailure | None:
        """See `Bus.failure`: nothing can go wrong."""
        return None

    @property
    def kept(self) -> int:
        """See `Bus.kept`: none."""
        return 0

    def interest(self, nsp: str, room: str, present: bool) -> None:
        """See `Bus.interest`: there is one instance, and it gets everything."""

    @property
    def routing(self) -> None:
        """See `Bus.routing`."""

    def listen(self, nsp: str) -> None:
        """See `Bus.listen`."""
        self._listened_to[nsp] += 1

    def unlisten(self, nsp: str) -> None:
        """See `Bus.unlisten`."""
        self._listened_to[nsp] -= 1
        if not self._listened_to[nsp]:
            del self._listened_to[nsp]  # clients may name many namespaces in a long life

    async def request(self, request: ClusterRequest) -> int:
        """See `Bus.request`. It is handed over before this returns."""
        payload = requests.encode(request, self.uid)
        self._check_started()
        if request.nsp not in self._listened_to:
            return 0
        hand_in(self._receive, payload, self._skipped)
        return 1

    def answer(self, uid: str, answer: ClusterAnswer) -> None:
        """See `Bus.answer`."""
        payload = requests.encode(answer, self.uid)
        self._check_started()
        if uid == self.uid and answer.nsp in self._listened_to:
            hand_in(self._receive, payload, self._skipped)

    async def listeners(self, nsp: str) -> set[str]:
        """See `Bus.listeners`."""
        self._check_started()
        return {self.uid} if nsp in self._listened_to else set()

    def order(self, nsp: str) -> str:  # noqa: ARG002 - there is one
        """See `Bus.order`."""
        return ""

    async def recent(self, limit: int, max_size: int) -> Past:  # noqa: ARG002 - there never is one
        """See `Bus.recent`: nothing of it is kept."""
        self._check_started()
        return Past([], f"{self._started_at}-0")

    async def ping(self) -> None:
        """See `Bus.ping`."""
        self._check_started()

    async def stop(self) -> None:
        """See `Bus.stop`."""
        self._deliver = self._receive = None

    def _check_started(self) -> None:
        if self._deliver is None:
            raise BusUnavailable(NOT_STARTED)


def hand_over(deliver: Deliver, record: Record, offset: str, size: int) -> None:
    """Delivers one record. One that cannot be delivered is logged: the next ones are not to suffer for it."""
    try:
        deliver(record, offset, size)
    except Exception:
        log.exception("record %s of namespace %r was not delivered", offset, record.nsp)


def hand_in(receive: ReceiveRequest | None, payload: bytes, skipped: SkipLog) -> None:
    """Hands over a request or an answer. One that is malformed or fails is logged, as above."""
    try:
        message = requests.decode(payload)
        if message is not None and receive is not None:
            receive(*message)
    except requests.ClassicAdapterMessage:
        skipped.warn_of_classic_adapter()
    except ProtocolError as error:
        skipped.warn("a message of another server is skipped: %s", error)
    except Exception:
        log.exception("a message of another server was not taken")
