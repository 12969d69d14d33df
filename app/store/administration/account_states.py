"""What administrators decide about accounts: who administers, who is deactivated, and resets of passwords.

Of a deactivated account `credential` is a hash that no password fits, also for instances of before, and
`deactivated_credential` is the one that it had.
"""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row
from app.store.people.accounts import HAS_NAME, SessionAccountRow


class PersonRow(Row, frozen=True):
    """An account, as administrators see it."""

    id: str
    username: str
    display_name: str | None
    is_administrator: bool
    deactivated_at: dt.datetime | None
    deleted_at: dt.datetime | None
    created_at: dt.datetime
    last_seen_at: dt.datetime | None


class OfferedResetRow(Row, frozen=True):
    """A user who may set their password anew."""

    user_id: str
    username: str
    expires_at: dt.datetime


COLUMNS = "id, username, display_name, is_administrator, deactivated_at, deleted_at, created_at, last_seen_at"
PERSON = f"select {COLUMNS} from users"  # noqa: S608 - of constants of this program


async def lock_by_name(q: Queries, username: str) -> PersonRow | None:
    """Holds the account with a name in any case until the transaction ends."""
    return await q.row(PersonRow, f"{PERSON} where {HAS_NAME} for no key update", username=username)


async def find(q: Queries, user_id: str) -> PersonRow | None:
    """One account."""
    return await q.row(PersonRow, f"{PERSON} where id = :user_id", user_id=user_id)


async def listed(q: Queries, search: str, *, after: str, limit: int) -> list[PersonRow]:
    """Accounts whose username or display name has a text in it, in any case, by id, behind the id `after`."""
    return await q.rows(
        PersonRow,
        f"""
        {PERSON}
        where id > :after
          and position(lower(cast(:search as text)) in lower(username || ' ' || coalesce(display_name, ''))) > 0
        order by id
        limit :limit
        """,
        search=search,
        after=after,
        limit=limit,
    )


async def set_administrator(q: Queries, user_id: str, *, is_administrator: bool) -> None:
    """Makes a user an administrator, or no longer one."""
    await q.value(
        "update users set is_administrator = :is_administrator where id = :user_id",
        user_id=user_id,
        is_administrator=is_administrator,
    )


async def deactivate(q: Queries, user_id: str, *, unusable: str) -> None:
    """Ends all tokens of an active account and the pushes to its devices, and keeps its password away.

    `unusable` is a hash of chance.
    """
    await q.value(
        """
        with unsubscribed as (
            delete from push_subscriptions where user_id = :user_id
        )
        update users
        set deactivated_at = now(), deactivated_credential = credential, credential = :unusable,
            token_generation = token_generation + 1
        where id = :user_id and deactivated_at is null
        """,
        user_id=user_id,
        unusable=unusable,
    )


async def reactivate(q: Queries, user_id: str) -> None:
    """Gives a deactivated account its password back."""
    await q.value(
        """
        update users
        set deactivated_at = null, credential = deactivated_credential, deactivated_credential = null
        where id = :user_id and deactivated_at is not null
        """,
        user_id=user_id,
    )


async def put_reset(q: Queries, user_id: str, *, token_hash: str, seconds: int) -> dt.datetime:
    """Lets whoever has a token set the user's password, once, for so many seconds, in place of an earlier token."""
    expires_at: dt.datetime = await q.value(
        """
        insert into password_resets (user_id, token_hash, expires_at)
        values (:user_id, :token_hash, now() + make_interval(secs => :seconds))
        on conflict (user_id) do update set token_hash = excluded.token_hash, expires_at = excluded.expires_at
        returning expires_at
        """,
        user_id=user_id,
        token_hash=token_hash,
        seconds=seconds,
    )
    return expires_at


async def offer_reset(
    q: Queries, username: str, *, token_hash: str, seconds: int, one_in: int
) -> OfferedResetRow | None:
    """As `put_reset` for the active account with a name, if there is one and its last token is older than `one_in` s.

    A token that is good for longer stays.
    """
    return await q.row(
        OfferedResetRow,
        f"""
        with offered as (
            insert into password_resets as r (user_id, token_hash, expires_at)
            select id, :token_hash, now() + make_interval(secs => :seconds)
            from users
            where {HAS_NAME} and deactivated_at is null
            on conflict (user_id) do update set token_hash = excluded.token_hash, expires_at = excluded.expires_at
            where r.expires_at <= now() + make_interval(secs => :seconds) - make_interval(secs => :one_in)
            returning user_id, expires_at
        )
        select o.user_id, u.username, o.expires_at from offered o join users u on u.id = o.user_id
        """,  # noqa: S608 - of constants of this program
        username=username,
        token_hash=token_hash,
        seconds=seconds,
        one_in=one_in,
    )


async def has_reset(q: Queries, token_hash: str) -> bool:
    """True if a token can set a password."""
    found = await q.value(
        "select true from password_resets where token_hash = :token_hash and expires_at > now()",
        token_hash=token_hash,
    )
    return found is not None


async def reset(q: Queries, *, token_hash: str, credential: str) -> SessionAccountRow | None:
    """Takes a token, sets the password and ends all sessions; None if it is no good, or the user is deactivated."""
    return await q.row(
        SessionAccountRow,
        """
        with taken as (
            delete from password_resets where token_hash = :token_hash and expires_at > now() returning user_id
        )
        update users
        set credential = :credential, token_generation = token_generation + 1, modified_at = now()
        from taken
        where id = taken.user_id and deactivated_at is null
        returning id, username, display_name, avatar, last_seen_at, created_at, modified_at, is_administrator,
                  token_generation
        """,
        token_hash=token_hash,
        credential=credential,
    )
