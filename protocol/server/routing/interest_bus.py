"""The bus that routes by interest: each instance reads a stream of its own, its inbox, and one that all read.

How records are written is in `inbox_writer`, what Redis does with them in `redis_functions`, how it is told of rooms in
`interest_keeper`. Inboxes are read as other streams are, and requests go over sharded Pub/Sub.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterable

from protocol.cluster.interest.record_rooms import interest_keys
from protocol.cluster.interest.routing_keys import RoutingKeys
from protocol.cluster.requests import AskClients, ClusterAnswer, ClusterRequest, FetchSockets
from protocol.cluster.stream_records import Record
from protocol.errors import BusUnavailable, OtherBusMode
from protocol.server.bus.bus import BusFailure, Deliver, OnGap, Past, ReceiveRequest
from protocol.server.bus.pubsub_subscriber import Channels, ShardedChannels
from protocol.server.bus.request_channels import RequestChannels
from protocol.server.redis.cancellation import cancel_all
from protocol.server.redis.connection import Backoff, RedisConnection, described
from protocol.server.routing.inbox_pages import read_inbox
from protocol.server.routing.inbox_reader import InboxReader
from protocol.server.routing.inbox_writer import InboxWriter
from protocol.server.routing.interest_keeper import InterestKeeper, uid_of

log = logging.getLogger(__name__)

PING_TIMEOUT = 1.0  # s
ONE_STREAM = (
    "The servers on this Redis read one stream (RedisBus; BUS=one of the chat; or Node's adapter), and this instance "
    "routes by interest: they would not hear each other. Start it in their mode, or stop all of them first."
)


class InterestBus:
    """The bus of a cluster of Parley's instances in which each gets those records only that are for rooms in which it
    has members, beside its own: what a record costs does not grow with the cluster. Node's adapters do not know it.

        io = Server(bus=InterestBus("redis://redis:6379/0"), store=RedisStore("redis://redis:6379/0"))

    The options are those of `RedisBus`; `max_len` is the number of entries that the inbox of each instance keeps.
    Redis must have functions (Redis 7, Valkey 7.2) and must not evict keys. All instances of a cluster use this bus, or
    none does.

    A record that is stored is stored once, whatever breaks. While Redis fails, `join` does not wait for it.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str = "socket.io",
        max_len: int = 10_000,
        channel_prefix: str = "socket.io",
        publish_timeout: int = 5_000,
        max_waiting: int = 10_000,
    ) -> None:
        self.uid = secrets.token_hex(5)
        self._url = url
        self._keys = RoutingKeys(stream)
        self._timeout = publish_timeout / 1000
        self._writer = InboxWriter(
            url, self._keys, max_len=max_len, timeout=publish_timeout, max_waiting=max_waiting
        )
        self._keeper = InterestKeeper(self._writer, self.uid)
        self._one_stream = Channels(channel_prefix)
        self._requests = RequestChannels(
            url,
            ShardedChannels(self._keys.channels(channel_prefix)),
            self.uid,
            self._writer.ask,
            self._timeout,
            key=self._keys.last,
        )
        self._began = "0-0"
        self._reader = self._new_reader()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def _new_reader(self) -> InboxReader:
        inbox = self._keeper.inbox
        connection = RedisConnection(self._url, self._keys.inbox(inbox))
        return InboxReader(connection, self._keys, inbox, self._keeper.read_to)

    # --- life ---

    async def start(self, deliver: Deliver, on_gap: OnGap, receive: ReceiveRequest | None = None) -> None:
        """See `Bus.start`. Waits up to `publish_timeout` for Redis. Raises `OtherBusMode`."""
        if self._tasks:
            raise RuntimeError("the bus is started already")
        self._writer.start()
        try:
            async with asyncio.timeout(self._timeout):
                await self._check_mode()
                await self._begin()
        except BaseException as error:
            trouble = self._writer.trouble
            await self._writer.stop()
            await self._requests.close()
            if isinstance(error, TimeoutError):
                raise BusUnavailable(f"Redis does not answer: {described(trouble)}") from trouble
            raise
        self._tasks = (
            asyncio.create_task(self._follow(deliver, on_gap), name="bus reader"),
            asyncio.create_task(self._requests.run(receive), name="bus subscriber"),
        )

    async def _check_mode(self) -> None:
        if await self._requests.count_subscribers(self._one_stream, [self._one_stream.public("/")]):
            raise OtherBusMode(ONE_STREAM)

    async def _begin(self) -> None:
        """Have an empty inbox, and know where it begins."""
        self._began, common = await self._keeper.register()
        self._reader = self._new_reader()
        self._reader.begin_behind(self._began, common)

    async def _follow(self, deliver: Deliver, on_gap: OnGap) -> None:
        """Deliver what comes, from one inbox after the other: a new one each time that Redis has lost what it knew."""

        def notice_gap() -> None:
            self._keeper.look_soon()
            on_gap()

        backoff = Backoff()
        while True:
            works = [self._reader.run(deliver, notice_gap), self._keeper.run(on_gap)]
            tasks = [asyncio.create_task(work) for work in works]
            try:
                await self._keeper.lost.wait()
            finally:
                await cancel_all(tasks)
                await self._reader.close()
            log.error("Redis has lost what this instance hears of")
            on_gap()
            while self._keeper.lost.is_set():
                try:
                    await self._begin()
                except BusUnavailable as error:
                    log.info("this instance cannot begin anew yet: %s", error)
                    await asyncio.sleep(backoff.next())

    async def stop(self) -> None:
        """See `Bus.stop`. What clients may miss that come back goes on being collected."""
        tasks, self._tasks = self._tasks, ()
        if tasks:
            await self._writer.store_kept()
            await cancel_all(tasks)
            await self._keeper.leave()
        await self._writer.stop()
        await self._requests.close()
        await self._reader.close()

    # --- records ---

    async def publish(self, record: Record) -> str:
        """See `Bus.publish`. The offset is the id of the record in all inboxes."""
        return await self._writer.publish(record)

    def keep(self, record: Record) -> asyncio.Future[str]:
        """See `Bus.keep`."""
        return self._writer.keep(record)

    @property
    def failure(self) -> BusFailure | None:
        """See `Bus.failure`."""
        failure = self._writer.failure
        return "unreadable" if failure is None and self._reader.failure is not None else failure

    @property
    def kept(self) -> int:
        """See `Bus.kept`."""
        return self._writer.kept

    def order(self, nsp: str) -> str:  # noqa: ARG002 - there is one
        """See `Bus.order`."""
        return ""

    async def recent(self, limit: int, max_size: int) -> Past:  # noqa: ARG002 - there never is one
        """See `Bus.recent`: an inbox is empty at the start."""
        self._writer.check_started()
        return Past([], self._began)

    async def lag(self) -> float:
        """How many seconds of what the inbox holds are not delivered yet. Raises `BusUnavailable`."""
        return await self._reader.lag(self._writer.ask)

    async def ping(self) -> None:
        """See `Bus.ping`."""
        if self._reader.failure is not None:
            raise BusUnavailable(described(self._reader.failure)) from self._reader.failure
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                await self._writer.probe()
        except TimeoutError:
            failure = self._writer.failure
            words = f"no answer within {PING_TIMEOUT:g} s"
            raise BusUnavailable(words if failure is None else f"Redis stores nothing: {failure}") from None

    # --- routing ---

    @property
    def routing(self) -> "InterestBus":
        """See `Bus.routing`."""
        return self

    @property
    def inbox(self) -> str:
        """See `Routing.inbox`."""
        return self._keeper.inbox

    def interest(self, nsp: str, room: str, present: bool) -> None:
        """See `Bus.interest`."""
        self._keeper.interest(nsp, room, present)

    def given(self, nsp: str, rooms: Iterable[str], offset: str) -> None:
        """See `Routing.given`."""
        self._keeper.given(interest_keys(nsp, rooms), offset)

    def retain(self, duration: int) -> None:
        """See `Routing.retain`."""
        self._keeper.retain(duration / 1000)

    async def announced(self, nsp: str, rooms: Iterable[str]) -> None:
        """See `Routing.announced`."""
        await self._keeper.announced(nsp, rooms)

    async def hold(self, nsp: str, rooms: Iterable[str]) -> str:
        """See `Routing.hold`."""
        return await self._keeper.hold(nsp, rooms)

    async def read(self, inbox: str, after: str, limit: int, max_size: int) -> Past:
        """See `Routing.read`."""
        return await read_inbox(self._writer.ask, self._keys, inbox, after, limit, max_size)

    # --- requests ---

    def listen(self, nsp: str) -> None:
        """See `Bus.listen`."""
        self._requests.listen(nsp)

    def unlisten(self, nsp: str) -> None:
        """See `Bus.unlisten`."""
        self._requests.unlisten(nsp)

    async def request(self, request: ClusterRequest) -> int:
        """See `Bus.request`. What is for rooms goes to the instances that hear of them, and to this one."""
        self._writer.check_started()
        rooms: tuple[str, ...] = ()
        if isinstance(request, FetchSockets):
            rooms = request.target.rooms
        elif isinstance(request, AskClients):
            rooms = request.broadcast.target.rooms
        if not rooms:
            return await self._requests.request(request)
        inboxes = await self._writer.call("hearing", *interest_keys(request.nsp, rooms))
        uids = {self.uid, *(uid_of(inbox) for inbox in inboxes)}
        return await self._requests.request(request, uids)

    def answer(self, uid: str, answer: ClusterAnswer) -> None:
        """See `Bus.answer`."""
        self._requests.answer(uid, answer)

    async def listeners(self, nsp: str) -> set[str]:
        """See `Bus.listeners`."""
        self._writer.check_started()
        return await self._requests.listeners(nsp)
