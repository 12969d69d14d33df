"""The types of fields about notifications."""

import datetime as dt
import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

NotificationLevel = Literal["all", "mentions", "nothing"]
PushContent = Literal["none", "sender", "text"]

CLOCK = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9](?!\n)$"
PUBLIC_KEY = r"^[A-Za-z0-9_-]{87}=?(?!\n)$"  # 65 bytes in base64url
AUTH_KEY = r"^[A-Za-z0-9_-]{22}(?:==)?(?!\n)$"  # 16 bytes in base64url
ENDPOINT = r"^https://[!-~]{1,1992}(?!\n)$"

Clock = Annotated[str, Meta(pattern=CLOCK)]
TimeZone = Annotated[str, Meta(min_length=1, max_length=64)]
Endpoint = Annotated[str, Meta(pattern=ENDPOINT)]
PublicKey = Annotated[str, Meta(pattern=PUBLIC_KEY)]
AuthSecret = Annotated[str, Meta(pattern=AUTH_KEY)]

TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # to IPv4, RFC 6052 §2.1


def clock_of(text: str) -> dt.time:
    """The time of a clock as `Clock` has it."""
    return dt.time.fromisoformat(text)


def check_time_zone(field: str, name: str) -> None:
    """Raises ValueError, which msgspec reports with the path, for a name that no time zone has."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"field `{field}` must be the name of a time zone, such as Europe/Paris") from None


def is_public(address: str) -> bool:
    """True for an IP address that belongs to a host on the Internet, whichever form of IPv6 it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in TRANSLATED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.teredo is not None:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def check_endpoint(field: str, url: str) -> None:
    """Raises ValueError for a URL without a host, with a password, or with a bad port."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        # What ends in a number is an address (WHATWG URL §3.5), and none that we take in the forms of `inet_aton`.
        named = is_address(host) or re.fullmatch(r"(.*\.)?(\d+|0x[\da-f]*)\.?", host) is None
        usable = bool(host) and named and parts.port != 0 and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"field `{field}` must be an https:// URL of a push service")


def is_address(host: str) -> bool:
    """True for an IP address, false for a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
