"""The user of a socket, from its data and events: the user's id, the token offered, the rooms named."""

from contextvars import ContextVar

from app.announce.announcer import room_channel
from app.core.caller import Caller, bearer
from app.core.errors import Refusal
from app.payloads.accounts.account_requests import Authenticate
from app.payloads.requests import Subscription
from protocol import Socket

USER = "userId"  # the key in `socket.data` of the user's id
WANTS_ACK: ContextVar[bool] = ContextVar(
    "wants_ack", default=True
)  # whether the client wants one for this event


def caller_of(socket: Socket) -> Caller:
    """The user of an authenticated socket."""
    return Caller(socket.data[USER], socket.handshake.address or "", socket.id, wants_answer=WANTS_ACK.get())


def is_final(refusal: Refusal) -> bool:
    """True if trying again with the same token is of no use."""
    return refusal.reason not in ("unavailable", "too_many", "rate_limited", "internal")


def is_ours(refusal: Refusal) -> bool:
    """True if the chat could not do what it was asked, whoever asked."""
    return refusal.reason in ("unavailable", "internal")


def token_of(socket: Socket, payload: Authenticate) -> str | None:
    """The token in the event itself, in the handshake's auth, or in its `Authorization: Bearer` header."""
    offered = socket.handshake.auth.get("token")
    header = bearer(socket.handshake.headers.get("authorization", ""))
    return payload.token or (offered if isinstance(offered, str) else None) or header


def room_ids_of(subscription: Subscription) -> list[str]:
    """The ids of rooms given as `room:<id>`. Raises Refusal."""
    prefix = room_channel("")
    if not all(channel.startswith(prefix) for channel in subscription.rooms):
        raise Refusal("forbidden", f"Only rooms named {prefix}<roomId> can be joined and left")
    return [channel.removeprefix(prefix) for channel in subscription.rooms]
