"""Which server to connect to: the one of the URL, the master that sentinels name, the node of a cluster that has a key.

It is asked anew for each connection, of several servers at once, so that one that hangs delays no connection.
"""

import asyncio
import random
from binascii import crc_hqx
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

from protocol.server.redis.cancellation import cancel_all
from protocol.server.redis.url import RedisForm, RedisUrl, ServerAddress

T = TypeVar("T")

SLOTS = 16_384  # of a cluster
ASKED_AT_ONCE = 8  # servers
ANSWER_WITHIN = 2.0  # s

AskNode: TypeAlias = Callable[[ServerAddress, tuple[str, ...]], Awaitable[Any]]
"""Connects to an address, asks one thing, and returns the reply. Raises whatever went wrong."""


class NodeNotFound(Exception):
    """No server could be found that has the key, or is the master."""


class Shard(NamedTuple):
    """The slots of a cluster from one to another, and the nodes that have them, the master first."""

    first: int
    last: int
    nodes: tuple[ServerAddress, ...]


class Nodes:
    """The servers behind a URL."""

    def __init__(self, url: RedisUrl, ask: AskNode) -> None:
        self._url = url
        self._ask = ask
        self._known: tuple[ServerAddress, ...] = ()

    async def of(self, key: str) -> ServerAddress:
        """The server that has a key at present. Raises NodeNotFound."""
        match self._url.form:
            case RedisForm.ONE:
                return self._url.addresses[0]
            case RedisForm.SENTINEL:
                return await self._master()
            case RedisForm.CLUSTER:
                return owner(await self.shards(), key)

    async def shards(self) -> list[Shard]:
        """How a cluster divides its slots at present. Raises NodeNotFound."""
        # Besides those of the URL, which may have been replaced; and those again, if all that were known have been.
        shards = await self._first({*self._url.addresses, *self._known}, ("CLUSTER", "SLOTS"), read_shards)
        self._known = tuple({node for shard in shards for node in shard.nodes})
        return shards

    async def _master(self) -> ServerAddress:
        def read(reply: Any, _asked: ServerAddress) -> ServerAddress:
            if not reply:
                raise NodeNotFound(f"a sentinel knows no master {self._url.master!r}")
            return reply[0], int(reply[1])

        command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._url.master)
        return await self._first(set(self._url.addresses), command, read)

    async def _first(
        self, addresses: set[ServerAddress], command: tuple[str, ...], read: Callable[[Any, ServerAddress], T]
    ) -> T:
        """The first answer of some servers. Raises NodeNotFound with what the others say."""

        async def ask(address: ServerAddress) -> T:
            async with asyncio.timeout(ANSWER_WITHIN):
                return read(await self._ask(address, command), address)

        chosen = random.sample(sorted(addresses), min(len(addresses), ASKED_AT_ONCE))
        asking = {asyncio.create_task(ask(address)): address for address in chosen}
        failures: list[str] = []
        try:
            pending = set(asking)
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    error = task.exception()
                    if error is None:
                        return task.result()
                    failures.append(f"{asking[task][0]}:{asking[task][1]}: {type(error).__name__}: {error}")
        finally:
            await cancel_all(asking)
        raise NodeNotFound("; ".join(failures))


def read_shards(reply: Any, asked: ServerAddress) -> list[Shard]:
    """The reply to `CLUSTER SLOTS`. A node that does not say its own host is where it was asked."""
    if not reply:
        raise NodeNotFound("a node of the cluster knows of no slots")
    return [
        Shard(
            first,
            last,
            tuple((host if host not in (None, "", "?") else asked[0], port) for host, port, *_ in nodes),
        )
        for first, last, *nodes in reply
    ]


def owner(shards: list[Shard], key: str) -> ServerAddress:
    """The master that has a key. Raises NodeNotFound."""
    slot = slot_of(key)
    for first, last, nodes in shards:
        if first <= slot <= last:
            return nodes[0]
    raise NodeNotFound(f"no node of the cluster has slot {slot}")


def slot_of(key: str) -> int:
    """The slot of a key: of the part in its first braces, if there is something between them."""
    _, opened, rest = key.partition("{")
    tag, closed, _ = rest.partition("}")
    return crc_hqx((tag if opened and closed and tag else key).encode(), 0) % SLOTS
