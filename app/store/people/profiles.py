"""What users tell of themselves: names, avatar, status and time zone."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row


class ProfileRow(Row, frozen=True):
    """A user's profile. A status that is over is none."""

    id: str
    username: str
    display_name: str | None
    avatar: str | None
    status_text: str | None
    status_until: dt.datetime | None
    time_zone: str | None


async def find(q: Queries, user_id: str) -> ProfileRow | None:
    """The profile of a user, as it is now."""
    return await q.row(
        ProfileRow,
        """
        select id, username, display_name, avatar,
               case when status_until is null or status_until > now() then status_text end as status_text,
               case when status_until > now() then status_until end as status_until, time_zone
        from users
        where id = :user_id
        """,
        user_id=user_id,
    )


async def change(
    q: Queries,
    user_id: str,
    *,
    display_name: str | None,
    avatar: str | None,
    status_text: str | None,
    status_until: dt.datetime | None,
    time_zone: str | None,
    words: str,
) -> None:
    """Gives a user's locked account another profile. `words` are what its names are found by, as a `tsvector`."""
    await q.value(
        """
        with indexed as (
            insert into user_words (user_id, words)
            values (:user_id, cast(cast(:words as text) as tsvector))
            on conflict (user_id) do update set words = excluded.words
        )
        update users
        set display_name = :display_name, avatar = :avatar, status_text = :status_text, status_until = :status_until,
            time_zone = :time_zone, modified_at = now(), words_version = coalesce(words_version, 0) + 1
        where id = :user_id
        """,
        user_id=user_id,
        display_name=display_name,
        avatar=avatar,
        status_text=status_text,
        status_until=status_until,
        time_zone=time_zone,
        words=words,
    )
