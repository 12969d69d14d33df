"""Gives messages the previews of their links, after they were written: a change of the message, with its own number.

The instance that has written a message sees to it, and nobody waits for it. Each page is fetched by one instance, once
in a week at most. Messages whose instance ends before that have no previews.
"""

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec import UNSET

from app import store
from app.announce.announcer import Announcer
from app.config.settings import Settings
from app.core.background_tasks import ended, every
from app.core.errors import Unavailable
from app.db.database import Database
from app.db.queries import Queries
from app.link_previews.links import links_in
from app.payloads.from_rows import message_of
from app.payloads.responses import Message
from app.payloads.server_events import MESSAGE_EDITED

if TYPE_CHECKING:
    from app.link_previews.page_fetcher import PageFetcher

log = logging.getLogger(__name__)

AT_ONCE = 4  # messages under way on an instance
MOST_WAITING = 1_000  # messages; more have no previews
MOST_OF_USER = 10  # of those, by one user
OTHERS_WITHIN = 15  # seconds that one waits for another instance to fetch a page
MOST_KEPT = 10_000  # pages in the cache
TIDY_EVERY = 600.0  # seconds


class LinkPreviews:
    """Makes previews, where the settings allow it also of pages in private networks."""

    def __init__(self, settings: Settings, db: Database, announcer: Announcer) -> None:
        self._db = db
        self._announcer = announcer
        self._allow_private = settings.link_preview_private_addresses
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(MOST_WAITING)
        self._of_users: Counter[str] = Counter()
        self._fetcher: PageFetcher | None = None
        self._opening = asyncio.Lock()

    def note(self, message: Message) -> None:
        """Has previews made of the links of a message that was written or edited; waits for nothing."""
        if "://" not in message.content and message.previews is UNSET:
            return
        if self._waiting.full() or self._of_users[message.sender_id] >= MOST_OF_USER:
            log.info("message %s has no previews: too many wait", message.id)
            return
        self._of_users[message.sender_id] += 1
        self._waiting.put_nowait(message)

    def works(self) -> list[Callable[[], Awaitable[None]]]:
        """What is to run as long as the instance does."""
        return [self.run, every(TIDY_EVERY, self.tidy)]

    async def run(self) -> None:
        """Makes previews for ever."""
        workers = [asyncio.create_task(self._work()) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*workers)
        finally:
            await asyncio.gather(*map(ended, workers))

    async def tidy(self) -> None:
        """Keeps the cache within its bounds. Raises DatabaseUnavailable."""
        await store.link_previews.let_go(self._db, MOST_KEPT)

    async def close(self) -> None:
        """Ends its connections."""
        if self._fetcher is not None:
            await self._fetcher.close()

    async def _work(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await self._preview(message)
            except Unavailable as error:
                log.info("message %s has no previews: %s", message.id, error)
            except Exception:
                log.exception("message %s has no previews", message.id)
            finally:
                self._of_users[message.sender_id] -= 1
                if not self._of_users[message.sender_id]:
                    del self._of_users[message.sender_id]

    async def _preview(self, message: Message) -> None:
        links = links_in(message.content)
        known = [link for link in links if await self._is_shown(link)]
        changed = await self._db.transaction(partial(self._put, message, known))
        if changed is not None:
            await self._announcer.room(message.room_id, MESSAGE_EDITED, changed)

    async def _is_shown(self, link: str) -> bool:
        """Whether there is a preview of a page, which is fetched where it is not known."""
        if await store.link_previews.claim(self._db, link):
            page = await (await self._opened()).fetch(link)
            title, description, site_name = page or (None, None, None)
            await store.link_previews.fetched(
                self._db, link, title=title, description=description, site_name=site_name
            )
            return title is not None
        for _ in range(OTHERS_WITHIN):
            row = await store.link_previews.find(self._db, link)
            if row is None or row.was_fetched:
                return row is not None and row.title is not None
            await asyncio.sleep(1)
        return False

    async def _put(self, message: Message, links: list[str], q: Queries) -> Message | None:
        """Gives a message the previews of links; the message as it is then, None where nothing has changed.

        One that was deleted or has another text by now has none of these; an edit has it looked at again.
        """
        await store.messages.lock_room(q, message.id)
        found = await store.room_log.shown(q, [message.id])
        if not found or found[0].deleted_at is not None or found[0].content != message.content:
            return None
        if await store.link_previews.of_message(q, message.id) == links:
            return None
        seq = await store.rooms.next_seq(q, message.room_id)
        await store.link_previews.put(q, message.id, links)
        await store.messages.touch(q, message_id=message.id, change_seq=seq)
        (row,) = await store.room_log.shown(q, [message.id])
        return message_of(row)

    async def _opened(self) -> "PageFetcher":
        """The client for pages, which is loaded with the first: see `app.notifications.sending.http_sender`."""
        async with self._opening:
            if self._fetcher is None:
                fetcher, trusted = await asyncio.to_thread(_loaded)
                self._fetcher = fetcher(trusted, allow_private=self._allow_private)
        return self._fetcher


def _loaded() -> "tuple[type[PageFetcher], ssl.SSLContext]":
    from app.link_previews.page_fetcher import PageFetcher

    return PageFetcher, ssl.create_default_context()
