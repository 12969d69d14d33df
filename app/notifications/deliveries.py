"""What is done with one entry of the queue: a message is decided, or a notification is sent."""

import datetime as dt
import logging
import random
from collections.abc import Callable

import msgspec

from app import store
from app.db.database import Database
from app.notifications.queue import Entry, Later, NotificationQueue, Taken
from app.notifications.rules import Outcome, QuietHours, Recipient, decide, kind_of
from app.notifications.sending.http_sender import AFTER_FAILURE, Answer, HttpSender, Verdict
from app.notifications.sending.notices import content_of
from app.notifications.sending.outputs import Output, PushOutput
from app.notifications.sending.vapid import Vapid
from app.payloads.responses import PresenceOf
from app.store.notifications.notifications_due import DeviceRow, RecipientRow

log = logging.getLogger(__name__)

GIVEN_UP = "given_up"  # a verdict for `sent`, beside those of `Verdict`


class Deliveries:
    """Decides and sends. `hook` gets all notifications, where there is one; devices get their users'.

    `forget` is called with each message that is decided, `sent` with the output and verdict of each attempt.
    """

    def __init__(
        self,
        db: Database,
        queue: NotificationQueue,
        presence: PresenceOf,
        http: HttpSender,
        vapid: Vapid,
        hook: Output | None,
        *,
        forget: Callable[[str], None],
        sent: Callable[[str, str], None],
        hold: float,
    ) -> None:
        self._db = db
        self._queue = queue
        self._presence = presence
        self._http = http
        self._vapid = vapid
        self._hook = hook
        self._forget = forget
        self._sent = sent
        self._hold = hold

    async def do(self, taken: Taken) -> None:
        """Does what an entry says, and finishes it.

        Raises SoftStateUnavailable and DatabaseUnavailable; the entry is claimed and done later then.
        """
        if taken.entry.act == "decide":
            await self._decide(taken)
        else:
            await self._send(taken)

    async def _decide(self, taken: Taken) -> None:
        entry = taken.entry
        rows = await store.notifications_due.recipients(
            self._db,
            entry.message_id,
            to_all=self._hook is not None,
            user_id=entry.user_id or None,
        )
        active = await self._active([row.user_id for row in rows])
        now = dt.datetime.now(dt.UTC)
        at_once: list[Entry] = []
        later: list[Later] = []
        for row in rows:
            kind = kind_of(mentioned=row.mentioned, called=row.called, direct=row.direct, replied=row.replied)
            is_active = row.user_id in active
            outcome = decide(kind, recipient_of(row), now, active=is_active, held=bool(entry.user_id))
            if outcome is Outcome.SEND:
                at_once += self._entries(entry.message_id, row, kind)
            elif outcome is Outcome.HOLD:
                again = Entry(act="decide", message_id=entry.message_id, user_id=row.user_id)
                later.append(Later(self._hold, again))
        is_first = not entry.user_id
        if await self._queue.finish(taken, at_once, later, decided=is_first):
            log.warning(
                "too many notifications wait for later: some of message %s are lost", entry.message_id
            )
        if is_first:
            self._forget(entry.message_id)

    def _entries(self, message_id: str, row: RecipientRow, kind: str) -> list[Entry]:
        pushes = [
            Entry(act="push", message_id=message_id, user_id=row.user_id, subscription_id=each, kind=kind)
            for each in row.subscription_ids
        ]
        if self._hook is None:
            return pushes
        return [*pushes, Entry(act="hook", message_id=message_id, user_id=row.user_id, kind=kind)]

    async def _active(self, user_ids: list[str]) -> set[str]:
        presence = await self._presence(user_ids) if user_ids else {}
        return {user_id for user_id, known in presence.items() if known.status == "online"}

    async def _send(self, taken: Taken) -> None:
        entry = taken.entry
        device = None
        if entry.act == "push":
            device = await store.notifications_due.device(self._db, entry.subscription_id, entry.user_id)
        output = self._hook if device is None else PushOutput(self._http, self._vapid, device)
        notice = await store.notifications_due.notice(self._db, entry.message_id, entry.user_id)
        if output is None or notice is None or (entry.act == "push" and device is None):
            await self._queue.finish(taken)
            return
        content = content_of(notice, message_id=entry.message_id, user_id=entry.user_id, kind=entry.kind)
        await self._conclude(taken, device, await output.send(content))

    async def _conclude(self, taken: Taken, device: DeviceRow | None, answer: Answer) -> None:
        entry = taken.entry
        verdict = answer.verdict.value
        later: list[Later] = []
        if answer.verdict is Verdict.GONE and device is not None:
            await store.push_subscriptions.remove_gone(
                self._db, subscription_id=entry.subscription_id, endpoint=device.endpoint
            )
        elif answer.verdict is Verdict.FAILED and entry.attempt < len(AFTER_FAILURE):
            wait = max(AFTER_FAILURE[entry.attempt] * random.uniform(0.75, 1.25), answer.retry_after or 0)
            later.append(Later(wait, msgspec.structs.replace(entry, attempt=entry.attempt + 1)))
        elif answer.verdict is not Verdict.SENT:
            verdict = GIVEN_UP
            log.warning(
                "a notification of message %s for user %s is given up: %s",
                entry.message_id,
                entry.user_id,
                answer.words,
            )
        if await self._queue.finish(taken, later=later):
            verdict = GIVEN_UP
            log.warning("too many notifications wait for later: one is lost, after %s", answer.words)
        self._sent(entry.act, verdict)


def recipient_of(row: RecipientRow) -> Recipient:
    """What is known of a member, as the rules take it."""
    quiet = QuietHours(row.quiet_from, row.quiet_to, row.time_zone) if row.quiet else None
    return Recipient(
        level=row.level,
        room_level=row.room_level,
        muted_until=row.muted_until,
        room_muted=row.room_muted,
        quiet_hours=quiet,
        has_read=row.has_read,
    )
