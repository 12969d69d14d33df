"""Presence: a user is online with at least one authenticated socket, on any instance.

Each instance knows its own sockets and writes down in Redis how many of them each user has; see `redis_leases` for
what stands there, and `announcements` for the receivers. The numbers are absolute, and one task writes them: what
changes while one call runs is the next call, however many sockets come or go at once. A place is held for some seconds
after the last socket has gone, so that a page that is loaded again is not announced.

All this is soft: while Redis is away no user is kept out for it, and when it is back it is told which users are here,
all of them where it has lost something. Its answers say who came or went; where one was lost, it is told what is true,
be it news or not.
"""

import asyncio
import logging
import secrets
from contextlib import suppress

from msgspec import Struct

from app import store
from app.core.background_tasks import ended
from app.core.batcher import Batcher
from app.core.caller import Caller
from app.core.errors import Refusal
from app.core.redis_scripts import SoftState, SoftStateUnavailable
from app.db.database import Database
from app.payloads import responses
from app.payloads.requests import GetPresence
from app.presence.announcements import PresenceNews
from app.presence.redis_leases import LET_GO, LeaseClaim, Leases, LeaseState, Verdict
from app.presence.snapshots import PresenceSnapshots
from protocol import Server, Socket

log = logging.getLogger(__name__)

HOLD = 5.0  # seconds
LEASE = 15.0  # seconds
TICKS_OF_A_LEASE = 3
MAX_BATCH = 500  # users in one call of a script
TOO_MANY = "You are connected too many times: close another tab or device"
RETRY_AFTER = 5_000  # ms


class Devices(Struct, eq=False):
    """The sockets of one user here: those that were let in, and those that wait to be, in their order."""

    inside: set[str]
    waiting: dict[str, asyncio.Future[bool]]
    hold: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self.inside) + len(self.waiting)

    @property
    def count(self) -> int:
        """As in `LeaseClaim.count`."""
        return len(self) or (LET_GO if self.hold is None else 0)


class PresenceTracker:
    """Counts the sockets of `io` as devices of their users.

    A user may have `max_sockets` of them on all instances together, 0 for any number. `hold` is how many seconds
    a user without a socket stays online; `lease`, after how many seconds of silence an instance counts as dead.
    """

    def __init__(
        self,
        io: Server,
        db: Database,
        soft_state: SoftState,
        *,
        max_sockets: int = 50,
        hold: float = HOLD,
        lease: float = LEASE,
    ) -> None:
        self._db = db
        self._leases = Leases(soft_state, max_sockets=max_sockets)
        self._news = PresenceNews(io, db, self._leases)
        self._snapshots = PresenceSnapshots(io, db, self._leases, self._news)
        self._max_sockets = max_sockets
        self._hold = hold
        self._lease = lease
        self._instance: str | None = None  # while it has a lease
        self._users: dict[str, Devices] = {}
        self._unanswered: set[str] = set()  # users of whom Redis may have counted what we do not know
        # Of users of whom Redis has to be told. Whatever goes wrong, no user is kept out for it.
        self._batcher = Batcher(self._count, max_batch=MAX_BATCH, retry_on=(Exception,), paused=self._lost)
        self._turn = asyncio.Lock()  # held while what Redis knows of this instance is changed
        self._ticking: asyncio.Task[None] | None = None
        self._away = False  # whether Redis is; then the batcher is paused
        self._sweep_from = 0.0  # in the event loop's time

    def start(self) -> None:
        """Begins to renew the lease of this instance and to take out the users of dead ones."""
        self._ticking = asyncio.create_task(self._tick_forever())

    async def close(self) -> None:
        """Leaves the users of this instance to the others, who let them go unless they come back within the hold."""
        if self._ticking is not None:
            await ended(self._ticking)
        await self._batcher.drained()
        await self._snapshots.told()
        for devices in self._users.values():
            self._keep(devices)
        untold = await self._news.told()
        if self._instance is not None:
            with suppress(SoftStateUnavailable):  # then the lease ends later
                for user_id in untold:  # they are announced by the instances that take this one out
                    await self._leases.count(self._instance, [LeaseClaim(user_id, before=1, count=1)])
                await self._leases.renew(self._instance, round(self._hold * 1000))

    async def enter(self, user_id: str, socket_id: str) -> bool:
        """Counts a socket as one of its user's; of no effect for one that is counted.

        Returns whether it brought the user online. Raises Refusal: `too_many`.
        """
        devices = self._users.setdefault(user_id, Devices(set(), {}))
        if socket_id in devices.inside:
            return False
        if self._max_sockets and len(devices) >= self._max_sockets:
            raise Refusal("too_many", TOO_MANY, retry_after=RETRY_AFTER)
        self._keep(devices)
        if self._away:
            devices.inside.add(socket_id)
            self._batcher.add(user_id)
            return False
        answer = devices.waiting.setdefault(socket_id, asyncio.get_running_loop().create_future())
        self._batcher.add(user_id)
        try:
            return await answer
        except asyncio.CancelledError:
            self.leave(user_id, socket_id)
            raise

    def leave(self, user_id: str, socket_id: str) -> None:
        """Counts a socket no more; after the last one of its user begins the hold."""
        devices = self._users.get(user_id)
        if devices is None or socket_id not in devices.inside | devices.waiting.keys():
            return
        devices.inside.discard(socket_id)
        answer = devices.waiting.pop(socket_id, None)
        if answer is not None and not answer.done():
            answer.set_result(False)
        self._hold_if_gone(user_id, devices)
        self._batcher.add(user_id)

    async def of(self, user_ids: list[str]) -> dict[str, responses.Presence]:
        """The presence of each of the users; none while Redis is away. Raises DatabaseUnavailable."""
        try:
            return await self._news.of(user_ids)
        except SoftStateUnavailable as error:
            self._lost(error)
            return {}

    async def get(self, caller: Caller, payload: GetPresence) -> list[responses.Presence]:
        """The presence of users who share a room with the user; others are left out.

        So are those who have blocked the user, or whom the user has blocked.
        """
        asked = list(dict.fromkeys(payload.user_ids))
        known = await store.presence.acquainted(self._db, caller.user_id, asked) | {caller.user_id}
        known -= await store.blocks.between(self._db, caller.user_id, asked)
        return list((await self._news.of(user_id for user_id in asked if user_id in known)).values())

    async def send_snapshot(self, socket: Socket, user_id: str) -> None:
        """Tells a socket that follows its user's rooms which of the users whose presence it hears of are online."""
        await self._snapshots.send(socket, user_id)

    def meet(self, *user_ids: str) -> None:
        """Tells, soon, users who have begun to share a room who is online in it, and the others of them."""
        self._snapshots.meet(user_ids)

    # --- holds ---

    def _keep(self, devices: Devices) -> None:
        if devices.hold is not None:
            devices.hold.cancel()
            devices.hold = None

    def _hold_if_gone(self, user_id: str, devices: Devices) -> None:
        if not devices and devices.hold is None:
            devices.hold = asyncio.get_running_loop().call_later(self._hold, self._let_go, user_id)

    def _let_go(self, user_id: str) -> None:
        self._users[user_id].hold = None
        self._batcher.add(user_id)

    # --- what Redis is told ---

    async def _count(self, user_ids: list[str]) -> None:
        async with self._turn:
            instance = self._instance or await self._begin()
            self._batcher.discard(*user_ids)  # whose present numbers these are
            claims = [self._claim(user_id) for user_id in user_ids]
            asking = [list(self._users[user_id].waiting) for user_id in user_ids]
            try:
                verdicts = await self._leases.count(instance, claims)
            except Exception:
                self._unanswered.update(user_ids)
                raise
            if verdicts is None:
                self._instance = None
                self._batcher.add(*self._users)
                return
        for claim, verdict, sockets in zip(claims, verdicts, asking, strict=True):
            self._settle(claim, verdict, sockets)
            if verdict.change or claim.user_id in self._unanswered:
                self._news.add([claim.user_id], ago=0 if claim.count > 0 else round(self._hold * 1000))
        self._unanswered.difference_update(user_ids)

    def _claim(self, user_id: str) -> LeaseClaim:
        devices = self._users[user_id]
        return LeaseClaim(user_id, before=len(devices.inside), count=devices.count)

    def _settle(self, claim: LeaseClaim, verdict: Verdict, sockets: list[str]) -> None:
        devices = self._users[claim.user_id]
        came = verdict.change > 0
        for place, socket_id in enumerate(sockets, claim.before):
            answer = devices.waiting.pop(socket_id, None)
            if answer is None:
                continue  # it left
            if place < verdict.count:
                devices.inside.add(socket_id)
            if answer.done():
                continue
            if place < verdict.count:
                answer.set_result(came)
                came = False
            else:
                answer.set_exception(Refusal("too_many", TOO_MANY, retry_after=RETRY_AFTER))
        if claim.count == LET_GO and devices.count == LET_GO:
            del self._users[claim.user_id]
            self._batcher.discard(claim.user_id)
        elif sockets:  # whose refusal may have left the user without any
            self._hold_if_gone(claim.user_id, devices)

    # --- the lease ---

    async def _begin(self) -> str:
        """As another instance than before, whose users the others may be taking out just now."""
        instance = secrets.token_hex(8)
        await self._leases.begin(instance, round(self._lease * 1000))
        self._instance = instance
        self._batcher.add(*self._users)
        return instance

    async def _renew(self) -> None:
        if self._instance is None:
            await self._begin()
            return
        state = await self._leases.renew(self._instance, round(self._lease * 1000))
        if state is LeaseState.ENDED:
            await self._begin()
        elif state is LeaseState.LOST:
            log.warning("Redis has lost some of the users who are here; it is told of all again")
            self._batcher.add(*self._users)  # before the next, after which no loss is seen any more
            await self._leases.begin(self._instance, round(self._lease * 1000))

    async def _tick_forever(self) -> None:
        while True:
            try:
                await self._tick()
            except SoftStateUnavailable as error:
                self._lost(error)
            except Exception:
                log.exception("presence could not be looked after")
            await asyncio.sleep(self._lease / TICKS_OF_A_LEASE)

    async def _tick(self) -> None:
        async with self._turn:
            await self._renew()
        if self._away:
            self._away = False
            log.info("presence is kept again")
            # The leases of others may have ended meanwhile; they are given the time to begin anew.
            self._sweep_from = asyncio.get_running_loop().time() + self._lease
        self._batcher.resume()
        # Before the sweep, which would take the users here out with an earlier lease of ours.
        await self._batcher.drained()
        if asyncio.get_running_loop().time() >= self._sweep_from:
            while (swept := await self._leases.sweep(MAX_BATCH)) is not None:
                self._news.add(swept.user_ids, swept.ago)
            await self._news.add_overdue(round(self._lease * 1000))
        self._news.resume()

    def _lost(self, error: Exception) -> None:
        if not self._away or not isinstance(error, SoftStateUnavailable):
            trace = None if isinstance(error, SoftStateUnavailable) else error
            log.warning("presence is not kept for now: %s", error, exc_info=trace)
        self._away = True
        self._batcher.pause()
        for user_id in self._batcher.waiting:
            devices = self._users[user_id]
            for answer in devices.waiting.values():
                if not answer.done():
                    answer.set_result(False)
            devices.inside.update(devices.waiting)
            devices.waiting.clear()
