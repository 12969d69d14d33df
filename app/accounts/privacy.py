"""Whom a user lets begin a direct conversation with them, and invite them to rooms."""

from app import store
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.db.database import Database
from app.payloads.fields.field_types import Audience
from app.payloads.preference_requests import Privacy, UpdatePrivacy
from app.payloads.requests import Nothing
from app.payloads.server_events import PRIVACY_UPDATED
from app.store.people.privacy import PrivacyRow


class PrivacySettings:
    """The privacy settings of users."""

    def __init__(self, db: Database, announcer: Announcer) -> None:
        self._db = db
        self._announcer = announcer

    async def get(self, caller: Caller, _: Nothing) -> Privacy:
        """The users who may begin a direct conversation with the user, and those who may invite the user to rooms."""
        return privacy_of(await store.privacy.settings(self._db, caller.user_id))

    async def update(self, caller: Caller, payload: UpdatePrivacy) -> Privacy:
        """Changes which users may begin a direct conversation with the user, or invite the user to rooms.

        Conversations that there are go on, and invitations that there are stay.
        """
        row = await store.privacy.update(
            self._db,
            caller.user_id,
            direct_messages_from=payload.direct_messages,
            invitations_from=payload.invitations,
        )
        privacy = privacy_of(row)
        await self._announcer.user(caller.user_id, PRIVACY_UPDATED, privacy)
        return privacy


def privacy_of(row: PrivacyRow) -> Privacy:
    """The settings of a user, as the user sees them."""
    return Privacy(direct_messages=row.direct_messages_from, invitations=row.invitations_from)


def admits(setting: Audience, *, share_room: bool) -> bool:
    """True if a setting of a user admits another one, with whom the user shares a room or not."""
    return setting == "everyone" or (setting == "shared_rooms" and share_room)
