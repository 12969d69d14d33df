"""The phases of an Engine.IO session: one table says what may happen in each (docs/protocol.md §1).

    POLLING ⇄ PROBING ⇄ UPGRADING → WEBSOCKET
       └──────────┴─────────┼───────────┴──→ CLOSING → CLOSED
                            └→ CLOSING_UPGRADING ┴────────↑

A pair that is not in the table changes nothing: `session` refuses a request with `SessionError`, and a websocket
that came too late is to be closed. UPGRADING leads back to POLLING when its websocket is given up; a session on a
websocket needs no CLOSING, for what is queued is written at once.

A client whose probe was answered polls no more: it sends its upgrade, and then looks at the websocket alone. So a
session that ends between the two keeps the websocket, and its last packets go to whichever the client turns to: the
websocket after its upgrade, as with the reference, or a GET, where it has given the websocket up.

The heartbeat and the two exchanges have states of their own, beside the phase.
"""

from enum import IntEnum


class SessionState(IntEnum):
    """Which transport carries the session."""

    POLLING = 0
    PROBING = 1  # polling, and a websocket is open that has not sent its probe
    UPGRADING = 2  # polling, and the websocket's probe was answered
    WEBSOCKET = 3
    CLOSING_UPGRADING = 4  # closed; the last packets wait for the websocket's upgrade, or for one more GET
    CLOSING = 5  # closed; the last packets wait for one more GET
    CLOSED = 6


class SessionInput(IntEnum):
    """The inputs of the state machine of the phase."""

    OPEN_PROBE = 0  # a websocket comes with this session's id
    PROBE = 1  # it sends `2probe`
    UPGRADE = 2  # it sends `5`
    DROP_PROBE = 3  # it sends anything else, closes, or takes too long
    FINISH = 4  # the session ends, in order: what is queued still goes out
    FAIL = 5  # the session ends at once
    FLUSH = 6  # a GET has taken the last packets


TRANSITIONS: dict[SessionState, dict[SessionInput, SessionState]] = {
    SessionState.POLLING: {
        SessionInput.OPEN_PROBE: SessionState.PROBING,
        SessionInput.FINISH: SessionState.CLOSING,
        SessionInput.FAIL: SessionState.CLOSED,
    },
    SessionState.PROBING: {
        SessionInput.PROBE: SessionState.UPGRADING,
        SessionInput.DROP_PROBE: SessionState.POLLING,
        SessionInput.FINISH: SessionState.CLOSING,
        SessionInput.FAIL: SessionState.CLOSED,
    },
    SessionState.UPGRADING: {
        SessionInput.PROBE: SessionState.UPGRADING,
        SessionInput.UPGRADE: SessionState.WEBSOCKET,
        SessionInput.DROP_PROBE: SessionState.POLLING,
        SessionInput.FINISH: SessionState.CLOSING_UPGRADING,
        SessionInput.FAIL: SessionState.CLOSED,
    },
    SessionState.WEBSOCKET: {
        SessionInput.FINISH: SessionState.CLOSED,
        SessionInput.FAIL: SessionState.CLOSED,
    },
    SessionState.CLOSING_UPGRADING: {
        SessionInput.PROBE: SessionState.CLOSING_UPGRADING,
        SessionInput.UPGRADE: SessionState.CLOSED,
        SessionInput.DROP_PROBE: SessionState.CLOSING,
        SessionInput.FLUSH: SessionState.CLOSED,
        SessionInput.FAIL: SessionState.CLOSED,
    },
    SessionState.CLOSING: {SessionInput.FLUSH: SessionState.CLOSED, SessionInput.FAIL: SessionState.CLOSED},
    SessionState.CLOSED: {},
}

OVER_POLLING = frozenset({SessionState.POLLING, SessionState.PROBING, SessionState.UPGRADING})
LINGERING = frozenset({SessionState.CLOSING, SessionState.CLOSING_UPGRADING})
WITH_PROBE = frozenset({SessionState.PROBING, SessionState.UPGRADING, SessionState.CLOSING_UPGRADING})


class Heartbeat(IntEnum):
    """Where the ping and its pong stand."""

    RESTING = 0  # the next ping is due at the deadline
    AWAITING = 1  # a pong is due at the deadline
    EXTENDED = 2  # the same, after another packet has moved the deadline, which happens once


class Exchange(IntEnum):
    """The state of one of polling's two HTTP requests."""

    FREE = 0
    PENDING = 1
