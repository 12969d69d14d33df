"""The bus over Redis, in the format of `@socket.io/redis-streams-adapter`, so that Node can share it.

How a stream is written is in `stream_writer`, how it is followed in `stream_reader`, how channels are listened to in
`pubsub_subscriber`; here they come together.
"""

import asyncio
import heapq
import logging
import secrets
from typing import Any

from protocol.cluster import requests
from protocol.cluster.requests import ClusterAnswer, ClusterRequest
from protocol.cluster.stream_names import stream_names
from protocol.cluster.stream_positions import position
from protocol.cluster.stream_records import Record
from protocol.errors import BusUnavailable, StoreUnavailable
from protocol.server.bus.bus import BusFailure, Deliver, OnGap, Past, ReceiveRequest
from protocol.server.bus.pubsub_subscriber import Channels, PubSubSubscriber
from protocol.server.bus.stream_reader import StreamReader
from protocol.server.bus.stream_writer import StreamWriter
from protocol.server.redis.cancellation import cancel_all
from protocol.server.redis.client import RedisClient
from protocol.server.redis.connection import RedisConnection, described
from protocol.server.redis.url import RedisForm, parse_redis_url

log = logging.getLogger(__name__)

PING_TIMEOUT = 1.0  # s


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
        self._channels = Channels(channel_prefix)
        self._subscriber = PubSubSubscriber(
            RedisConnection(url, stream, text=False), self._channels, self.uid
        )
        self._cluster = RedisClient(url) if parse_redis_url(url).form is RedisForm.CLUSTER else None
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def start(self, deliver: Deliver, on_gap: OnGap, receive: ReceiveRequest | None = None) -> None:
        """See `Bus.start`. Waits up to `publish_timeout` for Redis."""
        if self._tasks:
            raise RuntimeError("the bus is started already")
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.gather(*(reader.seek_end() for reader in self._readers))
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
            asyncio.create_task(self._subscriber.run(receive), name="bus subscriber"),
        )

    async def publish(self, record: Record) -> str:
        """See `Bus.publish`. The offset is the id of the stream's entry."""
        return await self._publisher.publish(record)

    def keep(self, record: Record) -> asyncio.Future[str]:
        """See `Bus.keep`."""
        return self._publisher.keep(record)

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
        self._subscriber.listen(nsp)

    def unlisten(self, nsp: str) -> None:
        """See `Bus.unlisten`."""
        self._subscriber.unlisten(nsp)

    async def request(self, request: ClusterRequest) -> int:
        """See `Bus.request`."""
        payload = requests.encode(request, self.uid)
        self._publisher.check_started()
        try:
            async with asyncio.timeout(self._timeout):
                await self._subscriber.listening(request.nsp)
        except TimeoutError:
            failure = self._subscriber.failure
            raise BusUnavailable(f"answers could not be listened to: {described(failure)}") from failure
        channel = self._channels.public(request.nsp)
        # Counted right before: an instance that starts in between answers without being waited for, which does no harm.
        count, _ = await asyncio.gather(self._count_subscribers(channel), self._send(channel, payload))
        return count

    async def _count_subscribers(self, channel: str) -> int:
        """How many instances listen to a channel."""
        return sum(int(reply[1]) for reply in await self._ask_all("PUBSUB", "NUMSUB", channel))

    async def _ask_all(self, *words: str) -> list[Any]:
        """The replies of all nodes of a cluster, each of which knows its own subscribers alone; else of the server."""
        if self._cluster is None:
            return [await self._ask(*words)]
        try:
            return await self._cluster.ask_all_nodes(*words)
        except StoreUnavailable as error:
            raise BusUnavailable(str(error)) from error

    async def _ask(self, *words: str) -> Any:
        return await self._publisher.ask(*words)

    def _send(self, channel: str, payload: bytes) -> asyncio.Future[Any]:
        # Never repeated: a handler would run twice, or an answer count for two.
        return self._publisher.ask("PUBLISH", channel, payload, repeat=False)

    def answer(self, uid: str, answer: ClusterAnswer) -> None:
        """See `Bus.answer`."""
        payload = requests.encode(answer, self.uid)
        channel = self._channels.private(answer.nsp, uid)
        self._send(channel, payload).add_done_callback(_log_failure)

    async def listeners(self, nsp: str) -> set[str]:
        """See `Bus.listeners`."""
        self._publisher.check_started()
        replies = await self._ask_all("PUBSUB", "CHANNELS", self._channels.pattern(nsp))
        return {self._channels.uid(nsp, channel) for channels in replies for channel in channels}

    def order(self, nsp: str) -> str:
        """See `Bus.order`: each stream has one."""
        return self._publisher.stream_of(nsp)

    async def recent(self, limit: int, max_size: int) -> Past:
        """See `Bus.recent`. Each stream has an equal part of the limits."""
        parts = len(self._readers)
        pasts = [await reader.past(self._ask, limit // parts, max_size // parts) for reader in self._readers]
        entries = heapq.merge(*(past.entries for past in pasts), key=lambda entry: position(entry[0]))
        return Past(list(entries), max((past.floor for past in pasts), key=position))

    async def lag(self) -> float:
        """How many seconds of what the streams hold this instance has not delivered yet; of the one that is furthest
        behind. Raises `BusUnavailable`."""
        return max([await reader.lag(self._ask) for reader in self._readers])

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
        await self._subscriber.close()
        if self._cluster is not None:
            await self._cluster.close()
        await self._close_readers()

    async def _close_readers(self) -> None:
        await asyncio.gather(*(reader.close() for reader in self._readers))


def _log_failure(sent: asyncio.Future[Any]) -> None:
    if not sent.cancelled() and (error := sent.exception()) is not None:
        log.warning("an answer to another server was lost: %s", error)
