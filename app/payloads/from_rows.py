"""How rows of the store become what clients see."""

from collections.abc import Collection
from typing import Any

import msgspec

from app.db.queries import Row
from app.payloads.responses import (
    Attachment,
    Member,
    Membership,
    Message,
    PublicRoom,
    Reaction,
    Room,
    RoomInfo,
    User,
    UserRef,
)


def user_ref_of(row: Row, user_id: str, *, prefix: str = "") -> UserRef:
    """The user in a row with the columns of a user's name, which `prefix` may begin."""
    return UserRef(
        id=user_id,
        username=row[f"{prefix}username"],
        display_name=row[f"{prefix}display_name"],
        avatar=row[f"{prefix}avatar"],
    )


def user_of(row: Row, *, is_online: bool) -> User:
    """A row of table users."""
    columns = {name: row[name] for name in User.__struct_fields__ if name != "is_online"}
    return User(**columns, is_online=is_online)


def message_of(row: Row) -> Message:
    """A row of the view `shown_messages`."""
    fields = {name: row[name] for name in _MESSAGE_COLUMNS}
    fields["sender"] = user_ref_of(row, row["sender_id"])
    fields["attachments"] = [attachment_of(file) for file in row["attachments"]]
    fields["reactions"] = msgspec.convert(row["reactions"], list[Reaction])
    if row["kind"] == "direct":
        fields |= {"receiver_id": row["receiver_id"], "read_at": row["read_at"]}
    return Message(**fields)


def attachment_of(row: Row) -> Attachment:
    """A row of table files."""
    url = f"/chat/files/{row['id']}"
    return Attachment(
        **{name: row[name] for name in ("id", "name", "media_type", "size", "width", "height")},
        url=url,
        thumbnail_url=None if row["thumbnail_key"] is None else f"{url}/thumbnail",
    )


def room_of(row: Row) -> Room:
    """A row of `store.rooms.of_member` or `of_user`."""
    membership = Membership(**{name: row[name] for name in Membership.__struct_fields__})
    return Room(**_room_fields(row), last_seq=row["last_seq"], unread=row["unread"], membership=membership)


def room_info_of(row: Row) -> RoomInfo:
    """A row of table rooms."""
    return RoomInfo(**_room_fields(row))


def public_room_of(row: Row) -> PublicRoom:
    """A row of `store.rooms.public`."""
    return PublicRoom(**{name: row[name] for name in PublicRoom.__struct_fields__})


def member_of(row: Row, *, unmarked: Collection[str] = ()) -> Member:
    """A row of `store.members`, with the columns of the user's name; not how far the `unmarked` users have read."""
    columns = {name: row[name] for name in _MEMBER_COLUMNS}
    if row["user_id"] in unmarked:
        columns |= {"last_read_seq": 0, "last_read_at": None}
    return Member(**columns, user=user_ref_of(row, row["user_id"]))


def _room_fields(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _ROOM_COLUMNS} | {"is_private": row["kind"] != "public"}


_MADE_HERE = ("sender", "attachments", "reactions", "receiver_id", "read_at")
_MESSAGE_COLUMNS = [name for name in Message.__struct_fields__ if name not in _MADE_HERE]
_ROOM_COLUMNS = [name for name in RoomInfo.__struct_fields__ if name != "is_private"]
_MEMBER_COLUMNS = [name for name in Member.__struct_fields__ if name not in ("user", "presence")]
