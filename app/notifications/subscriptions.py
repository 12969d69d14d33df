"""The devices of users that take pushes. Over REST only: a subscription ends with the token that it was made with."""

from urllib.parse import urlsplit

import uuid_utils

from app import store
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.notifications.sending.message_encryption import BadKey, load_public_key
from app.notifications.sending.vapid import Vapid
from app.payloads.fields.notification_fields import is_address, is_public
from app.payloads.fields.validation import refusal_of_field
from app.payloads.notification_payloads import (
    PushSubscription,
    PushSubscriptions,
    Subscribe,
    SubscriptionRef,
)
from app.payloads.requests import Nothing
from app.store.notifications.push_subscriptions import SubscriptionRow

MOST_DEVICES = 20  # of a user


class DeviceSubscriptions:
    """Keeps up to `MOST_DEVICES` subscriptions a user; of more the least recently renewed go.

    With `allow_private`, endpoints may be addresses of private networks.
    """

    def __init__(self, db: Database, vapid: Vapid, *, allow_private: bool) -> None:
        self._db = db
        self._vapid = vapid
        self._allow_private = allow_private

    async def push_list(self, caller: Caller, _: Nothing) -> PushSubscriptions:
        """The key to subscribe with, and the user's devices that take pushes, the last renewed first."""
        rows = await store.push_subscriptions.of_user(self._db, caller.user_id)
        return PushSubscriptions(
            vapid_public_key=self._vapid.public_key, subscriptions=list(map(subscription_of, rows))
        )

    async def push_subscribe(self, caller: Caller, payload: Subscribe) -> PushSubscription:
        """Has pushes sent to a device, or renews that; the same endpoint is the same device.

        A user has up to 20: a further one takes the place of the least recently renewed. Signing out ends the
        subscriptions that were made with the token. The endpoint's host must be public. Refused: `invalid`.
        """
        self._check(payload)
        assert caller.token is not None, "only a token opens this door"
        token = caller.token
        row = await self._db.transaction(
            lambda q: store.push_subscriptions.put(
                q,
                subscription_id=str(uuid_utils.uuid7()),
                user_id=caller.user_id,
                token_id=token.id,
                endpoint=payload.endpoint,
                public_key=payload.p256dh,
                auth=payload.auth,
                device=payload.device,
                most=MOST_DEVICES,
            )
        )
        return subscription_of(row)

    async def push_unsubscribe(self, caller: Caller, payload: SubscriptionRef) -> None:
        """Ends the pushes to a device. Refused: `not_found`."""
        if not await store.push_subscriptions.remove(
            self._db, subscription_id=payload.subscription_id, user_id=caller.user_id
        ):
            raise Refusal("not_found", "There is no such subscription of yours")

    def _check(self, payload: Subscribe) -> None:
        """Raises Refusal: `invalid`. What a host's name stands for is looked at each time that something is sent."""
        host = urlsplit(payload.endpoint).hostname or ""
        local = host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
        if not self._allow_private and (local or (is_address(host) and not is_public(host))):
            raise refusal_of_field("endpoint", "must be a public address", "not_allowed")
        try:
            load_public_key(payload.p256dh)
        except BadKey as error:
            raise refusal_of_field("p256dh", str(error), "invalid") from None


def subscription_of(row: SubscriptionRow) -> PushSubscription:
    """A subscription, as its user sees it."""
    return PushSubscription(
        id=row.id, device=row.device, created_at=row.created_at, refreshed_at=row.refreshed_at
    )
