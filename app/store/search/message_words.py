"""The index of the words of messages, and how it is searched.

PostgreSQL's index of words (GIN) knows no order: a search that is left to it fetches every message that has a frequent
word, to sort out the newest. So messages are first read one by one from the newest on, up to a number (`newest`,
`newest_of_room`, `newest_of_rooms`). Where a word is frequent, that fills a page. Where it does not, few messages have
the words, and the index finds them (`indexed`).

Each statement can be run in one way alone. The query is behind a `select`, so its words do not change the plan, and the
limits are inside, where the planner cannot reorder them.
"""

import datetime as dt
from collections.abc import Sequence

from msgspec import Struct

from app.db.queries import Queries
from app.db.rows import Row
from app.store.log.message_rows import SHOWN_MESSAGE, PagedMessageRow
from app.store.log.pages import MAX_PAGE, ended_by_size


class MessagePlace(Row, frozen=True):
    """The place of a message: in its room by number, among all by time and, of one time, by room and number.

    Times do not go back along the numbers of a room, except among messages of before that was seen to.
    """

    room_id: str
    seq: int
    created_at: dt.datetime


class Span(Struct, frozen=True):
    """The messages that may be found: older than `before`, sent at `since` or later and before `until`."""

    before: MessagePlace | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


class WordsOfMessage(Struct, frozen=True):
    """The words of a message as a `tsvector`, and the last change of the message when it had them."""

    id: str
    change_seq: int
    words: str


class SeenPlace(Row, frozen=True):
    """A place that was found, or none; `complete` if there is no more to find than what comes with it."""

    complete: bool
    place: MessagePlace | None


NEWEST_FIRST = "created_at desc, room_id desc, seq desc"
FITS = "words @@ (select cast(:asked as tsquery))"
# Within `coalesce` it is no join, which would be made by comparing each with each, but a look into a hash table.
OF_MINE = "coalesce(room_id in (select room_id from mine), false)"
WITHIN = """
case when cast(:room_id as text) is null then true
     when cast(:of_one_room as boolean) then seq < cast(:seq as bigint)
     else (created_at, room_id, seq) < (cast(:created_at as timestamptz), cast(:room_id as text), cast(:seq as bigint))
end
and created_at >= coalesce(cast(:since as timestamptz), '-infinity')
and created_at < coalesce(cast(:until as timestamptz), 'infinity')
"""


def _values(span: Span, *, of_one_room: bool = False) -> dict[str, object]:
    before = span.before
    return {
        "of_one_room": of_one_room,
        "room_id": before and before.room_id,
        "seq": before and before.seq,
        "created_at": before and before.created_at,
        "since": span.since,
        "until": span.until,
    }


async def newest_of_room(
    q: Queries, room_id: str, asked: str, span: Span, *, limit: int, most: int
) -> list[MessagePlace]:
    """Those of the newest `most` messages of a room in a span that fit, newest first."""
    return await q.rows(
        MessagePlace,
        f"""
        select room_id, seq, created_at
        from (
            select * from message_words
            where room_id = :of_room and seq < coalesce(cast(:seq as bigint), 9223372036854775807)
            order by seq desc
            limit :most
        ) walked
        where {FITS} and {WITHIN}
        order by seq desc
        limit :limit
        """,  # noqa: S608 - of constants of this program
        of_room=room_id,
        asked=asked,
        limit=limit,
        most=most,
        **_values(span, of_one_room=True),
    )


async def has_more_than(q: Queries, room_id: str, most: int, before: MessagePlace | None) -> bool:
    """True if a room has more than `most` messages in the index, older than a place if one is given."""
    return bool(
        await q.value(
            """
            select exists (
                select from message_words
                where room_id = :of_room and seq < coalesce(cast(:seq as bigint), 9223372036854775807)
                order by seq desc
                offset :most
            )
            """,
            of_room=room_id,
            seq=before and before.seq,
            most=most,
        )
    )


async def newest_of_rooms(
    q: Queries, room_ids: Sequence[str], asked: str, span: Span, *, limit: int, each: int
) -> tuple[list[MessagePlace], bool]:
    """Of the newest `each` messages of each room those that fit, newest first, and whether that is all there is.

    None is older than a message that was not looked at.
    """
    rows = await q.rows(
        SeenPlace,
        f"""
        with walked as materialized (
            select w.*
            from unnest(cast(:room_ids as text[])) as mine (room_id)
            cross join lateral (
                select * from message_words
                where room_id = mine.room_id
                  and seq < case when room_id = cast(:room_id as text) then cast(:seq as bigint)
                                 else 9223372036854775807 end
                order by seq desc
                limit :each
            ) w
        ), cut as (
            select max(oldest) as looked_at_after
            from (select min(created_at) as oldest from walked group by room_id having count(*) >= :each) full_rooms
        )
        select cut.looked_at_after is null as complete, found.room_id, found.seq, found.created_at
        from cut
        left join lateral (
            select room_id, seq, created_at from walked
            where {FITS} and {WITHIN} and created_at > coalesce(cut.looked_at_after, '-infinity')
            order by {NEWEST_FIRST}
            limit :limit
        ) found on true
        order by {NEWEST_FIRST}
        """,  # noqa: S608 - of constants of this program
        room_ids=list(room_ids),
        asked=asked,
        limit=limit,
        each=each,
        **_values(span),
    )
    return [row.place for row in rows if row.place is not None], all(row.complete for row in rows)


async def newest(
    q: Queries, room_ids: Sequence[str], asked: str, span: Span, *, limit: int, most: int
) -> list[MessagePlace]:
    """Those of the newest `most` messages of all rooms that fit and are in one of the given rooms, newest first."""
    return await q.rows(
        MessagePlace,
        f"""
        with mine as materialized (select unnest(cast(:room_ids as text[])) as room_id)
        select room_id, seq, created_at
        from (
            select * from message_words
            where created_at <= coalesce(cast(:created_at as timestamptz), 'infinity')
              and created_at < coalesce(cast(:until as timestamptz), 'infinity')
            order by {NEWEST_FIRST}
            limit :most
        ) walked
        where {FITS} and {WITHIN} and {OF_MINE}
        order by {NEWEST_FIRST}
        limit :limit
        """,  # noqa: S608 - of constants of this program
        room_ids=list(room_ids),
        asked=asked,
        limit=limit,
        most=most,
        **_values(span),
    )


async def indexed(
    q: Queries, room_ids: Sequence[str], asked: str, span: Span, *, limit: int
) -> list[MessagePlace]:
    """Messages of rooms that fit, newest first, as the index of words finds them; those of one room by number alone."""
    return await q.rows(
        MessagePlace,
        f"""
        with mine as materialized (
            select unnest(cast(:room_ids as text[])) as room_id
        )
        select room_id, seq, created_at
        from (
            select room_id, seq, created_at from message_words where {FITS}
            offset 0 -- so that no other index is chosen for what is asked for around it
        ) fitting
        where {WITHIN} and {OF_MINE}
        order by case when cast(:of_one_room as boolean) then null else created_at end desc, room_id desc, seq desc
        limit :limit
        """,  # noqa: S608 - of constants of this program
        room_ids=list(room_ids),
        asked=asked,
        limit=limit,
        **_values(span, of_one_room=len(room_ids) == 1),
    )


async def place_of(q: Queries, room_ids: Sequence[str], message_id: str) -> MessagePlace | None:
    """The place of a message, deleted or not, in one of the rooms."""
    return await q.row(
        MessagePlace,
        """
        select room_id, seq, created_at from messages
        where id = :message_id and room_id = any(cast(:room_ids as text[]))
        """,
        message_id=message_id,
        room_ids=list(room_ids),
    )


SHOWN = ended_by_size(
    SHOWN_MESSAGE,
    """
    select shown_messages.*, place
    from unnest(cast(:room_ids as text[]), cast(:seqs as bigint[])) with ordinality as found (of_room, number, place)
    join shown_messages on room_id = of_room and seq = number
    where deleted_at is null
    """,
    "place",
)


async def shown(
    q: Queries, places: Sequence[MessagePlace], *, max_bytes: int = MAX_PAGE
) -> list[PagedMessageRow]:
    """The messages at some places, in their order, without the deleted ones: see `ended_by_size`."""
    return await q.rows(
        PagedMessageRow,
        SHOWN,
        room_ids=[place.room_id for place in places],
        seqs=[place.seq for place in places],
        max_bytes=max_bytes,
    )


async def put(q: Queries, words: Sequence[WordsOfMessage]) -> None:
    """Gives messages that are there their words. What has words of a later change keeps them."""
    await q.value(
        """
        insert into message_words (room_id, seq, change_seq, created_at, words)
        select m.room_id, m.seq, given.change_seq, m.created_at, cast(given.words as tsvector)
        from unnest(cast(:ids as text[]), cast(:change_seqs as bigint[]), cast(:words as text[]))
             as given (id, change_seq, words)
        join messages m on m.id = given.id
        on conflict (room_id, seq) do update
        set words = excluded.words, change_seq = excluded.change_seq
        where message_words.change_seq <= excluded.change_seq
        """,
        ids=[message.id for message in words],
        change_seqs=[message.change_seq for message in words],
        words=[message.words for message in words],
    )


async def remove(q: Queries, message_ids: Sequence[str]) -> None:
    """Takes messages out of the index."""
    await q.value(
        """
        delete from message_words w using messages m
        where m.id = any(cast(:ids as text[])) and w.room_id = m.room_id and w.seq = m.seq
        """,
        ids=list(message_ids),
    )
