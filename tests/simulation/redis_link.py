"""A connection to the model of Redis, in place of one of redis-py."""

import asyncio
from collections import deque
from random import Random
from typing import TYPE_CHECKING, Any

from hiredis import Reader
from redis.exceptions import ResponseError

if TYPE_CHECKING:
    from tests.simulation.redis_model import RedisModel

LOST = ConnectionError("the connection to Redis broke")


class _Mark:
    """A reply that is none."""


WAITS, NONE = _Mark(), _Mark()


class ModelConnection:
    """A connection of redis-py's kind to the model. Commands run in order, each some time after it was sent."""

    def __init__(self, redis: "RedisModel", client: str) -> None:
        self.client = client
        self.channels: set[bytes] = set()
        self._redis = redis
        self._random = Random(redis.random.random())
        self._commands: list[list[bytes]] = []  # that have arrived and wait for a silent server, or a read
        self._held: list[bytes] | None = None  # the read that is held open
        self._give_up: asyncio.TimerHandle | None = None
        self._replies: list[Any] = []
        self._coming: deque[tuple[float, Any, tuple[Any, ...]]] = deque()  # either way, with the time
        self._waiter: asyncio.Future[None] | None = None
        self._last = 0.0
        self._closed = True  # on the side of the client
        self._broken = True  # on the side of the server

    # --- redis-py's side ---

    async def connect(self) -> None:
        """Open it. Raises `ConnectionError`."""
        redis = self._redis
        await asyncio.sleep(self._time())
        if self.client in redis.cut_off:
            await asyncio.sleep(3.0)
            raise TimeoutError("Redis cannot be reached")
        if not redis.up:
            raise ConnectionRefusedError("Redis is down")
        self._closed = self._broken = False
        redis.connections.append(self)

    async def send_packed_command(self, command: bytes, check_health: bool) -> None:
        """Send commands on their way. Raises `ConnectionError`."""
        if self._closed or self.client in self._redis.dead:
            raise LOST
        reader = Reader()
        reader.feed(command)
        words = reader.gets()
        while words is not False:
            self._at_last(self._arrive, words)
            words = reader.gets()

    async def read_response(self) -> Any:
        """The next reply. Raises `ConnectionError` and `ResponseError`."""
        while not self._replies:
            if self._closed:
                raise LOST
            self._waiter = self._redis.loop.create_future()
            await self._waiter
        reply = self._replies.pop(0)
        if isinstance(reply, ResponseError):
            raise reply
        return reply

    async def disconnect(self, nowait: bool) -> None:
        """End it; what was sent before still arrives."""
        self._closed = True
        self._wake()
        self._at_last(self.break_off)

    # --- the server's side ---

    def break_off(self) -> None:
        """End it from the side of the server."""
        self._closed = self._broken = True
        if self in self._redis.connections:
            self._redis.connections.remove(self)
        self.channels.clear()
        self._commands.clear()
        self._held = None
        self._wake()

    def _arrive(self, words: list[bytes]) -> None:
        self._commands.append(words)
        self.go_on()

    def go_on(self) -> None:
        """Run the commands that have arrived."""
        redis = self._redis
        self.look_again()
        while self._commands and self._held is None and not self._is_mute():
            words = self._commands.pop(0)
            reply = redis.run(self, words)
            if words[0] == b"XADD" and redis.answers_lost and words[2] != b"0-0" and isinstance(reply, str):
                redis.answers_lost -= 1
                self._at_last(self.break_off)
                self._commands.clear()
                return
            if not isinstance(reply, _Mark):
                self.reply(reply)

    def _is_mute(self) -> bool:
        return self._broken or self._redis.silent or self.client in self._redis.cut_off

    def hold(self, words: list[bytes], seconds: float) -> None:
        """Keep a read open."""
        self._held = words
        self._give_up = self._redis.loop.call_later(seconds, self._end_hold, None)

    def look_again(self) -> None:
        """There may be something for the read that is held open."""
        if self._held is not None and not self._is_mute():
            reply = self._redis.xread(self, [word for word in self._held if word != b"BLOCK"])
            if reply is not None:
                self._end_hold(reply)

    def _end_hold(self, reply: Any) -> None:
        if self._held is not None:
            self._held = None
            if self._give_up is not None:
                self._give_up.cancel()
            self.reply(reply)
            self.go_on()

    def reply(self, reply: Any) -> None:
        """Send a reply on its way."""
        self._at_last(self._take, reply)

    def _take(self, reply: Any) -> None:
        self._replies.append(reply)
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _at_last(self, call: Any, *args: Any) -> None:
        """Call after all that is under way, unless the connection ends before."""

        self._last = max(self._last, self._redis.loop.time() + self._time())
        self._coming.append((self._last, call, args))
        self._redis.loop.call_at(self._last, self._come)

    def _come(self) -> None:
        if self.client not in self._redis.cut_off:
            self.let_in()

    def let_in(self) -> None:
        """Take what the network brings."""
        now = self._redis.loop.time()
        while self._coming and self._coming[0][0] <= now and not self._broken:
            _, call, args = self._coming.popleft()
            call(*args)

    def _time(self) -> float:
        return self._redis.delay * (0.5 + self._random.random())
