"""The notifications of an instance, put together: what is chosen, what is due, and the work on the queue."""

import asyncio
import logging
from collections.abc import Callable

from app import store
from app.announce.announcer import Announcer
from app.config.settings import Settings
from app.core.background_tasks import ended
from app.core.batcher import Batcher, BatcherClosed, BatcherFull
from app.core.errors import Unavailable
from app.core.redis_scripts import SoftState
from app.db.database import Database
from app.notifications.deliveries import Deliveries
from app.notifications.preferences import NotificationPreferences
from app.notifications.queue import CLAIM_AFTER, NotificationQueue, Taken
from app.notifications.sending.http_sender import WITHIN, HttpSender
from app.notifications.sending.outputs import WebhookOutput
from app.notifications.sending.vapid import Vapid
from app.notifications.subscriptions import DeviceSubscriptions
from app.payloads.responses import PresenceOf

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # seconds from one look for messages that are overdue to the next
POLL_EVERY = 1.0  # seconds from one look into the queue to the next, while it is empty
DONE_WITHIN = CLAIM_AFTER - 5  # seconds for an entry, before another instance may claim it
AT_ONCE = 64  # entries under way on an instance
MAX_BATCH = 500  # messages put into the queue, or forgotten, at once
MOST_NOTED = 10_000  # messages that wait for that; more are found when they are overdue


class Notifications:
    """Takes the ids of messages that may notify somebody, and works on the queue that all instances share."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        soft_state: SoftState,
        announcer: Announcer,
        presence: PresenceOf,
        sent: Callable[[str, str], None],
    ) -> None:
        self._db = db
        vapid = Vapid(
            private_key=settings.vapid_private_key,
            secret=settings.jwt_secret,
            subject=settings.vapid_subject,
        )
        private = settings.push_private_addresses
        self.preferences = NotificationPreferences(db, announcer)
        self.subscriptions = DeviceSubscriptions(db, vapid, allow_private=private)
        self.to_all = bool(settings.webhook_url)
        self._http = HttpSender(allow_private=private)
        self._hook_http = HttpSender(allow_private=True)  # the operator's own URL
        hook = (
            WebhookOutput(self._hook_http, settings.webhook_url, settings.webhook_secret)
            if self.to_all
            else None
        )
        self._queue = NotificationQueue(soft_state)
        self._deliveries = Deliveries(
            db,
            self._queue,
            presence,
            self._http,
            vapid,
            hook,
            forget=self._forget,
            sent=sent,
            hold=settings.notification_hold / 1000,
        )
        self._noted = Batcher(self._put, failed=_log_late, max_batch=MAX_BATCH, max_waiting=MOST_NOTED)
        self._decided = Batcher(self._delete, failed=_log_late, max_batch=MAX_BATCH, max_waiting=MOST_NOTED)
        self._more = asyncio.Event()
        self._doing: set[asyncio.Task[None]] = set()

    def notify(self, message_id: str) -> None:
        """Has it decided whom a new message reaches; waits for nothing. What is lost here is overdue soon."""
        try:
            self._noted.add(message_id)
        except (BatcherFull, BatcherClosed):
            log.debug("message %s is put into the queue when it is overdue", message_id)

    async def run(self) -> None:
        """Works on the queue for ever. While Redis is away, it tries again."""
        while True:
            self._more.clear()
            try:
                taken = await self._queue.take(AT_ONCE - len(self._doing))
            except Unavailable as error:
                log.debug("notifications wait: %s", error)
                taken = []
            for each in taken:
                task = asyncio.create_task(self._do(each))
                self._doing.add(task)
                task.add_done_callback(self._done)
            if not taken or len(self._doing) >= AT_ONCE:
                await self._wait()

    async def look(self) -> None:
        """Puts messages into the queue that should have been decided by now. Raises Unavailable."""
        while message_ids := await store.notifications_due.overdue(self._db, limit=MAX_BATCH):
            await self._put(message_ids)
            if len(message_ids) < MAX_BATCH:
                return

    async def close(self) -> None:
        """Ends it, when what is under way is done, or after some seconds; another instance does the rest."""
        await self._noted.drained()
        if self._doing:
            await asyncio.wait(self._doing, timeout=WITHIN)
        await asyncio.gather(*map(ended, self._doing))
        await self._decided.drained()
        await self._http.close()
        await self._hook_http.close()

    async def _wait(self) -> None:
        """Returns when there may be something to do and capacity to do it."""
        while True:
            try:
                async with asyncio.timeout(POLL_EVERY):
                    await self._more.wait()
            except TimeoutError:
                pass
            self._more.clear()
            if len(self._doing) < AT_ONCE:
                return

    async def _do(self, taken: Taken) -> None:
        try:
            async with asyncio.timeout(DONE_WITHIN):
                await self._deliveries.do(taken)
        except (Unavailable, TimeoutError) as error:
            log.info("a notification is done again in some seconds: %r", error)
        except Exception:
            log.exception("a notification of message %s is given up", taken.entry.message_id)
            await self._drop(taken)

    async def _drop(self, taken: Taken) -> None:
        """Ends an entry that is at fault itself; a message that was to be decided is still due, for an hour."""
        try:
            await self._queue.finish(taken)
        except Unavailable as error:
            log.info("it is tried again in some seconds: %s", error)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._doing.discard(task)
        self._more.set()

    def _forget(self, message_id: str) -> None:
        try:
            self._decided.add(message_id)
        except (BatcherFull, BatcherClosed):
            log.debug("message %s stays due, and is known as decided", message_id)

    async def _put(self, message_ids: list[str]) -> None:
        if await self._queue.put(message_ids):
            self._more.set()
        else:
            log.warning("too many notifications wait: %d messages are decided later", len(message_ids))

    async def _delete(self, message_ids: list[str]) -> None:
        await store.notifications_due.decided(self._db, message_ids)


def _log_late(message_ids: list[str], error: Exception) -> None:
    trace = None if isinstance(error, Unavailable) else error
    log.warning("notifications of %d messages come later: %s", len(message_ids), error, exc_info=trace)
