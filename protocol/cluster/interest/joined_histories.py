"""What was for a client that one instance after the other has served: of each, the stretch that is in its inbox."""

from collections.abc import Sequence
from typing import NamedTuple

from protocol.cluster.missed_events import History, Kept, Ring
from protocol.cluster.stream_positions import Position


class Stretch(NamedTuple):
    """The records of a history after `begin`, up to `end`; None: to where it goes on growing."""

    history: History
    begin: Position
    end: Position | None


class _JoinedRings:
    def __init__(self, rings: Sequence[tuple[Ring, Position, Position | None]]) -> None:
        self._rings = rings

    def reaches(self, start: Position) -> bool:
        return start >= self._rings[0][1] and all(
            ring.reaches(max(start, begin)) for ring, begin, end in self._rings if end is None or end > start
        )

    def after(self, start: Position) -> list[Kept]:
        return [
            kept
            for ring, begin, end in self._rings
            if end is None or end > start
            for kept in ring.after(max(start, begin))
            if end is None or kept.position <= end
        ]


class JoinedHistories:
    """Stretches, the oldest first, of which each begins where the one before ends."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.events = _JoinedRings([(history.events, begin, end) for history, begin, end in stretches])
        self.orders = _JoinedRings([(history.orders, begin, end) for history, begin, end in stretches])
