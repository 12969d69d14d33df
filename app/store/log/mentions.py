"""Mentions: the users that a message names."""

from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row


class MentionRow(Row, frozen=True):
    """A message, and a user that it names."""

    message_id: str
    user_id: str


async def put(
    q: Queries, message_ids: Sequence[str], *, names: Sequence[tuple[str, int, str]]
) -> list[MentionRow]:
    """Keeps the users that messages of locked rooms name now; returns those not named before.

    `names` has a message's id, a place in it, and a username in lower case; of several names of one place the longest
    counts that is another member's. No user is named in a direct conversation, where all is for the other anyway, nor
    by one whom they have blocked.
    """
    return await q.rows(
        MentionRow,
        """
        with named as (
            select distinct on (given.message_id, given.place) given.message_id, u.id as user_id
            from unnest(cast(:named_ids as text[]), cast(:places as integer[]), cast(:usernames as text[]))
                 as given (message_id, place, username)
            join messages m on m.id = given.message_id
            join rooms r on r.id = m.room_id and r.kind <> 'direct'
            join users u on lower(u.username collate "C") = given.username and u.id <> m.sender_id
            join room_members member
              on member.room_id = m.room_id and member.user_id = u.id and member.state = 'member'
            where not exists (select from user_blocks b where b.blocker_id = u.id and b.blocked_id = m.sender_id)
            order by given.message_id, given.place, char_length(given.username) desc
        ), named_no_longer as (
            delete from mentions old
            where old.message_id = any(cast(:message_ids as text[]))
              and not exists (
                  select from named n where n.message_id = old.message_id and n.user_id = old.user_id
              )
        )
        insert into mentions (message_id, user_id)
        select distinct message_id, user_id from named
        on conflict do nothing
        returning message_id, user_id
        """,
        message_ids=list(message_ids),
        named_ids=[message_id for message_id, _, _ in names],
        places=[place for _, place, _ in names],
        usernames=[username for _, _, username in names],
    )
