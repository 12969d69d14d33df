"""What administrators ask for over REST. The door lets nobody else in; each act is noted under the caller's name."""

import logging
import secrets

import msgspec

from app import store
from app.accounts.auth import Auth
from app.accounts.sessions.sign_out import DEACTIVATED, SignOuts
from app.administration.figures import FiguresReader
from app.administration.invitations import SignUpInvitations
from app.administration.people import People
from app.administration.rooms import AdministeredRooms
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.core.errors import NO_USER, Refusal, refuse
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.erasure.room_sweeper import RoomSweeper
from app.payloads.accounts import administration_payloads as payloads
from app.payloads.requests import Nothing, RoomRef
from app.payloads.responses import Room
from app.payloads.server_events import ROOM_UPDATED
from app.store.administration.administered_rooms import AdministeredRoomRow
from app.store.administration.sign_up_invitations import SignUpInvitationRow
from protocol import BusUnavailable, network_of

log = logging.getLogger(__name__)

DAY = 24 * 60 * 60
HOUR = 60 * 60
NOT_ONESELF = "You cannot deactivate yourself: ask another administrator"


class Administration:
    """The operations on people, invitations and rooms, and what administrators read."""

    def __init__(
        self, db: Database, auth: Auth, sign_outs: SignOuts, announcer: Announcer, sweeper: RoomSweeper
    ) -> None:
        self._db = db
        self._auth = auth
        self._sign_outs = sign_outs
        self._announcer = announcer
        self._sweeper = sweeper
        self._figures = FiguresReader(db)

    # People

    async def list_people(self, _: Caller, payload: payloads.ListPeople) -> payloads.AdministeredPeople:
        """All people in the order in which they signed up, or those with a text in their names; administrators only."""
        rows = await store.account_states.listed(
            self._db, payload.query or "", after=payload.after or "", limit=payload.limit + 1
        )
        people = [payloads.AdministeredPerson(**msgspec.structs.asdict(row)) for row in rows[: payload.limit]]
        return payloads.AdministeredPeople(
            people=people, next=people[-1].id if len(rows) > payload.limit else None
        )

    async def deactivate_person(self, caller: Caller, payload: payloads.PersonRef) -> None:
        """Ends all sessions of a user at once, who cannot sign in from now on; administrators only.

        Refused: `not_found`; `conflict` for oneself, and for a user who is deactivated already; `unavailable`.
        """
        if payload.user_id == caller.user_id:
            raise Refusal("conflict", NOT_ONESELF)
        name = await self._name(payload.user_id)
        with self._auth.attempt(network_of(caller.address)):
            unusable = await self._auth.hashed(secrets.token_hex())
        row = await People(self._db, actor_of(caller)).deactivate(name, unusable)
        await self._sign_outs.end_sessions(row.id, DEACTIVATED)

    async def reactivate_person(self, caller: Caller, payload: payloads.PersonRef) -> None:
        """Lets a deactivated user sign in again, with the same password; administrators only.

        Refused: `not_found`, `conflict` for a user who is not deactivated.
        """
        await People(self._db, actor_of(caller)).reactivate(await self._name(payload.user_id))

    async def allow_reset(self, caller: Caller, payload: payloads.AllowReset) -> payloads.PasswordResetLink:
        """Makes a link that sets a user's password, once; administrators only. The password of now works until then.

        Refused: `not_found`, `conflict` for a deactivated user.
        """
        made = await People(self._db, actor_of(caller)).reset_password(
            await self._name(payload.user_id), payload.hours * HOUR
        )
        return payloads.PasswordResetLink(token=made.token, expires_at=made.expires_at)

    # Invitations to sign up

    async def list_sign_up_invitations(
        self, _: Caller, payload: payloads.ListSignUpInvitations
    ) -> payloads.SignUpInvitations:
        """All invitations to sign up, in the order in which they were made; administrators only."""
        rows = await store.sign_up_invitations.listed(
            self._db, after=payload.after or "", limit=payload.limit + 1
        )
        found = [invitation_of(row) for row in rows[: payload.limit]]
        return payloads.SignUpInvitations(
            invitations=found, next=found[-1].id if len(rows) > payload.limit else None
        )

    async def invite_to_sign_up(
        self, caller: Caller, payload: payloads.InviteToSignUp
    ) -> payloads.SignUpLink:
        """Makes a link to sign up with; administrators only. Who uses it enters the given rooms, also private ones.

        Refused: `not_found` for a room.
        """
        made = await SignUpInvitations(self._db, actor_of(caller)).invite(
            seconds=payload.days * DAY,
            most_uses=payload.uses,
            room_ids=payload.room_ids or (),
            note=payload.note,
        )
        return payloads.SignUpLink(id=made.id, token=made.token, expires_at=made.expires_at)

    async def revoke_sign_up_invitation(self, caller: Caller, payload: payloads.SignUpInvitationRef) -> None:
        """Ends an invitation to sign up; administrators only. Refused: `not_found`."""
        await SignUpInvitations(self._db, actor_of(caller)).revoke(payload.invitation_id)

    # Rooms

    async def list_all_rooms(self, _: Caller, payload: payloads.ListAllRooms) -> payloads.AdministeredRooms:
        """All public and private rooms in the order in which they were made, but what is said; administrators only."""
        rows = await store.administered_rooms.listed(
            self._db,
            payload.query or "",
            without_admin=bool(payload.without_admin),
            after=payload.after or "",
            limit=payload.limit + 1,
        )
        rooms = [room_of(row) for row in rows[: payload.limit]]
        return payloads.AdministeredRooms(
            rooms=rooms, next=rooms[-1].id if len(rows) > payload.limit else None
        )

    async def take_over_room(self, caller: Caller, payload: RoomRef) -> Room:
        """Makes the administrator who asks the admin of a room that has none, and a member; administrators only.

        Refused: `not_found`, `conflict` for a room that has an admin.
        """
        taken = await AdministeredRooms(self._db, actor_of(caller)).take_over(payload.room_id, caller.user_id)
        try:
            await self._announcer.change_members(
                payload.room_id, {caller.user_id: True}, *taken.announcements()
            )
        except (BusUnavailable, DatabaseUnavailable):
            # A refusal would make the administrator try again, who is the admin now.
            log.warning("room %s was taken over, which may not have been announced", payload.room_id)
        return taken.room

    async def delete_room(self, caller: Caller, payload: RoomRef) -> None:
        """Deletes a room with all that was said in it; administrators only. There is no way back.

        Nobody is in the room any more when this is answered; its messages and files go soon after. Refused:
        `not_found`.
        """
        await AdministeredRooms(self._db, actor_of(caller)).delete(payload.room_id)
        await self._sweeper.end_memberships(payload.room_id)

    async def archive_room(self, caller: Caller, payload: RoomRef) -> None:
        """Archives a room, as its admins can: nothing is written in it from then on; administrators only.

        Refused: `not_found`, `conflict` for one that is archived.
        """
        await self._archive(caller, payload.room_id, archived=True)

    async def unarchive_room(self, caller: Caller, payload: RoomRef) -> None:
        """Makes an archived room one like others again; administrators only.

        Refused: `not_found`, `conflict` for one that is not archived.
        """
        await self._archive(caller, payload.room_id, archived=False)

    async def _archive(self, caller: Caller, room_id: str, *, archived: bool) -> None:
        _, info = await AdministeredRooms(self._db, actor_of(caller)).archive(room_id, archived=archived)
        await self._announcer.room(room_id, ROOM_UPDATED, info)

    async def list_default_rooms(self, _: Caller, __: Nothing) -> payloads.AdministeredRooms:
        """The rooms that whoever signs up enters, 20 at most; administrators only."""
        rows = await store.administered_rooms.defaults(self._db)
        return payloads.AdministeredRooms(rooms=list(map(room_of, rows)), next=None)

    async def keep_messages(self, caller: Caller, payload: payloads.KeepMessages) -> None:
        """Has a room keep its messages for some days alone, or for ever without `days`; administrators only.

        Older messages, and their files, are deleted from then on, each day anew; tombstones of them stay. Refused:
        `not_found`.
        """
        await AdministeredRooms(self._db, actor_of(caller)).keep_messages(payload.room_id, payload.days)

    async def add_default_room(self, caller: Caller, payload: RoomRef) -> None:
        """Lets whoever signs up from now on enter a room, also a private one; administrators only.

        Refused: `not_found`, `conflict` where they do already or it is archived, `too_many` beyond 20 rooms.
        """
        await AdministeredRooms(self._db, actor_of(caller)).add_default(payload.room_id)

    async def remove_default_room(self, caller: Caller, payload: RoomRef) -> None:
        """Lets whoever signs up from now on not enter a room; administrators only. Refused: `not_found`."""
        await AdministeredRooms(self._db, actor_of(caller)).remove_default(payload.room_id)

    # What there is, and what was done

    async def figures(self, _: Caller, __: Nothing) -> payloads.Figures:
        """How many people, rooms, messages and files there are; administrators only."""
        return await self._figures.read()

    async def list_audit(self, _: Caller, payload: payloads.ListAudit) -> payloads.AuditPage:
        """What administrators did, the newest first; administrators only."""
        rows = await store.audit_log.newest(self._db, before=payload.before, limit=payload.limit + 1)
        entries = [
            payloads.AuditEntry(
                **{**msgspec.structs.asdict(row), "details": msgspec.json.decode(row.details)}
            )
            for row in rows[: payload.limit]
        ]
        return payloads.AuditPage(entries=entries, next=entries[-1].id if len(rows) > payload.limit else None)

    async def _name(self, user_id: str) -> str:
        row = await store.accounts.find(self._db, user_id) or refuse("not_found", NO_USER)
        return row.username


def actor_of(caller: Caller) -> str:
    """The name under which an act is noted. Raises Refusal: `forbidden`, to one whom no door has looked at."""
    return caller.administrator or refuse("forbidden", "Only administrators may do this")


def room_of(row: AdministeredRoomRow) -> payloads.AdministeredRoom:
    """A room, as administrators see it."""
    return payloads.AdministeredRoom(**msgspec.structs.asdict(row))


def invitation_of(row: SignUpInvitationRow) -> payloads.SignUpInvitation:
    """An invitation, as administrators see it."""
    rooms = [
        payloads.InvitationRoom(id=room_id, name=name)
        for room_id, name in zip(row.room_ids, row.room_names, strict=True)
    ]
    fields = {
        name: value for name, value in msgspec.structs.asdict(row).items() if not name.startswith("room_")
    }
    return payloads.SignUpInvitation(**fields, rooms=rooms)
