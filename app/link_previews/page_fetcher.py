"""Fetches web pages that messages link to: public addresses only, bounded in time, size and redirects, no cookies.

It is on aiohttp, which is large: `previews` loads this module when there is a page to fetch.
"""

import asyncio
import logging
import ssl

import aiohttp
from yarl import URL

from app.link_previews.page_descriptions import PageDescription, describe
from app.notifications.sending.http_session import guarded_session
from app.payloads.fields.notification_fields import is_address, is_public

log = logging.getLogger(__name__)

WITHIN = 8.0  # seconds for a page with its redirects
MOST_REDIRECTS = 3
MOST_BYTES = 256 * 1024  # of a page; its head is at the beginning
AT_ONCE_A_HOST = 2
PORTS = {"http": 80, "https": 443}
REDIRECTS = {301, 302, 303, 307, 308}
TYPES = {"text/html", "application/xhtml+xml"}
HEADERS = {
    "User-Agent": "Parley (previews of links in a chat)",
    "Accept": "text/html,application/xhtml+xml",
    "Accept-Encoding": "identity",  # a small answer must not become a large page
}


class PageFetcher:
    """Fetches pages; with `allow_private` also from private networks and other ports. Made in its event loop."""

    def __init__(self, trusted: ssl.SSLContext, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session = guarded_session(
            trusted,
            allow_private=allow_private,
            at_once_a_host=AT_ONCE_A_HOST,
            within=WITHIN,
            keeps_connections=False,
        )

    async def close(self) -> None:
        """Ends its connections."""
        await self._session.close()

    async def fetch(self, link: str) -> PageDescription | None:
        """What the page at a link says of itself; None where it says nothing, or cannot be had."""
        try:
            async with asyncio.timeout(WITHIN):
                return await self._fetch(URL(link))
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            log.info("a link has no preview: %s: %s", type(error).__name__, error)
            return None

    async def _fetch(self, target: URL) -> PageDescription | None:
        for _ in range(MOST_REDIRECTS + 1):
            if not self._may_ask(target):
                return None
            async with self._session.get(target, headers=HEADERS, allow_redirects=False) as answer:
                location = answer.headers.get("Location")
                if answer.status in REDIRECTS and location:
                    target = target.join(URL(location))
                    continue
                if answer.status != 200 or answer.content_type not in TYPES:
                    return None
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    return None
                body = bytearray()
                while len(body) < MOST_BYTES and (chunk := await answer.content.read(MOST_BYTES - len(body))):
                    body += chunk
                return describe(bytes(body), answer.charset)
        return None

    def _may_ask(self, target: URL) -> bool:
        """Whether a page may be asked for, also one that another leads to. Names are decided on by the resolver."""
        host = target.host or ""
        if target.scheme not in PORTS or not host or target.user or target.password:
            return False
        if self._allow_private:
            return True
        return target.port == PORTS[target.scheme] and (not is_address(host) or is_public(host))
