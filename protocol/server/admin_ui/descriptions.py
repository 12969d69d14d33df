"""Sockets as the page of the admin UI gets them, those of this instance and of others."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from protocol.server.admin_ui.redaction import shown, shown_text
from protocol.server.socketio.remote_socket import RemoteSocket
from protocol.server.socketio.socket import Socket

Description: TypeAlias = dict[str, Any]

# Where the reference's admin UI keeps what it knows of a socket beside the application's data. So do we, for others.
OWN = "_admin"
MAX_ROOMS = 100  # of one socket


def iso_time(milliseconds: float | None = None) -> str:
    """A time as JavaScript writes a `Date` in JSON; by default now."""
    moment = datetime.now(UTC) if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def details_of(socket: Socket) -> dict[str, Any]:
    """What other servers are told of a socket of this one, so that their pages can show it."""
    return {OWN: {"clientId": socket.client_id, "transport": socket.transport}}


def description(socket: Socket | RemoteSocket) -> Description:
    """A socket. Of its handshake nothing is shown that is a secret: no `auth`, no cookie, no token."""
    data: Mapping[str, Any] = socket.data if isinstance(socket.data, Mapping) else {}
    own = data.get(OWN) if isinstance(socket, RemoteSocket) else details_of(socket)[OWN]
    own = own if isinstance(own, Mapping) else {}
    came = socket.handshake
    return {
        "id": socket.id,
        "clientId": shown(own.get("clientId")) or socket.id,
        "transport": shown(own.get("transport")),
        "nsp": socket.nsp.name,
        "data": shown_data(data),
        "handshake": {
            "address": came.address,
            "headers": shown(came.headers),
            "query": shown(came.query),
            "issued": came.issued,
            "secure": came.secure,
            "time": iso_time(came.issued),
            "url": shown_text(came.url),
            "xdomain": came.xdomain,
        },
        "rooms": shown_rooms(socket.rooms),
    }


def shown_data(data: Mapping[str, Any]) -> Any:
    """The application's `data`, as it may be shown."""
    return shown({key: value for key, value in data.items() if key != OWN})


def shown_rooms(rooms: "frozenset[Any]") -> Sequence[Any]:
    """The rooms of a socket; Node's may be numbers."""
    return sorted(rooms, key=str)[:MAX_ROOMS]
