"""The operations on accounts, messages and presence; those on rooms are in `contract_rooms`."""

from app.auth import Auth
from app.events import TypingUpdate
from app.messages import MessageWriter
from app.operations import Operation
from app.payloads import (
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
from app.sign_out import SignOuts
from app.typing import Typing
from app.views import Message, Session, User
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
