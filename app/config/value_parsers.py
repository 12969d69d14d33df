"""The kinds of values of environment variables: each in words, and how its text is read."""

import os
import re
import sys
from base64 import b64decode
from collections.abc import Callable
from ipaddress import ip_network
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

import argon2

from app.db.servers import check_servers, of_first, split_url
from app.db.tls import tls_of
from protocol import parse_redis_url

T = TypeVar("T")

SECRET_CHARACTERS = 32
MOST_WORKERS = 256
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2 §2.4.2


class ValueReason(ValueError):
    """The fault of a text, in words that do not show it where it is secret."""


class SettingKind(NamedTuple, Generic[T]):
    """The values of a variable, in words, and how its text is read; `parse` raises ValueError, or a Reason."""

    allowed: str
    parse: Callable[[str], T]


def whole(least: int, most: int, unit: str = "") -> SettingKind[int]:
    def parse(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,15}", text) is None or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return SettingKind(f"a whole number {unit and f'of {unit} '}from {least} to {most}", parse)


def one_of(*words: str) -> SettingKind[str]:
    def parse(text: str) -> str:
        return words[words.index(text.lower())]

    return SettingKind(f"one of {', '.join(words)}", parse)


def some_of(*words: str) -> SettingKind[tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        return tuple(words[words.index(part)] for part in split(text.lower()))

    return SettingKind(f"one or more of {', '.join(words)}, separated by commas", parse)


def yes_or_no() -> SettingKind[bool]:
    return SettingKind("true or false", lambda text: one_of("false", "true").parse(text) == "true")


def url(*schemes: str) -> SettingKind[str]:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        # Reading the port checks it.
        if parts.scheme not in schemes or parts.port == 0 or not (parts.netloc or parts.path):
            raise ValueError
        return text

    return SettingKind(f"a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}", parse)


def postgres() -> SettingKind[str]:
    allowed, parse = url("postgresql")

    def check(text: str) -> str:
        if "," not in split_url(text).netloc:
            parse(text)
        explained(check_servers, text)
        parse(of_first(text))
        return explained(tls_of, text)

    return SettingKind(allowed, check)


def redis() -> SettingKind[str]:
    return SettingKind("the URL of a Redis", lambda text: explained(parse_redis_url, text))


def explained(check: Callable[[str], object], text: str) -> str:
    """The text. Raises as a Reason what a check says that is to be shown."""
    try:
        check(text)
    except ValueError as error:
        raise ValueReason(error) from None
    return text


def origins() -> SettingKind[tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        found = split(text)
        if found != ("*",) and not all(re.fullmatch(r"https?://[^/\s*]+", origin) for origin in found):
            raise ValueError
        return found

    return SettingKind("* or origins such as https://chat.example.org, separated by commas", parse)


def proxies() -> SettingKind[tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        found = split(text)
        if found != ("*",):
            for network in found:
                ip_network(network)
        return found

    return SettingKind("* or addresses and networks such as 10.0.0.0/8, separated by commas", parse)


def secret() -> SettingKind[str]:
    def parse(text: str) -> str:
        if len(text) < SECRET_CHARACTERS:
            raise ValueError
        return text

    return SettingKind(f"a text of at least {SECRET_CHARACTERS} characters", parse)


def p256_key() -> SettingKind[str]:
    """A private key as `web-push generate-vapid-keys` prints it."""

    def parse(text: str) -> str:
        data = b64decode(text.rstrip("=") + "=", altchars=b"-_", validate=True)
        if len(data) != 32 or not 0 < int.from_bytes(data, "big") < P256_ORDER:
            raise ValueError
        return text

    return SettingKind("a private key of P-256, 32 bytes in base64url", parse)


def contact() -> SettingKind[str]:
    def parse(text: str) -> str:
        if re.fullmatch(r"mailto:[^@\s]+@[^@\s]+|https://[^\s/]+\S*", text) is None:
            raise ValueError
        return text

    return SettingKind("mailto:somebody@example.org or an https:// URL", parse)


def webhook_secret() -> SettingKind[str]:
    """A symmetric key as the Standard Webhooks specification serializes it: 24 to 64 bytes."""

    def parse(text: str) -> str:
        data = b64decode(text.removeprefix("whsec_"), validate=True)
        if not (text.startswith("whsec_") and 24 <= len(data) <= 64):
            raise ValueError
        return text

    return SettingKind("whsec_ and 24 to 64 bytes in base64", parse)


def argon2_hash() -> SettingKind[str]:
    def parse(text: str) -> str:
        try:
            argon2.extract_parameters(text)
        except argon2.exceptions.InvalidHashError:
            raise ValueError from None
        return text

    return SettingKind("an argon2 hash, as parley hash-password prints it", parse)


def word(allowed: str) -> SettingKind[str]:
    def parse(text: str) -> str:
        if text.split() != [text]:
            raise ValueError
        return text

    return SettingKind(allowed, parse)


def reachable() -> SettingKind[str]:
    def parse(text: str) -> str:
        if text.split() != [text] or text in ("0.0.0.0", "::"):  # noqa: S104 - what is refused
            raise ValueError
        return text

    return SettingKind("an address of this machine that the other instances reach", parse)


def folder_or_bucket() -> SettingKind[str]:
    def parse(text: str) -> str:
        if (
            "://" in text
            and re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w./-]*)?", text, re.ASCII) is None
        ):
            raise ValueError
        return text

    return SettingKind("a folder, or a bucket as s3://bucket or s3://bucket/prefix", parse)


def processes() -> SettingKind[int]:
    def parse(text: str) -> int:
        return usable_processors() if text.lower() == "auto" else whole(0, MOST_WORKERS).parse(text)

    return SettingKind(f"auto or a whole number from 0 to {MOST_WORKERS}", parse)


def usable_processors() -> int:
    """Those that this process may run on; a container's quota of time on them does not show here."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))
