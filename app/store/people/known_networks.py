"""Networks from which the owner of a name has signed in.

Each is kept as a keyed hash of the name and the network, for 90 days after the last sign-in from there; of a user the
last 20 are kept.
"""

from app.db.queries import Queries


async def is_known(q: Queries, place: str) -> bool:
    """True if the owner of a name has signed in from a network lately."""
    found = await q.value(
        "select true from known_networks where place = :place and seen_at > now() - interval '90 days'",
        place=place,
    )
    return found is not None


async def remember(q: Queries, *, user_id: str, place: str) -> None:
    """Notes that a user has signed in from a network. To see the same one again costs no write until a day later."""
    is_new = await q.value(
        """
        insert into known_networks (place, user_id)
        values (:place, :user_id)
        on conflict (place) do update set seen_at = now()
        where known_networks.seen_at < now() - interval '1 day'
        returning true
        """,
        place=place,
        user_id=user_id,
    )
    if is_new:
        await q.value(
            """
            delete from known_networks
            where user_id = :user_id
              and place not in (
                  select place from known_networks where user_id = :user_id order by seen_at desc, place limit 20
              )
            """,
            user_id=user_id,
        )


async def forget_old(q: Queries) -> None:
    """Deletes the networks without a sign-in for 90 days."""
    await q.value("delete from known_networks where seen_at < now() - interval '90 days'")
