"""Who may sign up, and what an invitation to sign up is."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from msgspec import Struct

from app.core.errors import Refusal
from app.db.queries import Queries
from app.payloads.responses import MemberChanged, Room

Policy = Literal["open", "invitation", "closed"]
Entered = tuple[Room, MemberChanged]
"""A room that a new user has entered, and the change of its log."""

CLOSED = "Nobody can sign up here: ask an administrator"
BY_INVITATION = "You need an invitation to sign up here"
NOT_OPEN = "This invitation has expired, was used or was revoked: ask for another one"


async def enter_nothing(_q: Queries, _user_id: str, _room_ids: Sequence[str]) -> list[Entered]:
    """For where there are no rooms."""
    return []


async def announce_nothing(_entered: Sequence[Entered]) -> None:
    """For where there are no rooms."""


class SignUps(Struct, frozen=True):
    """The policy, and how a new user enters the rooms of an invitation.

    `enter` runs in the transaction that makes the user and has locked the rooms; what it returns is given to `announce`
    after the commit.
    """

    policy: Policy
    enter: Callable[[Queries, str, Sequence[str]], Awaitable[list[Entered]]] = enter_nothing
    announce: Callable[[Sequence[Entered]], Awaitable[None]] = announce_nothing

    def check(self, invitation: str | None) -> None:
        """Raises Refusal: `forbidden`."""
        if self.policy == "closed":
            raise Refusal("forbidden", CLOSED)
        if self.policy == "invitation" and invitation is None:
            raise Refusal("forbidden", BY_INVITATION)


ANYBODY = SignUps("open")


def token_hash(token: str) -> str:
    """A one-time token, as it is kept: who reads the database cannot use it. It is too long to be guessed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
