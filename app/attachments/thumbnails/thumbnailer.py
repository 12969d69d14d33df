"""Has thumbnails made, each in a process of its own, so that no picture can take more than its share.

Decoders are large programs in C, and a file of some hundred bytes can make one work for a minute or fill the memory. So
each picture gets a process that the system bounds, that runs behind the server's own in the queue for a processor, and
that can be ended; it has none of the server's sockets, files and variables. A process is used once: one that is kept
would save 0.1 s of processor time, but what a picture has done to it would reach the next one, of another user.

A user has one picture in work at a time, and so much processor time (BUDGET); of those who wait, each user has the next
turn after the others. A picture that does not come to its turn within PATIENCE, or goes beyond its bounds, has no
thumbnail: its file is stored all the same.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

import anyio
from anyio import to_thread
from msgspec import Struct

from app.attachments.thumbnails.thumbnail_result import (
    HEADER,
    MAX_THUMBNAIL,
    SQUARE,
    WHOLE,
    Bounds,
    Picture,
    Result,
    unpacked,
)
from app.limits.concurrency import UserConcurrency
from app.limits.token_bucket import Bucket, LocalBuckets, Taken

log = logging.getLogger(__name__)

PROGRAM = (sys.executable, "-P", "-m", f"{__package__}.thumbnail_process")
AT_ONCE = 2  # pictures in work in one process of the server
PATIENCE = 15.0  # seconds that a picture waits for its turn
BUDGET = Bucket.per(
    60, 6_000, 20_000
)  # ms of processor time a minute for the pictures of a user, and at once
MAX_USERS = 10_000  # whose budgets are remembered
MS = 1000


class Spending(Struct):
    """The seconds of processor time that a picture takes from its user's budget."""

    spent: float


class Thumbnailer:
    """The pictures in work on this instance. `bounds` are for each of them."""

    def __init__(
        self, bounds: Bounds | None = None, *, at_once: int = AT_ONCE, patience: float = PATIENCE
    ) -> None:
        self._bounds = bounds or Bounds()
        self._patience = patience
        self._turns = UserConcurrency(1)
        self._places = asyncio.Semaphore(at_once)
        self._threads = anyio.CapacityLimiter(2 * at_once)  # each waits for a process to end
        self._spent = LocalBuckets(MAX_USERS)

    async def picture(
        self, user_id: str, file: BinaryIO, media_type: str, *, square: bool = False
    ) -> Picture | None:
        """The picture of an image of one of the IMAGE_TYPES, from the file's position; None if invalid, or too costly.

        Its thumbnail shows the whole of it, or its middle as a square.

        The file must have a descriptor, and no buffer: its position is another one afterwards.
        """
        async with AsyncExitStack() as place:
            try:
                async with asyncio.timeout(self._patience):
                    await place.enter_async_context(self._turns.one(user_id))
                    budget = await place.enter_async_context(self._budget(user_id))
                    await place.enter_async_context(self._places)
            except TimeoutError:
                log.warning("a picture of user %s has no thumbnail: it was not its turn in time", user_id)
                return None
            result = await self._result(file, media_type, SQUARE if square else WHOLE)
            if result is None:
                return None
            budget.spent = result.cpu
        if isinstance(result.outcome, Picture):
            return result.outcome
        log.info("a file that begins as %s is no picture: %s", media_type, ascii(str(result.outcome)))
        return None

    @asynccontextmanager
    async def _budget(self, user_id: str) -> AsyncIterator[Spending]:
        """Waits until a user has enough processor time for any picture; what is not spent is given back."""
        whole = min(int(self._bounds.cpu * MS), BUDGET.burst)
        if wait := self._take(user_id, whole).wait:
            await asyncio.sleep(wait / (MS * MS))  # µs; no other spends meanwhile, for it is the user's turn
            self._take(user_id, whole)
        spending = Spending(self._bounds.cpu)
        try:
            yield spending
        finally:
            self._take(user_id, 0, returned=max(0, whole - int(spending.spent * MS)))

    def _take(self, user_id: str, ms: int, *, returned: int = 0) -> Taken:
        now = time.monotonic_ns() // 1000
        return self._spent.take(user_id, BUDGET, now, need=ms, want=ms, returned=returned)

    async def _result(self, file: BinaryIO, media_type: str, shape: str) -> Result | None:
        """The result of the process, if there is one."""
        try:
            with TemporaryFile(buffering=0) as output:
                status = await self._run(file, output, media_type, shape)
                if status:
                    _report(status, media_type)
                    return None
                output.seek(0)
                return unpacked(output.read(HEADER.size + MAX_THUMBNAIL + 1))
        except (OSError, ValueError) as error:
            log.warning("a thumbnail could not be made: %s", error)
            return None

    async def _run(self, file: BinaryIO, output: BinaryIO, media_type: str, shape: str) -> int:
        """Runs a process to its end. Returns its exit status, or minus the number of the signal that ended it."""
        process = _started(media_type, shape, self._bounds, file, output)
        try:
            async with asyncio.timeout(self._bounds.wall):
                return await to_thread.run_sync(process.wait, abandon_on_cancel=True, limiter=self._threads)
        except TimeoutError:
            return -signal.SIGALRM
        finally:
            if process.returncode is None:
                process.kill()
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(process.wait, limiter=self._threads)


def _started(
    media_type: str, shape: str, bounds: Bounds, file: BinaryIO, output: BinaryIO
) -> subprocess.Popen[bytes]:
    """A process with these two files and nothing else of the server's. Raises OSError.

    subprocess rather than asyncio's: uvloop forks, which takes a large server 25 ms, and leaves descriptors open. It
    is no session of its own, for Linux may give each session the same share of the processors, whatever its niceness.
    """
    return subprocess.Popen(
        [*PROGRAM, media_type, *map(str, (os.getpid(), *bounds)), shape],
        stdin=file,
        stdout=output,
        stderr=subprocess.DEVNULL,
        cwd="/",
        # Of the environment nothing but where the modules are: it has the server's secrets.
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _report(status: int, media_type: str) -> None:
    """Logs how a process ended that gave no result: by one of its bounds, or in a way that hints at a fault of ours."""
    if status < 0:
        name = signal.Signals(-status).name
        log.info("a file of type %s took too much to decode: its process was ended by %s", media_type, name)
    else:
        log.warning("the process for a file of type %s ended with status %d", media_type, status)
