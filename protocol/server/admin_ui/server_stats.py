"""The state of this instance, for the page: read from counters once an interval, so that nothing is done a packet; and
which servers say theirs."""

import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from protocol.server.engineio.traffic import Traffic
from protocol.server.server import Server

SILENT = 10.0  # seconds, as the page has it
MAX_SERVERS = 1_000

_TOTALS = {
    "packetsIn": "packets_in",
    "packetsOut": "packets_out",
    "bytesIn": "bytes_in",
    "bytesOut": "bytes_out",
}


class ServerStats:
    """Takes what `server_stats` says of an instance."""

    def __init__(self, io: Server, server_id: str | None) -> None:
        hostname = socket.gethostname()
        self._io = io
        self._constant = {
            "serverId": server_id or f"{hostname}#{os.getpid()}",
            "hostname": hostname,
            "pid": os.getpid(),
        }
        self._began = time.monotonic()
        self._traffic: Traffic = io.count_traffic()
        self._before: dict[tuple[str, str | None], int] = {}

    def take(self) -> dict[str, Any]:
        """The state now, and in `aggregatedEvents` what has happened since it was last taken."""
        return {
            **self._constant,
            "uptime": round(time.monotonic() - self._began, 3),
            "clientsCount": self._io.sessions,
            "pollingClientsCount": len(self._traffic.polling),
            "aggregatedEvents": list(self._events(int(time.time()) * 1000)),
            "namespaces": [
                {"name": name, "socketsCount": len(namespace.sockets)}
                for name, namespace in self._io.namespaces.items()
            ],
        }

    def _events(self, timestamp: int) -> Iterator[dict[str, Any]]:
        totals: dict[tuple[str, str | None], int] = {
            (name, None): getattr(self._traffic, counter) for name, counter in _TOTALS.items()
        }
        totals["rawConnection", None] = self._traffic.opened
        for reason, number in self._traffic.closed.items():
            totals["rawDisconnection", reason] = number
        for (kind, subtype), total in totals.items():
            count = total - self._before.get((kind, subtype), 0)
            if count:
                event: dict[str, Any] = {"timestamp": timestamp, "type": kind, "count": count}
                yield event if subtype is None else {**event, "subType": subtype}
        self._before = totals


class KnownServers:
    """The servers that the pages hear of. A crashed one says nothing of its sockets, but is not heard any more."""

    def __init__(self) -> None:
        self._heard_at: dict[str, float] = {}

    def heard(self, event: str, *args: Any) -> None:
        """An event has come for the pages."""
        if (
            event == "server_stats"
            and args
            and isinstance(args[0], dict)
            and len(self._heard_at) < MAX_SERVERS
        ):
            self._heard_at[str(args[0].get("serverId"))] = time.monotonic()

    def have_gone(self) -> bool:
        """True, once for each, if a server is silent for so long that the page calls it unhealthy."""
        before = len(self._heard_at)
        earliest = time.monotonic() - SILENT
        self._heard_at = {server: at for server, at in self._heard_at.items() if at >= earliest}
        return len(self._heard_at) < before
