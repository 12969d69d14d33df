"""One connection to Redis that many callers use at once: the commands of one tick of the loop go as one write.

Unlike the bus's writer it repeats nothing, for its callers may not want it to happen twice.
"""

import asyncio
from collections import deque
from typing import Any

from protocol.server.redis.cancellation import cancel_all
from protocol.server.redis.connection import CONNECTION_FAILURES, RedisConnection, RedisRefusal, described


class NotSent(Exception):
    """The connection could not be opened, so nothing has happened."""


class Pipeline:
    """Opens its connection when something is asked, and again after it broke."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._unsent: list[tuple[bytes, asyncio.Future[Any]]] = []
        self._sent: deque[asyncio.Future[Any]] = deque()
        self._wake = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def ask(self, command: bytes, deadline: float) -> Any:
        """The reply to a command. Raises Refusal, NotSent, and what a connection raises.

        A caller cancelled at `deadline`, on the loop's clock, has waited too long: the server hangs, and the connection
        is given up.
        """
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        self._unsent.append((command, reply))
        self._wake.set()
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve(), name="line to Redis")
        try:
            return await reply
        except asyncio.CancelledError:
            if loop.time() >= deadline:
                self.end()
            raise

    def end(self) -> None:
        """Gives the connection up; waiting callers get an error. The next caller has a new connection."""
        if self._serving is not None:
            self._serving.cancel()

    async def close(self) -> None:
        """As `end`, and returns when that is done."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait({self._serving})

    async def _serve(self) -> None:
        error: Exception = ConnectionError("the connection to Redis was closed")
        try:
            await self._connection.open()
        except asyncio.CancelledError:
            error = NotSent("the connection to Redis did not open")
            raise
        except (*CONNECTION_FAILURES, RedisRefusal) as failure:
            error = NotSent(described(failure))
        else:
            error = await self._pass_on()
        finally:
            self._serving = None
            unsent, self._unsent = self._unsent, []
            sent, self._sent = self._sent, deque()
            for reply in (*sent, *(reply for _, reply in unsent)):
                if not reply.done():
                    reply.set_exception(error)
            await self._connection.close(wait=False)

    async def _pass_on(self) -> Exception:
        """Sends what is asked and takes the replies, until that fails: with what."""
        tasks = {asyncio.create_task(self._write()), asyncio.create_task(self._read())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = await cancel_all(tasks)
        return next(error for error in ended if isinstance(error, Exception))

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            unsent, self._unsent = self._unsent, []
            self._sent.extend(reply for _, reply in unsent)
            await self._connection.send(b"".join([command for command, _ in unsent]))

    async def _read(self) -> None:
        while True:
            try:
                answer, refusal = await self._connection.receive(), None
            except RedisRefusal as error:
                answer, refusal = None, error
            reply = self._sent.popleft()
            if reply.done():
                continue  # the caller has gone
            if refusal is None:
                reply.set_result(answer)
            else:
                reply.set_exception(refusal)
