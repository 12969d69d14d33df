"""A client that hears what the page of the admin UI hears, and keeps the state that the page shows."""

from typing import Any

from protocol import Client
from tests.support.waiting import until

EVENTS = (
    *("session", "config", "server_stats", "all_sockets", "socket_connected", "socket_updated"),
    *("socket_disconnected", "room_joined", "room_left", "event_received", "event_sent"),
)


class AdminClient:
    """The page without its looks. `heard` has each event and its arguments, in order."""

    def __init__(
        self, origin: str, auth: dict[str, Any] | None = None, namespace: str = "/admin", **options: Any
    ) -> None:
        self.client = Client(origin, namespace=namespace, auth=auth, reconnection=False, **options)
        self.heard: list[tuple[Any, ...]] = []
        for event in EVENTS:
            self._keep(event)

    def _keep(self, event: str) -> None:
        @self.client.on(event)
        def hear(*args: Any) -> None:
            self.heard.append((event, *args))

    def all(self, event: str) -> list[Any]:
        """The arguments of each event of a name; a single one as it is."""
        found = [heard[1:] for heard in self.heard if heard[0] == event]
        return [args[0] if len(args) == 1 else list(args) for args in found]

    async def hears(self, event: str, *args: Any) -> None:
        """Return once an event has come whose arguments begin with these."""
        await until(lambda: any(heard[: 1 + len(args)] == (event, *args) for heard in self.heard))

    async def knows(self, id: str) -> dict[str, Any]:
        """The description of a socket, once it has come in any way."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            listed = [socket for sockets in self.all("all_sockets") for socket in sockets]
            came = [args[0] for args in self.all("socket_connected")]
            found[:] = [socket for socket in [*listed, *came] if socket["id"] == id]
            return bool(found)

        await until(look)
        return found[-1]
