"""What the other instances have heard of rooms, where each hears only of those in which it has members."""

from collections.abc import Sequence
from typing import Any

from app.announce.log_order import LogOrder
from protocol import AckTimeout, Server

HEARD = "log:heard"  # an event between instances
AT_ONCE = 1_000  # rooms
WITHIN = 2_000  # ms


class HeardElsewhere:
    """Asks the others, and answers them."""

    def __init__(self, io: Server, order: LogOrder) -> None:
        self._io = io
        self._order = order
        io.on_server_side(HEARD)(self._answer)

    async def learn(self, room_ids: Sequence[str]) -> None:
        """Know of rooms what any instance has heard, that answers in time. Raises BusUnavailable."""
        for first in range(0, len(room_ids), AT_ONCE):
            part = list(room_ids[first : first + AT_ONCE])
            try:
                answers = await self._io.server_side_emit_with_ack(HEARD, part, timeout=WITHIN)
            except AckTimeout as error:
                answers = error.responses
            for heard in answers:
                for room_id, number in heard.items():
                    self._order.learn(room_id, number)

    async def _answer(self, room_ids: list[Any]) -> dict[str, int]:
        heard = {room_id: self._order.heard(room_id) for room_id in room_ids[:AT_ONCE]}
        return {room_id: number for room_id, number in heard.items() if number}
