"""Saves the sockets of this instance, so that their clients can come back to another one, or after a crash.

What changes about a socket is saved soon after, many sockets in one round trip. While a client is connected its session
is saved again from time to time, which keeps it, and moves its offset on. At the end it is saved once more, or
dropped if it is not to come back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from msgspec import UnsetType, structs

from protocol.cluster.saved_sessions import RECOVERABLE, Saved, Trail, decode, encode, packable
from protocol.errors import ProtocolError, StoreUnavailable
from protocol.server.recovery.session_state import RecoverableSession, RecoverableSocket
from protocol.server.store.store import Store

log = logging.getLogger(__name__)

SOON = 0.05  # seconds from a change of a socket to its saving
AGAIN = 1.0  # seconds until what could not be saved is tried again
AT_ONCE = 100  # sessions in one round trip: a few milliseconds of work
MOST_WAITING = 10_000  # sessions that have ended and could not be saved yet
CLOSE_WITHIN = 2.0  # seconds that a stopping server has for the last ones


class Due(NamedTuple):
    """A pending write of a session. A session that the store must know already is not put back after it was taken."""

    saved: Saved | None  # its last state; None: as its socket is when it is saved
    over: bool = False  # its client does not come back
    known: bool = False  # the store may hold it


class SessionSaver:
    """Saves sessions in `store`, for `duration` ms after their end. `latest` tells how far a namespace has heard, and
    `trail` which inboxes have what is for a client of it.

    `prefix` is what their keys begin with.
    """

    def __init__(
        self,
        store: Store,
        latest: Callable[[str], str],
        trail: Callable[[str, RecoverableSession], Trail | UnsetType],
        duration: int,
        prefix: str,
    ) -> None:
        self._store = store
        self._latest = latest
        self._trail = trail
        self._duration = duration
        self._prefix = prefix
        self._live: dict[str, tuple[RecoverableSocket, RecoverableSession]] = {}  # by pid
        self._due: dict[str, Due] = {}
        self._saving: dict[str, Due] = {}  # those that are on their way to the store
        self._saved = asyncio.Event()  # when they are there
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._failed = False
        self._losses = 0  # how often the store may have lost everything
        self._unsaved: set[object] = set()  # keys of data that were complained of

    def _key_of(self, pid: str) -> str:
        return f"{self._prefix}{pid}"

    # --- what happens to sockets ---

    def enter(self, socket: RecoverableSocket, recoverable: RecoverableSession) -> None:
        """A client was let in."""
        self._live[recoverable.pid] = (socket, recoverable)
        self.change(recoverable)

    def change(self, recoverable: RecoverableSession) -> None:
        """A client's rooms or data are not what they were."""
        if recoverable.pid in self._live:
            self._due[recoverable.pid] = Due(None)
            self._wake.set()

    def leave(self, socket: RecoverableSocket, recoverable: RecoverableSession) -> None:
        """A client has left or was lost; called while its rooms are known still."""
        if recoverable.pid not in self._live:
            return
        self.forget(recoverable)
        if socket.reason in RECOVERABLE:
            self._put_due(
                recoverable.pid, Due(self._snapshot(socket, recoverable, live=False), known=recoverable.known)
            )
        else:  # also where it was not saved as far as we know: a write whose answer was lost may have been done
            self._put_due(recoverable.pid, Due(None, over=True))

    def keep(self, saved: Saved) -> None:
        """Save a session that was taken, and is not used."""
        self._put_due(saved.pid, Due(saved))

    def _put_due(self, pid: str, due: Due) -> None:
        self._due[pid] = due
        if len(self._due) > MOST_WAITING + len(self._live):
            del self._due[next(iter(self._due))]
        self._wake.set()
        self._hurry.set()

    def forget(self, recoverable: RecoverableSession) -> None:
        """Save a session no more: its client has come back elsewhere."""
        self._live.pop(recoverable.pid, None)
        self._due.pop(recoverable.pid, None)
        self._saving.pop(recoverable.pid, None)

    def save_all(self) -> None:
        """The store may have lost everything: save all that are connected, known to it or not."""
        self._losses += 1
        for _, recoverable in self._live.values():
            recoverable.known = False
            self.change(recoverable)

    def socket_of(self, pid: str) -> RecoverableSocket | None:
        """The socket of a session, if it is connected here."""
        return self._live[pid][0] if pid in self._live else None

    async def take(self, pid: str) -> Saved | None:
        """The saved state of a session, once: of several callers, on any instance, one gets it. None too for an invalid
        session. Raises `StoreUnavailable`."""
        while pid in self._saving:
            await self._saved.wait()
        waiting = self._due.pop(pid, None)
        try:
            text = await self._store.take(self._key_of(pid))
        except BaseException:
            if waiting is not None:
                self._due.setdefault(pid, waiting)
                self._wake.set()
            raise
        waiting = self._due.pop(pid, None) or self._saving.get(pid) or waiting  # it may have left meanwhile
        if pid in self._live:
            socket, recoverable = self._live[pid]
            taken = text is None and recoverable.known
            return None if taken else self._snapshot(socket, recoverable, live=True)
        if waiting is not None and (waiting.over or waiting.saved):
            return None if waiting.known and text is None else waiting.saved
        try:
            return None if text is None else decode(text)
        except ProtocolError as error:
            log.warning("%s", error)
            return None

    def _snapshot(self, socket: RecoverableSocket, recoverable: RecoverableSession, *, live: bool) -> Saved:
        return Saved(
            sid=socket.id,
            pid=recoverable.pid,
            rooms=socket.rooms,
            data=dict(socket.data),
            nsp=socket.namespace.name,
            live=live,
            offset=self._latest(socket.namespace.name),
            since=recoverable.since,
            sent=recoverable.sent,
            before=recoverable.before,
            trail=self._trail(socket.namespace.name, recoverable),
        )

    # --- saving ---

    def start(self) -> None:
        """Begin to save, in the running loop."""
        self._saved, self._wake, self._hurry = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._tasks = (asyncio.create_task(self._save_forever()), asyncio.create_task(self._renew_forever()))

    async def close(self) -> None:
        """Save what is not saved yet, if the store takes it in time, and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = ()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN):
                await self._succeeds(self._save())
        if self._due:
            log.warning("%d sessions were not saved", len(self._due))

    async def _save_forever(self) -> None:
        while True:
            await self._wake.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(SOON):
                    await self._hurry.wait()
            self._wake.clear()
            self._hurry.clear()
            if not await self._succeeds(self._save()):
                self._wake.set()
                await asyncio.sleep(AGAIN)

    async def _renew_forever(self) -> None:
        """Save all again, spread over half the time for which clients may be away."""
        while True:
            pids = list(self._live)
            pause = self._duration / 2000 / (len(pids) // AT_ONCE + 1)
            for first in range(0, len(pids) + 1, AT_ONCE):
                await asyncio.sleep(pause)
                await self._succeeds(self._renew(pids[first : first + AT_ONCE]))

    async def _renew(self, pids: Iterable[str]) -> None:
        """Save sessions again. One that is not in the store was taken away, which we are told soon, or it was not saved
        for so long that it has expired, which is why we are not told until the next time."""
        part = [pid for pid in pids if pid in self._live and self._live[pid][1].known]
        missing = await self._put(dict.fromkeys(part, Due(None)))
        for _, recoverable in [self._live[pid] for pid in part if pid in self._live]:
            if self._key_of(recoverable.pid) not in missing:
                recoverable.missing = False
            elif not recoverable.missing:
                recoverable.missing = True
            else:
                recoverable.known = recoverable.missing = False
                self.change(recoverable)

    async def _succeeds(self, saving: Awaitable[object]) -> bool:
        try:
            await saving
        except StoreUnavailable as error:
            if not self._failed:
                log.warning("the sessions of clients are not saved: %s", error)
            self._failed = True
        else:
            self._failed = False
        return not self._failed

    async def _save(self) -> None:
        while self._due:
            self._saving = {pid: self._due.pop(pid) for pid in list(self._due)[:AT_ONCE]}
            self._saved.clear()
            try:
                await self._put(self._saving)
            except BaseException:
                self._due = self._saving | self._due
                raise
            finally:
                self._saving = {}
                self._saved.set()

    async def _put(self, dues: Mapping[str, Due]) -> set[str]:
        """Save sessions, or drop them; returns the keys of those that the store should know and does not."""
        live = [self._live[pid] for pid, due in dues.items() if due == Due(None) and pid in self._live]
        losses, longest = self._losses, self._duration + self._duration // 2
        # The instance of a connected client may die just before it saves it again.
        all_saved = [
            (longest, recoverable.known, self._snapshot(socket, recoverable, live=True))
            for socket, recoverable in live
        ]
        all_saved += [
            (self._duration, due.known, due.saved) for due in dues.values() if due.saved is not None
        ]
        groups: dict[tuple[int, bool], dict[str, str]] = {}
        over = [self._key_of(pid) for pid, due in dues.items() if due.over]
        for ttl, known, saved in all_saved:
            text = self._encode(saved)
            if text is None:
                over.append(self._key_of(saved.pid))
            else:
                groups.setdefault((ttl, known), {})[self._key_of(saved.pid)] = text
        missing: set[str] = set()
        for (ttl, known), values in groups.items():
            missing |= await self._store.put(values, ttl, only_known=known)
        if over:
            await self._store.drop(over)
        if losses == self._losses:
            for _, recoverable in live:
                recoverable.known = True
        return missing

    def _encode(self, saved: Saved) -> str | None:
        """The text to save; None where there is none: with a part of its rooms it is not to come back."""
        try:
            return encode(saved)
        except (TypeError, ValueError, OverflowError, RecursionError):
            data = packable(saved.data)
        lacking = saved.data.keys() - data.keys() - self._unsaved
        if lacking:
            self._unsaved |= lacking
            log.warning("socket.data[%s] cannot be saved", "], socket.data[".join(map(repr, lacking)))
        try:
            return encode(structs.replace(saved, data=data))
        except (TypeError, ValueError):
            log.exception("the client %s cannot be saved", saved.sid)
            return None
