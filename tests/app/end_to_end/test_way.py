"""The way of a chat message, from the sender's bytes to a member's; docs/architecture.md lists it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from protocol import FORM
from tests.support.chat.people import Device, Person
from tests.way import Way, watched

HANDOFFS = (
    "ConnectedClient.enqueue",
    "Batcher.add",
    "Database._run",
    "append",
    "CommandWriter.keep",
    "RedisConnection.send",
    "Hub.send_all",
    "WebSocketProtocol.send",
)
FUNCTIONS, CHANGES_OF_FILE = 32, 20  # of the engine
CHATS_FUNCTIONS, CHATS_CHANGES_OF_FILE = 45, 24
PAGE = Path(__file__).parents[3] / "docs/architecture.md"


@pytest.mark.skipif(FORM == "compiled", reason="Python traces no compiled functions")
@pytest.mark.parametrize("transport", ["websocket"], indirect=True)
async def test_the_way_of_a_message(
    people: Callable[[], Awaitable[Person]], connect: Callable[..., Awaitable[Device]]
) -> None:
    ann, bob = await people(), await people()
    room, device, other = await ann.room(), await ann.device(), await bob.device()
    await other.ok("room:join", {"roomId": room})
    for content in (
        "the first one",
        "the one that is watched",
    ):  # after the first one everything is connected
        with watched(HANDOFFS) as way:
            await device.ok("message:send", {"roomId": room, "content": content})
            assert (await other.expect("message:new"))["content"] == content
    assert way.missing == []
    assert len(way.of("protocol")) <= FUNCTIONS
    assert Way.changes_of_file(way.of("protocol")) <= CHANGES_OF_FILE
    assert len(way.of("app")) <= CHATS_FUNCTIONS
    assert Way.changes_of_file(way.of("app")) <= CHATS_CHANGES_OF_FILE
    assert way.listed() in PAGE.read_text("utf-8"), way.listed()
