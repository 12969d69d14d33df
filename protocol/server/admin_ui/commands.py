"""What an operator does to clients from the page, on all instances: emit, join, leave, disconnect."""

import logging
from typing import Any

from protocol.errors import Refused
from protocol.server.server import Server
from protocol.server.socketio.namespace import Namespace
from protocol.server.socketio.selection import Selection
from protocol.server.socketio.socket import Socket

log = logging.getLogger(__name__)

MAX_NAME = 1_000  # characters of a namespace, a room or an event

# The first four name what the page offers for one socket, the others what it offers for all of a room or a namespace.
FEATURES = ("EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")


class Commands:
    """The events of a page. Each names a namespace and, if not all of it is meant, a room; a socket's id is one."""

    def __init__(self, io: Server) -> None:
        self._io = io

    def attach(self, admin: Namespace) -> None:
        """Take the events of the pages."""
        admin.on("emit")(self.emit)
        admin.on("join")(self.join)
        admin.on("leave")(self.leave)
        admin.on("_disconnect")(self.disconnect)

    async def emit(self, operator: Socket, nsp: Any, room: Any, event: Any, *args: Any) -> None:
        """Send an event. Raises `Refused`."""
        chosen = self._selection(nsp, room)
        _log(operator, "emits %r to", _name(event, "an event"), nsp, room)
        try:
            await chosen.emit(event, *args)
        except ValueError as error:
            raise Refused(str(error)) from error

    async def join(self, operator: Socket, nsp: Any, target: Any, room: Any = None) -> None:
        """Make sockets join a room. Raises `Refused`."""
        chosen = self._selection(nsp, room)
        _log(operator, "puts into the room %r", _name(target, "a room"), nsp, room)
        await chosen.sockets_join(target)

    async def leave(self, operator: Socket, nsp: Any, target: Any, room: Any = None) -> None:
        """Make sockets leave a room. Raises `Refused`."""
        chosen = self._selection(nsp, room)
        _log(operator, "takes out of the room %r", _name(target, "a room"), nsp, room)
        await chosen.sockets_leave(target)

    async def disconnect(self, operator: Socket, nsp: Any, close: Any = False, room: Any = None) -> None:
        """Disconnect sockets; with `close`, end their sessions. Raises `Refused`."""
        chosen = self._selection(nsp, room)
        _log(operator, "disconnects, closing: %r,", close is True, nsp, room)
        await chosen.disconnect_sockets(close=close is True)

    def _selection(self, nsp: Any, room: Any) -> Selection:
        name = _name(nsp, "a namespace")
        if not name.startswith("/") or "," in name:
            raise Refused("a namespace begins with a slash, and has no comma")
        chosen = self._io.select(name)
        return chosen.to(_name(room, "a room")) if room is not None and room != "" else chosen


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        raise Refused(f"the name of {what} is a text of up to {MAX_NAME} characters")
    return value


def _log(operator: Socket, doing: str, what: object, nsp: str, room: object) -> None:
    log.info(
        f"an operator at %s {doing} all sockets of %r%s",  # noqa: G004 - all that is given is an argument
        operator.handshake.address,
        what,
        nsp,
        f" in the room {room!r}" if room else "",
    )
