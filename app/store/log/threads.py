"""Threads: the replies that gather under a message, and what is counted of them.

Triggers of schema.sql write them with the replies.
"""

import datetime as dt
from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row
from app.store.log.message_rows import SHOWN_MESSAGE, PagedMessageRow
from app.store.log.pages import MAX_PAGE, ended_by_size


class ThreadRow(Row, frozen=True):
    """A message that was replied to, and its replies that are not deleted; `last_*` are None where none is left.

    `thread_change_seq` is the number of the last change that added a reply or took one away.
    """

    thread_id: str
    reply_count: int
    last_reply_seq: int | None
    last_reply_at: dt.datetime | None
    thread_change_seq: int


class RootRow(Row, frozen=True):
    """The root of a thread, and its room."""

    room_id: str
    root_id: str


THREADS = """
select root_id as thread_id, reply_count, last_reply_seq, last_reply_at, change_seq as thread_change_seq
from threads
where root_id = any(cast(:root_ids as text[]))
"""


async def read(q: Queries, root_ids: Sequence[str]) -> list[ThreadRow]:
    """The threads of these roots, in no order."""
    return await q.rows(ThreadRow, THREADS, root_ids=list(root_ids))


async def root_of(q: Queries, message_id: str) -> RootRow | None:
    """The root of the thread that a message begins or belongs to; None where there is no such message."""
    return await q.row(
        RootRow,
        "select room_id, coalesce(thread_root_id, id) as root_id from messages where id = :message_id",
        message_id=message_id,
    )


OLDER = ended_by_size(
    SHOWN_MESSAGE,
    """
    select * from shown_messages
    where thread_root_id = :root_id and deleted_at is null
      and seq < coalesce(cast(:below as bigint), 9223372036854775807)
    order by seq desc
    limit :limit
    """,
    "seq desc",
)
NEWER = ended_by_size(
    SHOWN_MESSAGE,
    """
    select * from shown_messages
    where thread_root_id = :root_id and deleted_at is null and seq > :above
    order by seq
    limit :limit
    """,
    "seq",
)


async def older(
    q: Queries, root_id: str, *, below: int | None, limit: int, max_bytes: int = MAX_PAGE
) -> list[PagedMessageRow]:
    """Replies below a place, or at the end of their thread, newest first, without the deleted: see `ended_by_size`."""
    return await q.rows(
        PagedMessageRow, OLDER, root_id=root_id, below=below, limit=limit, max_bytes=max_bytes
    )


async def newer(
    q: Queries, root_id: str, *, above: int, limit: int, max_bytes: int = MAX_PAGE
) -> list[PagedMessageRow]:
    """The replies that come next after a place, newest first, without the deleted ones: see `ended_by_size`."""
    rows = await q.rows(
        PagedMessageRow, NEWER, root_id=root_id, above=above, limit=limit, max_bytes=max_bytes
    )
    return rows[::-1]
