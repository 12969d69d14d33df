"""The commands `parley admin …`: administration from a shell, on the database of the instances."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from app.administration.command import instance_acts, people_acts, room_acts
from app.administration.command.shell import NotDone, Shell, operator
from app.config.settings import Settings
from app.core.errors import NotStorable, Refusal
from app.db.database import Database
from app.db.migrations import migrate
from app.embedded import embedded, running_database_url, running_redis_url


def run(settings: Settings, chosen: argparse.Namespace) -> None:
    """Do what was asked, while instances run or while none does. Raises NotDone, CannotStart and Unavailable."""
    running = settings.database_url or running_database_url(settings.data_dir)
    with embedded(settings.data_dir, postgres=not running, valkey=False) as urls:
        redis_url = settings.redis_url or running_redis_url(settings.data_dir)
        asyncio.run(act(chosen, running or urls.database or "", redis_url, by_interest=settings.by_interest))


async def act(
    chosen: argparse.Namespace, database_url: str, redis_url: str | None, *, by_interest: bool = False
) -> None:
    """Do it. Without the URL of a Redis it ends no sockets. Raises NotDone and Unavailable."""
    await migrate(database_url)
    db = Database(database_url)
    await db.connect()
    try:
        await ACTS[chosen.act](Shell(db, redis_url, operator(), by_interest), chosen)
    except Refusal as refusal:
        raise NotDone(f"{refusal.message}.") from refusal
    except NotStorable as error:  # an argument that is no text, in bytes
        raise NotDone("PostgreSQL can neither store nor look for this.") from error
    finally:
        await db.close()


ACTS: dict[str, Callable[[Shell, argparse.Namespace], Awaitable[None]]] = {
    "invite": people_acts.invite,
    "revoke-invite": people_acts.revoke_invite,
    "invites": people_acts.invites,
    "audit": instance_acts.print_audit,
    "figures": instance_acts.figures,
    "users": people_acts.users,
    "grant": people_acts.grant,
    "revoke": people_acts.revoke,
    "deactivate": people_acts.deactivate,
    "reactivate": people_acts.reactivate,
    "reset-password": people_acts.reset_password,
    "rooms": room_acts.rooms,
    "take-over-room": room_acts.take_over_room,
    "archive-room": room_acts.archive_room,
    "unarchive-room": room_acts.unarchive_room,
    "delete-room": room_acts.delete_room,
    "keep-messages": room_acts.keep_messages,
    "export-room": room_acts.export_room,
    "default-rooms": room_acts.default_rooms,
    "add-default-room": room_acts.add_default_room,
    "remove-default-room": room_acts.remove_default_room,
}
