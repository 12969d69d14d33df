"""The pinned messages of a room, in an order of their own.

They are among the room's own fields: each change of them is a change of the room, and is announced as one.
"""

from collections.abc import Awaitable, Callable

from app import store
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.fields.validation import is_id
from app.payloads.from_rows import message_of, room_info_of
from app.payloads.requests import MessageRef
from app.payloads.responses import RoomInfo, UserRef
from app.payloads.rooms.pin_payloads import MOST_PINS, ListPins, OrderPins, PinnedMessage, PinnedMessages
from app.payloads.server_events import ROOM_UPDATED
from app.rooms.rights import check_is_there, check_may_write, hold_message, lock_as_admin
from app.rooms.rooms import check_member
from app.store.kept.pins import PinnedRow
from app.store.log.messages import ChangedMessageRow
from app.store.log.pages import MAX_PAGE


class RoomPins:
    """Pins messages: those of a room by its admins, those of a conversation by whoever is in it."""

    def __init__(self, db: Database, announcer: Announcer, *, max_bytes: int = MAX_PAGE) -> None:
        """A page of pinned messages ends with the message that makes it `max_bytes` or more."""
        self._db = db
        self._announcer = announcer
        self._max_bytes = max_bytes

    async def list_page(self, caller: Caller, payload: ListPins) -> PinnedMessages:
        """The pinned messages of a room in their order, with who pinned each.

        A page of large messages has fewer of them than `limit`. Refused: `not_a_member`, and `not_found` for the room
        or for an unknown `after`.
        """
        room_id, after, size = payload.room_id, payload.after, payload.limit
        await check_member(self._db, room_id, caller.user_id)
        if after is not None and not (is_id(after) and after in await store.pins.ids(self._db, room_id)):
            raise Refusal("not_found", "This message is not pinned in this room")
        rows = await store.pins.shown(
            self._db, room_id, after=after, limit=size + 1, max_bytes=self._max_bytes
        )
        pins = [_pinned(row) for row in rows[:size]]
        more = bool(rows) and rows[0].there_are > len(pins)
        return PinnedMessages(pins=pins, next=pins[-1].message.id if more else None)

    async def pin(self, caller: Caller, payload: MessageRef) -> RoomInfo:
        """Pins a message, before all others. One that is pinned already stays where it is.

        In a room its admins may, in a conversation whoever is in it. Refused: `not_found` also for a deleted message,
        `not_a_member`, `archived`, `forbidden`, `too_many` beyond 50 pins; in a direct conversation also what
        `message:send` refuses where one has blocked the other.
        """

        async def work(q: Queries, row: ChangedMessageRow, pins: list[str]) -> bool:
            check_is_there(row)
            check_may_write(row)
            if payload.message_id in pins:
                return False
            if len(pins) >= MOST_PINS:
                raise Refusal("too_many", f"A room has {MOST_PINS} pinned messages at most: unpin one first")
            await store.pins.insert(
                q, room_id=row.room_id, message_id=payload.message_id, pinned_by=caller.user_id
            )
            return True

        return await self._change(caller, payload.message_id, work)

    async def unpin(self, caller: Caller, payload: MessageRef) -> RoomInfo:
        """Takes the pin of a message away, by whomever it was pinned. It changes nothing where there is none.

        Refused: `not_found`, `not_a_member`, `archived`, and `forbidden` for a member of a room who is no admin.
        """

        async def work(q: Queries, _: ChangedMessageRow, pins: list[str]) -> bool:
            if payload.message_id not in pins:
                return False
            await store.pins.delete(q, payload.message_id)
            return True

        return await self._change(caller, payload.message_id, work)

    async def reorder(self, caller: Caller, payload: OrderPins) -> RoomInfo:
        """Gives the pinned messages of a room another order.

        Refused: `not_found`, `not_a_member`, `archived`, `forbidden` as for `message:pin`, and `conflict` for a list
        that does not have just the pinned messages: others changed them meanwhile.
        """
        room_id = payload.room_id

        async def work(q: Queries) -> tuple[RoomInfo, bool]:
            await lock_as_admin(q, room_id, caller.user_id, direct=True)
            pins = await store.pins.ids(q, room_id)
            if sorted(pins) != sorted(payload.message_ids):
                raise Refusal("conflict", "The pinned messages have changed: read them again")
            if pins == payload.message_ids:
                return await _as_it_is(q, room_id), False
            await store.pins.put_in_order(q, payload.message_ids)
            return await _touched(q, room_id), True

        return await self._announced(*await self._db.transaction(work))

    async def _change(
        self,
        caller: Caller,
        message_id: str,
        work: Callable[[Queries, ChangedMessageRow, list[str]], Awaitable[bool]],
    ) -> RoomInfo:
        async def within(q: Queries) -> tuple[RoomInfo, bool]:
            row = await hold_message(q, message_id, caller.user_id)
            if not (row.kind == "direct" or row.is_group or row.role == "admin"):
                raise Refusal("forbidden", "Only an admin of the room pins messages")
            changed = await work(q, row, await store.pins.ids(q, row.room_id))
            return await (_touched if changed else _as_it_is)(q, row.room_id), changed

        return await self._announced(*await self._db.transaction(within))

    async def _announced(self, info: RoomInfo, changed: bool) -> RoomInfo:
        if changed:
            await self._announcer.room(info.id, ROOM_UPDATED, info)
        return info


async def _as_it_is(q: Queries, room_id: str) -> RoomInfo:
    row = await store.room_log.room_for(q, room_id, "")
    assert row is not None  # it is held
    return room_info_of(row)


async def _touched(q: Queries, room_id: str) -> RoomInfo:
    return room_info_of(await store.rooms.touch(q, room_id, await store.rooms.next_seq(q, room_id)))


def _pinned(row: PinnedRow) -> PinnedMessage:
    assert row.message is not None
    pinned_by = UserRef(
        id=row.pinned_by,
        username=row.pinner_username,
        display_name=row.pinner_display_name,
        avatar=row.pinner_avatar,
    )
    return PinnedMessage(message=message_of(row.message), pinned_by=pinned_by, pinned_at=row.pinned_at)
