"""Threads of what was replied before there were threads, and of what instances of then still write."""

from typing import Any

import asyncpg

from app.db.migrations import migrate, schema_path
from tests.support.postgres_servers import connected

BEFORE = """
insert into users (id, username, credential) values
    ('ann', 'ann.', '-'), ('bob', 'bob', '-'), ('eve', 'eve', '-'), ('dan', 'dan', '-'), ('kim', 'kim', '-');
insert into rooms (id, kind, name, created_by, last_seq) values ('room', 'public', 'a room', 'ann', 7);
insert into rooms (id, kind, direct_key, created_by, last_seq) values ('talk', 'direct', 'ann:bob', 'ann', 2);
insert into room_members (id, room_id, user_id, change_seq) values
    ('m1', 'room', 'ann', 1), ('m2', 'talk', 'ann', 0), ('m3', 'talk', 'bob', 1);
insert into messages (id, room_id, sender_id, seq, change_seq, content, reply_to, deleted_at) values
    ('root', 'room', 'ann', 2, 2, '@dan', null, null),
    ('reply', 'room', 'bob', 3, 3, 'a reply', 'root', null),
    ('of reply', 'room', 'eve', 4, 4, '@kim', 'reply', null),
    ('gone', 'room', 'bob', 5, 7, '', 'of reply', now()),
    ('other', 'room', 'bob', 6, 6, 'nothing to do with it', null, null),
    ('direct', 'talk', 'ann', 2, 2, 'between us', null, null);
insert into mentions (message_id, user_id, room_id, seq, via) values
    ('root', 'dan', 'room', 2, 'name'), ('of reply', 'kim', 'room', 4, 'name');
"""
THREADS = "select root_id, reply_count, last_reply_seq, change_seq from threads order by root_id"
FOLLOWERS = """
select user_id, last_read_seq from thread_followers where root_id = $1 and is_following order by user_id
"""


async def rows(connection: "asyncpg.Connection[Any]", statement: str, *args: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(statement, *args)]


async def reply(
    connection: "asyncpg.Connection[Any]", name: str, sender: str, to: str, seq: int, *mentioned: str
) -> None:
    """As an instance of before writes one in a transaction of its own: it knows neither of roots nor of threads."""
    async with connection.transaction():
        room = await connection.fetchval("select room_id from messages where id = $1", to)
        await connection.execute(
            "insert into messages (id, room_id, sender_id, seq, change_seq, content, reply_to)"
            " values ($1, $2, $3, $4, $4, 'new', $5)",
            name,
            room,
            sender,
            seq,
            to,
        )
        for user in mentioned:
            await connection.execute("insert into mentions (message_id, user_id) values ($1, $2)", name, user)


async def test_replies_of_before_are_threads_and_those_of_older_instances_become_some(
    empty_database_url: str,
) -> None:
    schema = schema_path().read_text("utf-8")
    await migrate(empty_database_url, schema[: schema.index(": threads\n")].rpartition("\n")[0])
    async with connected(empty_database_url) as connection:
        await connection.execute(BEFORE)
        assert await migrate(empty_database_url)
        roots = await rows(
            connection, "select id, thread_root_id from messages where thread_root_id is not null"
        )
        assert dict(roots) == {"reply": "root", "of reply": "root", "gone": "root"}
        assert await rows(connection, THREADS) == [("root", 2, 4, 7)]
        everybody = ["ann", "bob", "dan", "eve", "kim"]
        assert await rows(connection, FOLLOWERS, "root") == [(user, 7) for user in everybody]
        assert (
            await connection.fetchval("select unread from shown_rooms where user_id = 'ann' and id = 'room'")
            == 3
        )

        # What an instance of before writes beside new ones.
        await reply(connection, "late", "bob", "of reply", 8)
        assert await rows(connection, THREADS) == [("root", 3, 8, 8)]
        await reply(connection, "asking", "ann", "other", 9, "kim")
        assert await rows(connection, THREADS) == [("other", 1, 9, 9), ("root", 3, 8, 8)]
        assert await rows(connection, FOLLOWERS, "other") == [("ann", 8), ("bob", 8), ("kim", 8)]
        await connection.execute("update thread_followers set is_following = false where root_id = 'other'")
        await reply(connection, "again", "bob", "asking", 10, "kim", "eve")
        assert await rows(connection, FOLLOWERS, "other") == [("bob", 9), ("eve", 9)]
        await connection.execute("update messages set content = '@dan', change_seq = 11 where id = 'again'")
        async with connection.transaction():
            await connection.execute("insert into mentions (message_id, user_id) values ('again', 'dan')")
            await connection.execute(
                "update messages set content = 'to @dan', change_seq = 12 where id = 'again'"
            )
        assert await rows(connection, FOLLOWERS, "other") == [("bob", 9), ("dan", 9), ("eve", 9)]
        for number, name in enumerate(("again", "asking", "again"), 13):
            await connection.execute(
                "update messages set content = '', deleted_at = now(), change_seq = $2 where id = $1",
                name,
                number,
            )
        assert await rows(connection, THREADS) == [("other", 0, None, 14), ("root", 3, 8, 8)]
        await reply(connection, "to both", "ann", "direct", 3)
        assert await rows(connection, FOLLOWERS, "direct") == [("ann", 2), ("bob", 2)]
        await connection.execute("delete from rooms where id = 'room'")
        assert await rows(connection, THREADS) == [("direct", 1, 3, 3)]
