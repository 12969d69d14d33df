"""Mentions: the users that a message names, or calls as a group."""

from collections.abc import Sequence
from typing import Literal

from app.db.queries import Queries
from app.db.rows import Row
from app.store.log.message_rows import SHOWN_MESSAGE, PagedMessageRow
from app.store.log.pages import MAX_PAGE, ended_by_size

Group = Literal["all", "here"]


class MentionRow(Row, frozen=True):
    """A message, and a user that it mentions: by `name`, or as one of a group."""

    message_id: str
    user_id: str
    via: Literal["name", "all", "here"]


async def put(
    q: Queries,
    message_ids: Sequence[str],
    *,
    names: Sequence[tuple[str, int, str]],
    groups: Sequence[tuple[str, Group]] = (),
    called: Sequence[tuple[str, str]] = (),
) -> list[MentionRow]:
    """Keeps the users that messages of locked rooms mention now; returns those not mentioned before.

    `names` has a message's id, a place in it, and a username in lower case; of several names of one place the longest
    counts that is another member's, or a group that the message may call: `groups` has those, with the message's id,
    and `called` the ids of the users, of whom the members count. Nobody is mentioned in a direct conversation, where
    all is for the other anyway, nor by one whom they have blocked.
    """
    return await q.rows(
        MentionRow,
        """
        with given as (
            select given.message_id, given.place, given.username, m.room_id, m.seq, m.sender_id, m.also_to_room
            from unnest(cast(:named_ids as text[]), cast(:places as integer[]), cast(:usernames as text[]))
                 as given (message_id, place, username)
            join messages m on m.id = given.message_id
            join rooms r on r.id = m.room_id and r.kind <> 'direct'
        ), meant as (
            select distinct on (message_id, place) message_id, room_id, seq, sender_id, also_to_room, user_id, via
            from (
                select given.*, u.id as user_id, 'name' as via
                from given
                join users u on lower(u.username collate "C") = given.username and u.id <> given.sender_id
                join room_members member
                  on member.room_id = given.room_id and member.user_id = u.id and member.state = 'member'
                union all
                select given.*, null, given.username
                from given
                join unnest(cast(:group_ids as text[]), cast(:groups as text[])) as called (message_id, name)
                  on called.message_id = given.message_id and called.name = given.username
            ) possible
            order by message_id, place, char_length(username) desc, via = 'name' desc
        ), mentioned as (
            select distinct on (message_id, user_id) message_id, user_id, room_id, seq, also_to_room, via
            from (
                select message_id, room_id, seq, sender_id, also_to_room, user_id, via from meant where via = 'name'
                union all
                select meant.message_id, meant.room_id, meant.seq, meant.sender_id, meant.also_to_room, member.user_id,
                       meant.via
                from meant
                join room_members member
                  on member.room_id = meant.room_id and member.state = 'member' and member.user_id <> meant.sender_id
                join unnest(cast(:called_ids as text[]), cast(:called_users as text[])) as called (message_id, user_id)
                  on called.message_id = meant.message_id and called.user_id = member.user_id
                where meant.via <> 'name'
            ) anyhow
            where not exists (
                select from user_blocks b where b.blocker_id = anyhow.user_id and b.blocked_id = anyhow.sender_id
            )
            order by message_id, user_id, via = 'name' desc, via
        ), mentioned_no_longer as (
            delete from mentions old
            where old.message_id = any(cast(:message_ids as text[]))
              and not exists (
                  select from mentioned n where n.message_id = old.message_id and n.user_id = old.user_id
              )
        ), otherwise as (
            update mentions old
            set via = n.via
            from mentioned n
            where n.message_id = old.message_id and n.user_id = old.user_id and n.via <> old.via
        )
        insert into mentions (message_id, user_id, room_id, seq, in_thread, via)
        select message_id, user_id, room_id, seq, not also_to_room, via from mentioned
        on conflict do nothing
        returning message_id, user_id, via
        """,
        message_ids=list(message_ids),
        named_ids=[message_id for message_id, _, _ in names],
        places=[place for _, place, _ in names],
        usernames=[username for _, _, username in names],
        group_ids=[message_id for message_id, _ in groups],
        groups=[group for _, group in groups],
        called_ids=[message_id for message_id, _ in called],
        called_users=[user_id for _, user_id in called],
    )


async def callable_by(q: Queries, room_id: str, user_id: str, *, most: int) -> list[str]:
    """The members of a room, if the user is one of its admins and there are not more than `most`; else none."""
    user_ids = await q.column(
        str,
        """
        select member.user_id
        from room_members member
        join rooms r on r.id = member.room_id and r.kind <> 'direct'
        join room_members admin
          on admin.room_id = r.id and admin.user_id = :user_id and admin.state = 'member' and admin.role = 'admin'
        where member.room_id = :room_id and member.state = 'member'
        limit :most + 1
        """,
        room_id=room_id,
        user_id=user_id,
        most=most,
    )
    return user_ids if len(user_ids) <= most else []


async def called(q: Queries, message_id: str) -> list[str]:
    """The users whom a message mentions as some of a group."""
    return await q.column(
        str,
        "select user_id from mentions where message_id = :message_id and via <> 'name'",
        message_id=message_id,
    )


INBOX = ended_by_size(
    SHOWN_MESSAGE,
    """
    select shown_messages.* from mentions n
    join room_members member
      on member.room_id = n.room_id and member.user_id = n.user_id and member.state = 'member'
    join shown_messages on shown_messages.id = n.message_id
    where n.user_id = :user_id and n.message_id < coalesce(cast(:before as text), 'z')
    order by n.message_id desc
    limit :limit
    """,
    "id desc",
)


async def of_user(
    q: Queries, user_id: str, *, before: str | None, limit: int, max_bytes: int = MAX_PAGE
) -> list[PagedMessageRow]:
    """Messages of the user's rooms that mention the user, newest first, older than `before`: see `ended_by_size`."""
    return await q.rows(
        PagedMessageRow, INBOX, user_id=user_id, before=before, limit=limit, max_bytes=max_bytes
    )
