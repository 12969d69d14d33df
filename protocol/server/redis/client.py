"""Commands to a Redis of any form, from many callers at once, over one connection to each server.

What a server has not done, since it is not the one to ask, is asked of the one that is. What it may have done, since
the connection broke before the reply, is not asked again.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Sequence
from functools import lru_cache
from typing import Any

from protocol.errors import StoreUnavailable
from protocol.server.redis.connection import (
    CONNECTION_FAILURES,
    Backoff,
    RedisConnection,
    RedisRefusal,
    Word,
    described,
    nodes_of,
    pack,
)
from protocol.server.redis.pipeline import NotSent, Pipeline
from protocol.server.redis.topology import Shard, owner
from protocol.server.redis.url import RedisForm, ServerAddress, parse_redis_url

ANSWER_WITHIN = 2.0  # s
TRIES = 4  # for a command that servers send elsewhere
BELIEVED = 10.0  # s that the known nodes of a cluster are taken as current, by callers that ask all of them
ELSEWHERE = frozenset(["MOVED", "READONLY", "MASTERDOWN", "TRYAGAIN"])  # codes of refusals
ASKING = b"*1\r\n$6\r\nASKING\r\n"


class RedisClient:
    """Sends commands to the Redis servers behind a URL: one server, sentinels or a cluster.

        value = await RedisClient("redis://redis:6379/0").ask("key", "GET", "key")

    `docs/server.md` ("Redis URLs") has the forms of `url`; a bad one raises `ValueError`. A command without an answer
    within `answer_within` seconds raises `StoreUnavailable`; Redis may have run it or not.
    """

    def __init__(self, url: str, *, answer_within: float = ANSWER_WITHIN) -> None:
        self._url = parse_redis_url(url)
        self._nodes = nodes_of(self._url)
        self._answer_within = answer_within
        self._lines: dict[ServerAddress | None, Pipeline] = {}
        self._shards: list[Shard] = []  # of a cluster, as they were last
        self._looked_at = float("-inf")  # when that was, on the loop's clock
        self._looking = asyncio.Lock()

    async def ask(self, key: str, *command: Word) -> Any:
        """The reply to a command on a key. Raises StoreUnavailable, also when Redis refuses it."""
        deadline = self._deadline()
        return await _within(deadline, self._ask(key, pack(command), deadline))

    async def run(self, script: str, keys: Sequence[str], *args: Word) -> Any:
        """The result of a Lua script, which is sent as a whole only where it is not known.

        There is at least one key, and all are in one slot. Raises StoreUnavailable.
        """
        deadline = self._deadline()
        return await _within(deadline, self._run(script, (len(keys), *keys, *args), keys[0], deadline))

    async def ask_all_nodes(self, *command: Word) -> list[Any]:
        """The replies of all nodes of a cluster, replicas included, or of the one server that there is.

        A node that cannot be reached is left out. Raises StoreUnavailable when none can be.
        """
        deadline = self._deadline()
        replies: list[Any] = await _within(deadline, self._ask_all_nodes(pack(command), deadline))
        return replies

    async def close(self) -> None:
        """Ends the connections; waiting callers get StoreUnavailable."""
        lines, self._lines = self._lines, {}
        await asyncio.gather(*(line.close() for line in lines.values()))

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._answer_within

    async def _ask(self, key: str, command: bytes, deadline: float) -> Any:
        backoff = Backoff()
        tries = 0
        while True:
            tries += 1
            shards = self._shards
            line = await self._line(key)
            try:
                return await line.ask(command, deadline)
            except NotSent:
                # In a cluster another node may have the key by now, if that was not looked up just now.
                if not shards or tries == TRIES:
                    raise
                self._forget(shards)
            except RedisRefusal as refusal:
                code, *where = str(refusal).split(maxsplit=3)
                if code == "ASK":
                    return await self._ask_there(where[1], command, deadline)
                if code not in ELSEWHERE or tries == TRIES:
                    raise
                self._forget(shards)
                if code == "READONLY":
                    line.end()  # the master is another server now
                await asyncio.sleep(backoff.next())

    async def _ask_there(self, address: str, command: bytes, deadline: float) -> Any:
        """Asks the node to which a slot is on its way."""
        host, _, port = address.rpartition(":")
        line = self._line_to((host, int(port)))
        _, reply = await asyncio.gather(line.ask(ASKING, deadline), line.ask(command, deadline))
        return reply

    async def _run(self, script: str, words: tuple[Word, ...], key: str, deadline: float) -> Any:
        try:
            return await self._ask(key, pack(("EVALSHA", _sha(script), *words)), deadline)
        except RedisRefusal as refusal:
            if not str(refusal).startswith("NOSCRIPT"):
                raise
        return await self._ask(key, pack(("EVAL", script, *words)), deadline)

    async def _ask_all_nodes(self, command: bytes, deadline: float) -> list[Any]:
        addresses: set[ServerAddress | None] = {None}
        if self._url.form is RedisForm.CLUSTER:
            if self._looked_at + BELIEVED < asyncio.get_running_loop().time():
                self._forget(self._shards)
            addresses = {node for shard in await self._map() for node in shard.nodes}
        asking = (self._line_to(address).ask(command, deadline) for address in addresses)
        answers = await asyncio.gather(*asking, return_exceptions=True)
        replies = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not replies:
            raise next(answer for answer in answers if isinstance(answer, BaseException))
        return replies

    # --- which connection ---

    async def _line(self, key: str) -> Pipeline:
        if self._url.form is not RedisForm.CLUSTER:
            return self._line_to(None)
        return self._line_to(owner(self._shards or await self._map(), key))

    def _line_to(self, address: ServerAddress | None) -> Pipeline:
        line = self._lines.get(address)
        if line is None:
            line = self._lines[address] = Pipeline(RedisConnection(self._url, address=address))
        return line

    async def _map(self) -> list[Shard]:
        async with self._looking:
            if not self._shards:
                self._shards = await self._nodes.shards()
                self._looked_at = asyncio.get_running_loop().time()
                nodes = {node for shard in self._shards for node in shard.nodes}
                for address in self._lines.keys() - nodes:
                    self._lines.pop(address).end()
            return self._shards

    def _forget(self, shards: list[Shard]) -> None:
        """Looks up where the slots are before the next command, unless another caller has done so meanwhile."""
        if self._shards is shards:
            self._shards = []


async def _within(deadline: float, asking: Coroutine[Any, Any, Any]) -> Any:
    try:
        async with asyncio.timeout_at(deadline):
            return await asking
    except (*CONNECTION_FAILURES, NotSent, RedisRefusal) as error:
        raise StoreUnavailable(f"Redis does not answer: {described(error)}") from error


@lru_cache
def _sha(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
