"""Tokens: their users, and which of them are valid no longer.

A token is valid while it is of its user's current generation and is not among the revoked.
"""

from app.db.queries import Queries


async def revoke(q: Queries, *, token_id: str, user_id: str, expires_at: int) -> None:
    """Ends one token, until it would have expired anyway, and the pushes to devices that subscribed with it.

    `expires_at` is in seconds since 1970.
    """
    await q.value(
        """
        with unsubscribed as (
            delete from push_subscriptions where token_id = :token_id and user_id = :user_id
        )
        insert into revoked_tokens (jti, user_id, expires_at)
        values (:token_id, :user_id, to_timestamp(:expires_at))
        on conflict do nothing
        """,
        token_id=token_id,
        user_id=user_id,
        expires_at=expires_at,
    )


async def revoke_all(q: Queries, user_id: str) -> None:
    """Ends all tokens that a user has, and the pushes to the user's devices."""
    await q.value(
        """
        with unsubscribed as (
            delete from push_subscriptions where user_id = :user_id
        )
        update users set token_generation = token_generation + 1 where id = :user_id
        """,
        user_id=user_id,
    )


async def invalid_among(
    q: Queries, *, token_ids: list[str], user_ids: list[str], generations: list[int]
) -> list[str]:
    """The ids of those tokens, given as parallel arrays, that are not valid."""
    return await q.column(
        str,
        """
        select given.token_id
        from unnest(cast(:token_ids as text[]), cast(:user_ids as text[]), cast(:generations as integer[]))
             as given (token_id, user_id, generation)
        where not exists (
                  select from users u where u.id = given.user_id and u.token_generation = given.generation
              )
           or exists (select from revoked_tokens r where r.jti = given.token_id)
        """,
        token_ids=token_ids,
        user_ids=user_ids,
        generations=generations,
    )


async def forget_expired(q: Queries) -> None:
    """Deletes the revocations of tokens that have expired, a day ago: by then every instance's clock says so, too."""
    await q.value("delete from revoked_tokens where expires_at < now() - interval '1 day'")
