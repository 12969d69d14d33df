"""Every payload that a client sends or sees, and the events' names.

JSON is in camelCase. A field that a payload does not know is ignored, so a `userId` that clients of the first
chat still send is accepted and never used.
"""

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from app.db import Row
from app.refusals import Reason
from app.validation import CHANNEL, ID, USERNAME, check_text, metadata_json

MAX_CONTENT = 10_000  # characters

# The error code of each event that a client may send.
CODES = {
    "authenticate": "AUTHENTICATE_FAILED",
    "join": "JOIN_FAILED",
    "leave": "LEAVE_FAILED",
    "room:create": "CREATE_FAILED",
    "room:join": "JOIN_FAILED",
    "room:leave": "LEAVE_FAILED",
    "message:send": "SEND_FAILED",
}
UNKNOWN_EVENT = "UNKNOWN_EVENT"

AUTHENTICATED = "authenticated"
UNAUTHENTICATED = "unauthenticated"
PING = "ping"
ERROR = "error"
MESSAGE_NEW = "message:new"
USER_JOINED = "room:user-joined"
USER_LEFT = "room:user-left"

Id = Annotated[str, Meta(pattern=ID)]
Channel = Annotated[str, Meta(pattern=CHANNEL)]
RoomName = Annotated[str, Meta(min_length=1, max_length=100)]
Description = Annotated[str, Meta(max_length=1000)]
ClientId = Annotated[str, Meta(min_length=1, max_length=64)]
Content = Annotated[str, Meta(min_length=1, max_length=MAX_CONTENT)]
Username = Annotated[str, Meta(pattern=USERNAME)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=100)]
Password = Annotated[str, Meta(min_length=8, max_length=256)]
MessageType = Literal["text", "image", "file", "audio", "video"]  # "system" is the server's


class Received(Struct, frozen=True, rename="camel"):
    """What a client sends: a field that is absent may also be null."""


class Sent(Struct, frozen=True, rename="camel"):
    """What a client sees."""


# What clients send


class Authenticate(Received, frozen=True):
    """`authenticate`: needed only when the token is in neither the handshake's auth nor its headers."""

    token: str | None = None


class RoomRef(Received, frozen=True):
    """`room:join`, `room:leave`."""

    room_id: Id


class Subscription(Received, frozen=True):
    """`join`, `leave`: socket rooms, as `room:<id>`; only the socket's own subscriptions change."""

    rooms: Annotated[list[Channel], Meta(max_length=1000)]


class CreateRoom(Received, frozen=True):
    """`room:create` and POST /chat/rooms."""

    name: RoomName
    description: Description | None = None
    is_private: bool | None = None

    def __post_init__(self) -> None:
        check_text("name", self.name)
        if self.description is not None:
            check_text("description", self.description, blank=True)


class SendMessage(Received, frozen=True):
    """`message:send`. `clientId` is the sender's name for it: the same never makes a second message."""

    room_id: Id
    content: Content
    type: MessageType | None = None
    client_id: ClientId | None = None
    metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        check_text("content", self.content)
        if self.client_id is not None:
            check_text("clientId", self.client_id)

    @property
    def metadata_json(self) -> str | None:
        """The metadata as JSON text. Raises Refusal when it is no JSON, or too much of it."""
        return None if self.metadata is None else metadata_json(self.metadata)


class SignUp(Received, frozen=True):
    """POST /auth/sign-up."""

    username: Username
    credential: Password
    display_name: DisplayName | None = None

    def __post_init__(self) -> None:
        if self.display_name is not None:
            check_text("displayName", self.display_name)


class Identifier(Received, frozen=True):
    """Who signs in."""

    scheme: Literal["username"]
    value: Annotated[str, Meta(max_length=256)]


class Credential(Received, frozen=True):
    """What proves it."""

    scheme: Literal["basic"]
    value: Annotated[str, Meta(max_length=256)]


class SignIn(Received, frozen=True):
    """POST /auth/sign-in."""

    identifier: Identifier
    credential: Credential


# What clients see


class Sender(Sent, frozen=True):
    """Who wrote a message."""

    id: str
    username: str
    display_name: str | None
    avatar: str | None


class User(Sent, frozen=True):
    """An account, as its owner and others see it."""

    id: str
    username: str
    display_name: str | None
    avatar: str | None
    last_seen_at: dt.datetime | None
    created_at: dt.datetime
    modified_at: dt.datetime


class Session(Sent, frozen=True):
    """The answer to sign-up and sign-in: `token` is the bearer token of `user`."""

    token: str
    user: User


class Membership(Sent, frozen=True):
    """How the asking user belongs to a room."""

    role: Literal["admin", "member"]
    joined_at: dt.datetime
    last_read_at: dt.datetime | None
    last_read_seq: int


class Room(Sent, frozen=True):
    """A room as one of its members sees it. `lastSeq` is the number of the last change in its log."""

    id: str
    kind: Literal["public", "private", "direct"]
    name: str | None
    description: str | None
    is_private: bool
    created_by: str
    last_seq: int
    created_at: dt.datetime
    modified_at: dt.datetime
    membership: Membership


class Message(Sent, frozen=True):
    """`message:new`, and a row of history: `seq` is its place in the room, `changeSeq` its last change."""

    id: str
    room_id: str
    sender_id: str
    seq: int
    change_seq: int
    type: str
    content: str
    metadata: dict[str, Any] | None
    reply_to: str | None
    client_id: str | None
    created_at: dt.datetime
    modified_at: dt.datetime
    edited_at: dt.datetime | None
    deleted_at: dt.datetime | None
    sender: Sender


class Authenticated(Sent, frozen=True):
    """`authenticated`: `id` is the socket's."""

    id: str
    user_id: str
    time: dt.datetime


class Unauthenticated(Sent, frozen=True):
    """`unauthenticated`; the server disconnects the socket after it."""

    message: str
    time: dt.datetime


class Ping(Sent, frozen=True):
    """`ping`, every 30 seconds."""

    time: dt.datetime


class MembershipChanged(Sent, frozen=True):
    """`room:user-joined`, `room:user-left`: `seq` is the change's number in the room's log."""

    room_id: str
    user_id: str
    seq: int


class ErrorBody(Sent, frozen=True):
    """`error`, and the `error` of a refused ack. `requestId` finds the request in the server's log."""

    code: str
    reason: Reason
    message: str
    request_id: str


# From rows and to the wire


def wire(payload: Struct) -> Any:
    """A payload as the plain objects that a codec takes; times as RFC 3339 text in UTC."""
    return msgspec.to_builtins(payload)


def now() -> dt.datetime:
    """The server's time."""
    return dt.datetime.now(dt.UTC)


def sender_of(row: Row) -> Sender:
    """The user in a row of store's `user_*` or `sender_*` columns, as others see them in a message."""
    return Sender(row["sender_id"], row["username"], row["display_name"], row["avatar"])


def message_of(row: Row) -> Message:
    """A row of `store.log.history` or `store.messages.append`."""
    return Message(**{name: row[name] for name in _MESSAGE_COLUMNS}, sender=sender_of(row))


def user_of(row: Row) -> User:
    """A row of table users."""
    return User(**{name: row[name] for name in User.__struct_fields__})


def room_of(row: Row) -> Room:
    """A row of `store.rooms.of_member`."""
    membership = Membership(**{name: row[name] for name in Membership.__struct_fields__})
    return Room(
        **{name: row[name] for name in _ROOM_COLUMNS},
        is_private=row["kind"] != "public",
        membership=membership,
    )


_MESSAGE_COLUMNS = [name for name in Message.__struct_fields__ if name != "sender"]
_ROOM_COLUMNS = [name for name in Room.__struct_fields__ if name not in ("is_private", "membership")]
