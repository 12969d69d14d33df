"""Commands to one Redis server, over a connection that may break at any time, or where Redis may refuse writes.

What one tick of the loop asks for goes as one write, and what arrives while that is under way as the next. Some
commands are parts of one, which has as many as wait. While Redis fails, a circuit breaker keeps callers from waiting
for it one after the other: all wait until `timeout` after the failure began, and from then on each fails at once, until
a probe finds that Redis stores again. Only commands that are to be kept wait on, in their place among the others.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from protocol.errors import BusUnavailable
from protocol.server.bus.bus import BusFailure
from protocol.server.redis.commands import is_expected, pack_words, reason_of
from protocol.server.redis.connection import Backoff, RedisConnection, RedisRefusal, described

log = logging.getLogger(__name__)

WRITE_BATCH = 1_000  # commands
CALL_BATCH = 128  # commands that are parts of one: Redis does nothing else meanwhile
CALL_BYTES = 256 * 1024  # the same, by what they have together
PROBE_WITHIN = 2.0  # s that a Redis which is known to fail has for an answer
MOST_KEPT_BYTES = 32 * 1024 * 1024


class _Command(NamedTuple):
    text: bytes
    reply: asyncio.Future[Any]
    repeat: bool
    stores: bool  # whether it is refused where Redis refuses writes
    kept: bool
    words: int = 0  # of a part of a command; 0 for a whole one


class CommandWriter:
    """Sends commands in the order they come, many in one write, again until each has its reply or is too late.

    One write is under way at a time: of several, one that fails would be repeated after a later one. `probe` is of
    `probe_of`; `failure` is what keeps Redis from storing at present. At most `max_waiting` commands wait, and as many
    that are kept. `head` has the words of the command that others are parts of. Of one write, at most one is such.
    """

    def __init__(
        self,
        connection: RedisConnection,
        probe: bytes,
        *,
        timeout: float,
        max_waiting: int,
        head: Sequence[str] = (),
    ) -> None:
        self._connection = connection
        self._probe = probe
        self.set_head(head)
        self._timeout = timeout
        self._max_waiting = max_waiting
        self._waiting: deque[_Command] = deque()
        self._passing = 0  # commands without a reply that are not kept
        self.kept = 0  # those that are
        self._kept_bytes = 0
        self._wake = asyncio.Event()
        self._all_stored = asyncio.Event()
        self.failure: Exception | None = None
        self.on_failure: Callable[[Exception], None] = lambda _error: None
        self._fails_at = 0.0  # on the loop's clock: from then on nothing waits for a Redis that still fails

    @property
    def reason(self) -> BusFailure | None:
        """What keeps Redis from storing at present, in a word."""
        failure = self.failure
        if isinstance(failure, RedisRefusal):
            return reason_of(failure)
        if failure is None:
            return None
        return "silent" if isinstance(failure, TimeoutError) else "unreachable"

    def set_head(self, words: Sequence[str]) -> None:
        """Have the command that others are parts of begin with other words from now on."""
        self._head_words = len(words)
        self._head = pack_words(words)

    # --- callers ---

    def ask(
        self, text: bytes, *, repeat: bool = True, stores: bool = False, words: int = 0
    ) -> asyncio.Future[Any]:
        """The reply to a command. It, or this, raises `BusUnavailable` when there is none in time.

        One that is not to be `repeat`ed is written at most once, and fails when its reply gets lost. With `words`, it
        is a part, of so many words, of the command that this writer has.
        """
        if self.failure is not None and self._is_open() and self._concerns(stores=stores):
            return _failed(f"Redis fails: {described(self.failure)}")
        if self._passing >= self._max_waiting:
            raise BusUnavailable(f"{self._passing} others wait for Redis")
        self._passing += 1
        return self._add(text, repeat=repeat, stores=stores, kept=False, words=words)

    def keep(self, text: bytes, *, words: int = 0) -> asyncio.Future[Any]:
        """The reply to a command that stores something, and is kept until that is done.

        Raises `BusUnavailable` when too much is kept already.
        """
        if self.kept >= self._max_waiting or self._kept_bytes + len(text) > MOST_KEPT_BYTES:
            raise BusUnavailable(f"{self.kept} records wait for Redis already")
        self.kept += 1
        self._kept_bytes += len(text)
        self._all_stored.clear()
        return self._add(text, repeat=True, stores=True, kept=True, words=words)

    def probe(self) -> asyncio.Future[Any]:
        """Done when Redis would store a record. It, or this, raises `BusUnavailable`."""
        if self.failure is not None:
            return _failed(described(self.failure))
        return self.ask(self._probe, stores=True)

    async def all_stored(self) -> None:
        """Return when nothing is kept."""
        while self.kept:
            await self._all_stored.wait()

    def _add(self, text: bytes, *, repeat: bool, stores: bool, kept: bool, words: int) -> asyncio.Future[Any]:
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Command(text, reply, repeat, stores, kept, words))
        self._wake.set()
        return reply

    # --- the loop ---

    async def run(self) -> None:
        """Serves callers, until it is cancelled."""
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        while True:
            if self.failure is None and not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            began = loop.time()
            try:
                async with asyncio.timeout_at(self._give_up_at(began)):
                    await (self._write_batch() if self.failure is None else self._try_again())
            except Exception as error:  # noqa: BLE001 - redis-py and the loops raise a mixed bag
                self._failed(error, began)
                await self._connection.close(wait=False)
                pause = backoff.next()
                if self._is_open():
                    self._fail_late()
                else:
                    pause = min(pause, self._fails_at - loop.time())
                await asyncio.sleep(pause)
            else:
                if self.failure is not None:
                    log.info("the bus writes to Redis again")
                    self.failure = None
                    backoff = Backoff()

    def _give_up_at(self, began: float) -> float:
        if self.failure is None:
            return began + self._timeout
        return self._fails_at if self._fails_at > began else began + PROBE_WITHIN

    def _failed(self, error: Exception, began: float) -> None:
        self.on_failure(error)
        if self.failure is None:
            log.warning("the bus cannot write to Redis: %s", described(error))
            self._fails_at = began + self._timeout
        if self.failure is None or not isinstance(error, TimeoutError):  # which says less than what led to it
            self.failure = error

    def _is_open(self) -> bool:
        """True once callers have waited long enough for a Redis that fails."""
        return asyncio.get_running_loop().time() >= self._fails_at

    def _concerns(self, *, stores: bool) -> bool:
        """True if the failure is one for a command: a Redis that refuses writes answers all others."""
        return stores or not isinstance(self.failure, RedisRefusal)

    def _fail_late(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        assert self.failure is not None
        for command in waiting:
            if command.kept or not self._concerns(stores=command.stores):
                self._waiting.append(command)
            else:
                self._fail(command, f"not stored within {self._timeout:g} s: {described(self.failure)}")

    async def _try_again(self) -> None:
        """Write to a Redis that has failed, if it stores again. Raises what is wrong."""
        await self._connection.open()
        await self._connection.send(self._probe)
        try:
            await self._receive_probe()
        except RedisRefusal:
            await self._write(self._take_others())
            raise
        await self._write_batch()

    async def _receive_probe(self) -> None:
        try:
            await self._connection.receive()
        except RedisRefusal as refusal:
            if not is_expected(refusal):
                raise

    def _take_others(self) -> list[_Command]:
        """The commands that store nothing, out of those that wait."""
        others = [command for command in self._waiting if not command.stores]
        self._waiting = deque(command for command in self._waiting if command.stores)
        return others

    async def _write_batch(self) -> None:
        """Write the first of those that wait. Raises what went wrong; the commands that have no good reply then are
        waiting still, if they may."""
        await self._connection.open()
        taken: list[_Command] = []
        parts = size = 0
        while self._waiting and len(taken) < WRITE_BATCH:
            command = self._waiting[0]
            if command.words:
                size += len(command.text)
                if parts == CALL_BATCH or (parts and size > CALL_BYTES):
                    break
                parts += 1
            taken.append(self._waiting.popleft())
        await self._write(taken)

    async def _write(self, batch: list[_Command]) -> None:
        parts = [command for command in batch if command.words]
        if parts:
            batch = [*parts, *(command for command in batch if not command.words)]
        answered = 0
        again: list[_Command] = []
        refusal: RedisRefusal | None = None
        try:
            if batch:
                texts = [command.text for command in batch]
                await self._connection.send(b"".join(texts) if not parts else self._as_one(parts, texts))
            if parts:
                refusal = await self._settle_parts(parts)
                answered = len(parts)
                again += parts if refusal else ()
            for command in batch[answered:]:
                try:
                    reply = await self._connection.receive()
                except RedisRefusal as error:
                    if command.text is self._probe and is_expected(error):
                        self._settle(command, None)
                    else:
                        refusal = error
                        again.append(command)
                else:
                    self._settle(command, reply)
                answered += 1
        finally:
            for command in batch[answered:]:
                if command.repeat:
                    again.append(command)
                else:
                    self._fail(command, "the connection to Redis broke before the reply")
            self._waiting.extendleft(reversed(again))
        if refusal is not None:
            raise refusal

    async def _settle_parts(self, parts: list[_Command]) -> RedisRefusal | None:
        """What refuses the command that all are parts of, if anything does."""
        try:
            replies = await self._connection.receive()
        except RedisRefusal as refusal:
            return refusal
        for command, reply in zip(parts, replies, strict=True):
            self._settle(command, reply)
        return None

    def _as_one(self, parts: list[_Command], texts: list[bytes]) -> bytes:
        """The bytes of commands of which the first are parts of one."""
        count = self._head_words + sum(command.words for command in parts)
        return b"".join([b"*%d\r\n%b" % (count, self._head), *texts])

    # --- replies ---

    def _settle(self, command: _Command, reply: Any) -> None:
        self._forget(command)
        if not command.reply.done():  # its caller may have been cancelled
            command.reply.set_result(reply)

    def _fail(self, command: _Command, message: str) -> None:
        self._forget(command)
        if not command.reply.done():
            command.reply.set_exception(BusUnavailable(message))

    def _forget(self, command: _Command) -> None:
        if not command.kept:
            self._passing -= 1
            return
        self.kept -= 1
        self._kept_bytes -= len(command.text)
        if not self.kept:
            self._all_stored.set()

    async def close(self) -> None:
        """Once `run` has ended: fails the callers that still wait."""
        if self.kept:
            log.warning("%d records were not stored before the bus stopped", self.kept)
        while self._waiting:
            self._fail(self._waiting.popleft(), "the bus has stopped")
        self.failure = None
        await self._connection.close(wait=True)


def _failed(message: str) -> asyncio.Future[Any]:
    reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    reply.set_exception(BusUnavailable(message))
    return reply
