"""Messages: what the batching writer appends, and what is changed later."""

import datetime as dt
from typing import Literal

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.field_types import Role, RoomKind
from app.store.log.direct_key import has_blocked_other, is_blocked_by_other, other_person
from app.store.log.message_rows import MessageRow

Verdict = Literal[
    "created",
    "repeated",
    "no_room",
    "not_a_member",
    "gone",
    "conflict",
    "archived",
    "blocking",
    "blocked",
    "no_reply_to",
    "no_file",
]


class AppendedRow(Row, frozen=True):
    """The outcome of a message that was to be appended.

    It was `created`, and is `message`; or `repeated`, and `repeated_id` is the one that the sender's clientId already
    stands for; or for what reason it was refused: `no_room`, `not_a_member`, `gone` (a member no more, and the clientId
    stands for a message of this room), `conflict` (for one of another room), `archived`, `blocking` (the sender has
    blocked the receiver of a direct message), `blocked` (the receiver has blocked the sender), `no_reply_to` or
    `no_file`. `is_due` says of a new one that it may notify somebody, which is noted with it.
    """

    verdict: Verdict
    repeated_id: str | None
    is_due: bool
    message: MessageRow | None


class ChangedMessageRow(Row, frozen=True):
    """The data that decide about a change of a message; `role` is the caller's, None for no member.

    In a direct conversation `blocking` says whether the caller has blocked the other person, `blocked` whether that
    person has blocked the caller. The room `is_archived`, or not, and `is_group` of the people who are in it.
    """

    room_id: str
    sender_id: str
    content: str
    change_seq: int
    deleted_at: dt.datetime | None
    kind: RoomKind
    role: Role | None
    has_files: bool
    thread_root_id: str | None
    is_archived: bool
    is_group: bool
    blocking: bool
    blocked: bool


async def append(
    q: Queries,
    *,
    ids: list[str],
    room_ids: list[str],
    sender_ids: list[str],
    types: list[str],
    contents: list[str],
    metadata: list[str | None],
    client_ids: list[str | None],
    reply_tos: list[str | None],
    also_to_rooms: list[bool],
    have_files: list[bool],
    words: list[str | None],
    notify_all: bool = False,
) -> list[AppendedRow]:
    """Appends messages, given as parallel arrays in their order of arrival, to the logs of locked rooms.

    One row comes back for each, in that order. No clientId may occur twice for a sender in one call. `also_to_rooms`
    is false only for replies that stand in their threads alone. `have_files` says
    whether the files that a message names, if any, are there to be attached. `words` are what it is found by, as
    `tsvector`s; None where they are made later. With `notify_all` all messages may notify somebody, otherwise those of
    rooms whose members have devices that take pushes.

    A message's time is that of this statement, which began after the rooms were locked, and never earlier than that of
    the message before it, whatever PostgreSQL's clock does. So times do not go back along `seq`.
    """
    return await q.rows(
        AppendedRow,
        f"""
        with given as (
            select *
            from unnest(cast(:ids as text[]), cast(:room_ids as text[]), cast(:sender_ids as text[]),
                        cast(:types as text[]), cast(:contents as text[]), cast(:metadata as text[]),
                        cast(:client_ids as text[]), cast(:reply_tos as text[]), cast(:also_to_rooms as boolean[]),
                        cast(:have_files as boolean[]), cast(:words as text[]))
                 with ordinality as given (id, room_id, sender_id, type, content, metadata, client_id, reply_to,
                                           also_to_room, has_files, words, place)
        ), judged as (
            select g.*, r.last_seq, old.id as old_id, r.notifies or cast(:notify_all as boolean) as notifies,
                   case when r.id is null then 'no_room'
                        when m.id is null then case when old.room_id = g.room_id then 'gone' else 'not_a_member' end
                        when old.room_id = g.room_id then 'repeated'
                        when old.id is not null then 'conflict'
                        when r.archived_at is not null then 'archived'
                        when {has_blocked_other("g.sender_id")} then 'blocking'
                        when {is_blocked_by_other("g.sender_id")} then 'blocked'
                        when g.reply_to is not null and not exists (
                            select from messages answered
                            where answered.id = g.reply_to and answered.room_id = g.room_id
                              and answered.deleted_at is null
                        ) then 'no_reply_to'
                        when not g.has_files then 'no_file'
                        else 'created' end as verdict
            from given g
            left join rooms r on r.id = g.room_id
            left join room_members m
                   on m.room_id = g.room_id and m.user_id = g.sender_id and m.state = 'member'
            left join lateral (
                select id, room_id from messages
                where sender_id = g.sender_id and client_id = g.client_id
                limit 1
            ) old on true
        ), numbered as (
            select *, last_seq + row_number() over (partition by room_id order by place) as new_seq,
                   greatest(statement_timestamp(), (
                       select last.created_at from messages last
                       where last.room_id = judged.room_id
                       order by last.seq desc
                       limit 1
                   )) as new_time
            from judged
            where verdict = 'created'
        ), raised as (
            update rooms r
            set last_seq = n.last, changed_minute = date_trunc('minute', now())
            from (select room_id, max(new_seq) as last from numbered group by room_id) n
            where r.id = n.room_id
        ), created as (
            insert into messages (id, room_id, sender_id, seq, change_seq, type, content, metadata, metadata_bytes,
                                  client_id, reply_to, also_to_room, created_at, modified_at, words_version)
            select id, room_id, sender_id, new_seq, new_seq, type, content, cast(metadata as jsonb),
                   octet_length(cast(cast(metadata as jsonb) as text)), client_id, reply_to,
                   also_to_room, new_time, new_time,
                   case when words is not null then 0 end
            from numbered
            returning *
        ), indexed as (
            insert into message_words (room_id, seq, change_seq, created_at, words)
            select room_id, new_seq, new_seq, new_time, cast(words as tsvector)
            from numbered
            where words is not null
        ), noted as (
            insert into notifications_due (message_id) select id from numbered where notifies
        )
        select j.verdict, case when j.verdict = 'repeated' then j.old_id end as repeated_id,
               coalesce(j.verdict = 'created' and j.notifies, false) as is_due,
               c.id, c.room_id, c.sender_id, c.seq, c.change_seq, c.type, c.content, c.metadata, c.reply_to,
               c.client_id, c.created_at, c.modified_at, c.edited_at, c.deleted_at,
               u.username, u.display_name, u.avatar, r.kind,
               {other_person("c.sender_id")} as receiver_id, c.thread_root_id, c.also_to_room
        from judged j
        left join created c on c.id = j.id
        left join users u on u.id = c.sender_id
        left join rooms r on r.id = c.room_id
        order by j.place
        """,  # noqa: S608 - of constants of this program
        ids=ids,
        room_ids=room_ids,
        sender_ids=sender_ids,
        types=types,
        contents=contents,
        metadata=metadata,
        client_ids=client_ids,
        reply_tos=reply_tos,
        also_to_rooms=also_to_rooms,
        have_files=have_files,
        words=words,
        notify_all=notify_all,
    )


async def ids_of_sender(q: Queries, user_id: str, *, after: str, limit: int) -> list[str]:
    """The ids of a user's messages in the order in which they were written, behind the id `after`."""
    return await q.column(
        str,
        "select id from messages where sender_id = :user_id and id > :after order by id limit :limit",
        user_id=user_id,
        after=after,
        limit=limit,
    )


async def lock_room(q: Queries, message_id: str) -> str | None:
    """Holds the room of a message against every other change of its log; returns its id, None for no message."""
    room_id: str | None = await q.value(
        """
        select r.id from rooms r
        join messages m on m.room_id = r.id
        where m.id = :message_id
        for no key update of r
        """,
        message_id=message_id,
    )
    return room_id


async def read_as(q: Queries, message_id: str, user_id: str) -> ChangedMessageRow:
    """The data that decide about a change of a message in a locked room by a user."""
    row = await q.row(
        ChangedMessageRow,
        f"""
        select m.room_id, m.sender_id, m.content, m.change_seq, m.deleted_at, r.kind, member.role,
               exists (select from files f where f.message_id = m.id) as has_files, m.thread_root_id,
               r.archived_at is not null as is_archived, r.group_key is not null as is_group,
               {has_blocked_other(":user_id")} as blocking, {is_blocked_by_other(":user_id")} as blocked
        from messages m
        join rooms r on r.id = m.room_id
        left join room_members member
               on member.room_id = m.room_id and member.user_id = :user_id and member.state = 'member'
        where m.id = :message_id
        """,  # noqa: S608 - of constants of this program
        message_id=message_id,
        user_id=user_id,
    )
    assert row is not None
    return row


async def edit(q: Queries, *, message_id: str, content: str, change_seq: int, has_words: bool) -> None:
    """Gives a message of a locked room another content; its words are made later unless it `has_words` already."""
    await q.value(
        """
        update messages
        set content = :content, change_seq = :change_seq, edited_at = now(), modified_at = now(),
            words_version = case when cast(:has_words as boolean) then coalesce(words_version, 0) + 1
                                 else words_version end
        where id = :message_id
        """,
        message_id=message_id,
        content=content,
        change_seq=change_seq,
        has_words=has_words,
    )


async def touch(q: Queries, *, message_id: str, change_seq: int) -> None:
    """Notes that what hangs on a message of a locked room has changed."""
    await q.value(
        "update messages set change_seq = :change_seq where id = :message_id",
        message_id=message_id,
        change_seq=change_seq,
    )


async def wipe(q: Queries, *, message_id: str, deleted_by: str, change_seq: int) -> dt.datetime:
    """Leaves of a message in a locked room only that it was there; returns since when. Its files see `store.files`."""
    deleted_at: dt.datetime = await q.value(
        """
        with reactions_gone as (
            delete from reactions where message_id = :message_id
        ), mentions_gone as (
            delete from mentions where message_id = :message_id
        ), words_gone as (
            delete from message_words w
            using messages m
            where m.id = :message_id and w.room_id = m.room_id and w.seq = m.seq
        )
        update messages
        set content = '', metadata = null, change_seq = :change_seq, deleted_by = :deleted_by,
            deleted_at = now(), modified_at = now(), words_version = coalesce(words_version, 0) + 1
        where id = :message_id
        returning deleted_at
        """,
        message_id=message_id,
        deleted_by=deleted_by,
        change_seq=change_seq,
    )
    return deleted_at
