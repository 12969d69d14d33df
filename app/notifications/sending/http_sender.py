"""Requests to push services and webhooks: bounded in time and size, no redirects, no cookies, public addresses only."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from app.payloads.fields.notification_fields import is_address, is_public

WITHIN = 10.0  # seconds for the whole of a request
AT_ONCE_A_HOST = 16
MOST_HEADERS = 8_190  # bytes of a line of an answer's head
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


class NotPublic(OSError):
    """A host's name stands for no public address."""


class PublicResolver(AbstractResolver):
    """Finds the public addresses of a host. The connection goes to what was found here: a name is looked up once."""

    def __init__(self) -> None:
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See aiohttp. Raises NotPublic."""
        found = await self._system.resolve(host, port, family)
        public = [each for each in found if is_public(each["host"])]
        if not public:
            raise NotPublic(errno.EADDRNOTAVAIL, f"{host} has no public address")
        return public

    async def close(self) -> None:
        """See aiohttp."""
        await self._system.close()


class HttpSender:
    """Posts to URLs of users, or with `allow_private` also to private addresses. `start` it in its event loop."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None
        self._trusted: ssl.SSLContext | None = None
        self._trusting = asyncio.Lock()

    def start(self) -> None:
        """Makes it ready."""
        resolver = aiohttp.ThreadedResolver() if self._allow_private else PublicResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=resolver,
                use_dns_cache=False,
                limit_per_host=AT_ONCE_A_HOST,
            ),
            timeout=aiohttp.ClientTimeout(total=WITHIN),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=MOST_HEADERS,
            max_field_size=MOST_HEADERS,
        )

    async def close(self) -> None:
        """Ends its connections."""
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Posts once; nothing of the answer's body is read."""
        assert self._session is not None, "it was not started"
        target = URL(url, encoded=True)
        if not self._allow_private and is_address(target.host or "") and not is_public(target.host or ""):
            return Answer(Verdict.REFUSED, f"{target.host} is no public address")
        try:
            trusted = await self._certificates() if target.scheme == "https" else True
            async with self._session.post(
                target, data=body, headers=headers, allow_redirects=False, ssl=trusted
            ) as answer:
                return answer_of(answer.status, answer.headers.get("Retry-After"))
        except aiohttp.InvalidURL as error:
            return Answer(Verdict.REFUSED, f"no URL: {error}")
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(Verdict.FAILED, f"{type(error).__name__}: {error}")

    async def _certificates(self) -> ssl.SSLContext:
        """Whom it trusts, read once: that takes 30 ms of a processor, which most instances never need."""
        async with self._trusting:
            if self._trusted is None:
                self._trusted = await asyncio.to_thread(ssl.create_default_context)
            return self._trusted


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
