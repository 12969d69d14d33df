"""Typing in rooms, told to the other members.

What is typed on the devices of a user that are connected here is one state for each room. It ends when all of them
have stopped, sent their message, gone, or said nothing for three seconds. Of each state there is at most one
announcement a second; what comes in between is told when the second is over, if it is news by then.

With each announcement goes a note in Redis, for as long as it is true, so that a user who types on at another
instance is not announced to have stopped. Should an instance die, its notes end by themselves, and `expiresAt` tells
the receivers when to stop believing what it announced.

Nobody waits until that is told: it is told in a task of its own, one at a time of each state. While the bus fails
nothing is told; by the time it is back, it would be old.
"""

import asyncio
import datetime as dt
import logging
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from msgspec import Struct

from app import store
from app.announce.announcer import room_channel, user_channel
from app.core.caller import Caller
from app.core.errors import Refusal
from app.core.redis_scripts import SoftState, SoftStateUnavailable
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.payloads.requests import RoomRef
from app.payloads.responses import now, wire
from app.payloads.server_events import TYPING_UPDATE, TypingUpdate
from app.rooms.rooms import check_member, check_writer
from protocol import BusUnavailable, Server

log = logging.getLogger(__name__)

LASTS = 3.0  # seconds from the last start on
EVERY = 1.0  # seconds from one announcement to the next
LOOK_EVERY = 0.25  # seconds
MAX_STATES = 10_000
MAX_STATES_OF_USER = 20  # of those, so that no user takes the place of the others

TypingKey = tuple[str, str]  # a room and a user

# KEYS: a hash, instance -> until when the user types there, in ms of Redis' own clock. ARGV: the instance, for how many
# ms from now. Returns for how many ms the user types at other instances.
NOTE = """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('HSET', KEYS[1], ARGV[1], now + ARGV[2])
    local notes, elsewhere = redis.call('HGETALL', KEYS[1]), 0
    for i = 1, #notes, 2 do
        local left = notes[i + 1] - now
        if left <= 0 then
            redis.call('HDEL', KEYS[1], notes[i])
        elseif notes[i] ~= ARGV[1] then
            elsewhere = math.max(elsewhere, left)
        end
    end
    redis.call('PEXPIRE', KEYS[1], math.max(elsewhere, ARGV[2]))
    return elsewhere
"""


class TypingState(Struct, eq=False):
    """One user in one room: until when each device types, and what the room was told, when. Times are the clock's.

    `told` is None where a message came since: its receivers take it that the sender types no more. `withheld` are
    the members who were not told, because one has blocked the other.
    """

    until: dict[str | None, float]
    withheld: Sequence[str] = ()
    told: bool | None = False
    told_at: float = float("-inf")
    telling: asyncio.Task[None] | None = None

    def may_tell(self, time: float) -> bool:
        """True if the last announcement is over, and old enough for another."""
        return time - self.told_at >= EVERY and self.telling is None


class TypingIndicator:
    """Announces `typing:update`. `clock` is in seconds, of any origin."""

    def __init__(
        self,
        io: Server,
        db: Database,
        soft_state: SoftState,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._io = io
        self._db = db
        self._note = soft_state.script(NOTE)
        self._instance = secrets.token_hex(8)
        self._clock = clock
        self._states: dict[TypingKey, TypingState] = {}
        self._states_of: Counter[str] = Counter()  # how many each user has
        self._of_socket: defaultdict[str | None, set[TypingKey]] = defaultdict(set)

    async def start(self, caller: Caller, payload: RoomRef) -> TypingUpdate:
        """Tells the others in a room that the user types, for three seconds or until the next start.

        Users who have blocked the user, or are blocked by the user, are not told. Refused: `not_found`, `not_a_member`,
        `archived`, and `too_many` for one who types in 20 rooms already.
        """
        key = (payload.room_id, caller.user_id)
        await check_writer(self._db, *key)
        if key not in self._states:
            self._begin(key)
        state = self._states[key]
        time = self._clock()
        state.until[caller.socket_id] = time + LASTS
        self._of_socket[caller.socket_id].add(key)
        if state.may_tell(time):
            self._tell(key, state)
        return self._update(key, state)

    async def stop(self, caller: Caller, payload: RoomRef) -> TypingUpdate:
        """Tells the others in a room that the user does not type any more, where they were told so before.

        Refused: `not_found`, `not_a_member`.
        """
        key = (payload.room_id, caller.user_id)
        state = self._states.get(key)
        if state is not None:  # which ends, whether its user is still a member or not
            self._forget(key, state, caller.socket_id)
            self._settle(key, state)
        await check_member(self._db, *key)
        return self._update(key, state or TypingState({}))

    def sent(self, user_id: str, room_id: str) -> None:
        """The user has sent what was typed, on whichever device."""
        key = (room_id, user_id)
        state = self._states.get(key)
        if state is not None:
            for socket_id in list(state.until):
                self._forget(key, state, socket_id)
            state.told = None if state.told else state.told
            self._settle(key, state)

    def disconnected(self, socket_id: str) -> None:
        """The device types no more, wherever it did."""
        left = {key: self._states[key] for key in self._of_socket.get(socket_id, ())}
        for key, state in left.items():
            self._forget(key, state, socket_id)
        for key, state in left.items():
            self._settle(key, state)

    async def run(self) -> None:
        """Tells in time what becomes news by itself, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.sweep()

    def sweep(self) -> None:
        """Ends what has lasted long enough, and tells what had to wait for its second."""
        time = self._clock()
        for key, state in list(self._states.items()):
            for socket_id in [socket_id for socket_id, until in state.until.items() if until <= time]:
                self._forget(key, state, socket_id)
            self._settle(key, state)

    async def all_told(self) -> None:
        """Returns when what is being told has been told."""
        while telling := [state.telling for state in self._states.values() if state.telling is not None]:
            await asyncio.wait(telling)

    def _begin(self, key: TypingKey) -> None:
        _, user_id = key
        if len(self._states) >= MAX_STATES:
            raise Refusal("unavailable", "Too many people are typing", retry_after=1000)
        if self._states_of[user_id] >= MAX_STATES_OF_USER:
            raise Refusal("too_many", "You are typing in too many rooms at once", retry_after=1000)
        self._states[key] = TypingState({})
        self._states_of[user_id] += 1

    def _end(self, key: TypingKey) -> None:
        _, user_id = key
        del self._states[key]
        self._states_of[user_id] -= 1
        if not self._states_of[user_id]:
            del self._states_of[user_id]

    def _forget(self, key: TypingKey, state: TypingState, socket_id: str | None) -> None:
        state.until.pop(socket_id, None)
        keys = self._of_socket.get(socket_id, set())
        keys.discard(key)
        if not keys:
            self._of_socket.pop(socket_id, None)

    def _settle(self, key: TypingKey, state: TypingState) -> None:
        """Tells the room what it does not know, as soon as it may be told again."""
        if not state.may_tell(self._clock()):
            return
        is_typing = bool(state.until)
        if is_typing != state.told:
            self._tell(key, state, check=is_typing)
        elif not is_typing and self._states.get(key) is state:
            self._end(key)

    def _tell(self, key: TypingKey, state: TypingState, *, check: bool = False) -> None:
        """Tells the room in a task; with `check`, if the user is a member still."""
        state.told, state.told_at = bool(state.until), self._clock()
        if self._io.bus_failure is None:
            state.telling = asyncio.create_task(
                self._tell_softly(key, state, self._update(key, state), check)
            )

    async def _tell_softly(
        self, key: TypingKey, state: TypingState, update: TypingUpdate, check: bool
    ) -> None:
        try:
            if check:
                await check_writer(self._db, *key)
            await self._publish(key, state, update)
        except Refusal:  # not a member any more, or it was archived
            for socket_id in list(state.until):
                self._forget(key, state, socket_id)
        except (BusUnavailable, DatabaseUnavailable) as error:
            log.info("typing in room %s was not announced: %s", key[0], error)
        finally:
            state.telling = None

    async def _publish(self, key: TypingKey, state: TypingState, update: TypingUpdate) -> None:
        room_id, user_id = key
        if await self._types_elsewhere(key, state) and not update.is_typing:
            return  # the other instance tells when it is over
        if update.is_typing:  # else the same are told as of the beginning
            state.withheld = await store.blocks.in_room(self._db, room_id, user_id)
        # Not volatile: a client that polls would miss whatever comes between two of its requests.
        others = self._io.to(room_channel(room_id)).except_(*map(user_channel, (user_id, *state.withheld)))
        await others.emit(TYPING_UPDATE, wire(update))

    async def _types_elsewhere(self, key: TypingKey, state: TypingState) -> bool:
        """True if the user types at another instance, too; notes for the others what is typed here."""
        ms = 1000 * max(0.0, max(state.until.values(), default=0.0) - self._clock())
        try:
            return bool(await self._note([f"typing:{':'.join(key)}"], self._instance, round(ms)))
        except SoftStateUnavailable as error:
            log.debug("what is typed in room %s is not noted: %s", key[0], error)
            return False

    def _update(self, key: TypingKey, state: TypingState) -> TypingUpdate:
        room_id, user_id = key
        expires_at = None
        if state.until:
            expires_at = now() + dt.timedelta(seconds=max(state.until.values()) - self._clock())
        return TypingUpdate(
            room_id=room_id, user_id=user_id, is_typing=bool(state.until), expires_at=expires_at
        )
