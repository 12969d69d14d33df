"""What users choose about notifications: for themselves, and for rooms of theirs. Their other devices are told."""

from app import store
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.payloads.fields.notification_fields import clock_of
from app.payloads.notification_payloads import (
    NotificationSettings,
    RoomNotifications,
    SetRoomNotifications,
    UpdateNotifications,
)
from app.payloads.requests import Nothing, RoomRef
from app.payloads.server_events import NOTIFICATIONS_UPDATED, ROOM_NOTIFICATIONS_UPDATED
from app.rooms.rooms import check_member
from app.store.notifications.notification_settings import NotificationSettingsRow, RoomLevelRow


class NotificationPreferences:
    """The settings of users and of their rooms."""

    def __init__(self, db: Database, announcer: Announcer) -> None:
        self._db = db
        self._announcer = announcer

    async def get(self, caller: Caller, _: Nothing) -> NotificationSettings:
        """The user's settings: which messages notify, how much is shown, quiet hours, and a mute of everything."""
        return settings_of(await store.notification_settings.settings(self._db, caller.user_id))

    async def update(self, caller: Caller, payload: UpdateNotifications) -> NotificationSettings:
        """Changes the user's settings; the answer has all of them."""
        row = await store.notification_settings.update(
            self._db,
            caller.user_id,
            level=payload.level,
            content=payload.content,
            quiet=payload.quiet,
            quiet_from=None if payload.quiet_from is None else clock_of(payload.quiet_from),
            quiet_to=None if payload.quiet_to is None else clock_of(payload.quiet_to),
            time_zone=payload.time_zone,
            mute_seconds=payload.mute_seconds,
        )
        settings = settings_of(row)
        await self._announcer.user(caller.user_id, NOTIFICATIONS_UPDATED, settings)
        return settings

    async def get_room(self, caller: Caller, payload: RoomRef) -> RoomNotifications:
        """Which messages of a room or direct conversation notify the user. Refused: `not_found`, `not_a_member`."""
        row = await store.notification_settings.room_level(
            self._db, room_id=payload.room_id, user_id=caller.user_id
        )
        return await self._of_room(row, payload.room_id, caller.user_id)

    async def set_room(self, caller: Caller, payload: SetRoomNotifications) -> RoomNotifications:
        """Chooses which messages of a room or direct conversation notify the user.

        A mute of the room (`room:mute`) silences it whatever its level. Refused: `not_found`, `not_a_member`.
        """
        row = await store.notification_settings.set_room_level(
            self._db,
            room_id=payload.room_id,
            user_id=caller.user_id,
            level=None if payload.level == "default" else payload.level,
        )
        chosen = await self._of_room(row, payload.room_id, caller.user_id)
        await self._announcer.user(caller.user_id, ROOM_NOTIFICATIONS_UPDATED, chosen)
        return chosen

    async def _of_room(self, row: RoomLevelRow | None, room_id: str, user_id: str) -> RoomNotifications:
        if row is None:
            await check_member(self._db, room_id, user_id)
            raise Refusal("unavailable", "The membership is changing, try again", retry_after=1000)
        return RoomNotifications(room_id=room_id, level=row.notify or "default")


def settings_of(row: NotificationSettingsRow) -> NotificationSettings:
    """The settings of a user, as the user sees them."""
    return NotificationSettings(
        level=row.level,
        content=row.content,
        quiet=row.quiet,
        quiet_from=f"{row.quiet_from:%H:%M}",
        quiet_to=f"{row.quiet_to:%H:%M}",
        time_zone=row.time_zone,
        muted_until=row.muted_until,
    )
