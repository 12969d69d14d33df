"""The bus over Redis, in the format of `@socket.io/redis-streams-adapter`, so that Node can share it.

How a stream is written is in `stream_writer`, how it is followed in `stream_reader`, how requests go in
`request_channels`; here they come together.
"""

import asyncio
import heapq
import logging
import secrets

from protocol.cluster.interest.routing_keys import LEASE, RoutingKeys
from protocol.cluster.requests import ClusterAnswer, ClusterRequest
from protocol.cluster.stream_names import stream_names
from protocol.cluster.stream_positions import position
from protocol.cluster.stream_records import Record
from protocol.errors import BusUnavailable, OtherBusMode, StoreUnavailable
from protocol.server.bus.bus import BusFailure, Deliver, OnGap, Past, ReceiveRequest
from protocol.server.bus.pubsub_subscriber import Channels
from protocol.server.bus.request_channels import RequestChannels
from protocol.server.bus.stream_reader import StreamReader
from protocol.server.bus.stream_writer import StreamWriter
from protocol.server.redis.cancellation import cancel_all
from protocol.server.redis.client import RedisClient
from protocol.server.redis.connection import RedisConnection, described

log = logging.getLogger(__name__)

PING_TIMEOUT = 1.0  # s
ROUTED = (
    "The instances on this Redis route by interest (InterestBus; BUS=interest of the chat), and this one reads one "
    "stream: they would not hear each other. Start it in their mode, or stop all of them first; one that was killed "
    "counts for ten seconds."
)


class RedisBus:
    """The bus of all instances, Parley's and Node's, that use the same streams and channels of the same Redis.

        io = Server(bus=RedisBus("redis://redis:6379/0"))

    `docs/server.md` ("Redis URLs") has the forms of `url`; a bad one raises `ValueError`. A stream keeps at least
    `max_len` entries. With a `stream_count` above 1 there are several streams, `stream` with a number, and each
    namespace belongs to one; all instances must use the same count. Requests use the channels
    `<channel_prefix>#<namespace>#`. When Redis fails or refuses writes, publishers wait until `publish_timeout` ms
    after that began; from then on they get `BusUnavailable` at once, until Redis stores again. At most `max_waiting`
    publishers wait, and `keep` keeps as many records, of 32 MiB at most.

    If a connection breaks between a write and its answer, the write is repeated, and the entry may be stored twice. It
    has the same serial then, by which Parley's instances deliver it once; Node's deliver it twice. After
    `BusUnavailable` or a cancellation, the record may still be delivered. Requests and answers are sent at most once.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str = "socket.io",
        stream_count: int = 1,
        max_len: int = 10_000,
        channel_prefix: str = "socket.io",
        publish_timeout: int = 5_000,
        max_waiting: int = 10_000,
    ) -> None:
        self.uid = secrets.token_hex(8)
        self._url, self._stream = url, stream
        self._timeout = publish_timeout / 1000
        self._publisher = StreamWriter(
            url,
            self.uid,
            stream=stream,
            stream_count=stream_count,
            max_len=max_len,
            timeout=publish_timeout,
            max_waiting=max_waiting,
        )
        # A reader has a connection, so that no stream waits for another, wherever in a Redis Cluster it is.
        self._readers = [
            StreamReader(RedisConnection(url, name), name) for name in stream_names(stream, stream_count)
        ]
        self._requests = RequestChannels(
            url, Channels(channel_prefix), self.uid, self._publisher.ask, self._timeout, key=stream
        )
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def start(self, deliver: Deliver, on_gap: OnGap, receive: ReceiveRequest | None = None) -> None:
        """See `Bus.start`. Waits up to `publish_timeout` for Redis. Raises `OtherBusMode`."""
        if self._tasks:
            raise RuntimeError("the bus is started already")
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.gather(*(reader.seek_end() for reader in self._readers))
                await self._check_mode()
        except OtherBusMode:
            await self._close_readers()
            raise
        except TimeoutError:
            await self._close_readers()
            failure = next((reader.failure for reader in self._readers if reader.failure), None)
            raise BusUnavailable(f"Redis does not answer: {described(failure)}") from failure
        self._publisher.start()
        self._tasks = (
            *(
                asyncio.create_task(reader.run(deliver, on_gap), name="bus reader")
                for reader in self._readers
            ),
            asyncio.create_task(self._requests.run(receive), name="bus subscriber"),
        )

    async def _check_mode(self) -> None:
        client, key = RedisClient(self._url), RoutingKeys(self._stream).inboxes
        try:
            (seconds, microseconds), inboxes = await asyncio.gather(
                client.ask(key, "TIME"), client.ask(key, "ZRANGE", key, "0", "-1", "WITHSCORES")
            )
        except StoreUnavailable as error:  # it may not be allowed to ask, where nobody routes
            log.info("it is not known whether others route by interest: %s", error)
            return
        finally:
            await client.close()
        now = int(seconds) * 1000 + int(microseconds) // 1000
        if any(float(seen) > now - LEASE for seen in inboxes[1::2]):
            raise OtherBusMode(ROUTED)

    async def publish(self, record: Record) -> str:
        """See `Bus.publish`. The offset is the id of the stream's entry."""
        return await self._publisher.publish(record)

    def keep(self, record: Record) -> asyncio.Future[str]:
        """See `Bus.keep`."""
        return self._publisher.keep(record)

    @property
    def routing(self) -> None:
        """See `Bus.routing`: every instance reads the whole stream."""

    @property
    def failure(self) -> BusFailure | None:
        """See `Bus.failure`."""
        failure = self._publisher.failure
        if failure is None and any(reader.failure is not None for reader in self._readers):
            return "unreadable"
        return failure

    @property
    def kept(self) -> int:
        """See `Bus.kept`."""
        return self._publisher.kept

    def interest(self, nsp: str, room: str, present: bool) -> None:
        """See `Bus.interest`: every instance reads the whole stream."""

    def listen(self, nsp: str) -> None:
        """See `Bus.listen`."""
        self._requests.listen(nsp)

    def unlisten(self, nsp: str) -> None:
        """See `Bus.unlisten`."""
        self._requests.unlisten(nsp)

    async def request(self, request: ClusterRequest) -> int:
        """See `Bus.request`."""
        self._publisher.check_started()
        return await self._requests.request(request)

    def answer(self, uid: str, answer: ClusterAnswer) -> None:
        """See `Bus.answer`."""
        self._requests.answer(uid, answer)

    async def listeners(self, nsp: str) -> set[str]:
        """See `Bus.listeners`."""
        self._publisher.check_started()
        return await self._requests.listeners(nsp)

    def order(self, nsp: str) -> str:
        """See `Bus.order`: each stream has one."""
        return self._publisher.stream_of(nsp)

    async def recent(self, limit: int, max_size: int) -> Past:
        """See `Bus.recent`. Each stream has an equal part of the limits."""
        parts = len(self._readers)
        pasts = [
            await reader.past(self._publisher.ask, limit // parts, max_size // parts)
            for reader in self._readers
        ]
        entries = heapq.merge(*(past.entries for past in pasts), key=lambda entry: position(entry[0]))
        return Past(list(entries), max((past.floor for past in pasts), key=position))

    async def lag(self) -> float:
        """How many seconds of what the streams hold this instance has not delivered yet; of the one that is furthest
        behind. Raises `BusUnavailable`."""
        return max([await reader.lag(self._publisher.ask) for reader in self._readers])

    async def ping(self) -> None:
        """See `Bus.ping`. Goes the way of the entries, and finds out whether Redis would store one; fails at once while
        a stream can be neither read nor written."""
        for reader in self._readers:
            if reader.failure is not None:
                raise BusUnavailable(described(reader.failure)) from reader.failure
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                await self._publisher.probe()
        except TimeoutError:
            failure = self._publisher.failure
            words = f"no answer within {PING_TIMEOUT:g} s"
            raise BusUnavailable(words if failure is None else f"Redis stores nothing: {failure}") from None

    async def stop(self) -> None:
        """See `Bus.stop`."""
        tasks, self._tasks = self._tasks, ()
        await cancel_all(tasks)
        await self._publisher.stop()
        await self._requests.close()
        await self._close_readers()

    async def _close_readers(self) -> None:
        await asyncio.gather(*(reader.close() for reader in self._readers))
