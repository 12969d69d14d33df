"""Listening to the channels of namespaces in Redis, over a connection that may break at any time."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from protocol.server.bus.bus import ReceiveRequest, hand_in
from protocol.server.bus.skip_log import SkipLog
from protocol.server.redis.connection import Backoff, RedisConnection, described, pack

log = logging.getLogger(__name__)

PING_EVERY = 5.0  # s; Redis says nothing by itself, so it is asked
GRACE = 5.0  # s for the answer; then the connection is taken for dead


class Channels:
    """The names of the channels, as `@socket.io/redis-streams-adapter` makes them, and the commands for them. In a
    Redis Cluster any node takes and tells what is for them, and knows those that listen to itself."""

    subscribe, unsubscribe, publish = "SUBSCRIBE", "UNSUBSCRIBE", "PUBLISH"
    count, names = ("PUBSUB", "NUMSUB"), ("PUBSUB", "CHANNELS")
    message, subscribed, unsubscribed = b"message", b"subscribe", b"unsubscribe"
    of_one_node = False

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def public(self, nsp: str) -> str:
        """Where the requests of a namespace go."""
        return f"{self._prefix}#{nsp}#"

    def private(self, nsp: str, uid: str) -> str:
        """Where the answers to one server go."""
        return f"{self._prefix}#{nsp}#{uid}#"

    def pattern(self, nsp: str) -> str:
        """The glob pattern of Redis that the private channels of a namespace match."""
        escaped = "".join(f"\\{c}" if c in "*?[]\\^-" else c for c in self.public(nsp))
        return f"{escaped}*#"

    def uid(self, nsp: str, channel: str) -> str:
        """The uid of the instance whose private channel it is."""
        return channel[len(self.public(nsp)) : -1]


class ShardedChannels(Channels):
    """Channels of the one node that has the slot of `prefix`, by its hash tag: no other one of a Redis Cluster hears of
    what they bring (Redis 7, Valkey 7.2)."""

    subscribe, unsubscribe, publish = "SSUBSCRIBE", "SUNSUBSCRIBE", "SPUBLISH"
    count, names = ("PUBSUB", "SHARDNUMSUB"), ("PUBSUB", "SHARDCHANNELS")
    message, subscribed, unsubscribed = b"smessage", b"ssubscribe", b"sunsubscribe"
    of_one_node = True


class SlotMoved(Exception):
    """The node has ended a subscription: the slot of its channel is another one's now."""


class PubSubSubscriber:
    """Hands in what comes on the public channel of each namespace that is listened to, and on this instance's private
    one. Each is subscribed to once, since the servers are counted by the subscribers. `failure` is what keeps it
    from listening at present.
    """

    def __init__(self, connection: RedisConnection, channels: Channels, uid: str) -> None:
        self._connection = connection
        self._channels = channels
        self._uid = uid
        self._skipped = SkipLog(log)
        self._wanted: Counter[str] = Counter()
        self._asked: set[str] = set()  # what this connection has been told to listen to
        self._unconfirmed: Counter[str] = (
            Counter()
        )  # public channels: how many subscriptions Redis has not confirmed
        self._changed = asyncio.Event()
        self._confirmed = asyncio.Event()
        self.failure: Exception | None = None

    def listen(self, nsp: str) -> None:
        """See `Bus.listen`."""
        self._wanted[nsp] += 1
        self._changed.set()

    def unlisten(self, nsp: str) -> None:
        """See `Bus.unlisten`."""
        self._wanted[nsp] -= 1
        if not self._wanted[nsp]:
            del self._wanted[nsp]
            self._changed.set()

    async def listening(self, nsp: str) -> None:
        """Returns once Redis has confirmed that it listens to a namespace; at once for one it does not want."""
        while nsp in self._wanted and not self._hears(nsp):
            self._confirmed.clear()
            await self._confirmed.wait()

    def _hears(self, nsp: str) -> bool:
        return nsp in self._asked and not self._unconfirmed[self._channels.public(nsp)]

    async def run(self, receive: ReceiveRequest | None) -> None:
        """Hands in what comes, until it is cancelled."""
        backoff = Backoff()
        while True:
            try:
                await self._serve(lambda payload: hand_in(receive, payload, self._skipped))
            except* Exception as errors:  # noqa: BLE001 - redis-py and the loops raise a mixed bag
                error = errors.exceptions[0]
                if self.failure is None:
                    log.warning("the bus cannot listen to Redis: %s", described(error))
                    backoff = Backoff()
                self.failure = error
            self._asked.clear()
            self._unconfirmed.clear()
            await self._connection.close(wait=False)
            await asyncio.sleep(backoff.next())

    async def _serve(self, hand: Callable[[bytes], None]) -> None:
        """Follows one connection; raises what ends it."""
        async with asyncio.timeout(PING_EVERY + GRACE):
            await self._connection.open()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_subscribed())
            group.create_task(self._read(hand))

    async def _keep_subscribed(self) -> None:
        while True:
            self._changed.clear()
            wanted = set(self._wanted)
            commands = self._commands(wanted - self._asked, self._asked - wanted)
            self._asked = wanted
            await self._connection.send(commands or pack(("PING",)))
            try:
                async with asyncio.timeout(PING_EVERY):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _commands(self, new: set[str], old: set[str]) -> bytes:
        commands = b""
        for verb, names in ((self._channels.subscribe, new), (self._channels.unsubscribe, old)):
            # The private one first: a subscriber that hears the requests can also hear the answers.
            channels = [
                name
                for nsp in sorted(names)
                for name in (self._channels.private(nsp, self._uid), self._channels.public(nsp))
            ]
            if channels:
                commands += pack((verb, *channels))
        self._unconfirmed.update(self._channels.public(nsp) for nsp in new)
        return commands

    async def _read(self, hand: Callable[[bytes], None]) -> None:
        while True:
            async with asyncio.timeout(PING_EVERY + GRACE):
                reply = await self._connection.receive()
            self._take(reply, hand)

    def _take(self, reply: Any, hand: Callable[[bytes], None]) -> None:
        match reply:
            case [kind, bytes(), bytes(payload)] if kind == self._channels.message:
                hand(payload)
            case [kind, bytes(channel), _] if kind == self._channels.subscribed:
                name = channel.decode()
                if self._unconfirmed[name] > 1:
                    self._unconfirmed[name] -= 1
                else:
                    del self._unconfirmed[name]
                self._confirmed.set()
                if self.failure is not None:
                    log.info("the bus listens to Redis again")
                    self.failure = None
            case [kind, bytes(channel), _] if kind == self._channels.unsubscribed:
                if channel.decode() in map(self._channels.public, self._asked):
                    raise SlotMoved(channel.decode())

    async def close(self) -> None:
        """Once `run` has ended."""
        self._asked.clear()
        self._unconfirmed.clear()
        await self._connection.close(wait=True)
