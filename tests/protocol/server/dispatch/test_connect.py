"""Who may be where: CONNECT, DISCONNECT and what is allowed between them (docs/protocol.md §2)."""

import asyncio
import re
from collections.abc import Callable

import orjson
import pytest

from protocol import Refused, Server, Socket
from tests.support.engine_clients import Connect, Recorder
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")


async def test_the_main_namespace(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    client = await connect(await host(make_app()))
    await client.send("0")
    answer = str(await client.receive())
    sid = orjson.loads(answer[1:])["sid"]
    assert answer == f'0{{"sid":"{sid}"}}'
    assert len(sid) == 20
    assert sid != client.sid
    await seen.wait_for("connection", sid)


@pytest.mark.parametrize("packet", ["0/custom,", "0/custom", '0/custom,{"token":"x"}'])
@pytest.mark.parametrize("leave", ["1/custom,", "1/custom"])
async def test_a_named_namespace(
    host: Serve, make_app: App, connect: Connect, seen: Recorder, packet: str, leave: str
) -> None:
    io = make_app()
    custom = io.of("/custom")
    custom.on("connection")(lambda socket: seen("custom", socket.id, dict(socket.handshake.auth)))
    custom.on("disconnect")(lambda _, reason: seen("left custom", reason))
    custom.on("echo")(lambda _, value: value)
    client = await connect(await host(io))
    await client.send(packet)
    answer = str(await client.receive())
    assert answer.startswith('0/custom,{"sid":"')
    sid = orjson.loads(answer[9:])["sid"]
    await seen.wait_for("custom", sid, {"token": "x"} if "token" in packet else {})
    await client.send('2/custom,7["echo",1]')
    assert await client.receive() == "3/custom,7[1]"
    await client.send(leave)
    await seen.wait_for("left custom", "client namespace disconnect")
    await client.join()  # the session is not concerned


async def test_an_unknown_namespace(host: Serve, make_app: App, connect: Connect) -> None:
    client = await connect(await host(make_app()))
    await client.send("0/unknown,")
    assert await client.receive() == '4/unknown,{"message":"Invalid namespace"}'
    await client.send('0/unknown,{"again":1}')
    assert await client.receive() == '4/unknown,{"message":"Invalid namespace"}'
    await client.join()


async def test_namespaces_are_apart(host: Serve, make_app: App, connect: Connect) -> None:
    """Each has its own sockets, handlers and rooms, over one session."""
    io = make_app()
    custom = io.of("custom")
    assert custom.name == "/custom"
    assert io.of("/custom") is custom
    assert io.of("/") is io
    custom.on("echo")(lambda socket, value: socket.emit("from custom", value))
    client = await connect(await host(io))
    main_id, custom_id = await client.join(), await client.join("/custom")
    assert main_id != custom_id
    await client.send('2["echo",1]')
    await client.send('2/custom,["echo",2]')
    assert await client.receive() == '2["echo",1]'
    assert await client.receive() == '2/custom,["from custom",2]'
    (in_main,), (in_custom,) = await io.fetch_sockets(), await custom.fetch_sockets()
    await in_main.join("room")
    assert (in_main.rooms, in_custom.rooms) == ({main_id, "room"}, {custom_id})
    await custom.to("room").emit("nobody is there")
    await custom.emit("news")
    assert await client.receive() == '2/custom,["news"]'


async def test_leaving_one_namespace_leaves_the_other(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    io = make_app()
    io.of("/custom").on("disconnect")(lambda _, reason: seen("custom", reason))
    client = await connect(await host(io))
    await client.join()
    await client.join("/custom")
    await client.send("1")
    await seen.wait_for("disconnect", "client namespace disconnect")
    await io.of("/custom").emit("still here")
    assert await client.receive() == '2/custom,["still here"]'
    await client.close()


async def test_the_end_of_the_session_leaves_all(
    host: Serve, make_app: App, connect: Connect, seen: Recorder, way: str
) -> None:
    io = make_app()
    io.of("/custom").on("disconnect")(lambda _, reason: seen("custom", reason))
    client = await connect(await host(io))
    await client.join()
    await client.join("/custom")
    await client.provoke("bad")
    await seen.wait_for("disconnect", "parse error")
    await seen.wait_for("custom", "parse error")
    assert io.sockets == io.of("/custom").sockets == {}


async def test_a_pattern(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """The whole name must match. All namespaces that match share handlers, not sockets."""
    io = make_app()
    dynamic = io.of(re.compile(r"/room-\d+"))
    dynamic.on("connection")(lambda socket: seen(socket.nsp.name))
    dynamic.on("whoami")(lambda socket: socket.nsp.name)
    client = await connect(await host(io))
    await client.join("/room-1")
    await client.join("/room-22")
    for name in ("/room-", "/room-1x", "/a/room-1"):
        await client.send(f"0{name},")
        assert await client.receive() == f'4{name},{{"message":"Invalid namespace"}}'
    await client.send('2/room-1,0["whoami"]')
    assert await client.receive() == '3/room-1,0["/room-1"]'
    await dynamic.children["/room-22"].emit("news")
    assert await client.receive() == '2/room-22,["news"]'
    assert seen.entries == ["/room-1", "/room-22"]


async def test_a_namespace_of_a_pattern_goes_with_its_last_client(
    host: Serve, make_app: App, connect: Connect
) -> None:
    io = make_app()
    dynamic = io.of(re.compile(r"/room-\d+"))
    running = await host(io)
    first, second = await connect(running), await connect(running)
    await first.join("/room-1")
    child = dynamic.children["/room-1"]
    await second.join("/room-1")
    await first.send("1/room-1,")
    await until(lambda: len(child.sockets) == 1)
    assert dynamic.children == {"/room-1": child}
    await second.send("1/room-1,")
    await until(lambda: not dynamic.children)
    await first.join("/room-1")
    assert dynamic.children["/room-1"] is not child


async def test_a_namespace_of_a_pattern_that_the_server_names_first(
    host: Serve, make_app: App, connect: Connect
) -> None:
    """It is one of the pattern's: what keeps strangers out of them keeps strangers out of it."""
    io = make_app()
    dynamic = io.of(re.compile(r"/room-\d+"))

    @dynamic.use
    async def refuse(socket: Socket) -> None:
        raise Refused("private")

    client = await connect(await host(io))
    child = io.of("/room-1")
    await child.emit("news")
    assert dynamic.children == {"/room-1": child}
    await client.send("0/room-1,")
    assert await client.receive() == '4/room-1,{"message":"private"}'
    assert dynamic.children == {}
    assert io.of("/room-x")._handlers is not dynamic._handlers


async def test_a_namespace_of_a_pattern_that_refuses_leaves_nothing(
    host: Serve, make_app: App, connect: Connect
) -> None:
    io = make_app()
    dynamic = io.of(re.compile(r"/room-\d+"))

    @dynamic.use
    async def refuse(socket: Socket) -> None:
        raise ValueError

    client = await connect(await host(io))
    for number in range(5):
        await client.send(f"0/room-{number},")
        await client.receive()
    assert dynamic.children == {}


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_function(host: Serve, make_app: App, connect: Connect, asynchronous: bool) -> None:
    """It gets the name and what the client says in `auth`."""

    def accepts(name: str, auth: dict[str, str]) -> bool:
        return name.startswith("/secret") and auth.get("token") == "open sesame"

    async def accepts_slowly(name: str, auth: dict[str, str]) -> bool:
        await asyncio.sleep(0)
        return accepts(name, auth)

    io = make_app()
    io.of(accepts_slowly if asynchronous else accepts)
    client = await connect(await host(io))
    await client.send("0/secret,")
    assert await client.receive() == '4/secret,{"message":"Invalid namespace"}'
    await client.join("/secret", '{"token":"open sesame"}')


def test_a_name_has_no_comma() -> None:
    with pytest.raises(ValueError, match="comma"):
        Server().of("/a,b")


async def test_too_many_namespaces_close(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    io = make_app(max_namespaces=3)
    io.of(re.compile(r"/\d"))
    client = await connect(await host(io))
    await client.join()
    await client.join("/1")
    await client.join("/2")
    await client.send("1/2,")
    await client.join("/3")
    await client.provoke("0/4,")
    await seen.wait_for("disconnect", "parse error")


async def test_what_connection_emits_comes_after_the_connect(
    host: Serve, make_app: App, connect: Connect
) -> None:
    io = make_app()

    @io.on("connection")
    async def greet(socket: Socket) -> None:
        await socket.emit("welcome", socket.handshake.auth)

    client = await connect(await host(io))
    await client.join("/", '{"token":"€"}')
    assert await client.receive() == '2["welcome",{"token":"€"}]'


async def test_the_handshake(host: Serve, make_app: App, connect: Connect, way: str) -> None:
    io = make_app(path="/io/")
    client = await connect(await host(io))
    await client.join("/", '{"name":"ann"}')
    (socket,) = await io.fetch_sockets()
    handshake = socket.handshake
    transport = "polling" if way == "polling" else "websocket"
    assert dict(handshake.auth) == {"name": "ann"}
    assert dict(handshake.query) == {"EIO": "4", "transport": transport}
    assert handshake.url == f"/io/?EIO=4&transport={transport}"
    assert handshake.address == "127.0.0.1"
    assert handshake.headers["host"].startswith("127.0.0.1:")
    assert (handshake.secure, handshake.xdomain) == (False, False)
    assert handshake.issued > 1_600_000_000_000
    assert socket.transport == transport
