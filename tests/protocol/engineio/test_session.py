"""The session, its phases and its heartbeat: a table of what each input does in each phase, and a machine that tries
every order of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol.engineio import packets as engine
from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.engineio.packets import CLOSE, NOOP, PING, PROBE_PONG, Encoded
from protocol.engineio.session import LINGER, STALL, CloseReason, Session
from protocol.engineio.session_states import (
    LINGERING,
    OVER_POLLING,
    TRANSITIONS,
    WITH_PROBE,
    SessionInput,
    SessionState,
)
from protocol.engineio.timing import Timing
from protocol.errors import SessionError
from tests.support.tries import tries

START = 1_000_000
TIMING = Timing(ping_interval=25_000, ping_timeout=20_000, upgrade_timeout=10_000)
ITEM = Encoded(b"4item")
PROBE = EnginePacket(PacketType.PING, "probe")
UPGRADE = EnginePacket(PacketType.UPGRADE)
PONG = EnginePacket(PacketType.PONG)


def polling(timing: Timing = TIMING) -> Session:
    return Session("id", timing, websocket=False, now=START)


def websocket(timing: Timing = TIMING) -> Session:
    return Session("id", timing, websocket=True, now=START)


def probing() -> Session:
    session = polling()
    assert session.open_probe(START)
    return session


def upgrading() -> Session:
    session = probing()
    assert session.receive_probe(PROBE) is PROBE_PONG
    return session


def closing_upgrading() -> Session:
    session = upgrading()
    session.finish(CloseReason.FORCED_SERVER_CLOSE, START)
    return session


def closing() -> Session:
    session = polling()
    session.finish(CloseReason.FORCED_SERVER_CLOSE, START)
    return session


def closed() -> Session:
    session = polling()
    session.fail(CloseReason.TRANSPORT_ERROR)
    return session


IN_PHASE: dict[SessionState, Callable[[], Session]] = {
    SessionState.POLLING: polling,
    SessionState.PROBING: probing,
    SessionState.UPGRADING: upgrading,
    SessionState.WEBSOCKET: websocket,
    SessionState.CLOSING_UPGRADING: closing_upgrading,
    SessionState.CLOSING: closing,
    SessionState.CLOSED: closed,
}
INPUTS: dict[SessionInput, Callable[[Session], Any]] = {
    SessionInput.OPEN_PROBE: lambda session: session.open_probe(START),
    SessionInput.PROBE: lambda session: session.receive_probe(PROBE),
    SessionInput.UPGRADE: lambda session: session.receive_probe(UPGRADE),
    SessionInput.DROP_PROBE: lambda session: session.drop_probe(),
    SessionInput.FINISH: lambda session: session.finish(CloseReason.SERVER_SHUTTING_DOWN, START),
    SessionInput.FAIL: lambda session: session.fail(CloseReason.TRANSPORT_CLOSE),
    SessionInput.FLUSH: lambda session: session.take(),
}


def test_the_times_are_those_of_the_reference() -> None:
    assert (LINGER, STALL) == (30_000, 1_000)


@pytest.mark.parametrize("phase", SessionState)
def test_a_session_is_quiet_while_it_is_open_and_awaits_no_pong(phase: SessionState) -> None:
    session = IN_PHASE[phase]()
    assert session.quiet is session.open
    session.tick(START + TIMING.ping_interval)
    assert not session.quiet


@pytest.mark.parametrize("input", SessionInput)
@pytest.mark.parametrize("phase", SessionState)
def test_every_input_in_every_phase(phase: SessionState, input: SessionInput) -> None:
    session = IN_PHASE[phase]()
    assert session.phase is phase
    reason = session.reason
    INPUTS[input](session)
    expected = TRANSITIONS[phase].get(input, phase)
    if phase is SessionState.PROBING and input is SessionInput.UPGRADE:
        expected = SessionState.POLLING  # anything but a probe makes the websocket be given up
    if phase in LINGERING and input is SessionInput.FAIL:
        expected = phase  # what has ended does not end again; only time may fail it
    assert session.phase is expected
    if reason is not None:
        assert session.reason is reason


@pytest.mark.parametrize("phase", SessionState)
def test_what_a_phase_is(phase: SessionState) -> None:
    session = IN_PHASE[phase]()
    assert session.open is (phase in OVER_POLLING or phase is SessionState.WEBSOCKET)
    assert session.transport == ("websocket" if phase is SessionState.WEBSOCKET else "polling")
    assert session.writable is (phase is SessionState.WEBSOCKET)
    assert (session.reason is None) is session.open
    assert session.id == "id"


class TestOut:
    def test_it_waits_until_it_is_taken(self) -> None:
        session = polling()
        session.send(ITEM)
        session.send(NOOP)
        assert not session.writable
        session.open_get(START)
        assert session.writable
        assert session.take() == [ITEM, NOOP]
        assert not session.writable
        assert session.take() == []

    @pytest.mark.parametrize("phase", SessionState)
    def test_nothing_is_taken_that_the_transport_does_not_take_now(self, phase: SessionState) -> None:
        session = IN_PHASE[phase]()
        session.send(ITEM)
        queued = list(session.outbox)
        taken = session.take_writable()
        assert taken == (queued if phase is SessionState.WEBSOCKET else [])
        assert taken + session.outbox == queued

    @pytest.mark.parametrize("make", [polling, probing, upgrading])
    def test_a_get_that_waits_takes_once(self, make: Callable[[], Session]) -> None:
        session = make()
        session.send(ITEM)
        assert session.take_writable() == []
        session.open_get(START)
        assert session.take_writable() == [ITEM]
        assert (session.queued, session.writable) == (0, False)
        session.send(ITEM)
        assert session.take_writable() == []

    def test_it_says_when_there_is_something_to_look_at(self) -> None:
        over_websocket = websocket()
        assert [over_websocket.send(ITEM) for _ in range(3)] == [True, False, False]
        over_websocket.take_writable()
        assert over_websocket.take_writable() == []
        assert over_websocket.send(ITEM)
        over_polling = polling()  # which may have to end: its client does not fetch what waits
        assert [over_polling.send(ITEM) for _ in range(3)] == [True, True, True]
        assert not closed().send(ITEM)

    def test_bytes_are_counted_while_polling(self) -> None:
        session = polling()
        session.send(ITEM)
        session.send(Encoded(b"4x", (b"12345",)))
        assert session.queued == 5 + 7
        session.take()
        assert session.queued == 0
        over_websocket = websocket()
        over_websocket.send(ITEM)
        assert over_websocket.queued == 0

    @pytest.mark.parametrize("phase", [*LINGERING, SessionState.CLOSED])
    def test_after_the_end_nothing_is_queued(self, phase: SessionState) -> None:
        session = IN_PHASE[phase]()
        before = list(session.outbox)
        session.send(ITEM)
        assert session.outbox == before


class TestIn:
    @pytest.mark.parametrize("make", [polling, probing, upgrading, websocket])
    @pytest.mark.parametrize("data", ["text", b"binary", ""])
    def test_a_message(self, make: Callable[[], Session], data: str | bytes) -> None:
        assert make().receive(EnginePacket(PacketType.MESSAGE, data), START) == data

    @pytest.mark.parametrize("make", [closing_upgrading, closing, closed])
    def test_a_message_after_the_end(self, make: Callable[[], Session]) -> None:
        assert make().receive(EnginePacket(PacketType.MESSAGE, "late"), START) is None

    @pytest.mark.parametrize("kind", [PacketType.OPEN, PacketType.UPGRADE, PacketType.NOOP])
    def test_what_a_client_has_no_reason_to_send(self, kind: PacketType) -> None:
        session = websocket()
        assert session.receive(EnginePacket(kind, "x"), START) is None
        assert session.open

    @pytest.mark.parametrize("data", ["", "probe"])
    def test_a_ping_ends_it(self, data: str) -> None:
        session = websocket()
        session.send(ITEM)
        assert session.receive(EnginePacket(PacketType.PING, data), START) is None
        assert (session.phase, session.reason) == (SessionState.CLOSED, CloseReason.TRANSPORT_ERROR)
        assert session.outbox == []

    def test_a_close_ends_it_and_the_get_that_waits_gets_a_noop(self) -> None:
        session = polling()
        session.open_get(START)
        session.receive(EnginePacket(PacketType.CLOSE), START)
        assert (session.phase, session.reason) == (SessionState.CLOSED, CloseReason.TRANSPORT_CLOSE)
        assert session.writable
        assert session.take() == [NOOP]
        assert not session.writable


class TestRequests:
    @pytest.mark.parametrize("phase", SessionState)
    @pytest.mark.parametrize("request_", [Session.open_get, Session.open_post])
    def test_where_they_may_come(self, phase: SessionState, request_: Callable[[Session, int], None]) -> None:
        session = IN_PHASE[phase]()
        if phase in OVER_POLLING or phase in LINGERING:
            request_(session, START)
        else:
            with pytest.raises(SessionError, match="not polling"):
                request_(session, START)
        assert session.phase is phase

    def test_a_second_get_ends_the_session_and_the_first_is_told(self) -> None:
        session = polling()
        session.open_get(START)
        with pytest.raises(SessionError, match="two GET"):
            session.open_get(START)
        assert (session.phase, session.reason) == (SessionState.CLOSED, CloseReason.TRANSPORT_ERROR)
        assert session.take() == [CLOSE]

    def test_a_second_post_ends_the_session(self) -> None:
        session = polling()
        session.open_post(START)
        with pytest.raises(SessionError, match="two POST"):
            session.open_post(START)
        assert (session.phase, session.reason) == (SessionState.CLOSED, CloseReason.TRANSPORT_ERROR)
        assert session.outbox == []

    def test_one_post_after_the_other(self) -> None:
        session = polling()
        for _ in range(3):
            session.open_post(START)
            session.close_post()
        assert session.open

    def test_a_get_and_a_post_go_side_by_side(self) -> None:
        session = polling()
        session.open_get(START)
        session.open_post(START)
        assert session.open

    def test_an_aborted_get_ends_the_session(self) -> None:
        session = polling()
        session.open_get(START)
        session.abort_get()
        assert (session.phase, session.reason) == (SessionState.CLOSED, CloseReason.TRANSPORT_ERROR)
        assert (session.outbox, session.writable) == ([], False)

    @pytest.mark.parametrize("request_", [Session.open_get, Session.open_post])
    def test_a_deadline_is_looked_at_when_a_request_comes(
        self, request_: Callable[[Session, int], None]
    ) -> None:
        session = polling(Timing(300, 200, 10_000))
        with pytest.raises(SessionError):
            request_(session, START + 500)
        assert session.reason is CloseReason.PING_TIMEOUT
        in_time = polling(Timing(300, 200, 10_000))
        request_(in_time, START + 499)
        assert in_time.outbox == [PING]


class TestUpgrade:
    def test_the_whole_of_it(self) -> None:
        session = polling()
        session.open_get(START)
        assert session.open_probe(START)
        assert session.receive_probe(PROBE) is PROBE_PONG
        assert session.take() == [NOOP], "the GET that waits is answered"
        session.send(ITEM)
        assert session.receive_probe(UPGRADE) is None
        assert session.phase is SessionState.WEBSOCKET
        assert session.writable
        assert session.queued == 0
        assert session.take() == [ITEM]
        assert session.next_deadline == START + TIMING.ping_interval, "a probe's time is over"

    def test_messages_still_come_over_polling(self) -> None:
        assert upgrading().receive(EnginePacket(PacketType.MESSAGE, "x"), START) == "x"

    def test_a_get_that_waits_gets_what_is_queued_and_no_noop(self) -> None:
        session = probing()
        session.open_get(START)
        session.send(ITEM)
        session.receive_probe(PROBE)
        assert session.take() == [ITEM]

    def test_a_new_get_is_answered_at_once(self) -> None:
        session = upgrading()
        session.open_get(START)
        assert session.take() == [NOOP]
        session.send(ITEM)
        session.open_get(START)
        assert session.take() == [ITEM]

    def test_a_second_probe_of_the_same_websocket(self) -> None:
        session = upgrading()
        assert session.receive_probe(PROBE) is PROBE_PONG
        assert session.phase is SessionState.UPGRADING

    @pytest.mark.parametrize("make", [probing, upgrading])
    @pytest.mark.parametrize(
        "packet",
        [
            EnginePacket(PacketType.PING, ""),
            EnginePacket(PacketType.PING, "prob"),
            EnginePacket(PacketType.MESSAGE, "probe"),
            EnginePacket(PacketType.MESSAGE, b"probe"),
            PONG,
            EnginePacket(PacketType.CLOSE),
        ],
    )
    def test_anything_else_gives_the_websocket_up(
        self, make: Callable[[], Session], packet: EnginePacket
    ) -> None:
        session = make()
        assert session.receive_probe(packet) is None
        assert session.phase is SessionState.POLLING
        assert session.next_deadline == START + TIMING.ping_interval
        assert session.open_probe(START), "another one may try"

    @pytest.mark.parametrize("make", [polling, websocket, closing, closed])
    def test_a_websocket_that_was_given_up_says_nothing_any_more(self, make: Callable[[], Session]) -> None:
        session = make()
        before = session.phase, list(session.outbox)
        assert session.receive_probe(PROBE) is None
        assert session.receive_probe(UPGRADE) is None
        assert (session.phase, session.outbox) == before

    @pytest.mark.parametrize("make", [probing, upgrading, websocket, closing_upgrading, closing, closed])
    def test_a_second_websocket(self, make: Callable[[], Session]) -> None:
        session = make()
        before = session.phase
        assert not session.open_probe(START)
        assert session.phase is before

    @pytest.mark.parametrize("make", [probing, upgrading])
    def test_it_takes_too_long(self, make: Callable[[], Session]) -> None:
        session = make()
        assert session.next_deadline == START + TIMING.upgrade_timeout
        session.tick(START + TIMING.upgrade_timeout - 1)
        assert session.phase is not SessionState.POLLING
        session.tick(START + TIMING.upgrade_timeout)
        assert session.phase is SessionState.POLLING
        assert session.open


class TestHeartbeat:
    def test_ping_and_pong(self) -> None:
        session = websocket()
        session.tick(START + TIMING.ping_interval - 1)
        assert session.take() == []
        session.tick(START + TIMING.ping_interval)
        assert session.take() == [PING]
        assert session.next_deadline == START + TIMING.ping_interval + TIMING.ping_timeout
        now = START + TIMING.ping_interval + 500
        assert session.receive(PONG, now) is None
        assert session.next_deadline == now + TIMING.ping_interval, "the next one counts from the pong"

    @pytest.mark.parametrize("make", [polling, probing, upgrading, websocket])
    def test_silence(self, make: Callable[[], Session]) -> None:
        session = make()
        due = START + TIMING.ping_interval
        session.tick(due)
        session.tick(due + TIMING.ping_timeout - 1)
        assert session.open
        session.tick(due + TIMING.ping_timeout)
        assert (session.phase, session.reason) == (SessionState.CLOSED, CloseReason.PING_TIMEOUT)
        assert session.next_deadline is None

    def test_another_packet_extends_the_wait_once(self) -> None:
        session = websocket()
        due = START + TIMING.ping_interval
        session.tick(due)
        message = EnginePacket(PacketType.MESSAGE, "x")
        session.receive(message, due + 100)
        assert session.next_deadline == due + 100 + TIMING.ping_timeout
        session.receive(message, due + 200)
        assert session.next_deadline == due + 100 + TIMING.ping_timeout
        session.receive(PONG, due + 300)
        session.receive(message, due + 400)
        assert session.next_deadline == due + 300 + TIMING.ping_interval

    def test_a_late_ping_does_not_lengthen_the_wait(self) -> None:
        session = websocket()
        due = START + TIMING.ping_interval
        session.tick(due + STALL)
        assert session.next_deadline == due + TIMING.ping_timeout

    def test_a_process_that_stood_still_does_not_blame_the_client(self) -> None:
        session = websocket()
        now = START + TIMING.ping_interval + TIMING.ping_timeout * 3
        session.tick(now)
        assert session.open
        assert session.take() == [PING]
        assert session.next_deadline == now + TIMING.ping_timeout

    def test_a_client_that_is_not_read_from_is_not_blamed(self) -> None:
        session = websocket()
        due = START + TIMING.ping_interval
        session.tick(due)
        session.hold(due + TIMING.ping_timeout)
        session.tick(due + TIMING.ping_timeout)
        assert session.open
        assert session.next_deadline == due + 2 * TIMING.ping_timeout
        session.hold(due)
        assert session.next_deadline == due + 2 * TIMING.ping_timeout, "it never brings the deadline nearer"

    def test_a_client_that_is_not_read_from_is_pinged(self) -> None:
        """For it listens for pings, and would leave."""
        session = websocket()
        due = START + TIMING.ping_interval
        for _ in range(5):
            session.hold(due)
            session.tick(due)
            assert session.take() == [PING]
            session.hold(due)
            assert session.take() == []
            due += TIMING.ping_timeout
        session.receive(EnginePacket(PacketType.PONG), due)
        session.hold(due)
        assert session.next_deadline == due + TIMING.ping_interval


class TestEnd:
    @pytest.mark.parametrize("make", [polling, probing])
    def test_finish_over_polling_keeps_what_is_queued_and_then_says_goodbye(
        self, make: Callable[[], Session]
    ) -> None:
        session = make()
        session.send(ITEM)
        session.finish(CloseReason.SERVER_SHUTTING_DOWN, START)
        assert (session.phase, session.reason) == (SessionState.CLOSING, CloseReason.SERVER_SHUTTING_DOWN)
        assert session.next_deadline == START + LINGER
        session.open_get(START + LINGER - 1)
        assert session.writable
        assert session.take() == [ITEM]
        assert session.phase is SessionState.CLOSING
        session.open_get(START + LINGER - 1)
        assert session.take() == [CLOSE]
        assert session.phase is SessionState.CLOSED
        assert session.next_deadline is None

    def test_finish_over_websocket_leaves_what_is_queued_to_be_written(self) -> None:
        session = websocket()
        session.send(ITEM)
        session.finish(CloseReason.FORCED_CLOSE, START)
        assert session.phase is SessionState.CLOSED
        assert session.take() == [ITEM]

    def test_finish_during_an_upgrade_leaves_what_is_queued_to_the_websocket(self) -> None:
        session = upgrading()
        session.send(ITEM)
        session.finish(CloseReason.FORCED_SERVER_CLOSE, START)
        assert session.phase is SessionState.CLOSING_UPGRADING
        assert session.reason is CloseReason.FORCED_SERVER_CLOSE
        assert session.next_deadline == START + LINGER
        assert session.receive_probe(PROBE) is PROBE_PONG
        assert session.receive_probe(UPGRADE) is None
        assert (session.phase, session.next_deadline) == (SessionState.CLOSED, None)
        assert session.take() == [ITEM]

    def test_finish_during_an_upgrade_answers_the_get_that_waits(self) -> None:
        """Its client sends the upgrade all the same, and there is nothing left to say then."""
        session = probing()
        session.open_get(START)
        session.receive_probe(PROBE)
        session.send(ITEM)
        session.finish(CloseReason.FORCED_SERVER_CLOSE, START)
        assert session.writable
        assert session.take() == [NOOP, ITEM]
        assert session.phase is SessionState.CLOSING_UPGRADING
        session.receive_probe(UPGRADE)
        assert (session.phase, session.take()) == (SessionState.CLOSED, [])

    @pytest.mark.parametrize("dropped", [False, True])
    def test_finish_during_an_upgrade_that_is_given_up(self, dropped: bool) -> None:
        session = upgrading()
        session.send(ITEM)
        session.finish(CloseReason.FORCED_SERVER_CLOSE, START)
        if dropped:
            session.drop_probe()
            assert session.phase is SessionState.CLOSING
        assert session.next_deadline == START + LINGER
        for expected in ([ITEM], [CLOSE]):
            session.open_get(START)
            assert session.take() == expected
        assert session.phase is SessionState.CLOSED
        assert session.receive_probe(UPGRADE) is None

    @pytest.mark.parametrize("make", [closing_upgrading, closing])
    def test_nobody_fetches_the_last_packets(self, make: Callable[[], Session]) -> None:
        session = make()
        session.tick(START + LINGER - 1)
        assert session.phase in LINGERING
        session.tick(START + LINGER)
        assert (session.phase, session.outbox, session.queued) == (SessionState.CLOSED, [], 0)
        with pytest.raises(SessionError):
            session.open_get(START + LINGER)

    def test_a_second_get_for_the_last_packets(self) -> None:
        session = closing()
        session.open_get(START)
        with pytest.raises(SessionError, match="two GET"):
            session.open_get(START)
        assert session.take() == [CLOSE]

    def test_fail_drops_what_is_queued(self) -> None:
        session = polling()
        session.send(ITEM)
        session.fail(CloseReason.PARSE_ERROR)
        assert (session.outbox, session.queued) == ([], 0)

    def test_fail_lets_the_get_that_waits_go(self) -> None:
        session = polling()
        session.open_get(START)
        session.send(ITEM)
        session.fail(CloseReason.PARSE_ERROR)
        assert session.take() == [ITEM, CLOSE]

    @pytest.mark.parametrize("make", [closing_upgrading, closing, closed])
    def test_the_first_reason_stays(self, make: Callable[[], Session]) -> None:
        session = make()
        first, phase = session.reason, session.phase
        session.fail(CloseReason.PARSE_ERROR)
        session.finish(CloseReason.PARSE_ERROR, START)
        session.abort_get()
        assert (session.reason, session.phase) == (first, phase)


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order, a session is in a known state and keeps its promises."""

    @initialize(over_websocket=st.booleans(), interval=st.integers(1, 3000), timeout=st.integers(1, 3000))
    def open(self, over_websocket: bool, interval: int, timeout: int) -> None:
        self.now = START
        timing = Timing(ping_interval=interval, ping_timeout=timeout, upgrade_timeout=700)
        self.session = Session("id", timing, websocket=over_websocket, now=self.now)
        self.sent: list[Encoded] = []
        self.taken: list[Encoded] = []
        self.number = 0
        self.ended: CloseReason | None = None
        self.seen = self.session.phase

    def request(self, method: Callable[[int], None]) -> None:
        """A refusal changes nothing, unless it ends the session, or its time was up anyway."""
        before = self.session.phase
        try:
            method(self.now)
        except SessionError:
            assert self.session.phase in (before, SessionState.CLOSED, SessionState.POLLING)

    @rule(ms=st.integers(0, 4000) | st.sampled_from([LINGER, STALL, STALL + 1]))
    def wait(self, ms: int) -> None:
        self.now += ms

    @rule()
    def tick(self) -> None:
        self.session.tick(self.now)
        due = self.session.next_deadline
        assert due is None or due > self.now

    @precondition(lambda self: self.session.next_deadline is not None)
    @rule()
    def wait_for_the_deadline(self) -> None:
        due = self.session.next_deadline
        assert due is not None
        self.now = max(self.now, due)
        self.tick()

    @rule()
    def send(self) -> None:
        self.number += 1
        item = Encoded(b"4%d" % self.number)
        if self.session.open:
            self.sent.append(item)
        self.session.send(item)

    @rule()
    def take(self) -> None:
        before = self.session.phase
        farewell_waits = before in LINGERING and len(self.session.outbox) > 1  # for a GET of its own
        self.taken += [item for item in self.session.take() if item.text.startswith(b"4")]
        assert self.session.outbox == ([CLOSE] if farewell_waits else [])
        assert self.session.queued == 0
        assert self.session.writable is (before is SessionState.WEBSOCKET)
        after = SessionState.CLOSED if before in LINGERING and not farewell_waits else before
        assert self.session.phase is after

    @rule(kind=st.sampled_from(PacketType), data=st.sampled_from(["", "probe", "x"]))
    def receive(self, kind: PacketType, data: str) -> None:
        expected = data if kind is PacketType.MESSAGE and self.session.open else None
        assert self.session.receive(EnginePacket(kind, data), self.now) == expected

    @rule()
    def open_get(self) -> None:
        self.request(self.session.open_get)

    @rule()
    def abort_get(self) -> None:
        self.session.abort_get()
        assert not self.session.open
        assert not self.session.writable

    @rule()
    def open_post(self) -> None:
        self.request(self.session.open_post)

    @rule()
    def close_post(self) -> None:
        self.session.close_post()

    @rule()
    def open_probe(self) -> None:
        opened = self.session.open_probe(self.now)
        assert not opened or self.session.phase is SessionState.PROBING

    @rule(packet=st.sampled_from([PROBE, PROBE, UPGRADE, PONG]))
    def receive_probe(self, packet: EnginePacket) -> None:
        before = self.session.phase
        answer = self.session.receive_probe(packet)
        assert (answer is PROBE_PONG) is (packet is PROBE and before in WITH_PROBE)
        ended = before is SessionState.CLOSING_UPGRADING
        after = (
            {SessionState.CLOSING, SessionState.CLOSED} if ended else {*OVER_POLLING, SessionState.WEBSOCKET}
        )
        assert self.session.phase in after | {before}

    @rule()
    def drop_probe(self) -> None:
        self.session.drop_probe()
        assert self.session.phase not in WITH_PROBE

    @rule()
    def hold(self) -> None:
        self.session.hold(self.now)

    @rule(reason=st.sampled_from(CloseReason))
    def finish(self, reason: CloseReason) -> None:
        self.session.finish(reason, self.now)
        assert not self.session.open

    @rule(reason=st.sampled_from(CloseReason))
    def fail(self, reason: CloseReason) -> None:
        self.session.fail(reason)
        assert not self.session.open

    @invariant()
    def the_reason_is_set_once_and_only_at_the_end(self) -> None:
        assert (self.session.reason is None) is self.session.open
        assert self.ended is None or self.session.reason is self.ended
        self.ended = self.session.reason

    @invariant()
    def the_phases_never_go_back_from_a_websocket_or_the_end(self) -> None:
        if self.seen >= SessionState.WEBSOCKET:
            assert self.session.phase >= self.seen
        self.seen = self.session.phase

    @invariant()
    def what_was_sent_comes_out_in_order_and_once(self) -> None:
        waiting = [item for item in self.session.outbox if item.text.startswith(b"4")]
        together = self.taken + waiting
        assert together == self.sent[: len(together)]
        if self.session.open:
            assert together == self.sent

    @invariant()
    def nothing_waits_that_nobody_can_take(self) -> None:
        if self.session.phase is SessionState.CLOSED:
            assert self.session.next_deadline is None
        elif self.session.phase in LINGERING:
            assert self.session.outbox[-1] is engine.CLOSE
        if self.session.phase is not SessionState.WEBSOCKET:
            assert self.session.queued <= sum(item.size for item in self.session.outbox)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=tries(150), stateful_step_count=40, deadline=None)
