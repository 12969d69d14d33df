"""The changes of a room's log, as `room:sync` answers with them, and the texts that edits have changed."""

from app.payloads.responses import Member, Message, RoomInfo, Sent, Time


class MessageChange(Sent, frozen=True, tag_field="type", tag="message"):
    """A message was written, edited, deleted or reacted to. That of a reply also has its thread as it is now."""

    seq: int
    message: Message


class MemberChange(Sent, frozen=True, tag_field="type", tag="member"):
    """A user was invited, came, went, or got another role."""

    seq: int
    member: Member


class RoomChange(Sent, frozen=True, tag_field="type", tag="room"):
    """The room's name or description changed."""

    seq: int
    room: RoomInfo


class Changes(Sent, frozen=True):
    """All that changed after a number, each thing once and as it is now, in the order of `seq`.

    `nextSeq` is the `afterSeq` of the next page, or of the next sync where `hasMore` is false. Until then live changes
    have to wait: what has changed again meanwhile is missing here and comes on a later page.
    """

    room_id: str
    changes: list[MessageChange | MemberChange | RoomChange]
    next_seq: int
    last_seq: int
    has_more: bool


class EarlierText(Sent, frozen=True):
    """A text that a message had from `writtenAt` on, until an edit replaced it."""

    content: str
    written_at: Time


class EditHistory(Sent, frozen=True):
    """The earlier texts of a message that are kept, the last one first."""

    message_id: str
    room_id: str
    edits: list[EarlierText]
