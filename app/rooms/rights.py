"""Who may change a room or a message: each is held for the change, if its user may make it."""

from app import store
from app.core.errors import NO_MESSAGE, Reason, Refusal, refuse
from app.db.queries import Queries
from app.rooms.rooms import ARCHIVED, NO_ROOM, NOT_A_MEMBER, check_not_archived
from app.store.conversations.rooms import LockedRoomRow
from app.store.log.messages import ChangedMessageRow

# For a sender who may not write in a direct conversation. Whether a block or a setting forbids it is not told.
BLOCKED: tuple[Reason, str] = ("forbidden", "You cannot write to this person")
BLOCKING: tuple[Reason, str] = ("conflict", "You have blocked this person: unblock them first")


async def lock_as_admin(
    q: Queries, room_id: str, user_id: str, *, direct: bool = False, archived: bool = False
) -> LockedRoomRow:
    """Holds a room for one of its admins to change; with `direct`, a conversation for whoever is in it, too.

    Raises Refusal: `not_found`, `not_a_member`, `forbidden`; `archived` unless also archived rooms may be changed so.
    """
    row = await store.rooms.lock(q, room_id)
    if row is None or row.deleted_at is not None:
        raise Refusal("not_found", NO_ROOM)
    member = await store.members.state(q, room_id, user_id)
    if member is None or member.state != "member":
        raise Refusal("not_a_member", NOT_A_MEMBER)
    if row.kind == "direct" or row.is_group:
        return row if direct else refuse("forbidden", "A conversation has no admins and stays as it is")
    if member.role != "admin":
        raise Refusal("forbidden", "Only an admin of the room may do this")
    if not archived:
        check_not_archived(row)
    return row


async def hold_message(q: Queries, message_id: str, user_id: str) -> ChangedMessageRow:
    """Holds the room of a message, deleted or not, for one of its members to change.

    Raises Refusal: `not_found`, `not_a_member`, `archived`.
    """
    await store.messages.lock_room(q, message_id) or refuse("not_found", NO_MESSAGE)
    row = await store.messages.read_as(q, message_id, user_id)
    if row.role is None:
        raise Refusal("not_a_member", NOT_A_MEMBER)
    if row.is_archived:
        raise Refusal(*ARCHIVED)
    return row


def check_is_there(row: ChangedMessageRow) -> None:
    """Raises Refusal: `not_found`, where the message was deleted."""
    if row.deleted_at is not None:
        raise Refusal("not_found", "This message was deleted")


def check_may_write(row: ChangedMessageRow) -> None:
    """Raises Refusal in a direct conversation where one has blocked the other; to take back is always allowed."""
    if row.blocking:
        raise Refusal(*BLOCKING)
    if row.blocked:
        raise Refusal(*BLOCKED)
