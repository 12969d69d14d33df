"""Requests to push services and webhooks: bounded in time and size, no redirects, no cookies, public addresses only."""

import asyncio
import ssl
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from app.notifications.sending.http_session import HttpSession

WITHIN = 10.0  # seconds for the whole of a request
AFTER_FAILURE = (
    1.0,
    5.0,
    30.0,
    120.0,
    600.0,
    1800.0,
)  # seconds before the next attempt; after the last, none
MOST_WAIT = 3600.0  # seconds that a Retry-After may ask for


class Verdict(Enum):
    """What became of a request."""

    SENT = "sent"
    GONE = "gone"  # there is nobody there any more
    REFUSED = "refused"  # trying again does not help
    FAILED = "failed"  # try again later


class Answer(NamedTuple):
    """The verdict on a request; `retry_after` is in seconds, None where none was asked for. `words` are for the log."""

    verdict: Verdict
    words: str
    retry_after: float | None = None


class HttpSender:
    """Posts to URLs of users, or with `allow_private` also to private addresses.

    What that takes is loaded by the first post: a client of 6 MB, and the certificates of the authorities, which take a
    processor 200 ms. Most processes post nothing.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session: HttpSession | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Ends its connections."""
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Posts once; nothing of the answer's body is read."""
        async with self._opening:
            if self._session is None:
                session_class, trusted = await asyncio.to_thread(_loaded)
                self._session = session_class(trusted, allow_private=self._allow_private)
        return await self._session.post(url, body, headers)


def _loaded() -> "tuple[type[HttpSession], ssl.SSLContext]":
    from app.notifications.sending.http_session import HttpSession

    return HttpSession, ssl.create_default_context()


def answer_of(status: int, retry_after: str | None) -> Answer:
    """What a status says (RFC 8030 §5, §7.3; RFC 9110 §15)."""
    words = f"status {status}"
    if 200 <= status < 300:
        return Answer(Verdict.SENT, words)
    if status in (404, 410):
        return Answer(Verdict.GONE, words)
    if status in (408, 425, 429) or status >= 500:
        asked = (
            float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
        )
        return Answer(Verdict.FAILED, words, None if asked is None else min(asked, MOST_WAIT))
    return Answer(Verdict.REFUSED, words)
