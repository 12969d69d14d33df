"""The acts on people and invitations to sign up."""

import argparse
import secrets

from app.accounts.auth import HASHER
from app.accounts.sessions.sign_out import DEACTIVATED, LOOK_EVERY, end_sockets, tokens_channel
from app.administration.command.shell import Shell, moment, say, say_json
from app.administration.invitations import SignUpInvitations
from app.administration.people import People
from protocol import BusUnavailable, Emitter

HOUR = 60 * 60
DAY = 24 * HOUR


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
            *["deactivated"] * (row.deactivated_at is not None and row.deleted_at is None),
            *["deleted"] * (row.deleted_at is not None),
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
        async with Emitter(shell.redis_url, by_interest=shell.by_interest) as emitter:
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
