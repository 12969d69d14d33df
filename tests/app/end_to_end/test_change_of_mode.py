"""A cluster whose instances are stopped and started in the other mode of the bus, as docs/scaling.md says."""

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from app.client import ChatClient
from app.config.settings import Settings
from tests.support.chat.people import Instance, People, together
from tests.support.ports import find_free_port
from tests.support.waiting import until

MODES = ("one", "interest")


@pytest.fixture
def ports() -> list[int]:
    return [find_free_port() for _ in range(2)]


@pytest.mark.parametrize(("before", "after"), [MODES, MODES[::-1]])
async def test_clients_come_back_and_catch_up(
    settings: Settings,
    instance: Instance,
    people: People,
    stack: AsyncExitStack,
    ports: list[int],
    before: str,
    after: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def started(mode: str, port: int) -> Instance:
        instance = await Instance(replace(settings, bus=mode, port=port)).started()
        stack.push_async_callback(instance.stop)
        return instance

    ann, bob = await people(), await people()
    room = await together(ann, bob)
    await instance.stop()
    instances = [await started(before, port) for port in ports]
    heard: list[Any] = []
    devices = [
        await stack.enter_async_context(
            ChatClient(instance.url, person.token, reconnection_delay=50, reconnection_delay_max=200)
        )
        for instance, person in zip(instances, (ann, bob), strict=True)
    ]
    anns, bobs = devices

    @bobs.on("message:new")
    def hear(message: Any, *_offset: str) -> None:
        heard.append(message["content"])

    async def say(text: str) -> None:
        await anns.call("message:send", {"roomId": room, "content": text, "clientId": text})

    await say("before")
    await until(lambda: heard == ["before"])
    ids = [device.id for device in devices]
    with pytest.raises(AssertionError, match="could not start"):
        await started(after, 0)
    assert f"BUS={before} of the chat" in caplog.text
    for instance in instances:
        await instance.stop()
    for port, device in zip(ports, devices, strict=True):
        await started(after, port)
        await until(lambda device=device: device.connected)
        await say(f"to {port}")
    await until(lambda: heard == ["before", f"to {ports[1]}"])
    assert [device.id for device in devices] != ids  # no session is recovered from one mode to the other
    synced = await bobs.call("room:sync", {"roomId": room, "afterSeq": 0, "limit": 100})
    found = [change["message"]["content"] for change in synced["changes"] if change["type"] == "message"]
    assert found == ["before", *(f"to {port}" for port in ports)]
