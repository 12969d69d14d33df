"""The acts on rooms."""

import argparse
from collections.abc import Sequence

import msgspec

from app import store
from app.administration.command.shell import Shell, moment, say, say_json
from app.administration.rest_operations import room_of
from app.administration.rooms import AdministeredRooms
from app.announce.announcer import Announcement, room_channel, to_room, user_channel
from app.core.errors import NO_USER, refuse
from app.exports.room_export import begin_room_export, room_export
from app.payloads.responses import wire
from app.payloads.server_events import ROOM_UPDATED
from app.store.administration.administered_rooms import AdministeredRoomRow
from protocol import BusUnavailable, Emitter

PAGE = 500  # rows read at a time


async def rooms(shell: Shell, chosen: argparse.Namespace) -> None:
    after = ""
    while rows := await store.administered_rooms.listed(
        shell.db, chosen.search, without_admin=chosen.without_admin, after=after, limit=PAGE
    ):
        show(rows, as_json=chosen.json)
        after = rows[-1].id


async def default_rooms(shell: Shell, chosen: argparse.Namespace) -> None:
    show(await store.administered_rooms.defaults(shell.db), as_json=chosen.json)


async def take_over_room(shell: Shell, chosen: argparse.Namespace) -> None:
    user_id = await store.accounts.find_by_name(shell.db, chosen.name) or refuse(
        "not_found", f"{NO_USER}: {chosen.name}"
    )
    taken = await AdministeredRooms(shell.db, shell.actor).take_over(chosen.id, user_id)
    say(f"{chosen.name} is the admin of {taken.room.name}")
    await announce(shell, chosen.id, user_id, taken.announcements())


async def delete_room(shell: Shell, chosen: argparse.Namespace) -> None:
    row = await AdministeredRooms(shell.db, shell.actor).delete(chosen.id)
    say(f"{row.name} is being deleted, by the instances as soon as one runs")


async def archive_room(shell: Shell, chosen: argparse.Namespace) -> None:
    await _archive(shell, chosen.id, archived=True)


async def unarchive_room(shell: Shell, chosen: argparse.Namespace) -> None:
    await _archive(shell, chosen.id, archived=False)


async def _archive(shell: Shell, room_id: str, *, archived: bool) -> None:
    row, info = await AdministeredRooms(shell.db, shell.actor).archive(room_id, archived=archived)
    say(f"{row.name} is {'archived' if archived else 'not archived any more'}")
    await announce(shell, room_id, None, [to_room(room_id, ROOM_UPDATED, info)])


async def keep_messages(shell: Shell, chosen: argparse.Namespace) -> None:
    row = await AdministeredRooms(shell.db, shell.actor).keep_messages(chosen.id, chosen.days)
    say(f"{row.name} keeps its messages {'for ever' if chosen.days is None else f'for {chosen.days} days'}")


async def export_room(shell: Shell, chosen: argparse.Namespace) -> None:
    room = await begin_room_export(shell.db, shell.actor, chosen.id)
    async for line in room_export(shell.db, room):
        say(line.decode().removesuffix("\n"))


async def add_default_room(shell: Shell, chosen: argparse.Namespace) -> None:
    row = await AdministeredRooms(shell.db, shell.actor).add_default(chosen.id)
    say(f"new people enter {row.name}")


async def remove_default_room(shell: Shell, chosen: argparse.Namespace) -> None:
    row = await AdministeredRooms(shell.db, shell.actor).remove_default(chosen.id)
    say(f"new people do not enter {row.name} any more")


async def announce(
    shell: Shell, room_id: str, entered: str | None, announcements: Sequence[Announcement]
) -> None:
    """Tells the instances what was committed, and who has `entered` the room with that, as an instance would. They find
    it by themselves where Redis is away.
    """
    if shell.redis_url is None:
        return
    try:
        emitters = Emitter(shell.redis_url, by_interest=shell.by_interest)
        async with emitters as emitter, emitter.batch() as batch:
            if entered is not None:
                await batch.in_(user_channel(entered)).sockets_join(room_channel(room_id))
            for channels, event, payload, _ in announcements:
                await batch.to(*channels).emit(event, wire(payload))
    except BusUnavailable as error:
        say(f"the members hear of it some seconds later: {error}")


def show(rows: Sequence[AdministeredRoomRow], *, as_json: bool) -> None:
    """Prints rooms."""
    for row in rows:
        if as_json:
            say_json(msgspec.to_builtins(room_of(row)))
            continue
        states = [
            *["archived"] * (row.archived_at is not None),
            *["no admin"] * (not row.has_admin),
            *["default"] * row.is_default,
        ]
        cells = (
            row.name,
            row.kind,
            ", ".join(states) or "-",
            str(row.member_count),
            moment(row.created_at),
            row.id,
        )
        say("  ".join(cells))
