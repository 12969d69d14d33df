"""One client on this instance, on the level of Engine.IO: its session, and the transport that carries it."""

import asyncio
import logging
from typing import TYPE_CHECKING

from protocol.engineio import packets as engine
from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.engineio.flood_guard import FLOODED, FloodGuard
from protocol.engineio.packets import Encoded
from protocol.engineio.session import CloseReason, Session
from protocol.engineio.session_states import WITH_PROBE, SessionState
from protocol.errors import CloseCode, PacketError
from protocol.server.engineio.connection_listeners import ConnectionListeners
from protocol.server.engineio.receiver import NOBODY, Receiver
from protocol.server.engineio.transport import Transport
from protocol.server.http.request import Request

if TYPE_CHECKING:
    from protocol.server.engineio.hub import Hub

log = logging.getLogger(__name__)

_MESSAGE, _PONG = PacketType.MESSAGE, PacketType.PONG

_CLOSE_WORDS = {CloseReason.FLOOD: "too many control packets"}
_CLOSE_CODES = {
    CloseReason.FLOOD: CloseCode.POLICY_VIOLATION,
    CloseReason.SERVER_SHUTTING_DOWN: CloseCode.GOING_AWAY,
    CloseReason.PARSE_ERROR: CloseCode.PROTOCOL_ERROR,
}


class Link:
    """A session, its transport, and what passes between them. `receiver` is set by the maker of the link.

    `control_packets` counts those that came since `wait_after_control` was asked. `max_payload` is the bytes of the
    largest message that is taken.
    """

    __slots__ = (
        "_capacity",
        "_ended",
        "_guard",
        "_hub",
        "control_packets",
        "due",
        "issued",
        "listeners",
        "max_payload",
        "paused",
        "probe",
        "receiver",
        "request",
        "session",
        "transport",
    )

    receiver: Receiver

    def __init__(
        self, hub: "Hub", session: Session, transport: Transport, request: Request, issued: int
    ) -> None:
        self.session = session
        self.transport = transport
        self.probe: Transport | None = None  # a websocket that may take over from polling
        self.request = request
        self.issued = issued
        self.due: int | None = None  # the earliest time at which the hub will look at this link
        self._hub = hub
        self._capacity: asyncio.Future[None] | None = None  # for a POST that waits until reading goes on
        self.paused = False  # reading from the client has stopped
        self.max_payload = hub.options.max_payload
        self.control_packets = 0
        self.listeners: ConnectionListeners | None = None
        self._guard: FloodGuard | None = None  # once there were more than a few control packets
        self._ended = False

    # --- out ---

    @property
    def writable(self) -> bool:
        """True while a packet would leave at once; volatile ones are dropped otherwise."""
        return self.session.writable and not self.transport.buffered

    def send(self, item: Encoded) -> None:
        """Queue for the client; all that one tick of the loop queues is written together."""
        if self.session.send(item):
            self._hub.wake(self)

    def flush(self) -> None:
        """Write what is queued, if the transport takes it; end a client that does not fetch what it is sent."""
        items = self.session.take_writable()
        unread = self.transport.send(items) if items else self.session.queued
        if unread and unread > self._hub.options.max_buffered and self.session.open:
            self.end_slow()

    def end_slow(self, source: Transport | None = None) -> None:
        """Throw the connection away, or a `source` that is only its probe: its client takes its packets too slowly."""
        log.info("a client takes its packets too slowly and is closed")
        self._hub.options.observer.client_too_slow()
        if source is not None and source is not self.transport:
            source.abort()
            return
        self.fail(CloseReason.TOO_SLOW, abort=True)

    # --- in ---

    def receive(self, source: Transport, data: str | bytes) -> None:
        """Take one websocket message from a transport of this client."""
        if source is self.transport:
            try:
                if type(data) is str and data[:1] == "4" and self.session.quiet:  # as most are
                    self.receiver.receive(data[1:])
                else:
                    self.receive_packet(engine.decode_packet(data))
            except PacketError as error:
                self.refuse_packet(error)
        elif source is self.probe:
            self._receive_probe(source, data)

    def receive_packet(self, packet: EnginePacket) -> None:
        """Take one packet. Raises `PacketError` for a message that the receiver does not allow."""
        if self.listeners is not None and packet.type is not _MESSAGE and self.session.open:
            self.listeners.tell_packet(packet)
        awaited = packet.type is _PONG and not self.session.quiet
        message = self.session.receive(packet, self._hub.now())
        if message is not None:
            self.receiver.receive(message)
            return
        if not awaited:
            self.control_packets += 1
        self.settle()

    def wait_after_control(self) -> int:
        """The ms to wait before reading on from the client, for the control packets that came; it may end the session.

        See `protocol.engineio.flood_guard`.
        """
        packets, self.control_packets = self.control_packets, 0
        options, now = self._hub.options, self._hub.now()
        if self._guard is None:
            self._guard = FloodGuard(options.control_rate, options.control_burst, now)
        wait = self._guard.take(packets, now)
        if wait != FLOODED:
            return wait
        log.info("a client is closed: it sends too many control packets")
        self.fail(CloseReason.FLOOD)
        return 0

    def allow(self, max_payload: int) -> None:
        """Take messages of up to so many bytes from now on."""
        self.max_payload = max_payload
        self.transport.allow(max_payload)
        if self.probe is not None:
            self.probe.allow(max_payload)

    def trust(self) -> None:
        """Take messages as large as those of any client."""
        self.allow(self._hub.options.max_payload)

    def refuse_packet(self, error: PacketError) -> None:
        """End the session: the client sent what does not decode, or is not allowed."""
        log.info("a client is closed: %s", error)
        self.fail(CloseReason.PARSE_ERROR)

    def lose(self, source: Transport, reason: CloseReason) -> None:
        """A transport of this client is gone."""
        if source is self.transport:
            self.fail(reason)
        elif source is self.probe:
            self.session.drop_probe()
            self.settle()

    def listen(self) -> ConnectionListeners:
        """The application's listeners of this connection."""
        if self.listeners is None:
            self.listeners = ConnectionListeners(self.receiver)
            if self.session.reason is None:
                self.receiver = self.listeners
        return self.listeners

    # --- upgrade ---

    def open_probe(self, source: Transport) -> bool:
        """A websocket came with this session's id; false if it is to be closed."""
        if self.probe is not None or not self.session.open_probe(self._hub.now()):
            return False
        self.probe = source
        self._hub.watch(self)
        return True

    def _receive_probe(self, source: Transport, data: str | bytes) -> None:
        self.control_packets += 1
        try:
            packet = engine.decode_packet(data)
        except PacketError:
            self.session.drop_probe()
        else:
            answer = self.session.receive_probe(packet)
            if answer is not None:
                source.send([answer])
        if self.session.phase in (SessionState.WEBSOCKET, SessionState.CLOSED):
            polling, self.transport, self.probe = self.transport, source, None
            polling.close(CloseCode.NORMAL)
            if self.session.reason is not None:
                self._close_transport(self.session.reason)
            else:
                self._hub.options.observer.session_upgraded()
                if self.listeners is not None:
                    self.listeners.tell_upgrade(source.name)
                if self.paused:
                    source.pause()
        self.settle()

    # --- backpressure ---

    def pause(self) -> None:
        """Stop reading from the client; one whose session has ended is not read from anyway."""
        if not self.paused and not self._ended:
            self.paused = True
            self.transport.pause()

    def resume(self) -> None:
        """Read from the client again."""
        if self.paused:
            self.tick(self._hub.now())  # its pong may lie unread: there must be time to read it
            self.transport.resume()
            self._release()

    def _release(self) -> None:
        self.paused = False
        if self._capacity is not None:
            self._capacity.set_result(None)
            self._capacity = None

    async def wait_for_capacity(self) -> None:
        """Return once reading goes on; a POST is answered only then."""
        while self.paused:
            if self._capacity is None:
                self._capacity = self._hub.loop.create_future()
            await asyncio.shield(self._capacity)

    # --- time and end ---

    @property
    def next_deadline(self) -> int | None:
        """When `tick` has something to do."""
        due = self.session.next_deadline
        expiry = self.receiver.deadline
        if expiry is None or not self.session.open:
            return due
        return expiry if due is None else min(due, expiry)

    def tick(self, now: int) -> None:
        """Do what is due."""
        if self.paused:
            self.session.hold(now)
        self.session.tick(now)
        expiry = self.receiver.deadline
        if expiry is not None and now >= expiry and self.session.open:
            self.receiver.expire()
        self.settle()

    def finish(self, reason: CloseReason) -> None:
        """End the session in order: what is queued still goes out."""
        self.session.finish(reason, self._hub.now())
        self.settle()

    def fail(self, reason: CloseReason, *, abort: bool = False) -> None:
        """End the session at once; with `abort`, throw the connection away."""
        self.session.fail(reason)
        self.settle(abort=abort)

    def settle(self, *, abort: bool = False) -> None:
        """Act on what the session has become after an input."""
        if self.session.reason is not None and not self._ended:
            self._end(self.session.reason, abort=abort)
        if self.probe is not None and self.session.phase not in WITH_PROBE:
            probe, self.probe = self.probe, None
            probe.close(CloseCode.NORMAL)
        if self.session.outbox:
            self._hub.wake(self)
        if self.session.phase is SessionState.CLOSED:
            self._hub.forget(self)
            self.receiver, self.listeners = (
                NOBODY,
                None,
            )  # these refer to this: only the collector would free them
        else:
            self._hub.watch(self)

    def _end(self, reason: CloseReason, *, abort: bool) -> None:
        self._ended = True
        self._hub.options.observer.session_closed(self.transport.name, reason.value)
        self._release()
        self.receiver.end(reason)
        if abort:
            self.transport.abort()
        elif self.session.writable or self.session.phase is SessionState.CLOSED:
            self._close_transport(reason)

    def _close_transport(self, reason: CloseReason) -> None:
        """End what carries the session, after the last packets."""
        items = self.session.take()
        if items:
            self.transport.send(items)
        self.transport.close(_CLOSE_CODES.get(reason, CloseCode.NORMAL), _CLOSE_WORDS.get(reason, ""))
