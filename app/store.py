"""All SQL of the chat but the migrations: one function a statement, the statement visible in it.

Every function takes the `Queries` to run on: a `Database` for a statement on its own, or what
`Database.transaction` gives to its work. Times are PostgreSQL's.

Whatever changes a room's log first locks the room's row (`lock_room`, `lock_rooms`), so the changes of one
room are made one after the other on all instances, and numbers without gaps come out. Rows of several rooms
are locked in the order of their ids, and always before rows of other tables, so nobody waits in a circle.
"""

from collections.abc import Sequence

from app.db import Queries, Row

# Users


async def insert_user(
    q: Queries, *, user_id: str, username: str, display_name: str | None, credential: str
) -> Row | None:
    """Adds an account; None when the name is taken in any case."""
    return await q.row(
        """
        insert into users (id, username, display_name, credential)
        values (:user_id, :username, :display_name, :credential)
        on conflict do nothing
        returning id, username, display_name, avatar, last_seen_at, created_at, modified_at
        """,
        user_id=user_id,
        username=username,
        display_name=display_name,
        credential=credential,
    )


async def user(q: Queries, user_id: str) -> Row | None:
    """One account, without its credential."""
    return await q.row(
        """
        select id, username, display_name, avatar, last_seen_at, created_at, modified_at
        from users
        where id = :user_id
        """,
        user_id=user_id,
    )


async def user_with_credential(q: Queries, username: str) -> Row | None:
    """One account by its name in any case, with the hash that its password must fit."""
    return await q.row(
        """
        select id, username, display_name, avatar, last_seen_at, created_at, modified_at, credential
        from users
        where lower(username collate "C") = lower(cast(:username as text) collate "C")
        """,
        username=username,
    )


# Rooms and memberships


async def insert_room(
    q: Queries, *, room_id: str, kind: str, name: str, description: str | None, created_by: str
) -> None:
    """Adds an empty room; its first change will be number 1."""
    await q.value(
        """
        insert into rooms (id, kind, name, description, created_by)
        values (:room_id, :kind, :name, :description, :created_by)
        """,
        room_id=room_id,
        kind=kind,
        name=name,
        description=description,
        created_by=created_by,
    )


async def lock_room(q: Queries, room_id: str) -> Row | None:
    """The room's row, held against every other change of its log until the transaction ends."""
    return await q.row("select id, kind from rooms where id = :room_id for no key update", room_id=room_id)


async def next_seq(q: Queries, room_id: str) -> int:
    """Takes the next number of the log of a locked room."""
    seq: int = await q.value(
        "update rooms set last_seq = last_seq + 1 where id = :room_id returning last_seq", room_id=room_id
    )
    return seq


async def room_of_member(q: Queries, room_id: str, user_id: str) -> Row | None:
    """A room with the membership that the user has in it now; None when there is none."""
    return await q.row(
        """
        select r.id, r.kind, r.name, r.description, r.created_by, r.last_seq, r.created_at, r.modified_at,
               m.role, m.joined_at, m.last_read_at, m.last_read_seq
        from room_members m
        join rooms r on r.id = m.room_id
        where m.room_id = :room_id and m.user_id = :user_id and m.state = 'member'
        """,
        room_id=room_id,
        user_id=user_id,
    )


async def rooms_of_user(q: Queries, user_id: str) -> list[Row]:
    """The public and private rooms that the user is a member of, by name."""
    return await q.rows(
        """
        select r.id, r.kind, r.name, r.description, r.created_by, r.last_seq, r.created_at, r.modified_at,
               m.role, m.joined_at, m.last_read_at, m.last_read_seq
        from room_members m
        join rooms r on r.id = m.room_id
        where m.user_id = :user_id and m.state = 'member' and r.kind <> 'direct'
        order by lower(r.name), r.id
        """,
        user_id=user_id,
    )


async def room_ids_of_user(q: Queries, user_id: str) -> list[str]:
    """The ids of all rooms of a user, direct ones included."""
    rows = await q.rows(
        "select room_id from room_members where user_id = :user_id and state = 'member'", user_id=user_id
    )
    return [row["room_id"] for row in rows]


async def member_rooms_among(q: Queries, user_id: str, room_ids: Sequence[str]) -> set[str]:
    """Those of the given rooms that the user is a member of."""
    rows = await q.rows(
        """
        select room_id from room_members
        where user_id = :user_id and state = 'member' and room_id = any(cast(:room_ids as text[]))
        """,
        user_id=user_id,
        room_ids=list(room_ids),
    )
    return {row["room_id"] for row in rows}


async def room_exists(q: Queries, room_id: str) -> bool:
    """Whether there is such a room."""
    return bool(await q.value("select true from rooms where id = :room_id", room_id=room_id))


async def member_state(q: Queries, room_id: str, user_id: str) -> Row | None:
    """How a user has to do with a room, tombstones and bans included; None when never."""
    return await q.row(
        "select state, role from room_members where room_id = :room_id and user_id = :user_id",
        room_id=room_id,
        user_id=user_id,
    )


async def other_members(q: Queries, room_id: str, user_id: str) -> Row:
    """Whether a room has other members, and other admins, than the user: `members` and `admins`."""
    row = await q.row(
        """
        select exists (
                   select from room_members
                   where room_id = :room_id and user_id <> :user_id and state = 'member'
               ) as members,
               exists (
                   select from room_members
                   where room_id = :room_id and user_id <> :user_id and state = 'member' and role = 'admin'
               ) as admins
        """,
        room_id=room_id,
        user_id=user_id,
    )
    assert row is not None
    return row


async def put_member(
    q: Queries, *, member_id: str, room_id: str, user_id: str, role: str, change_seq: int
) -> None:
    """Makes a user a member of a locked room, anew or again; what came before counts as read."""
    await q.value(
        """
        insert into room_members (id, room_id, user_id, role, change_seq, last_read_seq)
        values (:member_id, :room_id, :user_id, :role, :change_seq, :change_seq)
        on conflict (room_id, user_id) do update
        set role = excluded.role, state = 'member', change_seq = excluded.change_seq, joined_at = now(),
            left_at = null, changed_by = null, last_read_at = null, last_read_seq = excluded.last_read_seq
        """,
        member_id=member_id,
        room_id=room_id,
        user_id=user_id,
        role=role,
        change_seq=change_seq,
    )


async def mark_left(q: Queries, *, room_id: str, user_id: str, change_seq: int) -> None:
    """Turns a membership of a locked room into a tombstone."""
    await q.value(
        """
        update room_members
        set state = 'left', role = 'member', left_at = now(), change_seq = :change_seq, changed_by = null
        where room_id = :room_id and user_id = :user_id
        """,
        room_id=room_id,
        user_id=user_id,
        change_seq=change_seq,
    )


# Messages


async def message_seq(q: Queries, room_id: str, message_id: str) -> int | None:
    """The place of a message in its room, deleted or not; None when the room has no such message."""
    seq: int | None = await q.value(
        "select seq from messages where room_id = :room_id and id = :message_id",
        room_id=room_id,
        message_id=message_id,
    )
    return seq


async def history(q: Queries, room_id: str, *, before: int | None, limit: int) -> list[Row]:
    """The newest messages of a room, newest first, below the place `before` when one is given."""
    return await q.rows(
        """
        select m.id, m.room_id, m.sender_id, m.seq, m.change_seq, m.type, m.content, m.metadata, m.reply_to,
               m.client_id, m.created_at, m.modified_at, m.edited_at, m.deleted_at,
               u.username, u.display_name, u.avatar
        from messages m
        join users u on u.id = m.sender_id
        where m.room_id = :room_id and m.deleted_at is null
          and m.seq < coalesce(cast(:before as bigint), 9223372036854775807)
        order by m.seq desc
        limit :limit
        """,
        room_id=room_id,
        before=before,
        limit=limit,
    )


async def lock_rooms(q: Queries, room_ids: Sequence[str]) -> None:
    """Holds several rooms against every other change of their logs, in the order of their ids."""
    await q.rows(
        "select id from rooms where id = any(cast(:room_ids as text[])) order by id for no key update",
        room_ids=list(room_ids),
    )


async def append_messages(
    q: Queries,
    *,
    ids: list[str],
    room_ids: list[str],
    sender_ids: list[str],
    types: list[str],
    contents: list[str],
    metadata: list[str | None],
    client_ids: list[str | None],
) -> list[Row]:
    """Appends messages, given as parallel arrays in their order of arrival, to the logs of locked rooms.

    One row comes back for each, in that order, with its `verdict`: `created`; `repeated`, with the message
    that the sender's clientId already stands for; or `no_room`, `not_a_member`, `conflict` (that message is
    in another room) for one that was refused. No clientId may occur twice for a sender in one call.
    """
    return await q.rows(
        """
        with given as (
            select *
            from unnest(cast(:ids as text[]), cast(:room_ids as text[]), cast(:sender_ids as text[]),
                        cast(:types as text[]), cast(:contents as text[]), cast(:metadata as text[]),
                        cast(:client_ids as text[]))
                 with ordinality as given (id, room_id, sender_id, type, content, metadata, client_id, place)
        ), judged as (
            select g.*, r.last_seq, old.id as old_id,
                   case when old.room_id = g.room_id then 'repeated'
                        when old.id is not null then 'conflict'
                        when r.id is null then 'no_room'
                        when m.id is null then 'not_a_member'
                        else 'created' end as verdict
            from given g
            left join rooms r on r.id = g.room_id
            left join room_members m
                   on m.room_id = g.room_id and m.user_id = g.sender_id and m.state = 'member'
            left join messages old on old.sender_id = g.sender_id and old.client_id = g.client_id
        ), numbered as (
            select *, last_seq + row_number() over (partition by room_id order by place) as new_seq
            from judged
            where verdict = 'created'
        ), raised as (
            update rooms r
            set last_seq = n.last
            from (select room_id, max(new_seq) as last from numbered group by room_id) n
            where r.id = n.room_id
        ), created as (
            insert into messages (id, room_id, sender_id, seq, change_seq, type, content, metadata, client_id)
            select id, room_id, sender_id, new_seq, new_seq, type, content, cast(metadata as jsonb), client_id
            from numbered
            returning *
        ), known as (
            select * from created
            union all
            select m.* from messages m join judged j on j.old_id = m.id where j.verdict = 'repeated'
        )
        select j.verdict, k.id, k.room_id, k.sender_id, k.seq, k.change_seq, k.type, k.content, k.metadata,
               k.reply_to, k.client_id, k.created_at, k.modified_at, k.edited_at, k.deleted_at,
               u.username, u.display_name, u.avatar
        from judged j
        left join known k on k.id = coalesce(j.old_id, j.id)
        left join users u on u.id = k.sender_id
        order by j.place
        """,
        ids=ids,
        room_ids=room_ids,
        sender_ids=sender_ids,
        types=types,
        contents=contents,
        metadata=metadata,
        client_ids=client_ids,
    )
