"""What the acts work with, and how they print."""

import datetime as dt
import getpass
import os

import msgspec
from msgspec import Struct

from app.core.errors import CannotStart
from app.db.database import Database


class Shell(Struct, frozen=True):
    """What an act works with. `actor` is the operator, as the audit log names them; `by_interest` says how instances
    hear of events."""

    db: Database
    redis_url: str | None
    actor: str
    by_interest: bool = False


class NotDone(CannotStart):
    """An act that was refused; the text is a sentence for the operator."""


def operator() -> str:
    """The operator at this shell, as the audit log names them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = f"user {os.getuid()}"
    return f"{name} (command line)"


def moment(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def say(text: str) -> None:
    print(text)  # noqa: T201


def say_json(value: object) -> None:
    say(msgspec.json.encode(value).decode())
