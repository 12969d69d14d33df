"""One HTTP client on aiohttp, which is large: `http_sender` loads this module when there is something to send."""

import errno
import socket
import ssl
from collections.abc import Mapping

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from app.notifications.sending.http_sender import WITHIN, Answer, Verdict, answer_of
from app.payloads.fields.notification_fields import is_address, is_public

AT_ONCE_A_HOST = 16
MOST_HEADERS = 8_190  # bytes of a line of an answer's head


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


def guarded_session(
    trusted: ssl.SSLContext,
    *,
    allow_private: bool,
    at_once_a_host: int,
    within: float,
    keeps_connections: bool = True,
) -> aiohttp.ClientSession:
    """A session for URLs that users give: it connects to public addresses alone unless `allow_private`, and keeps no
    cookies. `within` are the seconds that a request may take. Whoever asks looks at addresses in the URL itself."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=trusted,  # read just now: aiohttp's own is of when it was imported
            # A name is looked up once: the connection goes to the address that was found to be public.
            resolver=aiohttp.ThreadedResolver() if allow_private else PublicResolver(),
            use_dns_cache=False,
            force_close=not keeps_connections,
            limit_per_host=at_once_a_host,
        ),
        timeout=aiohttp.ClientTimeout(total=within),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=MOST_HEADERS,
        max_field_size=MOST_HEADERS,
    )


class HttpSession:
    """Posts to URLs of users, or with `allow_private` also to private addresses. Made in its event loop."""

    def __init__(self, trusted: ssl.SSLContext, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session = guarded_session(
            trusted, allow_private=allow_private, at_once_a_host=AT_ONCE_A_HOST, within=WITHIN
        )

    async def close(self) -> None:
        """Ends its connections."""
        await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Posts once; nothing of the answer's body is read."""
        target = URL(url, encoded=True)
        if not self._allow_private and is_address(target.host or "") and not is_public(target.host or ""):
            return Answer(Verdict.REFUSED, f"{target.host} is no public address")
        try:
            async with self._session.post(
                target, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return answer_of(answer.status, answer.headers.get("Retry-After"))
        except aiohttp.InvalidURL as error:
            return Answer(Verdict.REFUSED, f"no URL: {error}")
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(Verdict.FAILED, f"{type(error).__name__}: {error}")
