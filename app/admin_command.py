"""The commands `parley admin …`: administration from a shell, on the database of the instances."""

import argparse
import asyncio
import datetime as dt
import getpass
import os
import secrets
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from app.accounts.auth import DEACTIVATED, HASHER
from app.accounts.sessions.sign_out import LOOK_EVERY, end_sockets, tokens_channel
from app.administration import audit
from app.administration.invitations import SignUpInvitations
from app.administration.people import People
from app.config.settings import Settings
from app.core.errors import CannotStart, NotStorable, Refusal
from app.db.database import Database
from app.db.migrations import migrate
from app.embedded import embedded, running_database_url, running_redis_url
from protocol import BusUnavailable, Emitter

HOUR = 60 * 60
DAY = 24 * HOUR
MAX_NOTE = 200  # characters


class Shell(Struct, frozen=True):
    """What an act works with. `actor` is the operator, as the audit log names them."""

    db: Database
    redis_url: str | None
    actor: str


class NotDone(CannotStart):
    """An act that was refused; the text is a sentence for the operator."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Define the arguments of `parley admin`."""
    acts = command.add_subparsers(dest="act", required=True, metavar="act")
    invite = acts.add_parser("invite", help="make a link to sign up with; it is printed once")
    invite.add_argument(
        "--days", type=whole(365), default=7, metavar="N", help="days until it expires; default: 7"
    )
    invite.add_argument(
        "--uses", type=whole(1_000_000), metavar="N", help="people who can use it; default: any number"
    )
    invite.add_argument(
        "--room",
        action="append",
        default=[],
        dest="rooms",
        metavar="ID",
        help="room that they enter; may be given several times",
    )
    invite.add_argument("--note", type=note, metavar="TEXT", help="note for the list of invitations")
    invite.add_argument(
        "--url", default="", metavar="URL", help="address of the chat, for the link; default: only its end"
    )
    acts.add_parser("revoke-invite", help="end an invitation").add_argument("id", metavar="ID")
    for name, help_text in (
        ("grant", "make a user an administrator"),
        ("revoke", "make an administrator a user like others"),
        ("deactivate", "end all sessions of a user, who cannot sign in from now on"),
        ("reactivate", "let a deactivated user sign in again"),
    ):
        acts.add_parser(name, help=help_text).add_argument("name", metavar="NAME", help="the username")
    reset = acts.add_parser("reset-password", help="make a link that sets a user's password once")
    reset.add_argument("name", metavar="NAME", help="the username")
    reset.add_argument(
        "--hours", type=whole(168), default=24, metavar="N", help="until it expires; default: 24"
    )
    reset.add_argument("--url", default="", metavar="URL", help="address of the chat, for the link")
    users = acts.add_parser("users", help="list people")
    users.add_argument("search", nargs="?", default="", metavar="SEARCH", help="a part of a name")
    users.add_argument("--json", action="store_true", help="one JSON object per line")
    for name, help_text in (("invites", "list all invitations"), ("audit", "print the log of all acts")):
        acts.add_parser(name, help=help_text).add_argument(
            "--json", action="store_true", help="one JSON object per line"
        )


def whole(most: int) -> Callable[[str], int]:
    """A parser of whole numbers from 1 to `most`."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text:.40} is no whole number from 1 to {most}")
        return int(text)

    return number


def note(text: str) -> str:
    """Parse a note."""
    if not 1 <= len(text) <= MAX_NOTE or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a note has 1 to {MAX_NOTE} characters, in one line")
    return text


def run(settings: Settings, chosen: argparse.Namespace) -> None:
    """Do what was asked, while instances run or while none does. Raises NotDone, CannotStart and Unavailable."""
    running = settings.database_url or running_database_url(settings.data_dir)
    with embedded(settings.data_dir, postgres=not running, valkey=False) as urls:
        redis_url = settings.redis_url or running_redis_url(settings.data_dir)
        asyncio.run(act(chosen, running or urls.database or "", redis_url))


async def act(chosen: argparse.Namespace, database_url: str, redis_url: str | None) -> None:
    """Do it. Without the URL of a Redis it ends no sockets. Raises NotDone and Unavailable."""
    await migrate(database_url)
    db = Database(database_url)
    await db.connect()
    try:
        await ACTS[chosen.act](Shell(db, redis_url, operator()), chosen)
    except Refusal as refusal:
        raise NotDone(f"{refusal.message}.") from refusal
    except NotStorable as error:  # an argument that is no text, in bytes
        raise NotDone("PostgreSQL can neither store nor look for this.") from error
    finally:
        await db.close()


async def invite(shell: Shell, chosen: argparse.Namespace) -> None:
    made = await SignUpInvitations(shell.db, shell.actor).invite(
        seconds=chosen.days * DAY, most_uses=chosen.uses, room_ids=chosen.rooms, note=chosen.note
    )
    say(f"{chosen.url.rstrip('/')}/#/sign-up/{made.token}")
    say(f"invitation {made.id}, until {moment(made.expires_at)}; the link is not shown again")


async def revoke_invite(shell: Shell, chosen: argparse.Namespace) -> None:
    await SignUpInvitations(shell.db, shell.actor).revoke(chosen.id)
    say("revoked")


async def invites(shell: Shell, chosen: argparse.Namespace) -> None:
    async for row in SignUpInvitations(shell.db, shell.actor).all():
        if chosen.json:
            say_json(row)
            continue
        state = "revoked" if row.revoked_at else "open" if row.is_open else "over"
        uses = f"{row.uses} of {row.most_uses or 'any number'}"
        cells = (row.id, state, uses, moment(row.expires_at), " ".join(row.room_ids), row.note or "")
        say("  ".join(cells).rstrip())


async def users(shell: Shell, chosen: argparse.Namespace) -> None:
    async for row in People(shell.db, shell.actor).all(chosen.search):
        if chosen.json:
            say_json(row)
            continue
        states = [
            *["administrator"] * row.is_administrator,
            *["deactivated"] * (row.deactivated_at is not None),
        ]
        seen = "never gone" if row.last_seen_at is None else moment(row.last_seen_at)
        cells = (
            row.username,
            row.display_name or "-",
            ", ".join(states) or "-",
            moment(row.created_at),
            seen,
            row.id,
        )
        say("  ".join(cells))


async def grant(shell: Shell, chosen: argparse.Namespace) -> None:
    await People(shell.db, shell.actor).grant(chosen.name)
    say(f"{chosen.name} is an administrator")


async def revoke(shell: Shell, chosen: argparse.Namespace) -> None:
    await People(shell.db, shell.actor).revoke(chosen.name)
    say(f"{chosen.name} is no administrator any more")


async def deactivate(shell: Shell, chosen: argparse.Namespace) -> None:
    unusable = HASHER.hash(secrets.token_hex())
    row = await People(shell.db, shell.actor).deactivate(chosen.name, unusable)
    say(f"{row.username} is deactivated")
    try:
        if shell.redis_url is None:
            raise BusUnavailable("no Redis is known here")
        async with Emitter(shell.redis_url) as emitter:
            await end_sockets(emitter.in_(tokens_channel(row.id)), DEACTIVATED)
    except BusUnavailable as error:
        say(f"sockets that are connected end within {LOOK_EVERY:.0f} s: {error}")


async def reactivate(shell: Shell, chosen: argparse.Namespace) -> None:
    await People(shell.db, shell.actor).reactivate(chosen.name)
    say(f"{chosen.name} can sign in again")


async def reset_password(shell: Shell, chosen: argparse.Namespace) -> None:
    made = await People(shell.db, shell.actor).reset_password(chosen.name, chosen.hours * HOUR)
    say(f"{chosen.url.rstrip('/')}/#/reset-password/{made.token}")
    say(f"until {moment(made.expires_at)}, once; the link is not shown again")


async def print_audit(shell: Shell, chosen: argparse.Namespace) -> None:
    async for row in audit.acts(shell.db):
        if chosen.json:
            say_json({**msgspec.structs.asdict(row), "details": msgspec.Raw(row.details.encode())})
        else:
            say(
                f"{moment(row.at)}  {row.actor}  {row.action}  {row.subject or row.subject_id}  {row.details}"
            )


ACTS: dict[str, Callable[[Shell, argparse.Namespace], Awaitable[None]]] = {
    "invite": invite,
    "revoke-invite": revoke_invite,
    "invites": invites,
    "audit": print_audit,
    "users": users,
    "grant": grant,
    "revoke": revoke,
    "deactivate": deactivate,
    "reactivate": reactivate,
    "reset-password": reset_password,
}


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
