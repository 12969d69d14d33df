"""The payloads about threads: what clients ask for, and how a user stands to them."""

from app.payloads.fields.field_types import Cursor, Id, PageSize, Received, Seq
from app.payloads.requests import MessageRef, Page
from app.payloads.responses import Message, Sent

# What clients send


class ThreadRef(MessageRef, frozen=True):
    """A thread, by its root or by any of its replies."""


class ReadThread(Page, frozen=True, kw_only=True):
    """A page of the replies of a thread, which is given by its root or by any of its replies."""

    message_id: Id


class MarkThread(ThreadRef, frozen=True):
    """All replies up to that with this `seq` have been read. A mark never goes back."""

    seq: Seq


class ListThreads(Received, frozen=True):
    """With `unread` only threads in which something is; `before` is the `next` of another page."""

    unread: bool = False
    before: Cursor | None = None
    limit: PageSize = 50


# What clients see


class ThreadMark(Sent, frozen=True):
    """How the asking user stands to the thread of a root: whether they follow it, up to which number they have read
    it, and how many replies of others are after that, up to 1,000. Where they have marked it as unread, `unread` counts
    from the reply with the number `unreadFrom` on, with that reply itself. Nothing is unread to one who does not follow
    it."""

    room_id: str
    root_id: str
    following: bool
    last_read_seq: int
    unread_from: int | None
    unread: int


class OwnThread(Sent, frozen=True):
    """A thread as the asking user sees it: its root, which may be deleted, and the user's mark."""

    root: Message
    mark: ThreadMark


class Threads(Sent, frozen=True):
    """A page of threads; `next` is the `before` of the next one, null at the end."""

    threads: list[OwnThread]
    next: str | None
