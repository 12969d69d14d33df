"""The URL of a Redis: one server, one that sentinels watch over, or a cluster.

    redis://[user:password@]host[:port][/db]
    unix://[user:password@]/path/of/the/socket[?db=…]
    redis+sentinel://[user:password@]host[:port][,host[:port]…]/master[/db]
    redis+cluster://[user:password@]host[:port][,host[:port]…]

`rediss` instead of `redis` is TLS, with the servers and the sentinels alike. Options follow as a query; `OPTIONS` has
them all. User and password are those of the servers; sentinels have theirs as options.
"""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote

from protocol.server.redis.tls_files import load_tls_files

ServerAddress: TypeAlias = tuple[str, int]
"""A host and a port. That of a unix socket is its path and 0."""

PORT = 6379
SENTINEL_PORT = 26379
TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\[\]:@,\s]+))(?::([0-9]{1,5}))?")


class RedisForm(Enum):
    """The kind of server that a URL names."""

    ONE = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """A parsed URL. `options` and `sentinel_options` are arguments of redis-py's connections."""

    form: RedisForm
    addresses: tuple[ServerAddress, ...]
    master: str
    options: Mapping[str, Any] = field(repr=False)
    sentinel_options: Mapping[str, Any] = field(repr=False)

    @property
    def tls(self) -> bool:
        """True if all connections are encrypted."""
        return "ssl_cert_reqs" in self.options


def parse_redis_url(url: str) -> RedisUrl:
    """Parse a Redis URL, and read the certificate files that it names.

    Raises `ValueError` with one sentence that contains no secret. `docs/server.md` ("Redis URLs") has all forms.

        parse_redis_url("redis://redis:6379/0").addresses  # (("redis", 6379),)
    """
    scheme, separator, rest = url.partition("://")
    found = re.fullmatch(r"unix|redis(s?)(?:\+(sentinel|cluster))?", scheme)
    if not separator or found is None:
        raise ValueError(
            "a Redis URL begins with redis://, rediss:// or unix://, or with +sentinel or +cluster before the ://"
        )
    place, _, query = rest.partition("?")
    options, sentinel_options = _options(query, tls=bool(found[1]))
    login, _, where = place.rpartition("@")
    user, _, password = login.partition(":")
    options |= {name: unquote(text) for name, text in (("username", user), ("password", password)) if text}
    form = RedisForm(found[2] or "")
    if scheme == "unix":
        if not where.startswith("/"):
            raise ValueError("a unix:// Redis URL has the path of a socket")
        return RedisUrl(form, ((unquote(where), 0),), "", options, {})
    hosts, *path = where.split("/")
    addresses = _addresses(hosts, SENTINEL_PORT if form is RedisForm.SENTINEL else PORT)
    if form is RedisForm.ONE and len(addresses) > 1:
        raise ValueError("a Redis URL with several hosts begins with redis+sentinel:// or redis+cluster://")
    master = ""
    if form is RedisForm.SENTINEL:
        master = unquote(path.pop(0)) if path else ""
        if not master:
            raise ValueError("a Redis URL with sentinels has the name of the master as its path")
    if any(path):
        database = _value("the database", _whole, "/".join(path))
        if options.setdefault("db", database) != database:
            raise ValueError("a Redis URL names one database, not one in its path and another one as db")
    if form is RedisForm.CLUSTER and options.get("db"):
        raise ValueError("a Redis URL of a cluster names no database but 0, which is the only one")
    tls = {name: value for name, value in options.items() if name.startswith(("ssl_", "socket_"))}
    return RedisUrl(form, addresses, master, options, tls | sentinel_options)


def _addresses(hosts: str, default_port: int) -> tuple[ServerAddress, ...]:
    found = [HOST.fullmatch(host) for host in hosts.split(",")]
    addresses = tuple(
        (match[1] or unquote(match[2]), int(match[3] or default_port)) for match in found if match is not None
    )
    if None in found or not all(0 < port < 65_536 for _, port in addresses):
        raise ValueError(
            "a Redis URL has a host, or several separated by commas, each with a port or without"
        )
    return addresses


# --- options ---


def _options(query: str, *, tls: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    options: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True} if tls else {}
    sentinel_options: dict[str, Any] = {}
    if "@" in query:  # then it may be the end of a password
        raise ValueError(
            "a Redis URL has user and password before the host, and in them %3F for ? and %2F for /"
        )
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS:
            raise ValueError(f"a Redis URL has no option {name!r}; there are {', '.join(OPTIONS)}")
        if name.startswith("ssl_") and not tls:
            raise ValueError(f"{name} in a Redis URL is for TLS, which begins with rediss")
        kept = sentinel_options if name.startswith("sentinel_") else options
        kept[name.removeprefix("sentinel_")] = _value(name, OPTIONS[name], text)
    if tls:
        # So that a file that is missing or no PEM is told now and not at each connection.
        load_tls_files(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), options, TLS_FILES, "in a Redis URL")
    return options, sentinel_options


def _value(name: str, read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{name} in a Redis URL {error}") from None


def _text(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _whole(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text) is None:
        raise ValueError("is a whole number")
    return int(text)


def _seconds(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) is None or not float(text):
        raise ValueError("is a number of seconds")
    return float(text)


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("is true or false")
    return text.lower() == "true"


def _requirement(text: str) -> str:
    if text not in ("required", "none"):
        raise ValueError("is required or none")
    return text


def _version(text: str) -> ssl.TLSVersion:
    versions = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
    if text not in versions:
        raise ValueError("is 1.2 or 1.3")
    return versions[text]


OPTIONS: Mapping[str, Callable[[str], object]] = {
    "db": _whole,
    "client_name": _text,
    "socket_connect_timeout": _seconds,
    "sentinel_username": _text,
    "sentinel_password": _text,
    "ssl_ca_certs": _text,
    "ssl_certfile": _text,
    "ssl_keyfile": _text,
    "ssl_check_hostname": _yes_or_no,
    "ssl_cert_reqs": _requirement,
    "ssl_min_version": _version,
}
"""The options of a URL, each with what reads its text; that raises ValueError, the end of a sentence."""
