"""Events out: to rooms, except rooms, to everyone, to one (docs/protocol.md §2; the API's `to`, `except_`, `in_`)."""

from collections.abc import Awaitable, Callable

import pytest

from protocol import BusUnavailable, Server, Socket
from tests.support.engine_clients import Client, Connect
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")

FENCE = '2["fence"]'


class Crowd:
    """Three clients: `a` in rooms 1 and 2, `b` in room 2, `c` in room 3."""

    def __init__(self, io: Server) -> None:
        self.io = io
        self.clients: dict[str, Client] = {}
        self.sockets: dict[str, Socket] = {}

    async def heard(self) -> dict[str, list[str | bytes]]:
        """What each has received since the last time."""
        await self.io.emit("fence")
        found = {}
        for name, client in self.clients.items():
            messages: list[str | bytes] = []
            while (message := await client.receive()) != FENCE:
                messages.append(message)
            found[name] = messages
        return found

    async def hearers(self, emission: Awaitable[object]) -> str:
        """Who has received the event that was emitted, each once."""
        await emission
        found = await self.heard()
        assert all(len(messages) <= 1 for messages in found.values()), found
        return "".join(sorted(name for name, messages in found.items() if messages))


@pytest.fixture
def make_crowd(host: Serve, connect: Connect) -> Callable[[Server], Awaitable[Crowd]]:
    async def make(io: Server) -> Crowd:
        running = await host(io)
        crowd = Crowd(io)
        for name, rooms in {"a": ["1", "2"], "b": ["2"], "c": ["3"]}.items():
            client = await connect(running)
            sid = await client.join()
            crowd.clients[name] = client
            crowd.sockets[name] = io.sockets[sid]
            await crowd.sockets[name].join(*rooms)
        return crowd

    return make


@pytest.fixture
async def crowd(make_crowd: Callable[[Server], Awaitable[Crowd]]) -> Crowd:
    return await make_crowd(Server())


async def test_to_whom(crowd: Crowd) -> None:
    io, a, b = crowd.io, crowd.sockets["a"], crowd.sockets["b"]
    assert await crowd.hearers(io.emit("x")) == "abc"
    assert await crowd.hearers(io.to("1").emit("x")) == "a"
    assert await crowd.hearers(io.to("2").emit("x")) == "ab"
    assert await crowd.hearers(io.to("1", "2").emit("x")) == "ab"
    assert await crowd.hearers(io.to("1").to("3").emit("x")) == "ac"
    assert await crowd.hearers(io.in_("3").emit("x")) == "c"
    assert await crowd.hearers(io.to("nowhere").emit("x")) == ""
    assert await crowd.hearers(io.to("nowhere", "3").emit("x")) == "c"
    assert await crowd.hearers(io.except_("2").emit("x")) == "c"
    assert await crowd.hearers(io.except_("1", "3").emit("x")) == "b"
    assert await crowd.hearers(io.to("2").except_("1").emit("x")) == "b"
    assert await crowd.hearers(io.except_("1").to("2", "3").emit("x")) == "bc"
    assert await crowd.hearers(io.except_("nowhere").emit("x")) == "abc"
    assert await crowd.hearers(io.local.to("2").emit("x")) == "ab"
    assert await crowd.hearers(io.to(a.id).emit("x")) == "a"
    assert await crowd.hearers(a.emit("x")) == "a"
    assert await crowd.hearers(a.to("2").emit("x")) == "b"
    assert await crowd.hearers(a.broadcast.emit("x")) == "bc"
    assert await crowd.hearers(b.except_("1").emit("x")) == "c"
    assert await crowd.hearers(b.to(a.id).emit("x")) == "a"
    assert await crowd.hearers(b.to(b.id).emit("x")) == ""


async def test_a_default_room(make_crowd: Callable[[Server], Awaitable[Crowd]]) -> None:
    """It is that of events and joins which name none; other orders are for all."""
    crowd = await make_crowd(Server(default_room="2"))
    io, c = crowd.io, crowd.sockets["c"]
    for socket in crowd.sockets.values():
        await socket.join("fence")

    async def hearers(emission: Awaitable[object]) -> str:
        await emission
        await io.to("fence").emit("fence")
        found: dict[str, list[str | bytes]] = {name: [] for name in crowd.clients}
        for name, client in crowd.clients.items():
            while (message := await client.receive()) != FENCE:
                found[name].append(message)
        return "".join(name for name, messages in found.items() if messages)

    assert await hearers(io.emit("x")) == "ab"
    assert await hearers(io.local.emit("x")) == "ab"
    assert await hearers(io.except_("1").emit("x")) == "b"
    assert await hearers(c.broadcast.emit("x")) == "ab"
    assert await hearers(io.to("3").emit("x")) == "c"
    assert len(await io.fetch_sockets()) == 3
    await io.sockets_join("new")
    assert await hearers(io.to("new").emit("x")) == "ab"
    await c.join("2")
    assert await hearers(io.emit("x")) == "abc"
    await io.sockets_leave("2")
    assert await hearers(io.emit("x")) == ""
    assert await io.timeout(5_000).emit_with_ack("ask") == []
    assert await io.local.timeout(5_000).emit_with_ack("ask") == []
    await io.disconnect_sockets()
    await until(lambda: not io.sockets)


async def test_a_choice_can_be_kept(crowd: Crowd) -> None:
    """Each step gives a new one."""
    second = crowd.io.to("2")
    second.except_("1")
    second.to("3")
    assert await crowd.hearers(second.emit("x")) == "ab"
    assert await crowd.hearers(second.emit("x")) == "ab"


async def test_what_arrives(crowd: Crowd) -> None:
    """The same on every way, binary included; emits keep their order."""
    await crowd.io.to("2").emit("news", 1, "€", None, {"b": b"\x00\x01"})
    await crowd.io.emit("more", [b"x", b"y"])
    await crowd.io.to("1").emit("last")
    found = await crowd.heard()
    news = ['51-["news",1,"€",null,{"b":{"_placeholder":true,"num":0}}]', b"\x00\x01"]
    more = ['52-["more",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]', b"x", b"y"]
    assert found == {"a": [*news, *more, '2["last"]'], "b": [*news, *more], "c": more}


async def test_direct_and_broadcast_keep_their_order(crowd: Crowd) -> None:
    a = crowd.sockets["a"]
    for number in range(10):
        await a.emit("direct", number)
        await crowd.io.to("1").emit("room", number)
    found = (await crowd.heard())["a"]
    assert found == [f'2["{kind}",{number}]' for number in range(10) for kind in ("direct", "room")]


async def test_what_is_emitted_cannot_be_changed_afterwards(crowd: Crowd) -> None:
    value = {"n": 1}
    await crowd.io.emit("news", value)
    await crowd.sockets["a"].emit("news", value)
    value["n"] = 2
    assert (await crowd.heard())["a"] == ['2["news",{"n":1}]'] * 2


async def test_leaving(crowd: Crowd) -> None:
    a = crowd.sockets["a"]
    assert a.rooms == {a.id, "1", "2"}
    await a.leave("1", "never in it")
    await a.leave("2")
    assert a.rooms == {a.id}
    assert await crowd.hearers(crowd.io.to("1", "2").emit("x")) == "b"
    await a.leave(a.id)
    assert await crowd.hearers(crowd.io.to(a.id).emit("x")) == ""
    assert await crowd.hearers(crowd.io.emit("x")) == "abc"
    await a.join("2", "2")
    assert await crowd.hearers(crowd.io.to("2").emit("x")) == "ab"


async def test_who_has_left_hears_nothing(crowd: Crowd) -> None:
    await crowd.sockets["a"].disconnect()
    assert await crowd.clients["a"].receive() == "1"
    await crowd.clients["a"].join()
    assert await crowd.hearers(crowd.io.to("1", "2").emit("x")) == "b"


async def test_fetch_sockets(crowd: Crowd) -> None:
    async def names(found: Awaitable[object]) -> str:
        sockets = await found
        assert isinstance(sockets, list)
        return "".join(name for name, socket in crowd.sockets.items() if socket in sockets)

    assert await names(crowd.io.fetch_sockets()) == "abc"
    assert await names(crowd.io.in_("2").fetch_sockets()) == "ab"
    assert await names(crowd.io.in_("2").except_("1").fetch_sockets()) == "b"
    assert await names(crowd.io.local.fetch_sockets()) == "abc"
    assert await names(crowd.io.in_("nowhere").fetch_sockets()) == ""
    assert await names(crowd.sockets["a"].broadcast.fetch_sockets()) == "bc"


async def test_sockets_join_and_leave(crowd: Crowd) -> None:
    io = crowd.io
    await io.in_("2").sockets_join("new", "newer")
    assert await crowd.hearers(io.to("new").emit("x")) == "ab"
    await io.in_("1").sockets_leave("new")
    assert await crowd.hearers(io.to("new").emit("x")) == "b"
    assert await crowd.hearers(io.to("newer").emit("x")) == "ab"
    await io.sockets_join("all")
    assert await crowd.hearers(io.to("all").emit("x")) == "abc"
    await io.local.except_("1").sockets_leave("all")
    assert await crowd.hearers(io.to("all").emit("x")) == "a"
    await io.sockets_leave("all")
    assert await crowd.hearers(io.to("all").emit("x")) == ""


async def test_disconnect_sockets(
    host: Serve, make_crowd: Callable[[Server], Awaitable[Crowd]], make_app: App
) -> None:
    crowd = await make_crowd(make_app())
    await crowd.io.in_("1").disconnect_sockets()
    assert await crowd.clients["a"].receive() == "1"
    await crowd.clients["a"].join()
    await crowd.io.in_("2").disconnect_sockets(close=True)
    assert await crowd.clients["b"].until_lost() == ["1"]
    await crowd.io.disconnect_sockets(close=True)
    assert await crowd.clients["a"].until_lost() == ["1"]
    assert await crowd.clients["c"].until_lost() == ["1"]
    assert crowd.io.sessions == 0


async def test_a_listener_that_fails_stops_nothing(
    make_crowd: Callable[[Server], Awaitable[Crowd]], caplog: pytest.LogCaptureFixture
) -> None:
    io = Server()

    @io.on_any_outgoing
    def listen(socket: Socket, event: str) -> None:
        if event == "bad":
            raise LookupError

    crowd = await make_crowd(io)
    await io.emit("bad")
    await io.emit("good")
    assert (await crowd.heard())["a"] == ['2["bad"]', '2["good"]']
    assert "LookupError" in caplog.text


async def test_emitting_before_the_start() -> None:
    with pytest.raises(BusUnavailable):
        await Server().emit("too early")


async def test_emitting_what_cannot_be_sent(crowd: Crowd) -> None:
    """Whoever emits is told; nobody receives anything."""
    with pytest.raises(TypeError):
        await crowd.io.emit("set", {1})
    with pytest.raises(TypeError):
        await crowd.io.local.emit("set", {1})
    with pytest.raises(TypeError):
        await crowd.sockets["a"].emit("set", {1})
    assert await crowd.heard() == {"a": [], "b": [], "c": []}


async def test_many_rooms(make_crowd: Callable[[Server], Awaitable[Crowd]]) -> None:
    """Rooms that nobody is in any more are forgotten."""
    crowd = await make_crowd(Server())
    a = crowd.sockets["a"]
    await a.join(*(f"room {number}" for number in range(1000)))
    assert await crowd.hearers(crowd.io.to("room 999").emit("x")) == "a"
    await a.disconnect()
    assert len(crowd.io._local.rooms) == 2
    assert await crowd.io.to("room 1").fetch_sockets() == []
