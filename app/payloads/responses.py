"""Every payload that a client sees, and its way to the wire."""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from app.payloads.fields.field_types import MemberState, MessageType, Role, RoomKind

Time = Annotated[dt.datetime, Meta(tz=True)]


class Sent(Struct, frozen=True, kw_only=True, rename="camel"):
    """A payload that the server sends."""


# People


class UserRef(Sent, frozen=True):
    """A user, as others see them: a message's `sender`, a member's `user`."""

    id: str
    username: str
    display_name: str | None
    avatar: str | None


class User(UserRef, frozen=True):
    """An account. `isOnline` is as of now, `lastSeenAt` when its last device went; an administrator runs the chat."""

    is_online: bool
    last_seen_at: Time | None
    created_at: Time
    modified_at: Time
    is_administrator: bool


class Session(Sent, frozen=True):
    """`token` is the bearer token of `user`.

    `deviceToken` opens nothing. Sent back at the next sign-in with the same name, for up to 180 days, it tells this
    device from others that try the name's password.
    """

    token: str
    device_token: str
    user: User


class SignUpPolicy(Sent, frozen=True):
    """Who may sign up: anybody (`open`), whoever has an invitation, or nobody (`closed`)."""

    policy: Literal["open", "invitation", "closed"]


class Presence(Sent, frozen=True):
    """The presence of a user; `lastSeenAt` is when they were last online, null for never and while they are."""

    user_id: str
    status: Literal["online", "offline"]
    last_seen_at: Time | None


# What is known of the given users' presence, by their ids; nothing of some, or all, where Redis is away.
PresenceOf: TypeAlias = Callable[[list[str]], Awaitable[Mapping[str, Presence]]]


# Rooms and their members


class Membership(Sent, frozen=True):
    """How the asking user belongs to a room. `mutedUntil` is null where a mute has no end, or there is none.

    `unreadFrom` is the `seq` from which on the user has marked the room as unread, null where they have not.
    """

    role: Role
    state: Literal["member", "invited"]
    joined_at: Time
    last_read_at: Time | None
    last_read_seq: int
    unread_from: int | None
    muted: bool
    muted_until: Time | None
    favorite: bool


class RoomInfo(Sent, frozen=True):
    """A room's own fields. `changeSeq` is the number of their last change in the room's log.

    In a room that is archived, since `archivedAt`, nothing is written. `pins` are the ids of its pinned messages, in
    order; one whose message is deleted is gone with it, without a change of the room.
    """

    id: str
    kind: RoomKind
    name: str | None
    description: str | None
    is_private: bool
    created_by: str
    change_seq: int
    created_at: Time
    modified_at: Time
    archived_at: Time | None
    pins: list[str]


class GroupConversation(Sent, frozen=True):
    """The other people in a group, and when its last message was written, null before the first."""

    people: list[UserRef]
    last_message_at: Time | None


class Room(RoomInfo, frozen=True):
    """A room as one of its members sees it. `lastSeq` is the number of the last change of any kind in its log.

    `unread` counts other people's messages after the member's mark, up to 1,000, and `mentions` those of them that
    mention the member, likewise; both from `membership.unreadFrom` on where that is given, with that message itself.
    A group, the conversation of a few people, is a private room with a `group`; its name is for clients that know
    nothing of groups.
    """

    last_seq: int
    unread: int
    mentions: int
    membership: Membership
    group: GroupConversation | None


class Member(Sent, frozen=True):
    """How a user belongs, or belonged, to a room. `presence` is told in lists only, of members.

    Where one of the two has blocked the other, the asking user is told neither that nor `lastReadSeq`, which is 0.
    """

    room_id: str
    user_id: str
    role: Role
    state: MemberState
    change_seq: int
    joined_at: Time
    left_at: Time | None
    last_read_seq: int
    last_read_at: Time | None
    user: UserRef
    presence: Presence | None = None


class Members(Sent, frozen=True):
    """A page of members; `next` is the `after` of the next one, null at the end."""

    members: list[Member]
    next: str | None


class MemberChanged(Sent, frozen=True):
    """`seq` is the change's number in the room's log. `roomDeleted` is true where all memberships end with the room."""

    room_id: str
    user_id: str
    seq: int
    member: Member
    room_deleted: bool | UnsetType = UNSET


class ReadMark(Sent, frozen=True):
    """A user has read all up to `seq`."""

    room_id: str
    user_id: str
    seq: int
    read_at: Time


class Subscribed(Sent, frozen=True):
    """The socket rooms whose subscription changed."""

    rooms: list[str]


# Messages


class Attachment(Sent, frozen=True):
    """A file. `mediaType` is what its bytes say; the URLs need the bearer token. `animated`: its thumbnail is still."""

    id: str
    name: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    url: str
    thumbnail_url: str | None
    animated: bool


class Reaction(Sent, frozen=True):
    """The users who reacted in one way, the first one first."""

    kind: str
    user_ids: list[str]


class Thread(Sent, frozen=True):
    """The replies under a message, its root: how many are not deleted, and the last of these, null where none is left.

    `changeSeq` is the number, in the room's log, of the last change that added a reply or took one away. Of two states
    that a client hears of, that with the greater number is the later one.
    """

    root_id: str
    reply_count: int
    last_reply_seq: int | None
    last_reply_at: Time | None
    change_seq: int


class LinkPreview(Sent, frozen=True):
    """What the page at a link says of itself, or said when the server fetched it."""

    url: str
    title: str
    description: str | None
    site_name: str | None


class Message(Sent, frozen=True):
    """`seq` is its place in the room, `changeSeq` the number of its last change in the room's log.

    A deleted message has no content, metadata, attachments, reactions or mentions any more. Only messages of direct
    conversations have `receiverId`, and `readAt`: when the receiver last marked as read, once that covers it.
    `mentions` are users whom it names; with a `groupMention` it also calls all members of the room, or those who were
    online. `thread` is that which it begins or belongs to, as it is now; only messages that were replied to, and
    replies, have one. Only replies have `alsoToRoom`: with false they stand in their thread alone. `previews` are of
    links in the content, in the order of these; absent where there are none.
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
    created_at: Time
    modified_at: Time
    edited_at: Time | None
    deleted_at: Time | None
    sender: UserRef
    attachments: list[Attachment]
    reactions: list[Reaction]
    mentions: list[str]
    group_mention: Literal["all", "here"] | None = None
    receiver_id: str | UnsetType = UNSET
    read_at: Time | UnsetType | None = UNSET
    also_to_room: bool | UnsetType = UNSET
    thread: Thread | UnsetType = UNSET
    previews: list[LinkPreview] | UnsetType = UNSET


class MessageDeleted(Sent, frozen=True):
    """`seq` is the deletion's number in the room's log; `deletedAt` is from then on the message's `modifiedAt`, too.

    `thread` is that of a reply, without it.
    """

    message_id: str
    room_id: str
    seq: int
    deleted_at: Time
    thread: Thread | UnsetType = UNSET


class ReactionsUpdated(Sent, frozen=True):
    """All reactions to a message; `seq` is the change's number in the room's log."""

    room_id: str
    message_id: str
    seq: int
    reactions: list[Reaction]


class Conversation(Sent, frozen=True):
    """The messages with one person, `user`; with oneself, notes. The rest is as of a room and its membership."""

    room_id: str
    user: UserRef
    presence: Presence | None
    last_seq: int
    last_read_seq: int
    unread: int
    unread_from: int | None
    muted: bool
    muted_until: Time | None
    favorite: bool
    pins: list[str]
    last_message: Message | None


class Conversations(Sent, frozen=True):
    """A page of conversations; `next` is the `before` of the next one, null at the end."""

    conversations: list[Conversation]
    next: str | None


# To the wire


def wire(payload: Any) -> Any:
    """A payload as the plain objects that a codec takes; times as RFC 3339 text in UTC."""
    return msgspec.to_builtins(payload)


def now() -> dt.datetime:
    """The server's time."""
    return dt.datetime.now(dt.UTC)
