"""The checks of a python-socketio client, of the version that is installed. Prints [CHECK, null or what is wrong], a
JSON array a line, and {"restart": SIGNAL} where it wants the server to be ended by a signal and started again.

    python client.py URL TRANSPORTS CHECK...      TRANSPORTS is a list with commas
"""

import asyncio
import json
import sys
from functools import partial
from typing import Any

import socketio

URL, TRANSPORTS = sys.argv[1], sys.argv[2].split(",")
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
    """A client whose handlers take exactly one argument, as those of tutorials do."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.5)
        self.heard: dict[str, asyncio.Queue[Any]] = {
            name: asyncio.Queue() for name in ("echo", "told", "gone", "back")
        }
        self.client.on("echo", lambda value: self.heard["echo"].put_nowait(value))
        self.client.on("told", lambda value: self.heard["told"].put_nowait(value))
        self.client.on("ask", lambda value: value + 1)
        self.client.on("connect", lambda: self.heard["back"].put_nowait(None))
        self.client.on("disconnect", lambda *_reason: self.heard["gone"].put_nowait(None))

    async def connect(self, given: str = ADMITTED) -> "Device":
        await self.client.connect(URL, auth={"token": given}, transports=TRANSPORTS)
        await self.expect("back")
        return self

    async def expect(self, event: str) -> Any:
        try:
            return await asyncio.wait_for(self.heard[event].get(), PATIENCE)
        except TimeoutError:
            raise Wrong(f"waited in vain for {event}") from None

    async def ask(self, event: str, *values: Any) -> Any:
        data = values[0] if len(values) == 1 else values or None
        return await self.client.call(event, data, timeout=PATIENCE)


made: list[Device] = []


async def connected() -> Device:
    made.append(Device())
    return await made[-1].connect()


async def connect_with_auth() -> None:
    try:
        await Device().connect("wrong")
    except socketio.exceptions.ConnectionError:
        pass
    else:
        raise Wrong("was let in with a wrong token")
    device = await connected()
    answer = await device.ask("who am i")
    same(answer["auth"], {"token": ADMITTED})


async def transport() -> None:
    device = await connected()
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while device.client.transport() != TRANSPORTS[-1] and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.05)
    same(device.client.transport(), TRANSPORTS[-1], "is on")
    same((await device.ask("who am i"))["transport"], TRANSPORTS[-1], "the server sees")


async def event_and_ack() -> None:
    device = await connected()
    for value in ("€ 👋", 1.5, True, {"a": [{"b": []}]}, "x" * 100_000):
        same(await device.ask("echo", value), value, "the ack had")
        same(await device.expect("echo"), value, "the event had")
    same(await device.ask("ask me", 41), 42, "the server was answered")


async def binary() -> None:
    device = await connected()
    for value in (b"\x00\x01\xff", {"blob": bytes(70_000)}):
        same(await device.ask("echo", value), value, "the ack had")
        same(await device.expect("echo"), value, "the event had")


async def broadcast_to_a_room() -> None:
    one, two, outside = [await connected() for _ in range(3)]
    room = f"room-{id(one)}"
    await one.ask("enter", room)
    await two.ask("enter", room)
    await outside.ask("tell", room, "news")
    same([await one.expect("told"), await two.expect("told")], ["news", "news"])
    same(outside.heard["told"].empty(), True, "outside the room nothing was heard:")


async def reconnect(ending: str) -> None:
    device = await connected()
    print(json.dumps({"restart": ending}), flush=True)
    await device.expect("gone")
    await device.expect("back")
    same(await device.ask("echo", 1), 1)


async def disconnect_by_the_server() -> None:
    device = await connected()
    await device.client.emit("leave")
    await device.expect("gone")
    await asyncio.sleep(0.6)  # longer than the delay before a reconnection
    same(device.client.connected, False, "connected again:")


CHECKS = {
    "connect with auth": connect_with_auth,
    "transport": transport,
    "event and ack": event_and_ack,
    "binary": binary,
    "broadcast to a room": broadcast_to_a_room,
    "reconnect after a restart": partial(reconnect, "SIGTERM"),
    "reconnect after a crash": partial(reconnect, "SIGKILL"),
    "disconnect by the server": disconnect_by_the_server,
}


async def main() -> None:
    for check in sys.argv[3:]:
        try:
            await CHECKS[check]()
        except Exception as error:  # every failure of a check is told  # noqa: BLE001
            say(check, f"{type(error).__name__}: {error}")
        else:
            say(check, None)
        for device in made:
            await device.client.disconnect()
        made.clear()


asyncio.run(main())
