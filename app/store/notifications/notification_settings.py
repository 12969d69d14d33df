"""What users choose about notifications: for themselves, and for rooms of theirs."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.notification_fields import NotificationLevel, PushContent


class NotificationSettingsRow(Row, frozen=True):
    """The settings of a user; `muted_until` is None where that is over."""

    level: NotificationLevel
    content: PushContent
    quiet: bool
    quiet_from: dt.time
    quiet_to: dt.time
    time_zone: str
    muted_until: dt.datetime | None


class RoomLevelRow(Row, frozen=True):
    """The level that a member chose for a room; None where it is the user's own."""

    notify: NotificationLevel | None


SHOWN = """level, content, quiet, quiet_from, quiet_to, time_zone,
           case when muted_until > now() then muted_until end as muted_until"""
DEFAULTS = NotificationSettingsRow(
    "mentions", "text", quiet=False, quiet_from=dt.time(22), quiet_to=dt.time(7), time_zone="UTC", muted_until=None
)  # fmt: skip


async def settings(q: Queries, user_id: str) -> NotificationSettingsRow:
    """The settings of a user."""
    row = await q.row(
        NotificationSettingsRow,
        f"select {SHOWN} from notification_settings where user_id = :user_id",  # noqa: S608 - a constant
        user_id=user_id,
    )
    return row or DEFAULTS


async def update(
    q: Queries,
    user_id: str,
    *,
    level: str | None,
    content: str | None,
    quiet: bool | None,
    quiet_from: dt.time | None,
    quiet_to: dt.time | None,
    time_zone: str | None,
    mute_seconds: int | None,
) -> NotificationSettingsRow:
    """Changes the settings that are not None; returns all of them. 0 seconds end a mute."""
    row = await q.row(
        NotificationSettingsRow,
        f"""
        insert into notification_settings as s
            (user_id, level, content, quiet, quiet_from, quiet_to, time_zone, muted_until)
        values (:user_id, coalesce(cast(:level as text), 'mentions'), coalesce(cast(:content as text), 'text'),
                coalesce(cast(:quiet as boolean), false), coalesce(cast(:quiet_from as time), '22:00'),
                coalesce(cast(:quiet_to as time), '07:00'), coalesce(cast(:time_zone as text), 'UTC'),
                now() + cast(:mute_seconds as bigint) * interval '1 second')
        on conflict (user_id) do update
        set level = coalesce(cast(:level as text), s.level),
            content = coalesce(cast(:content as text), s.content),
            quiet = coalesce(cast(:quiet as boolean), s.quiet),
            quiet_from = coalesce(cast(:quiet_from as time), s.quiet_from),
            quiet_to = coalesce(cast(:quiet_to as time), s.quiet_to),
            time_zone = coalesce(cast(:time_zone as text), s.time_zone),
            muted_until = case when cast(:mute_seconds as bigint) is null then s.muted_until
                               else excluded.muted_until end
        returning {SHOWN}
        """,  # noqa: S608 - a constant of this module
        user_id=user_id,
        level=level,
        content=content,
        quiet=quiet,
        quiet_from=quiet_from,
        quiet_to=quiet_to,
        time_zone=time_zone,
        mute_seconds=mute_seconds,
    )
    assert row is not None
    return row


async def room_level(q: Queries, *, room_id: str, user_id: str) -> RoomLevelRow | None:
    """The level of a member for a room; None for no member."""
    return await q.row(
        RoomLevelRow,
        "select notify from room_members where room_id = :room_id and user_id = :user_id and state = 'member'",
        room_id=room_id,
        user_id=user_id,
    )


async def set_room_level(
    q: Queries, *, room_id: str, user_id: str, level: NotificationLevel | None
) -> RoomLevelRow | None:
    """Sets the level of a member for a room; returns it, None for no member."""
    return await q.row(
        RoomLevelRow,
        """
        update room_members set notify = cast(:level as text)
        where room_id = :room_id and user_id = :user_id and state = 'member'
        returning notify
        """,
        room_id=room_id,
        user_id=user_id,
        level=level,
    )
