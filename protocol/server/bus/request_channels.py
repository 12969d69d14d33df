"""Requests and answers between instances, over Pub/Sub: how they are sent, and how those who listen are counted."""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Protocol

from protocol.cluster import requests
from protocol.cluster.requests import ClusterAnswer, ClusterRequest
from protocol.errors import BusUnavailable, StoreUnavailable
from protocol.server.bus.bus import ReceiveRequest
from protocol.server.bus.pubsub_subscriber import Channels, PubSubSubscriber
from protocol.server.redis.client import RedisClient
from protocol.server.redis.connection import RedisConnection, described
from protocol.server.redis.url import RedisForm, parse_redis_url

log = logging.getLogger(__name__)


class Asks(Protocol):
    """Sends a command to Redis."""

    def __call__(self, *words: str | bytes, repeat: bool = True) -> asyncio.Future[Any]:
        """The reply to a command. It, or this, raises `BusUnavailable`."""
        ...


class RequestChannels:
    """The channels of one instance, and those of the others. `timeout` is in seconds, `ask` sends commands to the
    server that has `key`."""

    def __init__(
        self, url: str, channels: Channels, uid: str, ask: Asks, timeout: float, *, key: str
    ) -> None:
        self._uid = uid
        self._channels = channels
        self._ask = ask
        self._timeout = timeout
        self._subscriber = PubSubSubscriber(RedisConnection(url, key, text=False), channels, uid)
        self._cluster = RedisClient(url) if parse_redis_url(url).form is RedisForm.CLUSTER else None

    async def run(self, receive: ReceiveRequest | None) -> None:
        """Hands in what comes, until it is cancelled."""
        await self._subscriber.run(receive)

    def listen(self, nsp: str) -> None:
        """See `Bus.listen`."""
        self._subscriber.listen(nsp)

    def unlisten(self, nsp: str) -> None:
        """See `Bus.unlisten`."""
        self._subscriber.unlisten(nsp)

    async def request(self, request: ClusterRequest, uids: Collection[str] | None = None) -> int:
        """See `Bus.request`. With `uids`, it goes to those of these instances that listen."""
        payload = requests.encode(request, self._uid)
        try:
            async with asyncio.timeout(self._timeout):
                await self._subscriber.listening(request.nsp)
        except TimeoutError:
            failure = self._subscriber.failure
            raise BusUnavailable(f"answers could not be listened to: {described(failure)}") from failure
        channels = [self._channels.public(request.nsp)]
        if uids is not None:
            channels = [self._channels.private(request.nsp, uid) for uid in uids]
        # Counted right before: an instance that starts in between answers without being waited for, which does no harm.
        counting = asyncio.ensure_future(self.count_subscribers(self._channels, channels))
        await asyncio.gather(counting, *(self._send(channel, payload) for channel in channels))
        return counting.result()

    async def count_subscribers(self, kind: Channels, channels: Collection[str]) -> int:
        """How many instances listen to channels of a kind, each of which belongs to one instance, or to all."""
        replies = await self._ask_for(kind, *kind.count, *channels)
        return sum(int(count) for reply in replies for count in reply[1::2])

    async def _ask_for(self, kind: Channels, *words: str) -> list[Any]:
        """The replies of all nodes that may have subscribers to channels of a kind."""
        if self._cluster is None or kind.of_one_node:
            return [await self._ask(*words)]
        try:
            return await self._cluster.ask_all_nodes(*words)
        except StoreUnavailable as error:
            raise BusUnavailable(str(error)) from error

    def _send(self, channel: str, payload: bytes) -> asyncio.Future[Any]:
        # Never repeated: a handler would run twice, or an answer count for two.
        return self._ask(self._channels.publish, channel, payload, repeat=False)

    def answer(self, uid: str, answer: ClusterAnswer) -> None:
        """See `Bus.answer`."""
        payload = requests.encode(answer, self._uid)
        channel = self._channels.private(answer.nsp, uid)
        self._send(channel, payload).add_done_callback(_log_failure)

    async def listeners(self, nsp: str) -> set[str]:
        """See `Bus.listeners`."""
        replies = await self._ask_for(self._channels, *self._channels.names, self._channels.pattern(nsp))
        return {self._channels.uid(nsp, channel) for channels in replies for channel in channels}

    async def close(self) -> None:
        """Once `run` has ended."""
        await self._subscriber.close()
        if self._cluster is not None:
            await self._cluster.close()


def _log_failure(sent: asyncio.Future[Any]) -> None:
    if not sent.cancelled() and (error := sent.exception()) is not None:
        log.warning("an answer to another server was lost: %s", error)
