"""What a page of the admin UI is told of one instance and of a cluster, and what it can do there."""

import re
from contextlib import AsyncExitStack
from typing import Any

import pytest

from protocol import MSGPACK, Client, MemoryBus, RedisBus, Server, Socket, instrument
from protocol.server.admin_ui import feed, server_stats
from protocol.server.admin_ui import instrument as module
from tests.support.admin_page import AdminClient
from tests.support.engine_clients import PollingClient
from tests.support.node_server import node_server
from tests.support.running import RAW, Running, Serve
from tests.support.waiting import until

EVERYTHING = ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT", "AGGREGATED_EVENTS"]
QUICK = 20  # ms between two states of a server


@pytest.fixture
def shell() -> str:
    """The shells make no difference here."""
    return RAW


@pytest.fixture
async def page_of(stack: AsyncExitStack) -> Any:
    """Opens pages."""

    async def open_page(running: Running, **options: Any) -> AdminClient:
        page = AdminClient(running.origin, **options)
        await stack.enter_async_context(page.client)
        await page.hears("config")
        return page

    return open_page


async def visitor(stack: AsyncExitStack, origin: str, nsp: str = "/", **options: Any) -> Client:
    """A client of the application."""
    client = Client(f"{origin}?token=s3cr3t&v=1", namespace=nsp, **options)
    return await stack.enter_async_context(client)


async def test_what_happens_to_a_socket(serve: Serve, page_of: Any, stack: AsyncExitStack) -> None:
    io = Server()

    @io.on("say")
    async def say(socket: Socket, *args: Any) -> str:
        await socket.join("lobby")
        await io.to("lobby").emit("said", *args)
        await socket.emit("told", 1)
        await socket.leave("lobby")
        socket.data["name"] = "ada"
        socket.data["password"] = "s3cr3t"
        return "ok"

    instrument(io, auth=False, stats_interval=QUICK)
    running = await serve(io)
    page = await page_of(running)
    assert page.all("config") == [{"supportedFeatures": [*EVERYTHING, "ALL_EVENTS"]}]
    client = await visitor(
        stack, running.origin, headers={"Authorization": "Bearer s3cr3t", "X-Colour": "blue"}
    )
    sid = str(client.id)
    described = await page.knows(sid)
    assert described["nsp"] == "/"
    assert described["transport"] == "websocket"
    assert described["rooms"] == [sid]
    assert described["clientId"] not in str([*io._hub.links])
    assert described["handshake"]["headers"]["x-colour"] == "blue"
    assert described["handshake"]["query"]["v"] == "1"
    assert described["handshake"]["address"] == "127.0.0.1"
    await client.emit_with_ack("say", "hello", {"token": "s3cr3t", "blob": b"\x00"})
    shown = ["hello", {"token": "[hidden]", "blob": "<1 bytes>"}]
    await page.hears(
        "socket_updated", {"id": sid, "nsp": "/", "data": {"name": "ada", "password": "[hidden]"}}
    )
    await client.disconnect()
    await page.hears("socket_disconnected", "/", sid, "client namespace disconnect")
    events = [heard for heard in page.heard if sid in heard or heard[0] in ("event_received", "event_sent")]
    assert [heard[:-1] for heard in events] == [
        ("room_joined", "/", sid, sid),
        ("event_received", "/", sid, ["say", *shown]),
        ("room_joined", "/", "lobby", sid),
        ("event_sent", "/", sid, ["said", *shown]),
        ("event_sent", "/", sid, ["told", 1]),
        ("room_left", "/", "lobby", sid),
        ("room_left", "/", sid, sid),
        ("socket_disconnected", "/", sid, "client namespace disconnect"),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", heard[-1]) for heard in events)
    assert "s3cr3t" not in str(page.heard)


async def test_an_upgrade(serve: Serve, page_of: Any, stack: AsyncExitStack, open_websocket: Any) -> None:
    io = Server()
    instrument(io, auth=False, stats_interval=QUICK)
    running = await serve(io)
    page = await page_of(running)
    client = await PollingClient.open(running)
    stack.push_async_callback(client.close)
    sid = await client.join()
    assert (await page.knows(sid))["transport"] == "polling"
    await until(lambda: page.all("server_stats")[-1]["pollingClientsCount"] == 1)
    websocket = await open_websocket(running, f"EIO=4&transport=websocket&sid={client.sid}")
    websocket.send("2probe")
    assert await websocket.receive() == "3probe"
    websocket.send("5")
    await page.hears("socket_updated", {"id": sid, "nsp": "/", "transport": "websocket"})
    await until(lambda: page.all("server_stats")[-1]["pollingClientsCount"] == 0)


@pytest.mark.parametrize("mode", ["development", "production"])
async def test_counters(serve: Serve, page_of: Any, stack: AsyncExitStack, mode: Any) -> None:
    io = Server()
    io.on("say")(lambda socket, *args: "four")
    instrument(io, auth=False, mode=mode, server_id="one", stats_interval=QUICK)
    running = await serve(io)
    page = await page_of(running)
    await page.hears("server_stats")
    client = await visitor(stack, running.origin)
    await client.emit_with_ack("say", "€", b"12345")
    for _ in range(3):
        await io.emit("news", "to all")
    await until(lambda: page.all("server_stats")[-1]["clientsCount"] == 2)
    await client.disconnect()

    def total(kind: str, reason: str | None = None) -> int:
        taken = [event for stats in page.all("server_stats") for event in stats["aggregatedEvents"]]
        return sum(
            event["count"] for event in taken if (event["type"], event.get("subType")) == (kind, reason)
        )

    await until(lambda: page.all("server_stats")[-1]["clientsCount"] == 1)
    await until(lambda: total("rawDisconnection", "transport close") == 1)
    # Those of the visitor: CONNECT, EVENT and its attachment, DISCONNECT; of the page CONNECT. The page may have
    # begun to listen after its own came.
    incoming = ["0", '51-0["say","€",{"_placeholder":true,"num":0}]', "12345", "1"]
    size = sum(len(packet.encode()) for packet in incoming)
    assert total("packetsIn") in (4, 5)
    assert total("bytesIn") - size in (0, len("0/admin,"))
    assert total("packetsOut") > 6
    assert total("bytesOut") > 3 * len('2["news","to all"]')
    stats = page.all("server_stats")[-1]
    assert {"name": "/", "socketsCount": 0} in stats["namespaces"]
    assert stats["serverId"] == "one"
    assert stats["uptime"] >= 0
    if mode == "production":
        assert {heard[0] for heard in page.heard} == {"config", "server_stats"}
        assert page.all("config") == [{"supportedFeatures": EVERYTHING}]


def test_production_mode_listens_to_no_delivery() -> None:
    """Nothing of it is called for an event, a room or a socket of the application."""
    io = Server()
    instrument(io, auth=False, mode="production")
    handlers = io._local.handlers
    listening = (
        handlers.incoming,
        handlers.outgoing,
        handlers.broadcasts,
        handlers.rooms,
        handlers.event_middleware,
    )
    assert not any(listening)
    assert not any(handlers.lifecycle.values())


async def test_operators_act(serve: Serve, page_of: Any, stack: AsyncExitStack) -> None:
    io = Server()
    instrument(io, auth=False, stats_interval=QUICK)
    running = await serve(io)
    page = await page_of(running)
    heard: list[Any] = []
    clients = [await visitor(stack, running.origin) for _ in range(2)]
    for number, client in enumerate(clients):
        client.on("news")(lambda *args, number=number: heard.append((number, *args)))
    first, second = (str(client.id) for client in clients)
    do = page.client.emit
    await do("join", "/", "vip", first)
    await page.hears("room_joined", "/", "vip", first)
    await do("emit", "/", "vip", "news", "for the vip", {"a": 1})
    await do("emit", "/", None, "news", "for all")
    await do("emit", "/", "", "news", "for all again")
    await until(lambda: len(heard) == 5)
    assert [args for number, *args in heard if number == 0] == [
        *(["for the vip", {"a": 1}], ["for all"], ["for all again"]),
    ]
    assert [args for number, *args in heard if number == 1] == [["for all"], ["for all again"]]
    await do("leave", "/", "vip", None)
    await page.hears("room_left", "/", "vip", first)
    await do("_disconnect", "/", False, second)
    await page.hears("socket_disconnected", "/", second, "server namespace disconnect")
    await do("_disconnect", "/", True, None)
    await until(lambda: io.sessions == 1)
    assert list(io.namespaces) == ["/", "/admin"]


@pytest.mark.parametrize(
    "command",
    [
        *(("emit", 7, None, "x"), ("emit", "no slash", None, "x"), ("emit", "/a,b", None, "x")),
        *(("emit", "/", None, "connect"), ("emit", "/", None, ""), ("emit", "/", 7, "x"), ("emit", "/")),
        *(
            ("join", "/", None, None),
            ("join", "/", "x" * 1_001),
            ("leave", "/", ["a"]),
            ("_disconnect", None),
        ),
    ],
)
async def test_a_command_that_is_none_does_nothing(
    serve: Serve, page_of: Any, stack: AsyncExitStack, command: Any
) -> None:
    io = Server()
    instrument(io, auth=False, mode="production")
    running = await serve(io)
    page = await page_of(running)
    client = await visitor(stack, running.origin)
    heard: list[Any] = []
    client.on("x")(lambda: heard.append("x"))
    await page.client.emit(*command)
    await page.client.emit("emit", "/", client.id, "x")
    await until(lambda: heard)
    assert heard == ["x"]
    assert client.connected
    assert page.client.connected


async def test_read_only(serve: Serve, page_of: Any, stack: AsyncExitStack) -> None:
    io = Server()
    instrument(io, auth=False, read_only=True, stats_interval=QUICK)
    running = await serve(io)
    page = await page_of(running)
    assert page.all("config") == [{"supportedFeatures": ["AGGREGATED_EVENTS", "ALL_EVENTS"]}]
    client = await visitor(stack, running.origin)
    await page.client.emit("_disconnect", "/", True, None)
    await page.client.emit("join", "/", "vip", None)
    await page.hears("server_stats")
    assert client.connected
    assert page.all("room_joined")[-1][1] != "vip"


async def test_namespaces_that_clients_make(serve: Serve, page_of: Any, stack: AsyncExitStack) -> None:
    """Each event is told once, though they share their handlers; and a command reaches one that is not here."""
    io = Server()
    rooms = io.of(re.compile(r"/room-\d"))
    instrument(io, auth=False, stats_interval=QUICK)
    running = await serve(io)
    page = await page_of(running)
    clients = [await visitor(stack, running.origin, f"/room-{number}") for number in (1, 2)]
    for client in clients:
        await client.emit("hello")
        await page.hears("event_received", client.name, client.id)
    assert len(page.all("event_received")) == 2
    assert rooms.children.keys() == {"/room-1", "/room-2"}
    await page.client.emit("emit", "/room-3", None, "nobody hears")
    await page.client.emit("_disconnect", "/room-2", False, None)
    await page.hears("socket_disconnected", "/room-2", clients[1].id)
    await until(lambda: rooms.children.keys() == {"/room-1"})


def test_a_namespace_that_shares_its_handlers_is_refused() -> None:
    io = Server()
    io.of(re.compile("/.*"))
    with pytest.raises(ValueError, match="a namespace of its own"):
        instrument(io, auth=False)


@pytest.mark.parametrize("options", [{"mode": "loud"}, {"stats_interval": 0}])
def test_options_that_are_none(options: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        instrument(Server(), auth=False, **options)


async def test_with_a_default_room_recovery_and_msgpack(
    serve: Serve, page_of: Any, stack: AsyncExitStack
) -> None:
    io = Server(default_room="guests", recovery=10_000, parser=MSGPACK)
    instrument(io, auth=False, namespace="ops", stats_interval=QUICK)
    running = await serve(io)
    page = await page_of(running, namespace="/ops", parser=MSGPACK)
    client = await visitor(stack, running.origin, parser=MSGPACK)
    assert (await page.knows(str(client.id)))["rooms"] == [client.id]
    await client.emit("hello", b"\x00")
    await page.hears("event_received", "/", client.id, ["hello", "<1 bytes>"])
    await page.hears("server_stats")


async def test_what_is_too_much_is_left_out_and_made_good(
    serve: Serve, page_of: Any, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of clients are dropped; where more had to be, the page gets all sockets anew."""
    monkeypatch.setattr(feed, "MAX_DETAILS", 3)
    monkeypatch.setattr(feed, "MAX_QUEUED", 10)
    monkeypatch.setattr(module, "MAX_LISTED", 3)
    io = Server()

    @io.on("flood")
    async def flood(socket: Socket) -> None:
        for number in range(50):
            await socket.emit("n", number)
            await socket.join(str(number))

    instrument(io, auth=False, stats_interval=QUICK)
    running = await serve(io)
    client = await visitor(stack, running.origin)
    page = await page_of(running)
    before = len(page.all("all_sockets"))
    await client.emit("flood")
    await until(lambda: len(page.all("all_sockets")) > before)
    (socket,) = [each for each in page.all("all_sockets")[-1] if each["id"] == client.id]
    assert len(socket["rooms"]) == 51
    assert len(page.all("event_sent")) < 50


async def test_a_server_that_stops_says_whom_it_takes_along(
    redis_url: str, page_of: Any, stack: AsyncExitStack
) -> None:
    one, two = [Server(bus=RedisBus(redis_url)) for _ in range(2)]
    for io in (one, two):
        instrument(io, auth=False, stats_interval=QUICK)
    running, stopping = [await Running(io, RAW).start() for io in (one, two)]
    stack.push_async_callback(running.stop)
    page = await page_of(running)
    client = await visitor(stack, stopping.origin, reconnection=False)
    sid = client.id
    await page.knows(str(sid))
    await stopping.stop()
    await until(
        lambda: page.all("all_sockets") and sid not in [each["id"] for each in page.all("all_sockets")[-1]]
    )


async def test_a_cluster_with_a_node_server(
    serve: Serve, redis_url: str, page_of: Any, stack: AsyncExitStack
) -> None:
    """A page at either server sees and reaches the sockets of both."""
    async with node_server(redis_url) as node:
        await node.do("instrument", {"auth": False, "serverId": "node", "mode": "development"})
        io = Server(bus=RedisBus(redis_url))
        instrument(io, auth=False, server_id="ours", stats_interval=QUICK)
        ours = await serve(io)
        theirs = await visitor(stack, node.origin, auth={"name": "old", "textual": True})
        our_page = await page_of(ours)
        their_page = AdminClient(node.origin)
        await stack.enter_async_context(their_page.client)
        ours_client = await visitor(stack, ours.origin)
        for page in (our_page, their_page):
            for client in (theirs, ours_client):
                described = await page.knows(str(client.id))
                assert described["transport"] == "websocket"
                assert described["clientId"]
            await until(
                lambda page=page: {each["serverId"] for each in page.all("server_stats")} == {"ours", "node"}
            )
        late = AdminClient(node.origin)
        await stack.enter_async_context(late.client)
        assert (await late.knows(str(ours_client.id)))["clientId"] == io.sockets[
            str(ours_client.id)
        ].client_id
        await ours_client.emit("hello", 1)
        await their_page.hears("event_received", "/", ours_client.id, ["hello", 1])
        await their_page.client.emit("join", "/", "vip", ours_client.id)
        await our_page.hears("room_joined", "/", "vip", ours_client.id)
        await our_page.client.emit("join", "/", "vip", theirs.id)
        await their_page.hears("room_joined", "/", "vip", theirs.id)
        await their_page.client.emit("_disconnect", "/", False, ours_client.id)
        await our_page.hears("socket_disconnected", "/", ours_client.id, "server namespace disconnect")
        await our_page.client.emit("_disconnect", "/", False, theirs.id)
        await their_page.hears("socket_disconnected", "/", theirs.id, "server namespace disconnect")


async def test_a_server_that_crashes_leaves_no_sockets_behind(
    serve: Serve, redis_url: str, page_of: Any, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_stats, "SILENT", 0.5)
    io = Server(bus=RedisBus(redis_url))
    instrument(io, auth=False, stats_interval=QUICK)
    ours = await serve(io)
    async with node_server(redis_url) as node:
        await node.do("instrument", {"auth": False, "serverId": "node", "mode": "development"})
        theirs = await visitor(stack, node.origin, auth={"name": "x", "textual": True}, reconnection=False)
        page = await page_of(ours)
        await page.hears("all_sockets")
        assert theirs.id in [each["id"] for each in page.all("all_sockets")[0]]
        await until(lambda: "node" in [stats["serverId"] for stats in page.all("server_stats")])
        sid = theirs.id
        node.process.kill()
    await until(lambda: sid not in [each["id"] for each in page.all("all_sockets")[-1]])


async def test_without_a_bus_the_server_goes_on(
    serve: Serve,
    page_of: Any,
    stack: AsyncExitStack,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be told ends no task, and the pages are right again once the bus is back."""
    monkeypatch.setattr(feed, "REFRESH_EVERY", 0.05)
    io = Server()
    instrument(io, auth=False, stats_interval=QUICK)
    running = await serve(io)
    page = await page_of(running)
    await page.hears("server_stats")
    bus = io._adapter.bus
    assert isinstance(bus, MemoryBus)
    deliver, bus._deliver = bus._deliver, None
    caplog.set_level("DEBUG")
    client = await visitor(stack, running.origin)
    await until(lambda: "is not told of this instance" in caplog.text)
    await until(lambda: "is not told of something" in caplog.text)
    number = len(page.all("server_stats"))
    bus._deliver = deliver
    await until(lambda: len(page.all("server_stats")) > number)
    await until(lambda: client.id in [each["id"] for each in page.all("all_sockets")[-1]])
