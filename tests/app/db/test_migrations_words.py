"""What people had written before mentions had places, names were checked and each emoji was one reaction."""

from app.db.migrations import migrate, schema_path
from tests.support.postgres_servers import connected

BLOCK = "mentions by room, groups that are mentioned, and one kind for one emoji"
BEFORE = """
insert into users (id, username, display_name, credential) values
    ('ann', 'ann.', E' Ann\\nLee \\u202E', '-'), ('bob', 'bob', E'\\u202E\\u2066', '-'), ('eve', 'eve', 'Eve', '-');
insert into rooms (id, kind, name, created_by, last_seq) values ('room', 'public', E'a\\u202Eroom', 'ann', 3);
insert into room_members (id, room_id, user_id, change_seq) values ('m', 'room', 'ann', 1);
insert into messages (id, room_id, sender_id, seq, change_seq, content) values
    ('one', 'room', 'bob', 2, 2, '@ann.'), ('two', 'room', 'bob', 3, 3, 'two');
insert into mentions (message_id, user_id) values ('one', 'ann');
insert into reactions (message_id, kind, user_id, created_at) values
    ('one', E'\\u2764', 'ann', '2026-01-02'), ('one', E'\\u2764\\uFE0F', 'ann', '2026-01-03'),
    ('one', E'\\u2764', 'bob', '2026-01-01'), ('one', E'\\U0001F44D\\uFE0F', 'eve', '2026-01-04'),
    ('two', '+1', 'ann', '2026-01-05');
"""


async def test_reactions_are_merged_names_are_plain_and_mentions_have_places(empty_database_url: str) -> None:
    schema = schema_path().read_text("utf-8")
    await migrate(empty_database_url, schema[: schema.index(f": {BLOCK}")].rpartition("\n")[0])
    async with connected(empty_database_url) as connection:
        await connection.execute(BEFORE)
        assert await migrate(empty_database_url)
        reactions = (
            "select message_id, kind, user_id, created_at::date::text from reactions order by created_at"
        )
        assert [tuple(row) for row in await connection.fetch(reactions)] == [
            ("one", "❤\ufe0f", "bob", "2026-01-01"),
            ("one", "❤\ufe0f", "ann", "2026-01-03"),  # which was written so
            ("one", "👍", "eve", "2026-01-04"),
            ("two", "+1", "ann", "2026-01-05"),
        ]
        log = "select id, change_seq, (select last_seq from rooms) from messages order by id"
        assert [tuple(row) for row in await connection.fetch(log)] == [("one", 4, 4), ("two", 3, 4)]
        names = "select display_name from users order by id"
        assert [row[0] for row in await connection.fetch(names)] == ["Ann Lee", None, "Eve"]
        assert await connection.fetchval("select name from rooms") == "aroom"
        # What an instance of before writes beside new ones.
        await connection.execute("insert into mentions (message_id, user_id) values ('two', 'ann')")
        mentions = "select message_id, room_id, seq, via from mentions order by seq"
        assert [tuple(row) for row in await connection.fetch(mentions)] == [
            ("one", "room", 2, "name"),
            ("two", "room", 3, "name"),
        ]
        assert await connection.fetchval("select mentions from shown_rooms where user_id = 'ann'") == 2
        for kind in ("\u2764", "\u2764\ufe0f", "\U0001f44d\ufe0f"):
            await connection.execute(
                "insert into reactions (message_id, kind, user_id) values ('one', $1, 'ann')"
                " on conflict do nothing",
                kind,
            )
        kinds = "select kind from reactions where message_id = 'one' and user_id = 'ann' order by kind"
        assert [row[0] for row in await connection.fetch(kinds)] == ["❤\ufe0f", "👍"]
