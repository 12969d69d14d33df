"""Messages that are to be decided: whom each concerns, and what is sent of it."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.field_types import RoomKind
from app.payloads.fields.notification_fields import NotificationLevel, PushContent
from app.store.log.direct_key import other_person

EARLY = 10.0  # seconds that a message has to be decided before it is put into the queue again
STALE = 3600.0  # seconds after which nobody is told any more


class RecipientRow(Row, frozen=True):
    """A member whom a message may reach, with what decides that.

    `replied` says that it is a reply in a thread that the member follows. `subscription_ids` are devices. `has_read`
    says that the member has read it, on any device: where it stands in the room, or in the thread.
    """

    user_id: str
    mentioned: bool
    called: bool
    replied: bool
    direct: bool
    has_read: bool
    level: NotificationLevel
    room_level: NotificationLevel | None
    muted_until: dt.datetime | None
    room_muted: bool
    quiet: bool
    quiet_from: dt.time
    quiet_to: dt.time
    time_zone: str
    subscription_ids: list[str]


class NoticeRow(Row, frozen=True):
    """A message as it is told to a member who has not read it yet."""

    room_id: str
    room_kind: RoomKind
    room_name: str | None
    seq: int
    content: str
    created_at: dt.datetime
    sender_id: str
    sender_name: str
    shows: PushContent


class DeviceRow(Row, frozen=True):
    """Where and with which keys a push goes."""

    endpoint: str
    public_key: str
    auth: str


# Of a message `msg`, a member `m`, and `f`, how that one stands to its thread.
HAS_READ = """
((msg.also_to_room and m.last_read_seq >= msg.seq) or coalesce(f.last_read_seq >= msg.seq, false))
"""


async def recipients(
    q: Queries, message_id: str, *, to_all: bool, user_id: str | None = None
) -> list[RecipientRow]:
    """The members whom a message may reach, or the one that is given: those with devices that take pushes, or all.

    Without its sender, and without those of whom one has blocked the other; none for a message that is deleted. A reply
    that stands in its thread alone reaches those who follow that, and those whom it mentions.
    """
    return await q.rows(
        RecipientRow,
        f"""
        select m.user_id, coalesce(mentioned.via = 'name', false) as mentioned,
               coalesce(mentioned.via <> 'name', false) as called,
               coalesce(f.is_following, false) as replied,
               r.kind = 'direct' or r.group_key is not null as direct,
               {HAS_READ} as has_read, coalesce(s.level, 'mentions') as level,
               m.notify as room_level, nullif(s.muted_until, 'infinity') as muted_until,
               coalesce(m.muted_until > now(), false) as room_muted, coalesce(s.quiet, false) as quiet,
               coalesce(s.quiet_from, '22:00') as quiet_from, coalesce(s.quiet_to, '07:00') as quiet_to,
               coalesce(s.time_zone, 'UTC') as time_zone, devices.ids as subscription_ids
        from messages msg
        join rooms r on r.id = msg.room_id
        join room_members m on m.room_id = r.id and m.state = 'member' and m.user_id <> msg.sender_id
        cross join lateral (
            select array(select p.id from push_subscriptions p where p.user_id = m.user_id) as ids
        ) devices
        left join notification_settings s on s.user_id = m.user_id
        left join thread_followers f on f.root_id = msg.thread_root_id and f.user_id = m.user_id
        left join mentions mentioned on mentioned.message_id = msg.id and mentioned.user_id = m.user_id
        where msg.id = :message_id and msg.deleted_at is null
          and (r.kind <> 'direct' or m.user_id = {other_person("msg.sender_id")})
          and (msg.also_to_room or r.kind = 'direct' or f.is_following or mentioned.user_id is not null)
          and (cast(:to_all as boolean) or devices.ids <> '{{}}')
          and (cast(:user_id as text) is null or m.user_id = :user_id)
          and not exists (
              select from user_blocks b
              where (b.blocker_id, b.blocked_id) in ((m.user_id, msg.sender_id), (msg.sender_id, m.user_id))
          )
        order by m.user_id
        """,  # noqa: S608 - of constants of this program
        message_id=message_id,
        to_all=to_all,
        user_id=user_id,
    )


async def notice(q: Queries, message_id: str, user_id: str) -> NoticeRow | None:
    """What a member is told of a message; None where it is deleted or read, or the user is no member any more."""
    return await q.row(
        NoticeRow,
        f"""
        select r.id as room_id, r.kind as room_kind,
               case when r.group_key is null then r.name end as room_name, msg.seq, msg.content, msg.created_at,
               msg.sender_id, coalesce(u.display_name, u.username) as sender_name,
               coalesce(s.content, 'text') as shows
        from messages msg
        join rooms r on r.id = msg.room_id
        join users u on u.id = msg.sender_id
        join room_members m on m.room_id = r.id and m.user_id = :user_id and m.state = 'member'
        left join thread_followers f on f.root_id = msg.thread_root_id and f.user_id = m.user_id
        left join notification_settings s on s.user_id = m.user_id
        where msg.id = :message_id and msg.deleted_at is null and not {HAS_READ}
        """,  # noqa: S608 - of constants of this program
        message_id=message_id,
        user_id=user_id,
    )


async def device(q: Queries, subscription_id: str, user_id: str) -> DeviceRow | None:
    """A device of a user that takes pushes; None where it does no more."""
    return await q.row(
        DeviceRow,
        "select endpoint, public_key, auth from push_subscriptions where id = :id and user_id = :user_id",
        id=subscription_id,
        user_id=user_id,
    )


async def decided(q: Queries, message_ids: list[str]) -> None:
    """Forgets messages that are decided."""
    await q.value(
        "delete from notifications_due where message_id = any(cast(:message_ids as text[]))",
        message_ids=message_ids,
    )


async def overdue(q: Queries, *, limit: int) -> list[str]:
    """Messages that were put into the queue and not decided since, or were never put; each to one caller at a time.

    What is too old to be told is forgotten.
    """
    return await q.column(
        str,
        """
        with stale as (
            delete from notifications_due
            where put_at < now() - cast(:early as double precision) * interval '1 second'
              and created_at < now() - cast(:stale as double precision) * interval '1 second'
        ), late as (
            select message_id from notifications_due
            where put_at < now() - cast(:early as double precision) * interval '1 second'
              and created_at >= now() - cast(:stale as double precision) * interval '1 second'
            order by put_at
            limit :limit
            for update skip locked
        )
        update notifications_due d set put_at = now()
        from late
        where d.message_id = late.message_id
        returning d.message_id
        """,
        early=EARLY,
        stale=STALE,
        limit=limit,
    )
