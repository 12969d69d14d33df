"""The operations on accounts, messages and presence; those on rooms are in `contract_rooms`."""

from app.auth import Auth
from app.events import TypingUpdate
from app.messages import MessageWriter
from app.operations import Operation
from app.payloads import (
    EditMessage,
    GetPresence,
    MessageRef,
    Nothing,
    React,
    ReadHistory,
    ReadRoom,
    RoomRef,
    SearchMessages,
    SendMessage,
    SignIn,
    SignOut,
    SignUp,
    SyncRoom,
)
from app.presence import Presence
from app.reading import Reading
from app.revisions import Revisions
from app.sign_out import SignOuts
from app.sync import Sync
from app.typing import Typing
from app.views import Changes, Message, MessageDeleted, ReactionsUpdated, ReadMark, Session, User
from app.views import Presence as PresenceView


def accounts(auth: Auth, sign_outs: SignOuts) -> list[Operation]:
    """Who somebody is; over REST only."""
    return [
        Operation(
            run=auth.sign_up,
            takes=SignUp,
            gives=Session,
            http=("POST", "/auth/sign-up"),
            status=201,
            who="anybody",
        ),
        Operation(
            run=auth.sign_in, takes=SignIn, gives=Session, http=("POST", "/auth/sign-in"), who="anybody"
        ),
        Operation(
            run=sign_outs.sign_out, takes=SignOut, gives=None, http=("POST", "/auth/sign-out"), status=204
        ),
        Operation(run=auth.who_am_i, takes=Nothing, gives=User, http=("GET", "/auth/who-am-i")),
    ]


def messages(writer: MessageWriter, revisions: Revisions) -> list[Operation]:
    """What is said in rooms, and what becomes of it."""
    return [
        Operation(
            run=writer.send,
            takes=SendMessage,
            gives=Message,
            event="message:send",
            code="SEND_FAILED",
            http=("POST", "/chat/rooms/{roomId}/messages"),
            status=201,
        ),
        Operation(
            run=revisions.edit,
            takes=EditMessage,
            gives=Message,
            event="message:edit",
            code="EDIT_FAILED",
            http=("PATCH", "/chat/messages/{messageId}"),
        ),
        Operation(
            run=revisions.delete,
            takes=MessageRef,
            gives=MessageDeleted,
            event="message:delete",
            code="DELETE_FAILED",
            http=("DELETE", "/chat/messages/{messageId}"),
        ),
        Operation(
            run=revisions.add_reaction,
            takes=React,
            gives=ReactionsUpdated,
            event="reaction:add",
            code="REACTION_FAILED",
            http=("PUT", "/chat/messages/{messageId}/reactions/{kind}"),
        ),
        Operation(
            run=revisions.remove_reaction,
            takes=React,
            gives=ReactionsUpdated,
            event="reaction:remove",
            code="REACTION_FAILED",
            http=("DELETE", "/chat/messages/{messageId}/reactions/{kind}"),
        ),
    ]


def reading(reading: Reading, sync: Sync) -> list[Operation]:
    """How what was said is read."""
    return [
        Operation(
            run=reading.history,
            takes=ReadHistory,
            gives=list[Message],
            event="message:history",
            code="HISTORY_FAILED",
            http=("GET", "/chat/rooms/{roomId}/messages"),
        ),
        Operation(
            run=reading.get,
            takes=MessageRef,
            gives=Message,
            event="message:get",
            code="GET_FAILED",
            http=("GET", "/chat/messages/{messageId}"),
        ),
        Operation(
            run=reading.search,
            takes=SearchMessages,
            gives=list[Message],
            event="message:search",
            code="SEARCH_FAILED",
            http=("GET", "/chat/search"),
        ),
        Operation(
            run=reading.mark_read,
            takes=ReadRoom,
            gives=ReadMark,
            event="room:read",
            code="READ_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/read"),
        ),
        Operation(
            run=sync.changes,
            takes=SyncRoom,
            gives=Changes,
            event="room:sync",
            code="SYNC_FAILED",
            http=("GET", "/chat/rooms/{roomId}/changes"),
            renamed={"after": "afterSeq"},
        ),
    ]


def presence(presence: Presence, typing: Typing) -> list[Operation]:
    """Who is there, and who is typing."""
    return [
        Operation(
            run=presence.get,
            takes=GetPresence,
            gives=list[PresenceView],
            event="presence:get",
            code="PRESENCE_FAILED",
            http=("GET", "/chat/presence"),
        ),
        Operation(
            run=typing.start, takes=RoomRef, gives=TypingUpdate, event="typing:start", code="TYPING_FAILED"
        ),
        Operation(
            run=typing.stop, takes=RoomRef, gives=TypingUpdate, event="typing:stop", code="TYPING_FAILED"
        ),
    ]
