"""Events for everybody, from wherever they come: those who have authenticated get them, and nobody else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.cli import parser
from app.config.settings import Settings
from app.emit_command import emit
from protocol import Client, Emitter
from tests.support.chat.people import Instance, Person
from tests.support.node_server import NodeServer, node_server

pytestmark = pytest.mark.begins_early

EVERYBODY: dict[str, Any] = {}
ALIASES = ["authenticated", "io-default", "io-notification"]

People = Callable[..., Awaitable[Person]]
Send = Callable[..., Awaitable[None]]


@pytest.fixture
def transport() -> str:
    """It makes no difference here."""
    return "websocket"


class Listener:
    """A client, and the events called `news` and `end` that it has got. It answers `ask`."""

    def __init__(self, url: str, **auth: str) -> None:
        self.client = Client(url, path="/io/", auth=auth)
        self.heard: list[Any] = []
        self.ended = asyncio.Event()
        self.client.on("news")(lambda text, *_offset: self.heard.append(text))
        self.client.on("end")(lambda *_: self.ended.set())
        self.client.on("ask")(lambda *_: "here")


@pytest.fixture
async def stranger(instance: Instance, stack: AsyncExitStack) -> Listener:
    listener = Listener(instance.url)
    await stack.enter_async_context(listener.client)
    return listener


@pytest.fixture
async def member(instance: Instance, people: People, stack: AsyncExitStack) -> Listener:
    listener = Listener(instance.url, token=(await people()).token)
    await stack.enter_async_context(listener.client)
    assert (await listener.client.emit_with_ack("authenticate"))["ok"]
    return listener


@pytest.fixture
async def node(settings: Settings) -> AsyncIterator[NodeServer]:
    async with node_server(settings.redis_url) as node:
        yield node


async def by_command(settings: Settings, rooms: list[str], event: str, *values: str) -> None:
    to = [word for room in rooms for word in ("--to", room)]
    json = [f'"{value}"' for value in values]
    await emit(settings, parser().parse_args(["emit", *to, event, *json]))


async def by_emitter(settings: Settings, rooms: list[str], event: str, *values: str) -> None:
    async with Emitter(settings.redis_url) as emitter:
        await emitter.to(*rooms).emit(event, *values)


async def end(settings: Settings, *listeners: Listener) -> None:
    """Return once the listeners have got all that was sent before, each of them told by its id."""
    async with Emitter(settings.redis_url) as emitter:
        await emitter.to(*(str(listener.client.id) for listener in listeners)).emit("end")
    async with asyncio.timeout(30):
        for listener in listeners:
            await listener.ended.wait()


@pytest.mark.parametrize("send", [by_command, by_emitter])
@pytest.mark.parametrize("room", [None, *ALIASES])
async def test_only_those_who_have_authenticated_hear_it(
    send: Send, room: str | None, settings: Settings, stranger: Listener, member: Listener
) -> None:
    await send(settings, [] if room is None else [room], "news", "for members")
    await end(settings, member, stranger)
    assert (member.heard, stranger.heard) == (["for members"], [])


async def test_neither_do_others_hear_what_a_node_server_sends(
    settings: Settings, instance: Instance, node: NodeServer, stranger: Listener, member: Listener
) -> None:
    await node.do("emit", "/", EVERYBODY, "news", "for members")
    await node.do("emit", "/", {"except": ["nowhere"]}, "news", "but for nobody")
    await node.do("join", "/", EVERYBODY, ["some"])
    await node.do("emit", "/", {"rooms": ["some"]}, "news", "for those in a room")
    async with asyncio.timeout(30):
        while len(member.heard) < 3:  # noqa: ASYNC110 - it comes over Redis
            await asyncio.sleep(0.01)
    await end(settings, member, stranger)
    assert (len(member.heard), stranger.heard) == (3, [])
    async with asyncio.timeout(30):
        bus = instance.server.io._adapter.bus
        while len(await bus.listeners("/")) < 2:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await node.do("ask", "/", {"flags": {"timeout": 20_000}}, "ask", 1) == ["here"]


async def test_what_is_sent_without_a_room_leaves_out_who_is_excepted(
    settings: Settings, stranger: Listener, member: Listener
) -> None:
    async with Emitter(settings.redis_url) as emitter:
        await emitter.except_(str(member.client.id)).emit("news", "for nobody")
        await emitter.except_("nowhere").emit("news", "for members")
    await end(settings, member, stranger)
    assert (member.heard, stranger.heard) == (["for members"], [])
