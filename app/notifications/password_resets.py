"""Links that set a forgotten password, given to the operator's webhook, which knows how to reach people.

Whoever asks is always answered in the same way, at once: whether there is such a user is looked up later. A user gets
one link in ten minutes, and none while an administrator's is good for longer. What an instance that dies has not
sent is asked for again.
"""

import asyncio
import datetime as dt
import logging
import secrets

from app import store
from app.accounts.auth import FAILED
from app.accounts.sign_ups import token_hash
from app.core.caller import Caller
from app.core.errors import NotStorable, Refusal, Unavailable
from app.db.database import Database
from app.limits.rate_limits import Limits
from app.notifications.sending.http_sender import Verdict
from app.notifications.sending.outputs import WebhookOutput
from app.payloads.accounts.account_requests import ForgotPassword
from protocol import network_of

log = logging.getLogger(__name__)

RESET_OFFERED = "password.reset"  # the type of a webhook's event
GOOD_FOR = 3600  # seconds
ONE_IN = 600  # seconds
MOST_WAITING = 100
TOKEN_BYTES = 24  # of chance
ATTEMPTS = (0.0, 1.0, 5.0)  # seconds to wait before each
NO_WEBHOOK = "This server sends no links: ask an administrator"


class ForgottenPasswords:
    """Takes the names of users who forgot their passwords, and gives their links to the webhook, if there is one."""

    def __init__(self, db: Database, limits: Limits, hook: WebhookOutput | None) -> None:
        self._db = db
        self._limits = limits
        self._hook = hook
        self._asked: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)

    async def forgot_password(self, caller: Caller, payload: ForgotPassword) -> None:
        """Has the server send the user a link that sets their password, once, where its operator has a way to them.

        The answer does not tell whether there is such a user. Refused: `forbidden` where the server sends none;
        `rate_limited`, as attempts to sign in are; `unavailable`.
        """
        if self._hook is None:
            raise Refusal("forbidden", NO_WEBHOOK)
        await self._limits.take("sign_in", network_of(caller.address), FAILED)
        try:
            self._asked.put_nowait(payload.username)
        except asyncio.QueueFull:
            raise Refusal("unavailable", Unavailable.shown) from None

    async def run(self) -> None:
        """Sends the links, one after the other, for ever."""
        while True:
            username = await self._asked.get()
            try:
                await self._offer(username)
            except (NotStorable, Unavailable) as error:
                log.warning("a link for a forgotten password was not sent: %s", error)

    async def _offer(self, username: str) -> None:
        assert self._hook is not None, "only then names are taken"
        token = secrets.token_urlsafe(TOKEN_BYTES)
        offer = await store.account_states.offer_reset(
            self._db, username, token_hash=token_hash(token), seconds=GOOD_FOR, one_in=ONE_IN
        )
        if offer is None:
            return
        data = {
            "userId": offer.user_id,
            "username": offer.username,
            "token": token,
            "expiresAt": offer.expires_at,
        }
        for wait in ATTEMPTS:
            await asyncio.sleep(wait)
            answer = await self._hook.post(
                RESET_OFFERED, f"{offer.user_id}-{token_hash(token)[:16]}", dt.datetime.now(dt.UTC), data
            )
            if answer.verdict is Verdict.SENT:
                return
        log.warning("the link of user %s was not taken by the webhook: %s", offer.user_id, answer.words)
