"""The payloads about what users choose for themselves: blocks, privacy, how rooms are listed, saved messages."""

from typing import Annotated, ClassVar

from msgspec import Meta

from app.payloads.fields.field_types import Audience, Cursor, Id, PageSize, Received, Rules, at_least_one
from app.payloads.requests import RoomRef
from app.payloads.responses import Message, Sent, Time, UserRef

MuteSeconds = Annotated[int, Meta(ge=1, le=366 * 24 * 60 * 60)]

# What clients send


class BlockRef(Received, frozen=True):
    """The user who is blocked, or no longer."""

    user_id: Id


class ListBlocks(Received, frozen=True):
    """`after` is the `next` of another page."""

    after: Cursor | None = None
    limit: PageSize = 100


class ListInvitations(Received, frozen=True):
    """`before` is the id of the last room of another page."""

    before: Cursor | None = None
    limit: PageSize = 100


class MuteRoom(RoomRef, frozen=True):
    """For so many seconds, up to a year; without them until it is unmuted."""

    seconds: MuteSeconds | None = None


class UpdatePrivacy(Received, frozen=True):
    """A setting that is absent or null stays as it is."""

    RULES: ClassVar[Rules] = at_least_one("directMessages", "invitations")

    direct_messages: Audience | None = None
    invitations: Audience | None = None

    def __post_init__(self) -> None:
        if self.direct_messages is None and self.invitations is None:
            raise ValueError("field `directMessages` must be given, or `invitations`")


class ListSaved(Received, frozen=True):
    """`before` is the `next` of another page."""

    before: Cursor | None = None
    limit: PageSize = 50


# What clients see


class Block(Sent, frozen=True):
    """A user whom the asking user has blocked, and since when."""

    user: UserRef
    created_at: Time


class Blocks(Sent, frozen=True):
    """A page of blocks; `next` is the `after` of the next one, null at the end."""

    blocks: list[Block]
    next: str | None


class Unblocked(Sent, frozen=True):
    """A user whom the asking user blocks no longer."""

    user_id: str


class Privacy(Sent, frozen=True):
    """The users who may begin a direct conversation with the user, and those who may invite the user to rooms.

    `shared_rooms` are the users who are in a public or private room with them.
    """

    direct_messages: Audience
    invitations: Audience


class Mute(Sent, frozen=True):
    """The mute of a room by the user; `mutedUntil` is null where that has no end."""

    room_id: str
    muted: bool
    muted_until: Time | None


class Favorite(Sent, frozen=True):
    """Whether a room or conversation is one of the user's favourites."""

    room_id: str
    favorite: bool


class UnreadMark(Sent, frozen=True):
    """How much of a room is unread for the user, as of number `lastSeq` of its log.

    `unreadFrom` is the `seq` from which on the user has marked it as unread; null where it is unread after
    `lastReadSeq`, the mark of what the user has read.
    """

    room_id: str
    unread_from: int | None
    last_read_seq: int
    last_seq: int
    unread: int
    mentions: int


class SavedMark(Sent, frozen=True):
    """Since when the user has saved a message; null where they have not."""

    message_id: str
    room_id: str
    saved_at: Time | None


class SavedMessage(Sent, frozen=True):
    """A message that the user has saved, as it is now."""

    message: Message
    saved_at: Time


class SavedMessages(Sent, frozen=True):
    """A page of saved messages; `next` is the `before` of the next one, null at the end."""

    saved: list[SavedMessage]
    next: str | None


class SavedIds(Sent, frozen=True):
    """The ids of all messages that the user has saved, the last saved first."""

    message_ids: list[str]


class ConversationHidden(Sent, frozen=True):
    """The conversation is not listed until it has a message whose `seq` is higher than this one."""

    room_id: str
    seq: int
