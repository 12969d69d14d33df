"""How a user stands to threads: those they follow, how far they have read them, and what is unread in each."""

from app import store
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.core.errors import NO_MESSAGE, Refusal, refuse
from app.db.database import Database
from app.payloads.fields.validation import is_id
from app.payloads.from_rows import message_of
from app.payloads.server_events import THREAD_UPDATED
from app.payloads.thread_payloads import ListThreads, MarkThread, OwnThread, ThreadMark, ThreadRef, Threads
from app.rooms.rooms import check_member
from app.store.conversations.thread_followers import FollowedThreadRow, ThreadMarkRow
from app.store.log.pages import MAX_PAGE


class UserThreads:
    """Threads as their users see them. A page ends with the root that makes it `max_bytes` or more."""

    def __init__(self, db: Database, announcer: Announcer, *, max_bytes: int = MAX_PAGE) -> None:
        self._db = db
        self._announcer = announcer
        self._max_bytes = max_bytes

    async def get(self, caller: Caller, payload: ThreadRef) -> OwnThread:
        """The root of a thread, with how many replies it has, and how the user stands to it.

        A message that nobody has replied to has no thread yet, but can be followed. Refused: `not_found`,
        `not_a_member`.
        """
        row = await self._mark(caller, payload)
        (root,) = await store.room_log.shown(self._db, [row.root_id])
        return OwnThread(root=message_of(root), mark=_mark_of(row))

    async def list_page(self, caller: Caller, payload: ListThreads) -> Threads:
        """The threads of the user's own rooms that the user follows, that with the last reply first.

        With `unread` only those in which there is a reply after the user's mark. Threads without a reply that is left
        are left out. A page of large roots has fewer than `limit`. Over REST the answer is the list alone, and the
        header `Link` has the next page. Refused: `not_found` for an unknown `before`.
        """
        user_id, before, size = caller.user_id, payload.before, payload.limit
        if before is not None and not (
            is_id(before) and await store.thread_followers.is_thread_of(self._db, before, user_id)
        ):
            raise Refusal("not_found", "There is no such thread in your rooms")
        rows = await store.thread_followers.threads_of(
            self._db,
            user_id,
            unread=payload.unread,
            before=before,
            limit=size + 1,
            max_bytes=self._max_bytes,
        )
        threads = [_own_thread_of(row) for row in rows[:size]]
        more = bool(rows) and rows[0].there_are > len(threads)
        return Threads(threads=threads, next=threads[-1].root.id if more else None)

    async def mark_read(self, caller: Caller, payload: MarkThread) -> ThreadMark:
        """Marks all replies up to a place as read, at most up to the end of the log; a mark never goes back.

        Nothing changes for one who does not follow the thread. The mark of the room is another one. What the user has
        marked as unread is so no longer, up to there. The answer is how the user stands to the thread now. Refused:
        `not_found`, `not_a_member`.
        """
        row = await self._mark(caller, payload)
        place = (row.root_id, caller.user_id, payload.seq)
        changed = await store.thread_followers.move_mark(self._db, *place) or (
            row.unread_from is not None and await store.thread_followers.read_again(self._db, *place)
        )
        return await self._updated(caller, payload, changed=changed)

    async def mark_unread(self, caller: Caller, payload: ThreadRef) -> ThreadMark:
        """Marks a thread as unread from a reply on, or with its root from the first reply on, until the user reads it.

        The mark of what the user has read stays where it is. What is after it is unread anyway, so from there on this
        changes nothing; nor does it for one who does not follow the thread. Refused: `not_found` also for a deleted
        reply, `not_a_member`.
        """
        row = await self._mark(caller, payload)
        if row.reply_deleted:
            raise Refusal("not_found", "This reply was deleted")
        marked = await store.thread_followers.mark_unread(
            self._db, row.root_id, caller.user_id, payload.message_id
        )
        return await self._updated(caller, payload, changed=marked)

    async def follow(self, caller: Caller, payload: ThreadRef) -> ThreadMark:
        """Follows a thread from its end on; what was there counts as read.

        Its author, whoever replies, and whom the root or a reply mentions by name, follow it by themselves. Refused:
        `not_found`, `not_a_member`.
        """
        row = await self._mark(caller, payload)
        changed = await store.thread_followers.follow(self._db, row.root_id, caller.user_id)
        return await self._updated(caller, payload, changed=changed)

    async def unfollow(self, caller: Caller, payload: ThreadRef) -> ThreadMark:
        """Follows a thread no longer, until the user follows it again or replies.

        Refused: `not_found`, `not_a_member`.
        """
        row = await self._mark(caller, payload)
        changed = await store.thread_followers.unfollow(self._db, row.root_id, caller.user_id)
        return await self._updated(caller, payload, changed=changed)

    async def _mark(self, caller: Caller, payload: ThreadRef) -> ThreadMarkRow:
        """How the user stands to a thread of a room of theirs. Raises Refusal: `not_found`, `not_a_member`."""
        found = await store.thread_followers.mark(self._db, payload.message_id, caller.user_id)
        row = found or refuse("not_found", NO_MESSAGE)
        await check_member(self._db, row.room_id, caller.user_id)
        return row

    async def _updated(self, caller: Caller, payload: ThreadRef, *, changed: bool) -> ThreadMark:
        """How the user stands to a thread now; the user's devices are told where that has changed."""
        row = await store.thread_followers.mark(self._db, payload.message_id, caller.user_id)
        mark = _mark_of(row or refuse("not_found", NO_MESSAGE))
        if changed:
            await self._announcer.user(caller.user_id, THREAD_UPDATED, mark)
        return mark


def _mark_of(row: ThreadMarkRow) -> ThreadMark:
    return ThreadMark(
        room_id=row.room_id,
        root_id=row.root_id,
        following=row.following,
        last_read_seq=row.last_read_seq,
        unread_from=row.unread_from,
        unread=row.unread,
    )


def _own_thread_of(row: FollowedThreadRow) -> OwnThread:
    assert row.root is not None
    mark = ThreadMark(
        room_id=row.root.room_id,
        root_id=row.root.id,
        following=True,
        last_read_seq=row.last_read_seq,
        unread_from=row.unread_from,
        unread=row.unread,
    )
    return OwnThread(root=message_of(row.root), mark=mark)
