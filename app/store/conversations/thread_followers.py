"""Who follows a thread, and how far each has read it."""

from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row
from app.store.conversations.read_marks import MARKED_UP_TO, READ_UP_TO
from app.store.log.message_rows import SHOWN_MESSAGE, ShownMessageRow
from app.store.log.pages import MAX_PAGE, ended_by_size


class ThreadMarkRow(Row, frozen=True):
    """How a user stands to the thread of a message; `unread` are other people's replies after the mark, or all from
    `unread_from` on, up to 1,000, of one who follows it. `reply_deleted`: the message is a reply, and deleted."""

    room_id: str
    root_id: str
    following: bool
    last_read_seq: int
    unread_from: int | None
    unread: int
    reply_deleted: bool


class FollowedThreadRow(Row, frozen=True):
    """A thread that a user follows. `there_are`: see `ended_by_size`."""

    last_read_seq: int
    unread_from: int | None
    unread: int
    root: ShownMessageRow | None
    there_are: int


class FollowerRow(Row, frozen=True):
    """A member who follows a thread."""

    root_id: str
    user_id: str


async def follow_replies(q: Queries, reply_ids: Sequence[str]) -> None:
    """Lets the people whom new replies of locked rooms concern follow the threads, as schema.sql has it.

    These are all replies of the transaction.
    """
    await q.value(
        """
        select set_config('parley.replies_followed', 'yes', true), follow_threads(cast(:reply_ids as text[]), true)
        """,
        reply_ids=list(reply_ids),
    )


async def of_threads(q: Queries, root_ids: Sequence[str], *, most: int) -> list[FollowerRow]:
    """The members who follow these threads; none of a thread that more than `most` follow."""
    return await q.rows(
        FollowerRow,
        """
        select t.root_id, unnest(followers.user_ids) as user_id
        from threads t
        cross join lateral (
            select array(
                select f.user_id
                from thread_followers f
                join room_members m on m.room_id = t.room_id and m.user_id = f.user_id and m.state = 'member'
                where f.root_id = t.root_id and f.is_following
                limit cast(:most as integer) + 1
            ) as user_ids
        ) followers
        where t.root_id = any(cast(:root_ids as text[])) and cardinality(followers.user_ids) <= :most
        """,
        root_ids=list(root_ids),
        most=most,
    )


def _unread_from(of: str) -> str:
    """SQL for where a follower has marked a thread as unread; null where they have not, or have read on since."""
    return f"case when {of}.unread_from_mark = {of}.last_read_seq then {of}.unread_from end"


def _read_to(of: str) -> str:
    """SQL for the place after which replies are unread for a follower."""
    return f"coalesce({_unread_from(of)} - 1, {of}.last_read_seq)"


def _unread_replies(of: str) -> str:
    """SQL for the replies that are unread for a follower: those after the mark that others wrote, or from where it was
    marked as unread on, that reply itself whoever wrote it."""
    return f"""
    from messages reply
    where reply.thread_root_id = {of}.root_id
      and reply.seq > {_read_to(of)}
      and (reply.sender_id <> {of}.user_id or reply.seq = {_unread_from(of)})
      and reply.deleted_at is null
    """


def _unread(of: str) -> str:
    """SQL for how many these are, up to 1,000."""
    return f"(select count(*) from (select {_unread_replies(of)} limit 1000) counted)"  # noqa: S608 - of constants


async def mark(q: Queries, message_id: str, user_id: str) -> ThreadMarkRow | None:
    """How a user stands to the thread that a message begins or belongs to; None where there is no such message."""
    return await q.row(
        ThreadMarkRow,
        f"""
        select m.room_id, coalesce(m.thread_root_id, m.id) as root_id, coalesce(f.is_following, false) as following,
               coalesce(f.last_read_seq, 0) as last_read_seq,
               case when f.is_following then {_unread_from("f")} end as unread_from,
               case when f.is_following then {_unread("f")} else 0 end as unread,
               m.thread_root_id is not null and m.deleted_at is not null as reply_deleted
        from messages m
        left join thread_followers f on f.root_id = coalesce(m.thread_root_id, m.id) and f.user_id = :user_id
        where m.id = :message_id
        """,  # noqa: S608 - of constants of this program
        message_id=message_id,
        user_id=user_id,
    )


async def follow(q: Queries, root_id: str, user_id: str) -> bool:
    """Lets a user follow a thread from its end on; False where they do already."""
    return bool(
        await q.value(
            """
            insert into thread_followers (root_id, user_id, is_following, last_read_seq)
            select m.id, :user_id, true, coalesce(t.last_reply_seq, m.seq)
            from messages m
            left join threads t on t.root_id = m.id
            where m.id = :root_id
            on conflict (root_id, user_id) do update
            set is_following = true, last_read_seq = greatest(thread_followers.last_read_seq, excluded.last_read_seq),
                unread_from = null, unread_from_mark = null
            where not thread_followers.is_following
            returning true
            """,
            root_id=root_id,
            user_id=user_id,
        )
    )


async def unfollow(q: Queries, root_id: str, user_id: str) -> bool:
    """Lets a user follow a thread no longer, nor by being mentioned in it; False where they do not, and know that."""
    return bool(
        await q.value(
            """
            insert into thread_followers (root_id, user_id, is_following, last_read_seq)
            values (:root_id, :user_id, false, 0)
            on conflict (root_id, user_id) do update
            set is_following = false, unread_from = null, unread_from_mark = null
            where thread_followers.is_following
            returning true
            """,
            root_id=root_id,
            user_id=user_id,
        )
    )


async def move_mark(q: Queries, root_id: str, user_id: str, seq: int) -> bool:
    """Moves the mark of one who follows a thread on to a place, at most to the end of the room's log; False where it
    does not move."""
    return bool(
        await q.value(
            """
            update thread_followers f
            set last_read_seq = least(cast(:seq as bigint), r.last_seq)
            from messages root
            join rooms r on r.id = root.room_id
            where f.root_id = :root_id and f.user_id = :user_id and f.is_following and root.id = f.root_id
              and least(cast(:seq as bigint), r.last_seq) > f.last_read_seq
            returning true
            """,
            root_id=root_id,
            user_id=user_id,
            seq=seq,
        )
    )


async def mark_unread(q: Queries, root_id: str, user_id: str, message_id: str) -> bool:
    """Marks a thread as unread from a reply on that the mark of one who follows it has passed, or with the root from
    the first reply on; False where the mark has not passed it, and so it is.

    The mark stays. A mark that moves takes it away, whatever moves it.
    """
    return bool(
        await q.value(
            """
            update thread_followers f
            set unread_from = first.seq, unread_from_mark = f.last_read_seq
            from (
                select coalesce(
                    (select seq from messages where id = :message_id and thread_root_id = :root_id),
                    (select min(seq) from messages where thread_root_id = :message_id and deleted_at is null)
                ) as seq
            ) first
            where f.root_id = :root_id and f.user_id = :user_id and f.is_following and f.last_read_seq >= first.seq
            returning true
            """,
            root_id=root_id,
            user_id=user_id,
            message_id=message_id,
        )
    )


async def read_again(q: Queries, root_id: str, user_id: str, seq: int) -> bool:
    """Notes that what a follower had marked as unread has been read up to a place; False where nothing was."""
    return bool(
        await q.value(
            f"""
            update thread_followers
            set {READ_UP_TO}
            where root_id = :root_id and user_id = :user_id and is_following
              and {MARKED_UP_TO}
            returning true
            """,  # noqa: S608 - of constants of this program
            root_id=root_id,
            user_id=user_id,
            seq=seq,
        )
    )


async def is_thread_of(q: Queries, root_id: str, user_id: str) -> bool:
    """True if a message was replied to in a room that a user is a member of."""
    return bool(
        await q.value(
            """
            select true
            from threads t
            join room_members m on m.room_id = t.room_id and m.user_id = :user_id and m.state = 'member'
            where t.root_id = :root_id
            """,
            root_id=root_id,
            user_id=user_id,
        )
    )


FOLLOWED = ended_by_size(
    f"last_read_seq, unread_from, unread, {SHOWN_MESSAGE}",
    f"""
    select page.last_read_seq, {_unread_from("page")} as unread_from, {_unread("page")} as unread,
           page.place_at, page.root_id as place_id, s.*
    from page
    join shown_messages s on s.id = page.root_id
    """,  # noqa: S608 - of constants of this program
    "place_at desc, place_id desc",
    given=f"""
    with page as (
        select f.root_id, f.user_id, f.last_read_seq, f.unread_from, f.unread_from_mark, t.last_reply_at as place_at
        from thread_followers f
        join threads t on t.root_id = f.root_id and t.reply_count > 0
        join room_members m on m.room_id = t.room_id and m.user_id = f.user_id and m.state = 'member'
        where f.user_id = :user_id and f.is_following
          and (not cast(:unread as boolean) or (
              t.last_reply_seq > {_read_to("f")} and exists (select {_unread_replies("f")})
          ))
          and (cast(:before as text) is null or (t.last_reply_at, t.root_id) < (
              select coalesce(last.last_reply_at, root.created_at), root.id
              from messages root
              join threads last on last.root_id = root.id
              where root.id = :before
          ))
        order by t.last_reply_at desc, t.root_id desc
        limit :limit
    )
    """,  # noqa: S608 - of constants of this program
)


async def threads_of(
    q: Queries, user_id: str, *, unread: bool, before: str | None, limit: int, max_bytes: int = MAX_PAGE
) -> list[FollowedThreadRow]:
    """The threads that a user follows and that have replies, that with the last reply first; with `unread` those alone
    in which something is.

    `before` is the root of another thread, from which on it goes. See `ended_by_size`.
    """
    return await q.rows(
        FollowedThreadRow,
        FOLLOWED,
        user_id=user_id,
        unread=unread,
        before=before,
        limit=limit,
        max_bytes=max_bytes,
    )
