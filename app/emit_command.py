"""The command `parley emit`: an event to the clients of the running instances, from a shell."""

import argparse
from typing import Any

from app.config.settings import ConfigError, Settings
from app.embedded import running_redis_url
from protocol import BadValue, Emitter, parse_json


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Tell argparse what the command takes."""
    command.add_argument("--nsp", default="/", metavar="NAME", help="the namespace; / if it is not given")
    command.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="ROOM",
        help="only sockets in this room, or in one of several",
    )
    command.add_argument(
        "--except",
        action="append",
        default=[],
        dest="without",
        metavar="ROOM",
        help="no sockets in this room; may be given several times",
    )
    command.add_argument(
        "--volatile", action="store_true", help="drop it for clients to whom it cannot leave at once"
    )
    command.add_argument(
        "--server-side", action="store_true", help="to the servers themselves, and to no client"
    )
    command.add_argument("event", metavar="EVENT")
    command.add_argument("values", nargs="*", type=value, metavar="JSON", help="the arguments of the event")


def value(text: str) -> Any:
    """An argument of the event."""
    try:
        return parse_json(text)
    except BadValue as error:
        raise argparse.ArgumentTypeError(f"{text:.40} cannot be sent: {error}") from error
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not JSON; a text stands in double quotes: '\"…\"'"
        ) from error


async def emit(settings: Settings, chosen: argparse.Namespace) -> None:
    """Send what the arguments say. Raises ConfigError and BusUnavailable."""
    if chosen.server_side and (chosen.to or chosen.without or chosen.volatile):
        raise ConfigError("--server-side is for all servers: --to, --except and --volatile are for clients.")
    url = settings.redis_url or running_redis_url(settings.data_dir)
    if url is None:
        raise ConfigError(
            f"no instance runs in {settings.data_dir}; set REDIS_URL, or DATA_DIR, to what the instances have."
        )
    async with Emitter(url) as emitter:
        try:
            await send(emitter.of(chosen.nsp), chosen)
        except ValueError as error:
            raise ConfigError(f"{chosen.event!r} cannot be sent: {error}.") from error


async def send(namespace: Emitter, chosen: argparse.Namespace) -> None:
    if chosen.server_side:
        await namespace.server_side_emit(chosen.event, *chosen.values)
    else:
        sockets = namespace.to(*chosen.to).except_(*chosen.without)
        await (sockets.volatile if chosen.volatile else sockets).emit(chosen.event, *chosen.values)
