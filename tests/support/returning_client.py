"""A client that comes back, as the official one does: with the id and the last offset that it was told."""

import contextlib
from typing import Any

import orjson

from protocol import Observer
from tests.support.engine_clients import Client


def key_of(pid: str) -> str:
    """The key of a session in the store, as Node's streams adapter names it."""
    return f"sio:session:{pid}"


class Guest:
    """One client in one namespace, over one connection after the other. `heard` is all that it was sent."""

    def __init__(self, nsp: str = "/") -> None:
        self.prefix = "" if nsp == "/" else f"{nsp},"
        self.client: Client
        self.sid = ""
        self.pid: str | None = None
        self.offset: str | None = None
        self.recovered = False
        self.heard: list[list[Any]] = []

    async def come(self, client: Client, **auth: Any) -> "Guest":
        """Enter over a new connection; what comes before the answer is heard too."""
        self.client = client
        known = {"pid": self.pid, "offset": self.offset} if self.pid else {}
        known = {key: value for key, value in known.items() if value is not None}
        await client.send(f"0{self.prefix}{orjson.dumps(known | auth).decode()}")
        while True:
            message = await client.receive()
            assert isinstance(message, str)
            if message.startswith(f"0{self.prefix}{{"):
                break
            self.take(message)
        body = orjson.loads(message.removeprefix(f"0{self.prefix}"))
        assert body.keys() == {"sid", "pid"}, "it can be recovered"
        self.recovered = body["pid"] == self.pid
        self.sid, self.pid = body["sid"], body["pid"]
        return self

    def take(self, message: str) -> list[Any]:
        """An event, without its offset; that of one with an ack id has none."""
        assert message.startswith(f"2{self.prefix}"), message
        event: list[Any] = orjson.loads(message[message.index("[") :])
        if isinstance(event[-1], str) and message.startswith(f"2{self.prefix}["):
            self.offset = event.pop()
        self.heard.append(event)
        return event

    async def hear(self) -> list[Any]:
        """The next event."""
        message = await self.client.receive()
        assert isinstance(message, str)
        return self.take(message)

    async def hear_until(self, *event: Any) -> list[list[Any]]:
        """All that was heard since the beginning, once this event is."""
        while await self.hear() != list(event):
            pass
        return self.heard

    async def go(self) -> None:
        """Lose the connection."""
        with contextlib.suppress(Exception):
            await self.client.close()


LONG = 120_000  # ms


class Outcomes(Observer):
    """What became of those who wanted to come back."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def recovery(self, outcome: str) -> None:
        self.all.append(outcome)
