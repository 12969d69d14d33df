"""The servers that a URL of PostgreSQL names: one, or a primary and its standbys, of which one is chosen.

`postgresql://user@one,two:5433/db` and `?host=one,two&port=5432,5433` are libpq's forms. `target_session_attrs` is
`any`, or `read-write` or `primary` for a server that takes writes. Without it, of several servers one that takes writes
is chosen: the chat has no use for another. Each new connection tries the servers anew, beginning with the last good
one, so after a failover connections go to the new primary.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute

ATTRIBUTES = ("any", "read-write", "primary")
PORT = 5432
LEAST_TIMEOUT = 1.0  # seconds for each of several servers
PATIENCE = 10.0  # seconds for all, if the URL names no timeout

# What makes the next server worth a try. Who is refused by one has the wrong password for all.
GOES_ON = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.TooManyConnectionsError,
)


class Server(NamedTuple):
    """Where one server listens: a name or address, or the folder of its socket."""

    host: str
    port: int


def split_url(url: str) -> SplitResult:
    """As `urlsplit`, which in Pythons since 2025 refuses an IPv6 address beside other hosts. Raises ValueError."""
    scheme, _, rest = url.partition("://")
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    if "," not in place:
        return urlsplit(url)
    return urlsplit(f"{scheme}://{rest.removeprefix(place)}")._replace(netloc=place)


def options_of(url: str) -> dict[str, str]:
    """What a URL says after its `?`. Raises ValueError."""
    return dict(parse_qsl(split_url(url).query))


def servers_of(url: str) -> list[Server]:
    """The servers that a URL names; none where it leaves that to the driver. Raises ValueError, a sentence."""
    options = options_of(url)
    named = [_split_port(text) for text in split_url(url).netloc.rpartition("@")[2].split(",")]
    if "host" in options:
        named = [(host, port) for host in options["host"].split(",") for _, port in [_split_port("")]]
    ports = options.get("port", "").split(",")
    if len(ports) not in (1, len(named)):
        raise ValueError("it has not as many ports as hosts")
    ports = ports * len(named) if len(ports) == 1 else ports
    if not any(host for host, _ in named):
        return []
    try:
        return [
            Server(unquote(host), int(own or port or PORT))
            for (host, own), port in zip(named, ports, strict=True)
        ]
    except ValueError:
        raise ValueError("a port in it is not a number") from None


def _split_port(text: str) -> tuple[str, str]:
    if text.startswith("["):  # an IPv6 address
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = text.partition(":")
    return host, port


def attributes_of(url: str) -> str | None:
    """The `target_session_attrs` of a URL, or what it is without; None for one server of any kind. Raises ValueError, a
    sentence."""
    given = options_of(url).get("target_session_attrs")
    if given is not None and given not in ATTRIBUTES:
        raise ValueError(f"target_session_attrs in it must be one of {', '.join(ATTRIBUTES)}")
    return given or ("read-write" if len(servers_of(url)) > 1 else None)


def check_servers(url: str) -> None:
    """Raises ValueError, a sentence, for servers that cannot be chosen from."""
    attributes_of(url)


def of_first(url: str) -> str:
    """The URL for the first of its servers alone, as drivers take it that know no others."""
    servers = servers_of(url)
    if len(servers) < 2:
        return url
    parts = split_url(url)
    user, at, _ = parts.netloc.rpartition("@")
    options = [(name, value) for name, value in parse_qsl(parts.query) if name not in ("host", "port")]
    query = urlencode([*options, ("host", servers[0].host)])
    return urlunsplit(parts._replace(netloc=f"{user}{at}", query=query))


class ServerChoice:
    """Makes connections to the one of several servers that has the `attributes`."""

    def __init__(self, servers: Sequence[Server], attributes: str) -> None:
        self._servers = list(servers)
        self._attributes = SessionAttribute(attributes)

    async def connect(self, *args: Any, **options: Any) -> "asyncpg.Connection[Any]":
        """As `asyncpg.connect`; its `timeout` is for all servers together. Raises what the last of them said."""
        each = max(LEAST_TIMEOUT, options.pop("timeout", PATIENCE) / len(self._servers))
        failure: BaseException | None = None
        for server in list(self._servers):
            place = {"host": server.host, "port": server.port}
            try:
                async with asyncio.timeout(each):
                    connection: asyncpg.Connection[Any] = await asyncpg.connect(
                        *args, **{**options, **place}, target_session_attrs=self._attributes, timeout=each
                    )
            except GOES_ON as error:
                failure = error
                continue
            self._servers.remove(server)
            self._servers.insert(0, server)
            return connection
        assert failure is not None
        raise failure
