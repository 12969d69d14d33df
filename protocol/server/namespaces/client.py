"""One client on this instance, on the level of Socket.IO: what it has joined, and the one reader of its events."""

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from protocol.engineio.session import CloseReason
from protocol.errors import BadValue
from protocol.server.config.options import Options
from protocol.server.engineio.link import Link
from protocol.server.namespaces.jobs import Arrival, Departure, Dispatcher, Job, LargeArrival, Misfit, Waiter
from protocol.socketio.namespace_states import NamespaceStates
from protocol.socketio.packets import Ack, Connect, Disconnect, Event, Rejected

if TYPE_CHECKING:
    from protocol.server.engineio.hub import Hub
    from protocol.server.namespaces.local_socket import LocalSocket


log = logging.getLogger(__name__)

_PATIENCE = 16  # times the limit of events that may wait while an ack is awaited
_SMALL = 1024  # bytes; an event that is no larger counts as one
_UNIT = 16_384  # bytes of memory that count as one event
_VALUE = 64  # bytes of memory that a value in JSON takes once it is parsed, however short it is there
_EVENTS_A_TURN = 32  # of one client, where their handlers wait for nothing, before others get a turn


class ConnectedClient:
    """The sockets of one client. Its events wait in one bounded inbox and are handled one after the other."""

    __slots__ = (
        "_dispatcher",
        "_hub",
        "_inbox",
        "_options",
        "_partial_size",
        "_pending",
        "_reading",
        "_running",
        "_taken",
        "_taken_before",
        "connection",
        "link",
        "sockets",
    )

    def __init__(self, hub: "Hub", link: Link, dispatcher: Dispatcher, options: Options) -> None:
        if options.max_untrusted_payload is not None:
            link.allow(min(options.max_untrusted_payload, options.max_payload))
        self.link = link
        self.connection = NamespaceStates(
            options.parser,
            deadline=hub.now() + options.connect_timeout,
            limits=options.limits_of_strangers,
            max_namespaces=options.max_namespaces,
        )
        self.sockets: dict[str, LocalSocket] = {}
        self._hub = hub
        self._dispatcher = dispatcher
        self._options = options
        self._partial_size = 0  # bytes of a packet whose attachments are still to come
        self._inbox: list[Job] = []
        self._pending = 0  # the weight of the jobs that wait
        self._reading = False  # jobs are being handled
        self._taken = 0  # jobs that were begun at once in this turn of the loop
        self._taken_before = 0  # the flush that ends this turn, by its number
        self._running: set[asyncio.Task[None]] | None = None  # events, where they are handled side by side

    def trust(self) -> None:
        """Take what any client may send, from one that has shown its identity."""
        self.link.trust()
        self.connection.allow(self._options.limits)

    # --- Receiver: what the link calls ---

    @property
    def deadline(self) -> int | None:
        """When the client must have joined a namespace."""
        return self.connection.deadline

    def expire(self) -> None:
        """It has not."""
        self.link.finish(CloseReason.FORCED_SERVER_CLOSE)

    def receive(self, message: str | bytes) -> None:
        """Take an Engine.IO message. Acks are given to their waiters at once: a handler of this client
        may be the one, also while this instance stops, when nothing else is begun any more."""
        packet = self.connection.receive(message)
        match packet:
            case Event() if self._hub.accepting:
                if len(message) > _SMALL or self._partial_size:
                    self._enqueue_large(packet, message)
                else:
                    self.enqueue(Arrival(self.sockets[packet.nsp], packet), at_once=True)
            case None:
                self._partial_size += len(message)
            case Ack():
                self._settle_ack(packet, packet.data)
            case Connect() if self._hub.accepting:
                self.link.control_packets += 1
                self.enqueue(packet, at_once=True)
            case Disconnect():
                self.link.control_packets += 1
                self.sockets[packet.nsp].depart(CloseReason.CLIENT_DISCONNECT)
            case Rejected():
                self._reject(packet)

    def _reject(self, rejected: Rejected) -> None:
        """Have the client, or the waiter for its ack, told that a payload cannot be carried."""
        match rejected.packet:
            case Event() as event if self._hub.accepting:
                self.enqueue(Misfit(self.sockets[event.nsp], event, rejected.error))
            case Ack() as ack:
                self._settle_ack(ack, rejected.error)
            case Connect() if self._hub.accepting:
                self.link.control_packets += 1
                self.enqueue(rejected)

    def _settle_ack(self, ack: Ack, outcome: list[Any] | BadValue) -> None:
        """Give an ack to its waiter; one without a waiter is a control packet."""
        waiter = self.connection.take_ack(ack.nsp, ack.id)
        if waiter is not None:
            waiter(outcome)
        else:
            self.link.control_packets += 1

    def _enqueue_large(self, event: Event, message: str | bytes) -> None:
        """Put an event, which `message` completes, behind those that came before it, with a weight by its memory."""
        size, self._partial_size = self._partial_size + len(message), 0
        if isinstance(message, str):
            size += _VALUE * (message.count(",") + message.count("[") + message.count("{"))
        weight = 1 + size // _UNIT
        self._pending += weight - 1
        self.enqueue(LargeArrival(self.sockets[event.nsp], event, weight))

    def end(self, reason: CloseReason) -> None:
        """The session has ended, and with it every socket."""
        for socket in list(self.sockets.values()):
            socket.depart(reason)

    def expect_ack(self, nsp: str, number: int, waiter: Waiter) -> None:
        """Call `waiter` with what becomes of an ack, once."""
        self.connection.expect_ack(nsp, number, waiter)
        if self._pending < self._most:
            self.link.resume()

    # --- its jobs, one after the other ---

    def enqueue(self, job: Job, *, at_once: bool = False) -> None:
        """Put a job behind those that came before it; past the limit, reading from the client stops.

        One that may begin `at_once` does, inside this call, if there is none before it.
        """
        self._inbox.append(job)
        self._pending += 1
        if not self._reading:
            self._reading = True
            if self._taken_before != self._hub.flushes:
                self._taken, self._taken_before = 0, self._hub.flushes
            if not at_once:
                self._hub.run(self._read())
            elif self._taken < _EVENTS_A_TURN:
                self._taken += 1
                self._hub.eager.begin(self._hub.loop, self._read())
            else:
                self._taken = 0
                self._hub.run(self._read_in_turn())
        if self._pending >= self._most:
            self.link.pause()

    @property
    def _most(self) -> int:
        """How many jobs may wait. More, while an ack is: it comes behind them, and a handler may wait for it."""
        most = self._options.max_pending_events
        return most * _PATIENCE if self.connection.owes_acks else most

    async def _read_in_turn(self) -> None:
        await self._hub.turn(self.link.request.address)
        await self._read()

    async def _read(self) -> None:
        """Handle the jobs that wait, one after the other."""
        inbox, concurrent, taken = self._inbox, self._options.concurrent_events, 0
        while inbox:
            begun: Job | None = None
            try:
                if taken >= _EVENTS_A_TURN:
                    taken = 0
                    await self._hub.turn(self.link.request.address)
                taken += 1
                if concurrent and isinstance(inbox[0], Arrival | Misfit):
                    self._start(inbox.pop(0))
                    continue
                while self._running:
                    await asyncio.wait(self._running)
                begun = inbox.pop(0)
                self._settle(begun)
                await self._dispatcher.dispatch(self, begun)
            except asyncio.CancelledError:
                if _to_be_cancelled():
                    self._give_up(begun)
                    raise
                log.warning("a handler was cancelled from within")
        self._reading = False

    def _settle(self, job: Job) -> None:
        """A job does not wait any more; reading from the client goes on once few do."""
        self._pending -= job.weight if type(job) is LargeArrival else 1
        if self.link.paused and self._pending <= self._options.max_pending_events // 2:
            self.link.resume()

    def _start(self, job: Job) -> None:
        """Handle an event beside the others. Until it is handled it counts among those that wait."""
        task = self._hub.run(self._handle_beside(job))
        if self._running is None:
            self._running = set()
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle_beside(self, job: Job) -> None:
        try:
            await self._dispatcher.dispatch(self, job)
        except asyncio.CancelledError:
            if _to_be_cancelled():
                raise
            log.warning("a handler was cancelled from within")
        finally:
            self._settle(job)

    def _give_up(self, late: Job | None) -> None:
        """The server stops and a job did not end in time, or it cancelled the task it runs in. The events that wait
        behind one are not handled any more, but departures are."""
        kept = [] if isinstance(late, Departure) else self._inbox
        self._inbox = [job for job in kept if isinstance(job, Departure)]
        self._pending = len(self._inbox)
        self.link.resume()
        self._reading = bool(self._inbox)
        if self._reading:
            self._hub.run(self._read())


def _to_be_cancelled() -> bool:
    """True if this task was cancelled; if not, what a handler waited for was, and that is the handler's failure."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
