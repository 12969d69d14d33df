"""How rows of the store become what clients see."""

import datetime as dt
from collections.abc import Collection
from typing import Protocol

import msgspec
from msgspec import UNSET, UnsetType

from app.payloads.responses import (
    Attachment,
    GroupConversation,
    LinkPreview,
    Member,
    Membership,
    Message,
    Reaction,
    Room,
    RoomInfo,
    Thread,
    User,
    UserRef,
)
from app.store.conversations.rooms import OwnRoomRow
from app.store.log.files import FileRow
from app.store.log.mentions import Group
from app.store.log.message_rows import MessageRow, ShownMessageRow
from app.store.log.room_log import MemberRow, RoomInfoRow
from app.store.log.threads import ThreadRow
from app.store.people.accounts import AccountRow


class NamedUserRow(Protocol):
    """A row with the names of a user."""

    @property
    def username(self) -> str: ...
    @property
    def display_name(self) -> str | None: ...
    @property
    def avatar(self) -> str | None: ...


def user_ref_of(row: NamedUserRow, user_id: str) -> UserRef:
    """The user whose names are in a row."""
    return UserRef(id=user_id, username=row.username, display_name=row.display_name, avatar=row.avatar)


def user_of(row: AccountRow, *, is_online: bool) -> User:
    """An account, as its owner sees it."""
    return User(
        id=row.id,
        username=row.username,
        display_name=row.display_name,
        avatar=row.avatar,
        is_online=is_online,
        last_seen_at=row.last_seen_at,
        created_at=row.created_at,
        modified_at=row.modified_at,
        is_administrator=row.is_administrator,
    )


def message_of(row: ShownMessageRow) -> Message:
    """A message with all that hangs on it."""
    return _message_of(
        row,
        [attachment_of(file) for file in msgspec.convert(row.attachments, list[FileRow])],
        msgspec.convert(row.reactions, list[Reaction]),
        row.mentions,
        row.group_mention,
        row.read_at,
        UNSET if row.thread_id is None else _thread_shown_by(row, row.thread_id),
        msgspec.convert(row.previews, list[LinkPreview]) or UNSET,
    )


def new_message_of(
    row: MessageRow,
    files: Collection[FileRow],
    mentions: list[str],
    group_mention: Group | None,
    thread: ThreadRow | None = None,
) -> Message:
    """A message that was just written, to which no user has reacted and which its receiver has not read."""
    attachments = [attachment_of(file) for file in files]
    told = UNSET if thread is None else thread_of(thread)
    return _message_of(row, attachments, [], mentions, group_mention, None, told)


def _message_of(
    row: MessageRow,
    attachments: list[Attachment],
    reactions: list[Reaction],
    mentions: list[str],
    group_mention: Group | None,
    read_at: dt.datetime | None,
    thread: Thread | UnsetType,
    previews: list[LinkPreview] | UnsetType = UNSET,
) -> Message:
    is_direct = row.kind == "direct"
    return Message(
        id=row.id,
        room_id=row.room_id,
        sender_id=row.sender_id,
        seq=row.seq,
        change_seq=row.change_seq,
        type=row.type,
        content=row.content,
        metadata=row.metadata,
        reply_to=row.reply_to,
        client_id=row.client_id,
        created_at=row.created_at,
        modified_at=row.modified_at,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        sender=user_ref_of(row, row.sender_id),
        attachments=attachments,
        reactions=reactions,
        mentions=mentions,
        group_mention=group_mention,
        receiver_id=row.receiver_id if is_direct and row.receiver_id is not None else UNSET,
        read_at=read_at if is_direct else UNSET,
        also_to_room=UNSET if row.thread_root_id is None else row.also_to_room,
        thread=thread,
        previews=previews,
    )


def thread_of(row: ThreadRow) -> Thread:
    """The replies under a message."""
    return Thread(
        root_id=row.thread_id,
        reply_count=row.reply_count,
        last_reply_seq=row.last_reply_seq,
        last_reply_at=row.last_reply_at,
        change_seq=row.thread_change_seq,
    )


def _thread_shown_by(row: ShownMessageRow, root_id: str) -> Thread:
    assert row.reply_count is not None
    assert row.thread_change_seq is not None
    return Thread(
        root_id=root_id,
        reply_count=row.reply_count,
        last_reply_seq=row.last_reply_seq,
        last_reply_at=row.last_reply_at,
        change_seq=row.thread_change_seq,
    )


def attachment_of(row: FileRow) -> Attachment:
    """A file that a message has, or can have."""
    url = f"/chat/files/{row.id}"
    return Attachment(
        id=row.id,
        name=row.name,
        media_type=row.media_type,
        size=row.size,
        width=row.width,
        height=row.height,
        url=url,
        thumbnail_url=None if row.thumbnail_key is None else f"{url}/thumbnail",
        animated=row.animated,
    )


def room_of(row: OwnRoomRow) -> Room:
    """A room, as one who is in it or is invited to it sees it."""
    return Room(
        id=row.id,
        kind=row.kind,
        name=row.name,
        description=row.description,
        is_private=row.kind != "public",
        created_by=row.created_by,
        change_seq=row.change_seq,
        created_at=row.created_at,
        modified_at=row.modified_at,
        archived_at=row.archived_at,
        pins=row.pins,
        last_seq=row.last_seq,
        unread=row.unread,
        mentions=row.mentions,
        membership=Membership(
            role=row.role,
            state=row.state,
            joined_at=row.joined_at,
            last_read_at=row.last_read_at,
            last_read_seq=row.last_read_seq,
            unread_from=row.unread_from,
            muted=row.muted,
            muted_until=row.muted_until,
            favorite=row.is_favorite,
        ),
        group=None
        if row.people is None
        else GroupConversation(
            people=msgspec.convert(row.people, list[UserRef]), last_message_at=row.last_message_at
        ),
    )


def room_info_of(row: RoomInfoRow) -> RoomInfo:
    """A room's own fields."""
    return RoomInfo(
        id=row.id,
        kind=row.kind,
        name=row.name,
        description=row.description,
        is_private=row.kind != "public",
        created_by=row.created_by,
        change_seq=row.change_seq,
        created_at=row.created_at,
        modified_at=row.modified_at,
        archived_at=row.archived_at,
        pins=row.pins,
    )


def member_of(row: MemberRow, *, unmarked: Collection[str] = ()) -> Member:
    """A user who has, or had, to do with a room; not how far the `unmarked` users have read."""
    marked = row.user_id not in unmarked
    return Member(
        room_id=row.room_id,
        user_id=row.user_id,
        role=row.role,
        state=row.state,
        change_seq=row.change_seq,
        joined_at=row.joined_at,
        left_at=row.left_at,
        last_read_seq=row.last_read_seq if marked else 0,
        last_read_at=row.last_read_at if marked else None,
        user=user_ref_of(row, row.user_id),
    )
