"""Profiles of users: what they tell of themselves, and who hears of it."""

from collections.abc import Awaitable, Callable

from app import store
from app.announce.announcer import Announcement, Announcer, room_channel, user_channel
from app.core.caller import Caller
from app.core.errors import NO_USER, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.from_rows import user_ref_of
from app.payloads.profile_payloads import Profile, ProfileRef, UpdateProfile
from app.payloads.server_events import MOST_TOLD, PROFILE_UPDATED
from app.search.names import name_vector
from app.store.people.profiles import ProfileRow


class Profiles:
    """Reads and changes profiles. `make_avatar` makes a square thumbnail of a picture that a user has uploaded."""

    def __init__(
        self, db: Database, announcer: Announcer, make_avatar: Callable[[str, str], Awaitable[None]]
    ) -> None:
        self._db = db
        self._announcer = announcer
        self._make_avatar = make_avatar

    async def get(self, caller: Caller, payload: ProfileRef) -> Profile:
        """What a user tells of themself: names, avatar, status and time zone. Refused: `not_found`."""
        row = await store.profiles.find(self._db, payload.user_id) or refuse("not_found", NO_USER)
        withheld = await store.blocks.between(self._db, caller.user_id, [row.id])
        return profile_of(row, withheld=row.id in withheld)

    async def update(self, caller: Caller, payload: UpdateProfile) -> Profile:
        """Changes what the user tells of themself; the answer has all of it.

        Who shares a room of up to 500 members with the user hears of it. Refused: `not_found` for an avatar that is no
        upload of the user's, or that a message has; `invalid` for one that is no picture.
        """
        user_id = caller.user_id
        if payload.avatar is not None:
            await self._make_avatar(user_id, payload.avatar)

        async def work(q: Queries) -> ProfileRow:
            await store.accounts.lock(q, user_id)
            row = await store.profiles.find(q, user_id) or refuse("not_found", NO_USER)
            keeps_status = payload.status is None
            display_name = row.display_name if payload.display_name is None else payload.display_name or None
            await store.profiles.change(
                q,
                user_id,
                display_name=display_name,
                avatar=await self._avatar(q, row, payload),
                status_text=row.status_text if keeps_status else payload.status or None,
                status_until=row.status_until if keeps_status else payload.status_until,
                time_zone=payload.time_zone or row.time_zone,
                words=name_vector(row.username, display_name),
            )
            changed = await store.profiles.find(q, user_id)
            assert changed is not None, "its account is held"
            return changed

        profile = profile_of(await self._db.transaction(work))
        await self._announce(profile)
        return profile

    async def _avatar(self, q: Queries, row: ProfileRow, payload: UpdateProfile) -> str | None:
        if payload.avatar is not None:
            if not await store.files.make_avatar(q, row.id, payload.avatar):
                refuse("not_found", "There is no such picture of yours that no message has")
            return f"/chat/avatars/{payload.avatar}"
        if payload.remove_avatar:
            await store.files.drop_avatar(q, row.id)
            return None
        return row.avatar

    async def _announce(self, profile: Profile) -> None:
        user_id = profile.user.id
        rooms = await store.presence.rooms_told(self._db, [user_id], MOST_TOLD)
        withheld = await store.blocks.of_acquaintances(self._db, [user_id])
        channels = [user_channel(user_id), *map(room_channel, rooms.get(user_id, ()))]
        await self._announcer.announce(
            Announcement(channels, PROFILE_UPDATED, profile, withheld.get(user_id, ()))
        )


def profile_of(row: ProfileRow, *, withheld: bool = False) -> Profile:
    """A profile, as another user sees it; `withheld` where one has blocked the other."""
    return Profile(
        user=user_ref_of(row, row.id),
        status=None if withheld else row.status_text,
        status_until=None if withheld or row.status_text is None else row.status_until,
        time_zone=None if withheld else row.time_zone,
    )
