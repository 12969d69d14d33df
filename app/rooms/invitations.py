"""Invitations to rooms, of single users and by links.

They are bounded so that no user is flooded with them, or can use up what others may send.

An invitation counts against its inviter alone: of one inviter, a user has at most five without an answer. One that was
declined is not repeated for a day. Only a user who joins counts the room as one of their own.
"""

import datetime as dt
import secrets
from collections.abc import Awaitable, Callable

import uuid_utils

from app import store
from app.accounts.privacy import admits
from app.accounts.sign_ups import token_hash
from app.announce.announcer import Announcer, to_room, to_user
from app.core.caller import Caller
from app.core.errors import NO_USER, Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.fields.field_types import MemberState
from app.payloads.from_rows import room_of, user_ref_of
from app.payloads.preference_requests import ListInvitations
from app.payloads.requests import Invite, RoomRef
from app.payloads.responses import Member, MemberChanged, Room
from app.payloads.rooms.link_payloads import (
    CreateLink,
    LinkedRoom,
    LinkRef,
    LinkRevoked,
    LinkToken,
    NewLink,
    RoomLink,
)
from app.payloads.server_events import MEMBER_UPDATED, ROOM_INVITED
from app.rooms.rights import lock_as_admin
from app.rooms.rooms import Rooms, member_changed, put_member, room_of_member
from app.store.administration.sign_up_invitations import LinkedRoomRow
from app.store.conversations.rooms import LockedRoomRow

MAX_PENDING_OF_PAIR = 5  # invitations of one inviter to one user that have no answer
MAX_PENDING_OF_INVITER = 500  # invitations of one inviter, to any user, that have no answer
MAX_OPEN_LINKS = 20  # into a room
DAY = 24 * 60 * 60
TOKEN_BYTES = 24  # of chance
NO_LINK = "This link has expired, was used or was revoked: ask for another one"


class Invitations:
    """Invites users to rooms. `may_invite` may refuse an inviter who does so too often."""

    def __init__(
        self,
        db: Database,
        announcer: Announcer,
        *,
        may_invite: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._db = db
        self._announcer = announcer
        self._may_invite = may_invite

    async def list_page(self, caller: Caller, payload: ListInvitations) -> list[Room]:
        """The rooms that the user is invited to, the newest room first.

        Invitations by users whom the user has blocked are left out.
        """
        rows = await store.invitations.of_user(
            self._db, caller.user_id, before=payload.before, limit=payload.limit
        )
        return [room_of(row) for row in rows]

    async def invite(self, caller: Caller, payload: Invite) -> Member:
        """Invites a user to a room; admins only. One who is invited already stays so.

        Refused: `not_found` for the room or the user, `not_a_member`, `archived`; `forbidden` for one who is no admin,
        and for a user who takes no invitation from this one, or has declined this one within 24 hours; `conflict` for
        a user who is a member or banned, or whom this one has blocked; `too_many` while five invitations to the same
        user, or 500 in all, have no answer; `rate_limited`.
        """
        room_id = payload.room_id
        if self._may_invite is not None:
            await self._may_invite(caller.user_id)

        async def decide(q: Queries) -> tuple[MemberChanged, bool]:
            await lock_as_admin(q, room_id, caller.user_id)
            user_id = await _invited_user(q, payload)
            row = await store.members.state(q, room_id, user_id)
            state = None if row is None else row.state
            if state == "member":
                raise Refusal("conflict", "This user is a member already")
            if state == "banned":
                raise Refusal("conflict", "This user is banned from the room: lift the ban first")
            # An invitation by another, whom the user has blocked, keeps no admin from inviting.
            if state == "invited" and not await store.invitations.is_hidden(q, room_id, user_id):
                return await member_changed(q, room_id, user_id), False
            await _check_may_invite(q, room_id, caller.user_id, user_id)
            await put_member(q, room_id, user_id, state="invited", changed_by=caller.user_id)
            return await member_changed(q, room_id, user_id), True

        change, is_new = await self._db.transaction(decide)
        if is_new:
            row = await store.rooms.of_member(self._db, room_id, change.user_id, "invited")
            told = [to_room(room_id, MEMBER_UPDATED, change, change.user_id)]
            if row is not None:  # it stands still
                told.insert(0, to_user(change.user_id, ROOM_INVITED, room_of(row)))
            await self._announcer.announce(*told)
        return change.member


class InvitationLinks:
    """Links that lead into a room whoever has an account and the link, made by the room's admins.

    `may_invite` may refuse an admin who makes too many.
    """

    def __init__(
        self, db: Database, rooms: Rooms, *, may_invite: Callable[[str], Awaitable[None]] | None = None
    ) -> None:
        self._db = db
        self._rooms = rooms
        self._may_invite = may_invite

    async def list_open(self, caller: Caller, payload: RoomRef) -> list[RoomLink]:
        """The links into a room that are open, in the order in which they were made; admins only.

        Refused: `not_found`, `not_a_member`, `forbidden`.
        """
        await self._check_admin(self._db, caller, payload.room_id)
        return [
            RoomLink(
                id=row.id,
                created_by=user_ref_of(row, row.creator_id),
                most_uses=row.most_uses,
                uses=row.uses,
                created_at=row.created_at,
                expires_at=row.expires_at,
            )
            for row in await store.sign_up_invitations.open_links(self._db, payload.room_id)
        ]

    async def create(self, caller: Caller, payload: CreateLink) -> NewLink:
        """Makes a link by which people with an account enter a room, also a private one; admins only.

        It is open for some days and for some people, and until an admin revokes it, whatever becomes of its maker.
        Refused: `not_found`, `not_a_member`, `forbidden`, `archived`, `too_many` while 20 links into the room are open,
        `rate_limited`.
        """
        if self._may_invite is not None:
            await self._may_invite(caller.user_id)
        room_id, link_id, token = payload.room_id, str(uuid_utils.uuid7()), secrets.token_urlsafe(TOKEN_BYTES)

        async def work(q: Queries) -> dt.datetime:
            await lock_as_admin(q, room_id, caller.user_id)
            if len(await store.sign_up_invitations.open_links(q, room_id)) >= MAX_OPEN_LINKS:
                raise Refusal("too_many", f"{MAX_OPEN_LINKS} links into this room are open: revoke one first")
            return await store.sign_up_invitations.insert(
                q,
                invitation_id=link_id,
                token_hash=_hash(token),
                note=None,
                most_uses=payload.uses,
                seconds=payload.days * DAY,
                into_room=room_id,
                created_by=caller.user_id,
            )

        expires_at = await self._db.transaction(work)
        return NewLink(id=link_id, token=token, expires_at=expires_at)

    async def revoke(self, caller: Caller, payload: LinkRef) -> LinkRevoked:
        """Ends a link into a room, by whichever admin it was made; who has entered by it stays. Admins only.

        Refused: `not_found` also for the link, `not_a_member`, `forbidden`.
        """

        async def work(q: Queries) -> None:
            await lock_as_admin(q, payload.room_id, caller.user_id, archived=True)
            if not await store.sign_up_invitations.revoke(q, payload.link_id, into_room=payload.room_id):
                raise Refusal("not_found", "There is no such link that is not revoked")

        await self._db.transaction(work)
        return LinkRevoked(room_id=payload.room_id, link_id=payload.link_id)

    async def look_up(self, caller: Caller, payload: LinkToken) -> LinkedRoom:
        """What whoever has a link may know of the room that it leads to.

        Refused: `not_found` for one that is not open.
        """
        row = await self._linked(self._db, caller, payload)
        return LinkedRoom(
            id=row.id,
            name=row.name,
            description=row.description,
            is_private=row.kind == "private",
            member_count=row.member_count,
            joined=row.joined,
        )

    async def join(self, caller: Caller, payload: LinkToken) -> Room:
        """Makes the user a member of the room that a link leads to, which counts as a use of it.

        It changes nothing for a user who is a member already. Refused: `not_found` for a link that is not open,
        `forbidden` for a user who is banned from the room, `archived`, and `too_many` for one who is in as many rooms
        as a user may be.
        """
        linked = await self._linked(self._db, caller, payload)

        async def admit(q: Queries, room: LockedRoomRow, _: MemberState | None) -> None:
            if room.deleted_at is not None or not await store.sign_up_invitations.use(q, linked.link_id):
                raise Refusal("not_found", NO_LINK)

        return await self._rooms.enter(caller, linked.id, admit)

    async def _linked(self, q: Queries, caller: Caller, payload: LinkToken) -> LinkedRoomRow:
        row = await store.sign_up_invitations.linked_room(q, _hash(payload.token), caller.user_id)
        return row or refuse("not_found", NO_LINK)

    async def _check_admin(self, q: Queries, caller: Caller, room_id: str) -> None:
        room = await room_of_member(q, room_id, caller.user_id)
        if room.kind == "direct" or room.membership.role != "admin":
            raise Refusal("forbidden", "Only admins of the room see the links into it")


def _hash(token: str) -> str:
    """As it is kept; of another form than that of a token to sign up with, which none of these is."""
    return token_hash(f"room:{token}")


async def _check_may_invite(q: Queries, room_id: str, inviter_id: str, user_id: str) -> None:
    """Raises Refusal."""
    # Against more invitations of this inviter, and a block by this user, that are made now.
    await store.accounts.lock_all(q, [inviter_id, user_id])
    row = await store.privacy.towards(q, inviter_id, user_id) or refuse("not_found", NO_USER)
    if row.blocking:
        raise Refusal("conflict", "You have blocked this user: unblock them first")
    # One answer to all, so that the inviter does not learn which it is.
    if (
        row.blocked
        or not admits(row.invitations_from, share_room=row.share_room)
        or await store.invitations.was_declined(q, room_id, user_id, inviter_id)
    ):
        raise Refusal("forbidden", "This user takes no invitation to this room from you")
    pending = await store.invitations.pending(q, inviter_id, user_id)
    if pending.of_pair >= MAX_PENDING_OF_PAIR:
        raise Refusal(
            "too_many", f"This user has {MAX_PENDING_OF_PAIR} invitations from you that have no answer yet"
        )
    if pending.of_inviter >= MAX_PENDING_OF_INVITER:
        raise Refusal("too_many", f"{MAX_PENDING_OF_INVITER} of your invitations have no answer yet")


async def _invited_user(q: Queries, payload: Invite) -> str:
    """The id of the user that an invitation names. Raises Refusal: `not_found`."""
    if payload.username is not None:
        return await store.accounts.find_by_name(q, payload.username) or refuse("not_found", NO_USER)
    row = await store.accounts.find(q, payload.user_id or "") or refuse("not_found", NO_USER)
    return row.id
