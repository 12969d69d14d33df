"""The row of a message, and its columns, for all statements that read whole messages."""

import datetime as dt
from typing import Any, Literal

from app.db.rows import Row
from app.payloads.fields.field_types import MessageType, RoomKind


class MessageRow(Row, frozen=True):
    """A message as it was written, with the names of its sender. `receiver_id` is None but in a direct conversation.

    `thread_root_id` is that of a reply; with `also_to_room` false it stands in its thread alone.
    """

    id: str
    room_id: str
    sender_id: str
    seq: int
    change_seq: int
    type: MessageType
    content: str
    metadata: dict[str, Any] | None
    reply_to: str | None
    client_id: str | None
    created_at: dt.datetime
    modified_at: dt.datetime
    edited_at: dt.datetime | None
    deleted_at: dt.datetime | None
    username: str
    display_name: str | None
    avatar: str | None
    kind: RoomKind
    receiver_id: str | None
    thread_root_id: str | None
    also_to_room: bool


class ShownMessageRow(MessageRow, frozen=True):
    """A message of the view `shown_messages`, with all that hangs on it.

    Of `reactions` each is an object with `kind` and `userIds`, of `attachments` one with the columns of
    `store.files.FileRow`. `read_at` is the receiver's mark, in a direct conversation. `group_mention` is the group that
    it calls, by which it mentions users who are not in `mentions`. From `thread_id` on, all is of the thread that it
    begins or belongs to, as `store.threads.ThreadRow` has it; None where there is none. Of `previews` each is an object
    with the fields of a `LinkPreview`.
    """

    read_at: dt.datetime | None
    reactions: list[Any]
    mentions: list[str]
    attachments: list[Any]
    group_mention: Literal["all", "here"] | None
    thread_id: str | None
    reply_count: int | None
    last_reply_seq: int | None
    last_reply_at: dt.datetime | None
    thread_change_seq: int | None
    previews: list[Any]


class PagedMessageRow(ShownMessageRow, frozen=True):
    """A message of a page that `ended_by_size` ends; `there_are` so many without that."""

    there_are: int


SHOWN_MESSAGE = """
id, room_id, sender_id, seq, change_seq, type, content, metadata, reply_to, client_id, created_at, modified_at,
edited_at, deleted_at, username, display_name, avatar, kind, receiver_id, thread_root_id, also_to_room, read_at,
reactions, mentions, attachments, group_mention, thread_id, reply_count, last_reply_seq, last_reply_at,
thread_change_seq, previews
"""
