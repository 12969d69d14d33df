"""Sessions of users: a row for each bearer token that was issued, until it has expired.

Whether a session is open is what `store.tokens` says of its token; times of expiry are in seconds since 1970.
"""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row

NOTED_EVERY = 300  # seconds within which the use of a session is not written again


class SessionRow(Row, frozen=True):
    """An open session."""

    id: str
    user_agent: str | None
    created_at: dt.datetime
    last_seen_at: dt.datetime


async def insert(
    q: Queries,
    *,
    session_id: str,
    user_id: str,
    generation: int,
    issued_at: int,
    expires_at: int,
    user_agent: str | None,
) -> None:
    """Adds the session of a token that was issued."""
    await q.value(
        """
        insert into sessions (id, user_id, generation, user_agent, created_at, expires_at)
        values (:session_id, :user_id, :generation, :user_agent, to_timestamp(:issued_at), to_timestamp(:expires_at))
        on conflict do nothing
        """,
        session_id=session_id,
        user_id=user_id,
        generation=generation,
        issued_at=issued_at,
        expires_at=expires_at,
        user_agent=user_agent,
    )


async def note_use(
    q: Queries,
    *,
    token_ids: list[str],
    user_ids: list[str],
    generations: list[int],
    issued_at: list[int],
    expires_at: list[int],
) -> None:
    """Notes that tokens, given as parallel arrays, are in use, if that was not noted within `NOTED_EVERY`.

    A token that has no session yet, which an instance of an earlier version issued, gets one. `issued_at` is 0 where
    that is not known.
    """
    await q.value(
        """
        insert into sessions (id, user_id, generation, created_at, expires_at)
        select given.id, given.user_id, given.generation,
               case when given.issued_at > 0 then to_timestamp(given.issued_at) else now() end,
               to_timestamp(given.expires_at)
        from unnest(cast(:token_ids as text[]), cast(:user_ids as text[]), cast(:generations as integer[]),
                    cast(:issued_at as bigint[]), cast(:expires_at as bigint[]))
             as given (id, user_id, generation, issued_at, expires_at)
        join users u on u.id = given.user_id
        where not exists (
            select from sessions s
            where s.id = given.id and s.last_seen_at > now() - make_interval(secs => :every)
        )
        order by given.id
        on conflict (id) do update set last_seen_at = now()
        """,
        token_ids=token_ids,
        user_ids=user_ids,
        generations=generations,
        issued_at=issued_at,
        expires_at=expires_at,
        every=NOTED_EVERY,
    )


async def of_user(q: Queries, user_id: str, *, limit: int) -> list[SessionRow]:
    """The open sessions of a user, the last used first."""
    return await q.rows(
        SessionRow,
        """
        select s.id, s.user_agent, s.created_at, s.last_seen_at
        from sessions s
        join users u on u.id = s.user_id and u.token_generation = s.generation
        where s.user_id = :user_id and s.expires_at > now()
          and not exists (select from revoked_tokens r where r.jti = s.id)
        order by s.last_seen_at desc, s.id desc
        limit :limit
        """,
        user_id=user_id,
        limit=limit,
    )


async def end(q: Queries, *, session_id: str, user_id: str) -> bool:
    """Revokes the token of a user's open session, and ends the pushes to its device; false where there is none."""
    ended = await q.value(
        """
        with ended as (
            insert into revoked_tokens (jti, user_id, expires_at)
            select s.id, s.user_id, s.expires_at
            from sessions s
            join users u on u.id = s.user_id and u.token_generation = s.generation
            where s.id = :session_id and s.user_id = :user_id and s.expires_at > now()
            on conflict do nothing
            returning jti
        ), unsubscribed as (
            delete from push_subscriptions where token_id in (select jti from ended) and user_id = :user_id
        )
        select true from ended
        """,
        session_id=session_id,
        user_id=user_id,
    )
    return ended is not None


async def forget_expired(q: Queries) -> None:
    """Deletes the sessions whose tokens have expired, a day ago."""
    await q.value("delete from sessions where expires_at < now() - interval '1 day'")
