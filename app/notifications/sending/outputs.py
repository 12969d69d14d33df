"""Where notifications go: an output sends one. Web Push (RFC 8030) and webhooks are two; another one needs no more."""

import base64
import datetime as dt
import hashlib
import hmac
import time
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from app.notifications.sending.http_sender import Answer, HttpSender, Verdict
from app.notifications.sending.message_encryption import encrypt, to_base64url
from app.notifications.sending.notices import packed
from app.notifications.sending.vapid import Vapid
from app.store.notifications.notifications_due import DeviceRow

LASTS = 24 * 3600  # seconds that a push service keeps a message for a device that is away
PRESSING = {"mention", "direct", "reply"}
MESSAGE_NOTIFIED = "message.notified"  # the type of a webhook's event


class Output(Protocol):
    """Sends a notification to one place. The same one may be sent twice, with the same id."""

    async def send(self, content: dict[str, Any]) -> Answer:
        """Sends what `app.notifications.sending.notices` makes."""


class PushOutput:
    """A browser, through its push service. A repetition of the same message replaces it there (RFC 8030 §5.4)."""

    def __init__(self, http: HttpSender, vapid: Vapid, device: DeviceRow) -> None:
        self._http = http
        self._vapid = vapid
        self._device = device

    async def send(self, content: dict[str, Any]) -> Answer:
        """See `Output`."""
        device = self._device
        body = encrypt(packed(content), public_key=device.public_key, auth=device.auth)
        headers = {
            "Authorization": self._vapid.authorization(device.endpoint),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(LASTS),
            "Urgency": "high" if content["kind"] in PRESSING else "normal",
            "Topic": topic_of(content["messageId"]),
        }
        return await self._http.post(device.endpoint, body, headers)


class WebhookOutput:
    """A URL of the operator's, signed as the Standard Webhooks specification says; `secret` is `whsec_` and base64."""

    def __init__(
        self, http: HttpSender, url: str, secret: str, *, now: Callable[[], float] = time.time
    ) -> None:
        self._http = http
        self._url = url
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self._now = now

    async def send(self, content: dict[str, Any]) -> Answer:
        """See `Output`."""
        webhook_id = f"{content['messageId']}-{content['userId']}"
        return await self.post(MESSAGE_NOTIFIED, webhook_id, content["createdAt"], content)

    async def post(self, kind: str, webhook_id: str, at: dt.datetime, data: dict[str, Any]) -> Answer:
        """Posts an event of a kind, of a time; the receiver takes one with the same id once."""
        timestamp = int(self._now())
        body = msgspec.json.encode({"type": kind, "timestamp": at, "data": data})
        headers = {
            "Content-Type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, webhook_id, timestamp, body),
        }
        answer = await self._http.post(self._url, body, headers)
        if answer.verdict is Verdict.REFUSED:  # its operator mends it: the specification retries all but 410
            return Answer(Verdict.FAILED, answer.words)
        return answer


def signature(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`, version 1: HMAC-SHA256 of id, timestamp and body."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def topic_of(message_id: str) -> str:
    """A topic of at most 32 characters of base64url (RFC 8030 §5.4) for a message's id, which is a UUID."""
    return to_base64url(uuid.UUID(message_id).bytes)
