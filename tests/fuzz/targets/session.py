"""The Engine.IO session on the server's side: requests, packets, probes and time in any order, two bytes a step."""

from collections.abc import Callable

from protocol.engineio import packets as engine
from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.engineio.packets import Encoded
from protocol.engineio.session import CloseReason, Session
from protocol.engineio.session_states import LINGERING, TRANSITIONS, SessionState
from protocol.engineio.timing import Timing
from protocol.errors import SessionError
from tests.fuzz.draw import Draw

TIMING = Timing(ping_interval=250, ping_timeout=200, upgrade_timeout=100)
ITEM = Encoded(b"4x", (b"yz",))
TIMES = (0, 1, 50, 99, 100, 101, 199, 200, 250, 251, 1_001, 2_000, 30_000)
PACKETS = [EnginePacket(kind, data) for kind in PacketType for data in ("", "probe")] + [
    EnginePacket(PacketType.MESSAGE, b"b")
]
REASONS = list(CloseReason)


ENDED = LINGERING | {SessionState.CLOSED}
PROBED = {SessionState.UPGRADING, SessionState.CLOSING_UPGRADING}


def check(data: bytes) -> None:
    """Only `SessionError` is raised; the phase takes one step of its table at a time; what is queued is counted; a
    session that has ended says why, takes nothing and stays so."""
    draw = Draw(data)
    run = Run(websocket=bool(draw.below(2)))
    while draw:
        run.step(draw.below(256), draw.below(256))


class Run:
    """A session and the clock; `step` does one thing to it."""

    def __init__(self, *, websocket: bool) -> None:
        self.now = 1_000
        self.session = Session("id", TIMING, websocket=websocket, now=self.now)
        self.steps: list[Callable[[int], None]] = [
            self.wait,
            lambda _: self.session.send(ITEM),
            self.take,
            self.receive,
            self.receive_probe,
            lambda _: self.session.open_probe(self.now),
            lambda _: self.session.open_get(self.now),
            lambda _: self.session.open_post(self.now),
            lambda _: self.session.close_post(),
            lambda _: self.session.abort_get(),
            lambda _: self.session.drop_probe(),
            lambda _: self.session.hold(self.now),
            lambda choice: self.session.finish(REASONS[choice % len(REASONS)], self.now),
            lambda choice: self.session.fail(REASONS[choice % len(REASONS)]),
        ]

    def step(self, kind: int, choice: int) -> None:
        session = self.session
        before, reason, queue = session.phase, session.reason, len(session.outbox)
        try:
            self.steps[kind % len(self.steps)](choice)
        except SessionError:
            assert kind % len(self.steps) in (6, 7), "only a request is refused"
        assert session.phase is before or session.phase in reachable(before)
        assert session.open == (session.reason is None) == (session.phase not in ENDED)
        assert reason is None or session.reason is reason, "a session ends once"
        assert (session.next_deadline is None) == (session.phase is SessionState.CLOSED)
        assert reason is None or len(session.outbox) <= queue, "what is sent after the end is dropped"
        if session.phase < SessionState.WEBSOCKET:
            assert session.queued <= sum(item.size for item in session.outbox)

    def wait(self, choice: int) -> None:
        self.now += TIMES[choice % len(TIMES)]
        self.session.tick(self.now)
        deadline = self.session.next_deadline
        assert deadline is None or deadline > self.now, "nothing that is due is left"

    def take(self, choice: int) -> None:
        waiting, taken_now = list(self.session.outbox), self.session.writable or choice % 2 == 0
        taken = self.session.take() if choice % 2 == 0 else self.session.take_writable()
        assert taken + self.session.outbox == waiting
        assert self.session.queued == 0 if taken_now else taken == []

    def receive(self, choice: int) -> None:
        packet = PACKETS[choice % len(PACKETS)]
        received = self.session.receive(packet, self.now)
        expected = packet.data if packet.type is PacketType.MESSAGE and self.session.open else None
        assert received == expected

    def receive_probe(self, choice: int) -> None:
        packet = PACKETS[choice % len(PACKETS)]
        answer = self.session.receive_probe(packet)
        probed = self.session.phase in PROBED and packet == EnginePacket(PacketType.PING, "probe")
        assert answer is (engine.PROBE_PONG if probed else None)


def reachable(phase: SessionState) -> set[SessionState]:
    """The phases to which one call may lead: two steps of the table, as where a probe is dropped and the session ends
    of silence."""
    once = set(TRANSITIONS[phase].values())
    return once.union(*(TRANSITIONS[next_one].values() for next_one in once))
