"""Connection state recovery on this instance: what it keeps of the past, and how a client gets its session back."""

import asyncio
import logging
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType, structs

from protocol.cluster.missed_events import MOST_MISSED_SIZE, Lost, Missed, Records, missed_by
from protocol.cluster.record_batches import unfold_all
from protocol.cluster.saved_sessions import Saved, Trail, start_of
from protocol.cluster.stream_positions import NOWHERE, Position, position_of
from protocol.cluster.stream_records import Broadcast, DisconnectSockets, SingleRecord, Target
from protocol.engineio.packets import Encoded
from protocol.errors import BusUnavailable, StoreUnavailable
from protocol.server.bus.bus import Bus, Past
from protocol.server.config.observer import Recovery as Outcome
from protocol.server.config.options import Options
from protocol.server.engineio.hub import new_id
from protocol.server.recovery.delivery_log import MOST_KEPT, DeliveryLog
from protocol.server.recovery.session_saver import SessionSaver
from protocol.server.recovery.session_state import RecoverableSession, RecoverableSocket, TrackedDict
from protocol.server.recovery.trails import Found, Trails
from protocol.server.store.store import Store
from protocol.socketio.packets import Event

log = logging.getLogger(__name__)

WAIT = 2.0  # seconds that a returning client waits for what it needs

_OWN = ("pid", "offset")
_PID = re.compile(r"[\w-]{1,64}", re.ASCII)


class Return(NamedTuple):
    """A session on its way back to its client, which has got everything up to `start`; `offset` is its own word, and
    `found` where what it has missed is, if others have it."""

    saved: Saved
    start: Position
    offset: str | None
    found: Found | None = None


class SessionRecovery:
    """The recovery of all clients of this instance: it knows the records that came, and saves what may be asked for."""

    def __init__(self, options: Options, duration: int, bus: Bus, store: Store) -> None:
        self.saver = SessionSaver(store, self.latest, self._trail, duration, options.session_key_prefix)
        self._bus = bus
        self._options = options
        self._trails: Trails | None = None
        if bus.routing is not None:
            bus.routing.retain(duration)
            self._trails = Trails(bus.routing, lambda: self._new_log().history, options.recovery_history)
        # What a client may lack that comes back in time: its loss was noticed late, and what is saved of it, every half
        # of the duration, may be as old.
        self._max_age = duration + duration // 2 + options.ping_interval + options.ping_timeout
        self._delivered: dict[str, DeliveryLog] = {}  # by order
        self._floor: str | None = None  # of those that are not there yet
        self._leaving: dict[str, asyncio.Future[None]] = {}  # by id: sockets whose disconnect handlers run
        self._gaps = 0

    def reset(self) -> None:
        """Forget what came before a stop, for what came during it is unknown; before the bus delivers."""
        self._delivered.clear()
        self._floor = None

    async def start(self) -> None:
        """Learn what came before, and begin to save; once the bus delivers."""
        gaps = self._gaps
        try:
            past = await self._bus.recent(MOST_KEPT, self._options.recovery_history)
        except BusUnavailable as error:
            log.warning("clients of before cannot be recovered: %s", error)
        else:
            if gaps == self._gaps:
                self._remember(past)
        self.saver.start()

    def _remember(self, past: Past) -> None:
        parts: dict[str, list[tuple[str, SingleRecord, int]]] = {order: [] for order in self._delivered}
        for entry in unfold_all(past.entries):
            parts.setdefault(self._bus.order(entry[1].nsp), []).append(entry)
        for order, entries in parts.items():
            self._delivered.setdefault(order, self._new_log()).history.prepend(entries, past.floor)
        self._floor = past.floor

    async def stop(self) -> None:
        """Save the sockets that were connected to the end; before the store closes."""
        await self.saver.close()

    # --- records ---

    def took(self, offset: str, record: SingleRecord, size: int) -> Encoded | None:
        """A record is about to be delivered; returns its packet, if it is an event that may be sent again."""
        return self.delivered(record.nsp).append(offset, record, size)

    def _pack(self, record: Broadcast, offset: str) -> Encoded:
        return self._options.parser.encode(Event([*record.data, offset], record.nsp))

    def delivered(self, nsp: str) -> DeliveryLog:
        """The delivery log of a namespace's order."""
        order = self._bus.order(nsp)
        found = self._delivered.get(order)
        if found is None:
            found = self._delivered[order] = self._new_log()
            if self._floor is not None:
                found.history.prepend([], self._floor)
        return found

    def _new_log(self) -> DeliveryLog:
        return DeliveryLog(self._options.recovery_history, self._max_age, self._pack)

    @property
    def size(self) -> int:
        """The characters of all records that are kept."""
        others = 0 if self._trails is None else self._trails.size
        return others + sum(delivered.history.size for delivered in self._delivered.values())

    def latest(self, nsp: str) -> str:
        """The offset up to which all records of a namespace have been delivered here."""
        return self.delivered(nsp).history.latest

    def _trail(self, nsp: str, recoverable: RecoverableSession) -> Trail | UnsetType:
        """The inboxes that have what is for a client; unset where there are none."""
        return UNSET if self._trails is None else self._trails.of(recoverable, self.latest(nsp))

    def fell_behind(self) -> None:
        """Records were lost, and maybe all that the store held."""
        self._gaps += 1
        self._floor = None
        for delivered in self._delivered.values():
            delivered.history.clear()
        if self._trails is not None:
            self._trails.clear()
        self.saver.save_all()

    def stamp(self, nsp: str, data: list[Any]) -> str:
        """The text to append to an event that has no offset of its own; mostly empty.

        Clients take any text at the end of an event for its offset, to name at their return, so one that ends with
        text gets the latest one: a client that has it has got all before.
        """
        return self.latest(nsp) if isinstance(data[-1], str) else ""

    # --- sockets ---

    def is_for(self, auth: Mapping[str, Any]) -> bool:
        """True if a client, by the auth of its CONNECT, asks for recovery; a client that returns has asked before."""
        if self._options.recovery_for == "all":
            return True
        return auth.get("recovery") is True or auth.get("pid") is not None

    def without_own(self, auth: Mapping[str, Any]) -> dict[str, Any]:
        """The auth that is for the application."""
        own = _OWN if self._options.recovery_for == "all" else (*_OWN, "recovery")
        return {key: value for key, value in auth.items() if key not in own}

    def begin(self, socket: RecoverableSocket) -> None:
        """A new client: it gets what it needs to come back."""
        socket.recoverable = recoverable = RecoverableSession(new_id(), self.latest(socket.namespace.name))
        self._trail(socket.namespace.name, recoverable)  # from here on all is there
        socket.data = TrackedDict({}, partial(self.saver.change, recoverable))

    def rooms_changed(self, nsp: str, recoverable: RecoverableSession) -> None:
        """A socket has entered rooms, or left some."""
        recoverable.since, recoverable.before = self.latest(nsp), recoverable.sent
        self.saver.change(recoverable)

    def departed(self, socket: RecoverableSocket, recoverable: RecoverableSession) -> None:
        """A socket has left; its rooms are known still, and its handlers are about to be told."""
        self._leaving[socket.id] = asyncio.get_running_loop().create_future()
        self.saver.leave(socket, recoverable)

    def has_left(self, socket: RecoverableSocket) -> None:
        """The handlers of a socket that departed have ended."""
        left = self._leaving.pop(socket.id, None)
        if left is not None:
            left.set_result(None)

    # --- the way back ---

    async def find(self, nsp: str, auth: Mapping[str, Any]) -> Return | None:
        """The session that a client asks for, if it can be had back; no other client gets it then."""
        if auth.get("pid") is None:
            return None
        try:
            async with asyncio.timeout(WAIT):
                found = await self._find(nsp, auth["pid"], auth.get("offset"))
        except (TimeoutError, BusUnavailable, StoreUnavailable) as error:
            log.info("a client is not recovered: %r", error)
            found = "unavailable"
        if isinstance(found, Return):
            return found
        self.failed(found)
        return None

    async def _find(self, nsp: str, pid: object, offset: object) -> Return | Outcome:
        if not isinstance(pid, str) or not _PID.fullmatch(pid):
            return "unknown"
        saved = await self.saver.take(pid)
        if saved is None or saved.pid != pid or saved.nsp not in (None, nsp):
            return "unknown"
        start = start_of(saved, offset)
        if start is None:
            return "expired"
        back = Return(saved, start, offset if isinstance(offset, str) else None)
        found = await self._follow(nsp, back)  # before any socket is disconnected for it
        if isinstance(found, str):
            return found
        back = back._replace(found=found)
        told = await self._take_from(nsp, saved) if saved.live else None
        saved_at = position_of(saved.offset) or NOWHERE
        await self.delivered(nsp).reach(max(start, saved_at, position_of(told) or NOWHERE))
        if saved.sid in self._leaving:
            await asyncio.shield(self._leaving[saved.sid])
        return back

    async def _follow(self, nsp: str, back: Return) -> Found | Lost | None:
        """Where what a client has missed is, if not here; or that it cannot be had any more."""

        def missed_in(records: Records) -> Missed | Lost:
            return self._missed(back, nsp, back.saved.rooms, records)

        if self._trails is not None:
            return await self._trails.follow(back.saved, nsp, back.start, self.delivered(nsp), missed_in)
        if back.saved.trail is not UNSET:
            return "expired"  # its instance heard what this one does not
        missed = missed_in(self.delivered(nsp).history)
        return missed if isinstance(missed, str) else None

    async def _take_from(self, nsp: str, saved: Saved) -> str | None:
        """Take a session away from the socket that has it: here, or where the loss of the client was not noticed.
        Returns the offset of what tells so."""
        socket = self.saver.socket_of(saved.pid)
        if socket is None:
            return await self._bus.publish(DisconnectSockets(nsp, Target((saved.sid,)), moved=True))
        socket.abandon()
        return None

    def missed(self, back: Return, nsp: str, rooms: frozenset[str]) -> Missed | Lost:
        """The events that a returning client, which was in `rooms`, has missed."""
        records = self.delivered(nsp).history if back.found is None else back.found.records
        return self._missed(back, nsp, rooms, records)

    def _missed(self, back: Return, nsp: str, rooms: frozenset[str], records: Records) -> Missed | Lost:
        most_size = min(MOST_MISSED_SIZE, self._options.max_buffered // 2)
        return missed_by(back.saved, rooms, nsp, back.start, records, most_size, self._options.default_rooms)

    def resume(self, socket: RecoverableSocket, back: Return) -> RecoverableSession:
        """Give a socket what was its client's."""
        socket.recoverable = recoverable = RecoverableSession(
            back.saved.pid, self.latest(socket.namespace.name)
        )
        socket.data = TrackedDict(back.saved.data, partial(self.saver.change, recoverable))
        return recoverable

    def resumed(self, nsp: str, back: Return, recoverable: RecoverableSession, missed: Missed) -> None:
        """A client is back."""
        recoverable.sent = missed.events[-1].offset if missed.events else back.offset
        if not missed.moved and missed.rooms == back.saved.rooms and back.saved.since is not None:
            recoverable.since, recoverable.before = back.saved.since, back.saved.before
        else:
            recoverable.since, recoverable.before = self.latest(nsp), recoverable.sent
        if back.found is not None:
            recoverable.trail = back.found.trail
        self._options.observer.recovery("recovered")

    def failed(self, outcome: Outcome) -> None:
        """A client cannot have its session back."""
        self._options.observer.recovery(outcome)

    def give_back(self, back: Return) -> None:
        """The client went away before it had its session; it may come again."""
        self.saver.keep(structs.replace(back.saved, live=False))
