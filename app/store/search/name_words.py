"""The index of the names of rooms and people by their parts, which `app.search.names` makes."""

from collections.abc import Mapping, Sequence

from app.db.queries import Queries
from app.db.rows import Row
from app.store.people.accounts import UserRow


class NamedRoomRow(Row, frozen=True):
    """A room with its name."""

    id: str
    name: str


async def put_rooms(q: Queries, words: Mapping[str, str]) -> None:
    """Gives rooms their words, as `tsvector`s by the ids of the rooms."""
    await q.value(
        """
        insert into room_words (room_id, words)
        select id, cast(words as tsvector)
        from unnest(cast(:ids as text[]), cast(:words as text[])) as given (id, words)
        on conflict (room_id) do update set words = excluded.words
        """,
        ids=list(words),
        words=list(words.values()),
    )


async def put_users(q: Queries, words: Mapping[str, str]) -> None:
    """Gives users their words, as `put_rooms`."""
    await q.value(
        """
        insert into user_words (user_id, words)
        select id, cast(words as tsvector)
        from unnest(cast(:ids as text[]), cast(:words as text[])) as given (id, words)
        on conflict (user_id) do update set words = excluded.words
        """,
        ids=list(words),
        words=list(words.values()),
    )


async def rooms_named(q: Queries, room_ids: Sequence[str], asked: str) -> list[NamedRoomRow]:
    """Those of some rooms whose names fit."""
    return await q.rows(
        NamedRoomRow,
        """
        select r.id, r.name
        from room_words w
        join rooms r on r.id = w.room_id
        where w.room_id = any(cast(:room_ids as text[])) and w.words @@ cast(:asked as tsquery)
        """,
        room_ids=list(room_ids),
        asked=asked,
    )


LISTED = """
select u.id, u.username, u.display_name, u.avatar
from users u
where u.deleted_at is null and lower(u.username collate "C") > coalesce(
    (select lower(username collate "C") from users where id = cast(:after as text)), '')
"""


async def listed_users(q: Queries, *, after: str | None, limit: int) -> list[UserRow]:
    """All users by their names, from the user with the id `after` on."""
    return await q.rows(
        UserRow, f"""{LISTED} order by lower(u.username collate "C") limit :limit""", after=after, limit=limit
    )


async def users_with_part(
    q: Queries, asked: str, *, beginning: str, after: str | None, limit: int
) -> list[UserRow]:
    """Users with a name that fits, by their usernames, without those whose usernames have a `beginning`."""
    return await q.rows(
        UserRow,
        f"""
        with fitting as materialized (
            select user_id from user_words where words @@ (select cast(:asked as tsquery))
        )
        {LISTED} and u.id in (select user_id from fitting)
          and not starts_with(lower(u.username collate "C"), lower(cast(:beginning as text) collate "C"))
        order by lower(u.username collate "C")
        limit :limit
        """,  # noqa: S608 - of constants of this program
        asked=asked,
        beginning=beginning,
        after=after,
        limit=limit,
    )
