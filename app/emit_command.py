"""The command `parley emit`: send an event to the clients of the running instances from a shell."""

import argparse
from typing import Any

from app.config.settings import ConfigError, Settings
from app.embedded import running_redis_url
from protocol import BadValue, Emitter, parse_json


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Define the arguments of the command."""
    command.add_argument("--nsp", default="/", metavar="NAME", help="the namespace; default: /")
    command.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="ROOM",
        help="send only to sockets in this room; may be given several times; default: all authenticated sockets",
    )
    command.add_argument(
        "--except",
        action="append",
        default=[],
        dest="without",
        metavar="ROOM",
        help="exclude sockets in this room; may be given several times",
    )
    command.add_argument(
        "--volatile", action="store_true", help="drop the event for clients that cannot take it at once"
    )
    command.add_argument("--server-side", action="store_true", help="send to the servers, not to clients")
    command.add_argument("event", metavar="EVENT")
    command.add_argument("values", nargs="*", type=value, metavar="JSON", help="arguments of the event")


def value(text: str) -> Any:
    """Parse an argument of the event."""
    try:
        return parse_json(text)
    except BadValue as error:
        raise argparse.ArgumentTypeError(f"{text:.40} cannot be sent: {error}") from error
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not JSON; put a string in double quotes: '\"…\"'"
        ) from error


async def emit(settings: Settings, chosen: argparse.Namespace) -> None:
    """Send the event. Raises ConfigError and BusUnavailable."""
    if chosen.server_side and (chosen.to or chosen.without or chosen.volatile):
        raise ConfigError(
            "--server-side is for all servers: do not use it with --to, --except or --volatile."
        )
    url = settings.redis_url or running_redis_url(settings.data_dir)
    if url is None:
        raise ConfigError(
            f"no instance runs in {settings.data_dir}; set REDIS_URL or DATA_DIR to the value that the instances use."
        )
    async with Emitter(url, by_interest=settings.by_interest) as emitter:
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
