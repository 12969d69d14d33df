"""The events that the server emits, and what each carries."""

from typing import Any, Final

from msgspec import UNSET, UnsetType

from app.core.errors import Reason
from app.payloads.notification_payloads import NotificationSettings, RoomNotifications
from app.payloads.preference_requests import (
    Block,
    ConversationHidden,
    Favorite,
    Mute,
    Privacy,
    SavedMark,
    Unblocked,
    UnreadMark,
)
from app.payloads.profile_payloads import Profile
from app.payloads.responses import (
    MemberChanged,
    Message,
    MessageDeleted,
    Presence,
    ReactionsUpdated,
    ReadMark,
    Room,
    RoomInfo,
    Sent,
    Time,
)
from app.payloads.thread_payloads import ThreadMark

AUTHENTICATED: Final = "authenticated"
UNAUTHENTICATED: Final = "unauthenticated"
PING: Final = "ping"
ERROR: Final = "error"
MESSAGE_NEW: Final = "message:new"
DIRECT_NEW: Final = "dm:new"
MESSAGE_EDITED: Final = "message:edited"
MESSAGE_DELETED: Final = "message:deleted"
REACTION_UPDATED: Final = "reaction:updated"
MENTION_NEW: Final = "mention:new"
REPLY_NEW: Final = "reply:new"
USER_JOINED: Final = "room:user-joined"
USER_LEFT: Final = "room:user-left"
MEMBER_UPDATED: Final = "room:member-updated"
ROOM_INVITED: Final = "room:invited"
ROOM_ADDED: Final = "room:added"
ROOM_UPDATED: Final = "room:updated"
ROOM_SYNC_NEEDED: Final = "room:sync-needed"
READ_UPDATED: Final = "room:read-updated"
TYPING_UPDATE: Final = "typing:update"
PRESENCE_CHANGED: Final = "presence:changed"
PRESENCE_SNAPSHOT: Final = "presence:snapshot"
USER_BLOCKED: Final = "user:blocked"
USER_UNBLOCKED: Final = "user:unblocked"
PRIVACY_UPDATED: Final = "user:privacy-updated"
PROFILE_UPDATED: Final = "user:profile-updated"
MUTE_UPDATED: Final = "room:mute-updated"
NOTIFICATIONS_UPDATED: Final = "notifications:updated"
ROOM_NOTIFICATIONS_UPDATED: Final = "room:notifications-updated"
CONVERSATION_HIDDEN: Final = "conversation:hidden"
FAVORITE_UPDATED: Final = "room:favorite-updated"
UNREAD_UPDATED: Final = "room:unread-updated"
SAVED_UPDATED: Final = "message:saved-updated"
THREAD_UPDATED: Final = "thread:updated"

# Members of a room that hear of presence and read marks, and followers of a thread that hear of replies; where there
# are more, they ask.
MOST_TOLD: Final = 500

# What only events carry


class Authenticated(Sent, frozen=True):
    """`id` is the socket's."""

    id: str
    user_id: str
    time: Time


class Unauthenticated(Sent, frozen=True):
    """Why; the server disconnects the socket after it."""

    message: str
    time: Time


class Ping(Sent, frozen=True):
    """The server's time."""

    time: Time


class TypingUpdate(Sent, frozen=True):
    """A client that hears nothing more by `expiresAt` takes it that the user has stopped."""

    room_id: str
    user_id: str
    is_typing: bool
    expires_at: Time | None


class SyncNeeded(Sent, frozen=True):
    """A room's log has come to the number `lastSeq`, and not all of it was announced: sync what you lack."""

    room_id: str
    last_seq: int


class ErrorBody(Sent, frozen=True):
    """Why an event was refused. `requestId` finds the request in the server's log; `retryAfter` is in ms."""

    code: str
    reason: Reason
    message: str
    request_id: str
    retry_after: int | UnsetType = UNSET


# What each event carries, and when it comes.
EMITTED: dict[str, tuple[Any, str]] = {
    AUTHENTICATED: (Authenticated, "The socket is one of its user's devices from now on."),
    UNAUTHENTICATED: (Unauthenticated, "The socket is about to be disconnected, for want of a valid token."),
    PING: (Ping, "Every 30 seconds, to authenticated sockets."),
    ERROR: (ErrorBody, "An event that asked for no ack was refused."),
    MESSAGE_NEW: (Message, "To a room: a member wrote a message."),
    DIRECT_NEW: (Message, "To all devices of both people: one of them wrote to the other."),
    MESSAGE_EDITED: (Message, "To a room: a message's content changed, or the previews of its links."),
    MESSAGE_DELETED: (MessageDeleted, "To a room: a message is gone."),
    REACTION_UPDATED: (ReactionsUpdated, "To a room: the reactions to a message changed."),
    MENTION_NEW: (Message, "To the devices of a user whom a message names as @username."),
    REPLY_NEW: (
        Message,
        f"To the devices of the other users who follow a thread, if those are up to {MOST_TOLD}: a reply to it.",
    ),
    USER_JOINED: (MemberChanged, "To a room: a user became a member."),
    USER_LEFT: (MemberChanged, "To a room, and whom it is about: a membership ended; its state tells how."),
    MEMBER_UPDATED: (
        MemberChanged,
        "To a room, and a member or invited user whom it is about: a role, invitation or ban changed.",
    ),
    ROOM_INVITED: (Room, "To the devices of a user who was invited."),
    ROOM_ADDED: (Room, "To a user's own devices: the user became a member of this room."),
    ROOM_UPDATED: (RoomInfo, "To a room: its name or description changed."),
    ROOM_SYNC_NEEDED: (
        SyncNeeded,
        "To a room with a change that was not announced: call `room:sync`, unless all up to `lastSeq` is applied.",
    ),
    READ_UPDATED: (
        ReadMark,
        f"To a room of up to {MOST_TOLD} members, of a larger one to the reader: a mark moved.",
    ),
    TYPING_UPDATE: (TypingUpdate, "To a room, but not to the one who types."),
    PRESENCE_CHANGED: (
        Presence,
        f"Once to whoever shares a room of up to {MOST_TOLD} members with the user.",
    ),
    PRESENCE_SNAPSHOT: (list[Presence], "After `authenticated`: who is online among those."),
    USER_BLOCKED: (Block, "To a user's own devices: the user has blocked another user."),
    USER_UNBLOCKED: (Unblocked, "To a user's own devices: the user no longer blocks another user."),
    PRIVACY_UPDATED: (Privacy, "To a user's own devices: who may write to or invite the user has changed."),
    PROFILE_UPDATED: (
        Profile,
        f"To whoever shares a room of up to {MOST_TOLD} members with the user, and the user's own devices.",
    ),
    MUTE_UPDATED: (Mute, "To a user's own devices: the user has muted a room, or unmuted it."),
    CONVERSATION_HIDDEN: (ConversationHidden, "To a user's own devices: the user has hidden a conversation."),
    FAVORITE_UPDATED: (Favorite, "To a user's own devices: a room is a favourite, or no longer."),
    UNREAD_UPDATED: (
        UnreadMark,
        "To a user's own devices: the user has marked a room as unread, or has read some of what was so marked.",
    ),
    SAVED_UPDATED: (SavedMark, "To a user's own devices: the user has saved a message, or no longer does."),
    THREAD_UPDATED: (
        ThreadMark,
        "To a user's own devices: the user has read a thread, follows it, or follows it no longer.",
    ),
    NOTIFICATIONS_UPDATED: (
        NotificationSettings,
        "To a user's own devices: what notifies the user has changed.",
    ),
    ROOM_NOTIFICATIONS_UPDATED: (
        RoomNotifications,
        "To a user's own devices: which messages of a room notify the user has changed.",
    ),
}
