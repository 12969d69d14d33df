"""The subscriptions of devices to pushes."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row


class SubscriptionRow(Row, frozen=True):
    """A device that takes pushes, as its user sees it."""

    id: str
    device: str | None
    created_at: dt.datetime
    refreshed_at: dt.datetime


async def put(
    q: Queries,
    *,
    subscription_id: str,
    user_id: str,
    token_id: str,
    endpoint: str,
    public_key: str,
    auth: str,
    device: str | None,
    most: int,
) -> SubscriptionRow:
    """Keeps or renews the subscription with this endpoint; it is this user's from now on.

    Of more than `most` the user's least recently renewed go. Marks the user's rooms as those that notify, with their
    rows locked in the order in which writers of messages lock them.
    """
    row = await q.row(
        SubscriptionRow,
        """
        insert into push_subscriptions as s (id, user_id, token_id, endpoint, public_key, auth, device)
        values (:subscription_id, :user_id, :token_id, :endpoint, :public_key, :auth, :device)
        on conflict (endpoint) do update
        set user_id = excluded.user_id, token_id = excluded.token_id, public_key = excluded.public_key,
            auth = excluded.auth, device = excluded.device, refreshed_at = now(),
            id = case when s.user_id = excluded.user_id then s.id else excluded.id end
        returning id, device, created_at, refreshed_at
        """,
        subscription_id=subscription_id,
        user_id=user_id,
        token_id=token_id,
        endpoint=endpoint,
        public_key=public_key,
        auth=auth,
        device=device,
    )
    assert row is not None
    await q.value(
        """
        delete from push_subscriptions
        where id in (
            select id from push_subscriptions
            where user_id = :user_id and id <> :kept
            order by refreshed_at desc, id desc
            offset cast(:most as bigint) - 1
        )
        """,
        user_id=user_id,
        kept=row.id,
        most=most,
    )
    await q.value(
        """
        with mine as (
            select r.id from rooms r
            join room_members m on m.room_id = r.id and m.user_id = :user_id and m.state = 'member'
            where not r.notifies
            order by r.id
            for no key update of r
        )
        update rooms r set notifies = true from mine where r.id = mine.id
        """,
        user_id=user_id,
    )
    return row


async def of_user(q: Queries, user_id: str) -> list[SubscriptionRow]:
    """The subscriptions of a user, the last renewed first."""
    return await q.rows(
        SubscriptionRow,
        """
        select id, device, created_at, refreshed_at from push_subscriptions
        where user_id = :user_id
        order by refreshed_at desc, id desc
        """,
        user_id=user_id,
    )


async def remove(q: Queries, *, subscription_id: str, user_id: str) -> bool:
    """Removes a subscription of a user; false where there is no such one."""
    removed = await q.value(
        "delete from push_subscriptions where id = :id and user_id = :user_id returning id",
        id=subscription_id,
        user_id=user_id,
    )
    return removed is not None


async def remove_gone(q: Queries, *, subscription_id: str, endpoint: str) -> None:
    """Removes a subscription whose push service has forgotten it, unless it has another endpoint by now."""
    await q.value(
        "delete from push_subscriptions where id = :id and endpoint = :endpoint",
        id=subscription_id,
        endpoint=endpoint,
    )
