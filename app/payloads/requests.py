"""Every payload that a client sends, over Socket.IO or REST.

JSON is in camelCase. A field that a payload does not know is ignored, so a `userId` of the speaker that clients of the
first chat still send is accepted and never used.
"""

from typing import Annotated, Any, ClassVar

from msgspec import Meta
from msgspec.structs import force_setattr

from app.payloads.fields.emoji import reaction_kind
from app.payloads.fields.field_types import (
    CONTENT_OR_FILES,
    MAX_KIND,
    Attached,
    ClientId,
    Content,
    Cursor,
    Description,
    FileIds,
    Id,
    Moment,
    PageSize,
    Query,
    ReactionKind,
    Received,
    Role,
    RoomChannel,
    RoomName,
    Rules,
    SendableType,
    Seq,
    SyncSize,
    Username,
    at_least_one,
    at_most_one,
    exactly_one,
)
from app.payloads.fields.metadata import metadata_json
from app.payloads.fields.names import check_visible, clean_name, shows
from app.payloads.fields.validation import check_text

MOST_PEOPLE = 10  # in a group


class Nothing(Received, frozen=True):
    """No field at all."""


# Rooms and their members


class RoomRef(Received, frozen=True):
    """A room."""

    room_id: Id


class Subscription(Received, frozen=True):
    """Socket rooms, as `room:<id>`; only the socket's own subscriptions change."""

    rooms: Annotated[list[RoomChannel], Meta(max_length=1000)]


class CreateRoom(Received, frozen=True):
    """A new room; only its creator is in it yet."""

    name: RoomName
    description: Description | None = None
    is_private: bool | None = None

    def __post_init__(self) -> None:
        check_text("description", self.description or "", blank=True)
        force_setattr(self, "name", clean_name("name", self.name))


class UpdateRoom(RoomRef, frozen=True):
    """A field that is absent or null stays as it is; an empty description is none. `isPrivate` says who may enter."""

    RULES: ClassVar[Rules] = at_least_one("name", "description", "isPrivate")

    name: RoomName | None = None
    description: Description | None = None
    is_private: bool | None = None

    def __post_init__(self) -> None:
        if self.name is None and self.description is None and self.is_private is None:
            raise ValueError("field `name` must be given, or `description` or `isPrivate`")
        check_text("description", self.description or "", blank=True)
        if self.name is not None:
            force_setattr(self, "name", clean_name("name", self.name))


class DiscoverRooms(Received, frozen=True):
    """Public rooms whose names have all words of `query`, or parts of words; `after` is the `next` of another page."""

    query: Query | None = None
    after: Cursor | None = None
    limit: PageSize = 50

    def __post_init__(self) -> None:
        if self.query is not None:
            check_text("query", self.query)


class ListMembers(RoomRef, frozen=True):
    """`after` is the `next` of another page."""

    after: Cursor | None = None
    limit: PageSize = 100


class MemberRef(RoomRef, frozen=True):
    """A user who has to do with a room."""

    user_id: Id


class Invite(RoomRef, frozen=True):
    """An invitation of a user, by id or by name."""

    RULES: ClassVar[Rules] = exactly_one("userId", "username")

    user_id: Id | None = None
    username: Username | None = None

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.username is None):
            raise ValueError("field `userId` must be given, or `username`, and not both")


class SetRole(MemberRef, frozen=True):
    """The role that a member gets."""

    role: Role


class ReadRoom(RoomRef, frozen=True):
    """All up to the message with this `seq` has been read. A mark never goes back."""

    seq: Seq


class SyncRoom(RoomRef, frozen=True):
    """`afterSeq` is the last change that the client knows of, 0 for none."""

    after_seq: Seq
    limit: SyncSize = 100


# Messages


class Written(Received, frozen=True):
    """A message to be written. `clientId` is the sender's name for it: the same never makes a second message.

    `replyTo` is a message of the same room, `attachments` are files that the sender uploaded and has not sent yet.
    Content may be empty where there are attachments. A reply is in a thread; with `alsoToRoom` false it stands there
    alone, and not among the messages of the room. For other messages that means nothing.
    """

    RULES: ClassVar[Rules] = CONTENT_OR_FILES

    content: Content
    type: SendableType | None = None
    client_id: ClientId | None = None
    metadata: dict[str, Any] | None = None
    reply_to: Id | None = None
    also_to_room: bool | None = None
    attachments: FileIds | None = None

    def __post_init__(self) -> None:
        check_text("content", self.content, blank=True)
        if not (self.attachments or shows(self.content)):
            raise ValueError("field `content` must not be blank")
        if self.client_id is not None:
            check_text("clientId", self.client_id)
        if self.attachments and len(set(self.attachments)) < len(self.attachments):
            raise ValueError("field `attachments` must not name a file twice")

    @property
    def metadata_json(self) -> str | None:
        """The metadata as JSON text. Raises Refusal when it is no JSON, or too much of it."""
        return None if self.metadata is None else metadata_json(self.metadata)


class SendMessage(Written, frozen=True, kw_only=True):
    """A message to a room."""

    room_id: Id


class SendDirect(Written, frozen=True, kw_only=True):
    """A message to one person; `receiverId` is a user's id and nothing else."""

    receiver_id: Cursor


class OpenGroup(Received, frozen=True):
    """The other people of a group."""

    user_ids: Annotated[
        list[Id], Meta(min_length=2, max_length=MOST_PEOPLE - 1, extra_json_schema={"uniqueItems": True})
    ]

    def __post_init__(self) -> None:
        if len(set(self.user_ids)) < len(self.user_ids):
            raise ValueError("field `userIds` must not name a user twice")


class MessageRef(Received, frozen=True):
    """A message."""

    message_id: Id


class EditMessage(MessageRef, frozen=True):
    """The new content of a message."""

    content: Content

    def __post_init__(self) -> None:
        check_text("content", self.content, blank=True)


class React(MessageRef, frozen=True):
    """`kind` is an emoji, or any short text of which every character can be seen. Each emoji is kept in one form."""

    kind: ReactionKind

    def __post_init__(self) -> None:
        check_visible("kind", self.kind.replace("\ufe0e", "\ufe0f"))
        kind = reaction_kind(self.kind)
        if len(kind) > MAX_KIND:
            raise ValueError(f"field `kind` must have at most {MAX_KIND} characters")
        force_setattr(self, "kind", kind)


class Unreact(MessageRef, frozen=True):
    """`kind` is that of a reaction; those of before may have characters that no new one may have."""

    kind: ReactionKind

    def __post_init__(self) -> None:
        check_text("kind", self.kind)
        force_setattr(self, "kind", reaction_kind(self.kind))


class Page(Received, frozen=True):
    """A page of messages: the newest, or those next to (`around`: on both sides of) one given by its id."""

    RULES: ClassVar[Rules] = at_most_one("before", "after", "around")

    before: Cursor | None = None
    after: Cursor | None = None
    around: Cursor | None = None
    limit: PageSize = 50

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.before, self.after, self.around)) > 1:
            raise ValueError("field `before` cannot go with `after` or `around`, nor these together")


class ReadHistory(Page, frozen=True, kw_only=True):
    """A page of a room's messages; without `threadReplies` those are left out that stand in their threads alone."""

    room_id: Id
    thread_replies: bool = True


class ReadDirect(Page, frozen=True, kw_only=True):
    """A page of the messages that one has with one person; `threadReplies` as in a room's history."""

    user_id: Id
    thread_replies: bool = True


class SearchMessages(Received, frozen=True):
    """Words that a message has, of one room or all of one's own; `before` is a message's id, to go on from a page.

    `senderId`, `has`, `sentAfter` and `sentBefore` are what `from:`, `has:`, `after:` and `before:` in a query are. A
    message has all of `has`, and was sent at `sentAfter` or later, and before `sentBefore`.
    """

    RULES: ClassVar[Rules] = at_least_one("query", "senderId", "has")

    query: Query | None = None
    room_id: Id | None = None
    sender_id: Id | None = None
    has: Annotated[list[Attached], Meta(max_length=2)] | None = None
    sent_after: Moment | None = None
    sent_before: Moment | None = None
    before: Cursor | None = None
    limit: PageSize = 50

    def __post_init__(self) -> None:
        if self.query is None and self.sender_id is None and not self.has:
            raise ValueError("field `query` must be given, or `senderId` or `has`")
        if self.query is not None:
            check_text("query", self.query)


class ListMentions(Received, frozen=True):
    """`before` is a message's id, to go on from a page."""

    before: Cursor | None = None
    limit: PageSize = 50


class ListConversations(Received, frozen=True):
    """`before` is the `next` of another page."""

    before: Cursor | None = None
    limit: PageSize = 50


class GetPresence(Received, frozen=True):
    """Users whom the caller shares a room with."""

    user_ids: Annotated[list[Id], Meta(max_length=100)]
