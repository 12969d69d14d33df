"""The Engine.IO session: one client's life over polling and websocket, as a machine without I/O or clock
(docs/protocol.md §1).

Three things go on side by side, each with a state of its own: the *phase* (which transport carries the
session, and whether it is being upgraded or closed), the *heartbeat*, and the two HTTP exchanges that polling
may have in flight. What may happen in which phase stands in the table of `session_states`.

Times are integer milliseconds of one clock, given by the caller. What goes out waits in `outbox` until the
transport is `writable` and the caller `take`s it.
"""

from enum import StrEnum

from protocol.engineio import packets as engine
from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.engineio.packets import Encoded
from protocol.engineio.session_states import (
    LINGERING,
    OVER_POLLING,
    TRANSITIONS,
    Exchange,
    Heartbeat,
    SessionInput,
    SessionState,
)
from protocol.engineio.timing import Timing
from protocol.errors import SessionError

LINGER = 30_000  # how long a closed session keeps its last packets for the next GET (reference: Polling.closeTimeout)
STALL = 1_000  # a clock this late means that this process stood still, not that the client was silent


class CloseReason(StrEnum):
    """Why a session ended, or why a client left a namespace: the reference's texts, `flood` and `too slow`.

    `docs/server.md` ("Disconnect reasons") says when each occurs. A member equals its text: `reason == "ping timeout"`.
    """

    TRANSPORT_ERROR = "transport error"
    TRANSPORT_CLOSE = "transport close"
    PING_TIMEOUT = "ping timeout"
    PARSE_ERROR = "parse error"
    FLOOD = "flood"  # ours: the client sent too many control packets, see `flood_guard`
    TOO_SLOW = "too slow"  # ours: the client did not read what was queued for it
    FORCED_CLOSE = "forced close"
    SERVER_SHUTTING_DOWN = "server shutting down"
    FORCED_SERVER_CLOSE = "forced server close"
    CLIENT_DISCONNECT = "client namespace disconnect"
    SERVER_DISCONNECT = "server namespace disconnect"


# Looking a member up in its class costs more than all else that the frequent methods do.
_WEBSOCKET, _ENDING, _PENDING = SessionState.WEBSOCKET, SessionState.CLOSING_UPGRADING, Exchange.PENDING
_RESTING, _AWAITING = Heartbeat.RESTING, Heartbeat.AWAITING
_MESSAGE, _PONG = PacketType.MESSAGE, PacketType.PONG


class Session:
    """One client. `phase`, `reason` (None while it lives) and `outbox` are for reading; methods change them."""

    __slots__ = (
        "_get",
        "_heartbeat",
        "_heartbeat_due",
        "_phase_due",
        "_post",
        "_timing",
        "id",
        "outbox",
        "phase",
        "queued",
        "reason",
    )

    def __init__(self, id: str, timing: Timing, *, websocket: bool, now: int) -> None:
        self.id = id
        self.phase = SessionState.WEBSOCKET if websocket else SessionState.POLLING
        self.reason: CloseReason | None = None
        self.outbox: list[Encoded] = []
        self.queued = 0  # bytes in the outbox while polling, to see a client that never fetches them
        self._timing = timing
        self._get = Exchange.FREE
        self._post = Exchange.FREE
        self._heartbeat = Heartbeat.RESTING
        self._heartbeat_due = now + timing.ping_interval
        self._phase_due: int | None = None  # when a probe, or the wait for a last GET, ends

    # --- what goes out ---

    @property
    def open(self) -> bool:
        """True while messages can be exchanged."""
        return self.phase < _ENDING

    @property
    def quiet(self) -> bool:
        """True if a message changes nothing about the session: it is open, and no pong is awaited."""
        return self._heartbeat is _RESTING and self.phase < _ENDING

    @property
    def transport(self) -> str:
        """The transport of the session: "polling" or "websocket"."""
        return "websocket" if self.phase is _WEBSOCKET else "polling"

    @property
    def writable(self) -> bool:
        """True if the transport takes packets now: a websocket, or a GET that waits."""
        return self.phase is _WEBSOCKET or self._get is _PENDING

    def send(self, item: Encoded) -> bool:
        """Queue for the client; true if the caller is to look whether it can leave. What is sent after the end is
        dropped."""
        outbox, phase = self.outbox, self.phase
        if phase is _WEBSOCKET:
            outbox.append(item)
            return len(outbox) == 1  # it looks for all of them together
        if phase >= _ENDING:
            return False
        outbox.append(item)
        self.queued += item.size
        return True

    def take_writable(self) -> list[Encoded]:
        """All that is queued, if the transport takes it now; nothing otherwise."""
        if self.phase is not _WEBSOCKET:
            return self.take() if self.outbox and self._get is _PENDING else []
        items, self.outbox = self.outbox, []
        return items

    def take(self) -> list[Encoded]:
        """All that is queued; it answers the GET that waits, if one does, and lets a closing session end.

        A closing session's farewell goes alone, with the GET after: a client ends when it sees it, before it has
        handled what came along.
        """
        items = self.outbox
        self.outbox = []
        self.queued = 0
        self._get = Exchange.FREE
        if self.phase >= _ENDING and self.phase in LINGERING:
            if len(items) > 1:
                self.outbox.append(items.pop())
            else:
                self._move(SessionInput.FLUSH)
        return items

    # --- what comes in ---

    def receive(self, packet: EnginePacket, now: int) -> str | bytes | None:
        """Take a packet of the session's own transport; return a message's data.

        A session that has ended takes nothing. Types that a client has no reason to send here are ignored, as the
        reference does, but a ping is not: its direction is wrong, and it ends the session.
        """
        if not self.open:
            return None
        if packet.type is _PONG:
            self._heartbeat = Heartbeat.RESTING
            self._heartbeat_due = now + self._timing.ping_interval
            return None
        if self._heartbeat is _AWAITING:
            self._heartbeat = Heartbeat.EXTENDED
            self._heartbeat_due = now + self._timing.ping_timeout
        if packet.type is _MESSAGE:
            return packet.data
        if packet.type is PacketType.CLOSE:
            self._end(CloseReason.TRANSPORT_CLOSE, SessionInput.FAIL, farewell=engine.NOOP)
        elif packet.type is PacketType.PING:
            self.fail(CloseReason.TRANSPORT_ERROR)
        return None

    def open_get(self, now: int) -> None:
        """A polling GET begins. Raises `SessionError` if the session has no use for it; a second one also
        ends the session."""
        self.tick(now)
        if self._get is Exchange.PENDING:
            self.fail(CloseReason.TRANSPORT_ERROR)
            raise SessionError("two GET requests at a time")
        self._expect_polling()
        self._get = Exchange.PENDING
        if self.phase is SessionState.UPGRADING and not self.outbox:
            self.outbox.append(engine.NOOP)

    def abort_get(self) -> None:
        """The client gave up its GET: that ends the session."""
        self._get = Exchange.FREE
        self.fail(CloseReason.TRANSPORT_ERROR)

    def open_post(self, now: int) -> None:
        """A polling POST begins. Raises `SessionError` as `open_get` does.

        A closing session takes one, though none of its packets: refused, the client would believe that the
        connection broke, before it has fetched why the session ends.
        """
        self.tick(now)
        if self._post is Exchange.PENDING:
            self.fail(CloseReason.TRANSPORT_ERROR)
            raise SessionError("two POST requests at a time")
        self._expect_polling()
        self._post = Exchange.PENDING

    def close_post(self) -> None:
        """The POST has been answered."""
        self._post = Exchange.FREE

    def _expect_polling(self) -> None:
        if self.phase not in OVER_POLLING and self.phase not in LINGERING:
            raise SessionError("the session is not polling")

    # --- upgrade ---

    def open_probe(self, now: int) -> bool:
        """A websocket came with this session's id; false if it is to be closed, since one came before it."""
        self.tick(now)
        if not self._allows(SessionInput.OPEN_PROBE):
            return False
        self._move(SessionInput.OPEN_PROBE)
        self._phase_due = now + self._timing.upgrade_timeout
        return True

    def receive_probe(self, packet: EnginePacket) -> Encoded | None:
        """Take a packet of the websocket that probes; return what to send on it.

        Look at the phase after it: WEBSOCKET means that the websocket carries the session now, CLOSED that it carries
        what is left of one that has ended, and any that is not in `WITH_PROBE` that it is to be closed.
        """
        match packet:
            case EnginePacket(type=PacketType.PING, data="probe") if self._allows(SessionInput.PROBE):
                self._move(SessionInput.PROBE)
                if self._get is Exchange.PENDING and not self.outbox:
                    self.outbox.append(engine.NOOP)
                return engine.PROBE_PONG
            case EnginePacket(type=PacketType.UPGRADE) if self._allows(SessionInput.UPGRADE):
                self._move(SessionInput.UPGRADE)
                self._phase_due = None
                self.queued = 0
                if not self.open:
                    self.outbox.pop()  # polling's farewell; a websocket is closed instead
            case _:
                self.drop_probe()
        return None

    def drop_probe(self) -> None:
        """The websocket that probes is given up; polling goes on."""
        if self._allows(SessionInput.DROP_PROBE):
            self._move(SessionInput.DROP_PROBE)
            if self.open:
                self._phase_due = None

    # --- time and end ---

    @property
    def next_deadline(self) -> int | None:
        """When `tick` has something to do; None for a closed session."""
        if self.phase is SessionState.CLOSED:
            return None
        if self.phase in LINGERING:
            return self._phase_due
        if self._phase_due is None:
            return self._heartbeat_due
        return min(self._phase_due, self._heartbeat_due)

    def tick(self, now: int) -> None:
        """Do what is due: send a ping, end a silent session, drop a probe that takes too long, forget a
        closed session."""
        if self._phase_due is not None and now >= self._phase_due:
            self._phase_due = None
            if self.phase in LINGERING:
                self._move(SessionInput.FAIL)
                self._drop_outbox()
            else:
                self.drop_probe()
        if not self.open or now < self._heartbeat_due:
            return
        if self._heartbeat is Heartbeat.RESTING:
            late = now - self._heartbeat_due
            self._heartbeat = Heartbeat.AWAITING
            self._heartbeat_due = (now if late > STALL else self._heartbeat_due) + self._timing.ping_timeout
            self.send(engine.PING)
        if now >= self._heartbeat_due:
            self.fail(CloseReason.PING_TIMEOUT)

    def hold(self, now: int) -> None:
        """Put off the deadline of a pong: the caller does not read at present, so silence is not the client's doing.

        Where it has come, another ping goes out: the client listens for them, and takes silence for ours.
        """
        if self._heartbeat is _RESTING:
            return
        if now >= self._heartbeat_due:
            self.send(engine.PING)
        self._heartbeat_due = max(self._heartbeat_due, now + self._timing.ping_timeout)

    def finish(self, reason: CloseReason, now: int) -> None:
        """End the session in order: what is queued still goes out, over polling with the next GET, and over the
        websocket where the client sends its upgrade before."""
        if self.open:
            self._end(reason, SessionInput.FINISH, farewell=engine.CLOSE)
            if self.phase in LINGERING:
                self._phase_due = now + LINGER

    def fail(self, reason: CloseReason) -> None:
        """End the session at once; a GET that waits is told so."""
        if self.open:
            self._end(reason, SessionInput.FAIL, farewell=engine.CLOSE)

    def _end(self, reason: CloseReason, input: SessionInput, farewell: Encoded) -> None:
        self.reason = reason
        over_polling = self.phase is not SessionState.WEBSOCKET
        self._phase_due = None
        self._move(input)
        if over_polling and (self.phase in LINGERING or self._get is Exchange.PENDING):
            self.outbox.append(farewell)
        elif input is SessionInput.FAIL:
            self._drop_outbox()

    def _drop_outbox(self) -> None:
        self.outbox.clear()
        self.queued = 0

    def _allows(self, input: SessionInput) -> bool:
        return input in TRANSITIONS[self.phase]

    def _move(self, input: SessionInput) -> None:
        self.phase = TRANSITIONS[self.phase][input]
