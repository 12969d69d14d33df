"""The checks of Parley's own client. Prints [CHECK, null or what is wrong], a JSON array a line, and
{"restart": SIGNAL} where it wants the server to be ended by a signal and started again.

    python parley_client.py URL CHECK...
"""

import asyncio
import json
import sys
from functools import partial
from typing import Any

from protocol import Client, Refused

URL = sys.argv[1]
ADMITTED = "secret"
PATIENCE = 10.0  # seconds


class Wrong(Exception):
    """A check has failed. The text says how."""


def say(*line: Any) -> None:
    print(json.dumps(line), flush=True)


def same(found: Any, expected: Any, what: str = "got") -> None:
    if found != expected:
        raise Wrong(f"{what} {found!r:.100}, not {expected!r:.100}")


class Device:
    """A client that keeps what it hears."""

    def __init__(self, given: str = ADMITTED) -> None:
        self.client = Client(URL, auth={"token": given}, reconnection_delay=100, reconnection_delay_max=500)
        self.heard: dict[str, asyncio.Queue[Any]] = {}
        for name in ("echo", "told", "disconnect", "connect"):
            self.listen(name, self.heard.setdefault(name, asyncio.Queue()))
        self.client.on("ask")(lambda value: value + 1)

    def listen(self, name: str, queue: asyncio.Queue[Any]) -> None:
        self.client.on(name)(lambda *values: queue.put_nowait(values))

    async def expect(self, event: str) -> Any:
        try:
            return await asyncio.wait_for(self.heard[event].get(), PATIENCE)
        except TimeoutError:
            raise Wrong(f"waited in vain for {event}") from None

    async def ask(self, event: str, *values: Any) -> Any:
        return await self.client.emit_with_ack(event, *values, timeout=int(PATIENCE * 1000))


made: list[Device] = []


async def connected() -> Device:
    made.append(Device())
    await made[-1].client.connect()
    await made[-1].expect("connect")
    return made[-1]


async def connect_with_auth() -> None:
    stranger = Device("wrong")
    try:
        await stranger.client.connect()
    except Refused as refused:
        same((str(refused), refused.data), ("no entry", {"code": 7}), "refused with")
    else:
        raise Wrong("was let in with a wrong token")
    finally:
        await stranger.client.disconnect()
    answer = await (await connected()).ask("who am i")
    same(answer, {"auth": {"token": ADMITTED}, "transport": "websocket"})


async def event_and_ack() -> None:
    device = await connected()
    for value in ("€ 👋", 1.5, None, True, {"a": [{"b": []}]}, "x" * 100_000):
        same(await device.ask("echo", value), value, "the ack had")
        same(await device.expect("echo"), (value,), "the event had")
    same(await device.ask("ask me", 41), 42, "the server was answered")


async def binary() -> None:
    device = await connected()
    for value in (b"\x00\x01\xff", {"blob": bytes(70_000)}):
        same(await device.ask("echo", value), value, "the ack had")
        same(await device.expect("echo"), (value,), "the event had")


async def broadcast_to_a_room() -> None:
    one, two, outside = [await connected() for _ in range(3)]
    await one.ask("enter", "room")
    await two.ask("enter", "room")
    await outside.ask("tell", "room", "news")
    same([await one.expect("told"), await two.expect("told")], [("news",), ("news",)])
    same(outside.heard["told"].empty(), True, "outside the room nothing was heard:")


async def reconnect(ending: str) -> None:
    device = await connected()
    print(json.dumps({"restart": ending}), flush=True)
    await device.expect("disconnect")
    await device.expect("connect")
    same(await device.ask("echo", 1), 1)


async def disconnect_by_the_server() -> None:
    device = await connected()
    await device.client.emit("leave")
    await device.expect("disconnect")
    await asyncio.sleep(0.6)  # longer than the delay before a reconnection
    same(device.client.connected, False, "connected again:")


CHECKS = {
    "connect with auth": connect_with_auth,
    "event and ack": event_and_ack,
    "binary": binary,
    "broadcast to a room": broadcast_to_a_room,
    "reconnect after a restart": partial(reconnect, "SIGTERM"),
    "reconnect after a crash": partial(reconnect, "SIGKILL"),
    "disconnect by the server": disconnect_by_the_server,
}


async def main() -> None:
    for check in sys.argv[2:]:
        try:
            await CHECKS[check]()
        except Exception as error:  # noqa: BLE001 - every failure of a check is told
            say(check, f"{type(error).__name__}: {error}")
        else:
            say(check, None)
        for device in made:
            await device.client.disconnect()
        made.clear()


asyncio.run(main())
