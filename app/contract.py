"""Every operation of the chat, in the order in which a user meets them."""

from app.auth import Auth
from app.events import TypingUpdate
from app.messages import MessageWriter
from app.operations import Operation
from app.payloads import (
    CreateRoom,
    GetPresence,
    Nothing,
    ReadHistory,
    RoomRef,
    SendMessage,
    SignIn,
    SignOut,
    SignUp,
)
from app.presence import Presence
from app.reading import Reading
from app.rooms import Rooms
from app.sign_out import SignOuts
from app.typing import Typing
from app.views import MemberChanged, Message, Room, Session, User
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


def rooms(rooms: Rooms) -> list[Operation]:
    """Rooms, and who enters and leaves them."""
    return [
        Operation(
            run=rooms.list_all,
            takes=Nothing,
            gives=list[Room],
            event="room:list",
            code="LIST_FAILED",
            http=("GET", "/chat/rooms"),
        ),
        Operation(
            run=rooms.create,
            takes=CreateRoom,
            gives=Room,
            event="room:create",
            code="CREATE_FAILED",
            http=("POST", "/chat/rooms"),
            status=201,
        ),
        Operation(
            run=rooms.get,
            takes=RoomRef,
            gives=Room,
            event="room:get",
            code="GET_FAILED",
            http=("GET", "/chat/rooms/{roomId}"),
        ),
        Operation(
            run=rooms.join,
            takes=RoomRef,
            gives=Room,
            event="room:join",
            code="JOIN_FAILED",
            http=("POST", "/chat/rooms/{roomId}/join"),
        ),
        Operation(
            run=rooms.leave,
            takes=RoomRef,
            gives=MemberChanged,
            event="room:leave",
            code="LEAVE_FAILED",
            http=("POST", "/chat/rooms/{roomId}/leave"),
        ),
    ]


def messages(writer: MessageWriter, reading: Reading) -> list[Operation]:
    """What is said in rooms."""
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
            run=reading.history,
            takes=ReadHistory,
            gives=list[Message],
            event="message:history",
            code="HISTORY_FAILED",
            http=("GET", "/chat/rooms/{roomId}/messages"),
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
