"""The model of Redis, as far as the project uses it: streams, keys that expire and Pub/Sub.

It stands where `protocol.server.redis.connection` makes a connection of redis-py, so the bus and the store run as they
are. What may happen to it: it takes no connections; it answers nothing for a while; it does what it was told, and the
connection breaks before the answer; it refuses writes; it drops old entries, or all that it has.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any, TypeAlias
from unittest import mock

from redis.exceptions import ResponseError

from protocol.cluster.stream_positions import Position, position
from protocol.server.redis import connection
from protocol.server.redis.topology import ServerAddress
from tests.simulation.redis_link import NONE, WAITS, ModelConnection
from tests.simulation.virtual_loop import VirtualLoop

Entry: TypeAlias = tuple[str, list[str]]  # id, and fields and values in turn


class Stream:
    """Entries in order. `appended` has all that there ever were."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.positions: list[Position] = []
        self.appended: list[Entry] = []
        self.last: Position = (0, 0)

    def append(self, now: int, fields: list[str]) -> str:
        """Add an entry; its id."""
        ms, count = self.last
        self.last = (now, 0) if now > ms else (ms, count + 1)
        entry = (f"{self.last[0]}-{self.last[1]}", fields)
        self.entries.append(entry)
        self.positions.append(self.last)
        self.appended.append(entry)
        return entry[0]

    def after(self, entry_id: str, most: int) -> list[Entry]:
        """The entries after an id."""
        start = bisect_right(self.positions, position(entry_id))
        return self.entries[start : start + most]

    def trim(self, keep: int) -> None:
        """Drop all but the newest."""
        drop = len(self.entries) - keep
        if drop > 0:
            del self.entries[:drop], self.positions[:drop]


class RedisModel:
    """One server. `up`, `silent` and `refuses` are set from outside; `answers_lost` counts the writes whose answers are
    still to be lost, `cut_off` names the instances that cannot reach it, `dead`
    those that were killed."""

    def __init__(self, loop: VirtualLoop, random: Random, delay: float) -> None:
        self.loop = loop
        self.random = random
        self.delay = delay
        self.up = True
        self.silent = False
        self.refuses: str | None = None
        self.answers_lost = 0
        self.cut_off: set[str] = set()
        self.dead: set[str] = set()  # instances that were killed
        self.streams: dict[str, Stream] = {}
        self.connections: list[ModelConnection] = []
        self._values: dict[str, tuple[str, float]] = {}

    # --- faults ---

    def stop(self) -> None:
        """Take no connections, and break those that there are."""
        self.up = False
        for each in list(self.connections):
            each.break_off()

    def forget(self) -> None:
        """Lose all data, as a server without persistence does that starts anew."""
        self._values.clear()
        for stream in self.streams.values():
            stream.trim(0)
            stream.last = (0, 0)

    def speak(self) -> None:
        """Go on after a silence, of the server or of the network."""
        self.silent = False
        self.cut_off.clear()
        for each in list(self.connections):
            each.let_in()
            each.go_on()

    # --- commands ---

    def run(self, client: ModelConnection, words: list[bytes]) -> Any:
        """The reply to a command; WAITS for a read that is held open, NONE where the replies come by themselves."""
        verb = words[0].decode()
        if verb in WRITES and self.refuses is not None:
            return ResponseError(self.refuses)
        return COMMANDS[verb](self, client, words[1:])

    def stream(self, name: str) -> Stream:
        """A stream, made at its first use."""
        return self.streams.setdefault(name, Stream())

    def xadd(self, _: ModelConnection, words: list[bytes]) -> Any:
        """XADD key [MAXLEN ~ count] id field value …"""
        name, *rest = (word.decode() for word in words)
        stream = self.stream(name)
        keep = int(rest[2]) if rest[0] == "MAXLEN" else None
        entry_id, *fields = rest[3:] if keep is not None else rest
        if entry_id == "0-0":
            return ResponseError("ERR The ID specified in XADD must be greater than 0-0")
        added = stream.append(int(self.loop.time() * 1000), fields)
        if keep is not None:
            stream.trim(keep)
        for each in list(self.connections):
            each.look_again()
        return added

    def xread(self, client: ModelConnection, words: list[bytes]) -> Any:
        """XREAD COUNT count [BLOCK ms] STREAMS key id"""
        texts = [word.decode() for word in words]
        name, start = texts[-2:]
        found = self.stream(name).after(start, int(texts[1]))
        if found:
            return [[name, [[entry_id, fields] for entry_id, fields in found]]]
        if "BLOCK" in texts:
            client.hold(words, int(texts[texts.index("BLOCK") + 1]) / 1000)
            return WAITS
        return None

    def xrange(self, _: ModelConnection, words: list[bytes]) -> Any:
        """XRANGE key id id"""
        name, start, _ = (word.decode() for word in words)
        return [[entry_id, fields] for entry_id, fields in self.stream(name).entries if entry_id == start]

    def xrevrange(self, _: ModelConnection, words: list[bytes]) -> Any:
        """XREVRANGE key end - COUNT count"""
        name, end, _, _, count = (word.decode() for word in words)
        entries = self.stream(name).entries
        if end != "+":
            limit, exclusive = position(end.removeprefix("(")), end.startswith("(")
            entries = [e for e in entries if position(e[0]) < limit or (e[0] == end and not exclusive)]
        return [[entry_id, fields] for entry_id, fields in reversed(entries[-int(count) :])]

    def set(self, _: ModelConnection, words: list[bytes]) -> Any:
        """SET key value PX ms [XX]"""
        key, value, _px, ttl, *condition = (word.decode() for word in words)
        if condition and self._get(key) is None:
            return None
        self._values[key] = (value, self.loop.time() + int(ttl) / 1000)
        return "OK"

    def get(self, _: ModelConnection, words: list[bytes]) -> Any:
        """GET key"""
        return self._get(words[0].decode())

    def getdel(self, _: ModelConnection, words: list[bytes]) -> Any:
        """GETDEL key"""
        value = self._get(words[0].decode())
        self._values.pop(words[0].decode(), None)
        return value

    def delete(self, _: ModelConnection, words: list[bytes]) -> Any:
        """DEL key"""
        return int(self._values.pop(words[0].decode(), None) is not None)

    def _get(self, key: str) -> str | None:
        value, end = self._values.get(key, ("", 0.0))
        return value if end > self.loop.time() else None

    def time(self, _: ModelConnection, _words: list[bytes]) -> Any:
        """TIME"""
        return [str(int(self.loop.time())), "0"]

    def zrange(self, _: ModelConnection, _words: list[bytes]) -> Any:
        """ZRANGE key 0 -1 WITHSCORES, of instances that route by interest: there are none."""
        return []

    def subscribe(self, client: ModelConnection, words: list[bytes]) -> Any:
        """SUBSCRIBE channel …"""
        for channel in words:
            client.channels.add(channel)
            client.reply([b"subscribe", channel, len(client.channels)])
        return NONE

    def unsubscribe(self, client: ModelConnection, words: list[bytes]) -> Any:
        """UNSUBSCRIBE channel …"""
        for channel in words:
            client.channels.discard(channel)
            client.reply([b"unsubscribe", channel, len(client.channels)])
        return NONE

    def ping(self, client: ModelConnection, words: list[bytes]) -> Any:
        """PING, of a subscriber or another."""
        return [b"pong", b""] if client.channels else "PONG"


WRITES = frozenset({"XADD", "SET"})
COMMANDS: Mapping[str, Any] = {
    "XADD": RedisModel.xadd,
    "XREAD": RedisModel.xread,
    "XRANGE": RedisModel.xrange,
    "XREVRANGE": RedisModel.xrevrange,
    "SET": RedisModel.set,
    "GET": RedisModel.get,
    "GETDEL": RedisModel.getdel,
    "DEL": RedisModel.delete,
    "TIME": RedisModel.time,
    "ZRANGE": RedisModel.zrange,
    "SUBSCRIBE": RedisModel.subscribe,
    "UNSUBSCRIBE": RedisModel.unsubscribe,
    "PING": RedisModel.ping,
}


@contextmanager
def redis_is(model: RedisModel) -> Iterator[None]:
    """Have all connections to Redis go to a model; the host of a URL is the name of the instance that connects."""

    def make(_options: Mapping[str, Any], address: ServerAddress, **_: Any) -> ModelConnection:
        return ModelConnection(model, address[0])

    with mock.patch.object(connection, "_connection", make):
        yield
