"""Invitations to sign up: links that expire, are counted, can be revoked, and may lead into rooms."""

import datetime as dt
import secrets
from collections.abc import AsyncIterator, Sequence

import uuid_utils
from msgspec import Struct

from app import store
from app.accounts.sign_ups import token_hash
from app.administration import audit
from app.core.errors import Refusal
from app.db.database import Database
from app.db.queries import Queries
from app.store.administration.sign_up_invitations import SignUpInvitationRow

PAGE = 500  # rows read at a time
MOST_ROOMS = 20  # of an invitation
TOKEN_BYTES = 24  # of chance


class NewInvitation(Struct, frozen=True):
    """An invitation that was made. Its `token` is shown once and kept nowhere."""

    id: str
    token: str
    expires_at: dt.datetime


class SignUpInvitations:
    """Makes, lists and revokes invitations, and notes that `actor` did."""

    def __init__(self, db: Database, actor: str) -> None:
        self._db = db
        self._actor = actor

    async def invite(
        self, *, seconds: int, most_uses: int | None, room_ids: Sequence[str], note: str | None
    ) -> NewInvitation:
        """Makes an invitation that is open for so many seconds, for `most_uses` people, None for any number.

        Raises Refusal: `not_found` for a room, `too_many` for more rooms than 20.
        """
        rooms, invitation_id = sorted(set(room_ids)), str(uuid_utils.uuid7())
        if len(rooms) > MOST_ROOMS:
            raise Refusal("too_many", f"An invitation leads into {MOST_ROOMS} rooms at most")
        token = secrets.token_urlsafe(TOKEN_BYTES)

        async def work(q: Queries) -> dt.datetime:
            known = await store.rooms.no_conversations_among(q, rooms)
            for room_id in rooms:
                if room_id not in known:
                    raise Refusal("not_found", f"There is no room with the id {room_id}")
            expires_at = await store.sign_up_invitations.insert(
                q,
                invitation_id=invitation_id,
                token_hash=token_hash(token),
                note=note,
                most_uses=most_uses,
                seconds=seconds,
                room_ids=rooms,
            )
            await audit.note(
                q,
                self._actor,
                "invite",
                invitation_id,
                note or "",
                uses=most_uses,
                rooms=rooms,
                expiresAt=expires_at,
            )
            return expires_at

        return NewInvitation(invitation_id, token, await self._db.transaction(work))

    async def revoke(self, invitation_id: str) -> None:
        """Ends an invitation; whoever has signed up with it stays. Raises Refusal: `not_found`."""

        async def work(q: Queries) -> None:
            if not await store.sign_up_invitations.revoke(q, invitation_id):
                raise Refusal("not_found", f"There is no invitation {invitation_id} that is not revoked")
            await audit.note(q, self._actor, "revoke-invite", invitation_id, "")

        await self._db.transaction(work)

    async def all(self) -> AsyncIterator[SignUpInvitationRow]:
        """All invitations in the order in which they were made."""
        after = ""
        while rows := await store.sign_up_invitations.listed(self._db, after=after, limit=PAGE):
            for row in rows:
                yield row
            after = rows[-1].id
