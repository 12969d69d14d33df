"""One cluster of a Node server and two of ours: every message of the adapter, in both directions, text and binary."""

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import Any

import pytest

from protocol import AckTimeout, Client, Emitter, RedisBus, RemoteSocket, Server, Socket
from protocol.cluster.stream_names import stream_name
from protocol.cluster.stream_records import (
    Broadcast,
    DisconnectSockets,
    Join,
    Leave,
    ServerSideEmit,
    Target,
    encode,
)
from tests.support.engine_clients import Recorder
from tests.support.node_server import NodeError, NodeServer, node_server
from tests.support.running import RAW, Serve
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.begins_early

VALUES = ["text", 1, "€ \N{WAVING HAND SIGN}", {"a": [None, 1.5, True]}]
BINARY = ["binary", b"\x00\xff", {"deep": [b"\x01"]}]
NEGATIVE = "/news-room"  # of three streams its is "-1"
EVERYBODY: dict[str, Any] = {}
NAMES = {"node", "one", "two"}


class Guest:
    """A client of one of the servers, and what it has heard. It answers "ask" with its name and the arguments."""

    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self.client = client
        self.heard: list[Any] = []
        self.mute = asyncio.Event()
        client.on("news")(lambda *values: self.heard.append(list(values)))
        client.on("disconnect")(lambda reason: self.heard.append(reason))

        @client.on("ask")
        async def ask(*values: Any) -> Any:
            return {"name": name, "values": list(values)}

        @client.on("silence")
        async def silence() -> Any:
            if name == "two":
                await self.mute.wait()
            return name


class Cluster:
    """The servers and one client of each, which is in the rooms "all" and its name. `/custom` is served by all."""

    def __init__(self, node: NodeServer) -> None:
        self.node = node
        self.servers: list[Server] = []
        self.buses: list[RedisBus] = []
        self.guests: dict[str, Guest] = {}
        self.fences = 0

    @property
    def one(self) -> Server:
        return self.servers[0]

    async def heard(self, *names: str) -> list[list[Any]]:
        """What the clients of some, or all, names have heard since the last time."""
        self.fences += 1
        await self.one.emit("news", "fence", self.fences)
        found = []
        for name in names or sorted(NAMES):
            guest = self.guests[name]
            await until(lambda guest=guest: ["fence", self.fences] in guest.heard)
            found.append([heard for heard in guest.heard if heard[:1] != ["fence"]])
            guest.heard = []
        return found

    async def node_has_done_so(self) -> None:
        """Return once Node has done itself what it told the others before: it does so when Redis has answered, and what
        others say meanwhile comes before that. Its client is in the room "behind" from then on."""
        await self.node.do("join", "/", {"rooms": ["node"]}, ["behind"])
        async with asyncio.timeout(PATIENCE):
            while "behind" not in (await self.node.do("rooms", "/"))[0]:  # noqa: ASYNC110 - Node decides
                await asyncio.sleep(0.005)

    async def listening(self, nsp: str) -> None:
        """Return once all servers hear the requests of a namespace."""
        async with asyncio.timeout(30):
            while len(await self.buses[0].listeners(nsp)) < 3:  # noqa: ASYNC110 - Redis decides
                await asyncio.sleep(0.005)


def make_server(bus: RedisBus, seen: Recorder) -> Server:
    io = Server(bus=bus)
    for namespace in (io, io.of("/custom"), io.of(NEGATIVE)):

        @namespace.on("connection")
        async def connection(socket: Socket) -> None:
            socket.data["name"] = socket.handshake.auth["name"]
            socket.data["blob"] = b"\x00\xff"
            await socket.join("all", socket.data["name"])

        namespace.on_server_side("hello")(lambda *values: seen("hello", *values))
        namespace.on_server_side("question")(lambda value: {"from": bus.uid, "value": value})
        namespace.on_server_side("silence")(lambda: None)
    return io


async def guest(cluster: Cluster, stack: AsyncExitStack, name: str, origin: str, nsp: str = "/") -> Guest:
    client = Client(origin, namespace=nsp, auth={"name": name})
    found = Guest(name, client)
    await stack.enter_async_context(client)
    cluster.guests[name] = found
    return found


@pytest.fixture
def shell() -> str:
    """The shells make no difference here."""
    return RAW


@pytest.fixture
def options() -> dict[str, Any]:
    """The adapter's, as Node calls them."""
    return {}


@pytest.fixture
def nsp() -> str:
    """Where the clients are."""
    return "/"


@pytest.fixture
async def cluster(
    serve: Serve,
    redis_url: str,
    stack: AsyncExitStack,
    seen: Recorder,
    options: dict[str, Any],
    nsp: str,
) -> Cluster:
    node = await stack.enter_async_context(node_server(redis_url, **options))
    cluster = Cluster(node)
    for other in ("/custom", NEGATIVE):
        await node.do("serve", other)
    origins = {"node": node.origin}
    for name in ("one", "two"):
        bus = RedisBus(redis_url, stream_count=options.get("streamCount", 1))
        io = make_server(bus, seen)
        origins[name] = (await serve(io)).origin
        cluster.servers.append(io)
        cluster.buses.append(bus)
    for name, origin in origins.items():
        await guest(cluster, stack, name, origin, nsp)
    await cluster.listening(nsp)
    # Node reads from the stream's end on, wherever that is at its next look, until it has found a first entry.
    namespace = cluster.one.of(nsp)
    if nsp != NEGATIVE:
        async with asyncio.timeout(30):
            while not cluster.guests["node"].heard:
                await namespace.emit("news", "fence", 0)
                await asyncio.sleep(0.02)
    return cluster


# --- 3: broadcasts ---


@pytest.mark.parametrize("values", [VALUES, BINARY], ids=["text", "binary"])
async def test_broadcasts_reach_all(cluster: Cluster, values: list[Any]) -> None:
    for server in cluster.servers:
        await server.emit("news", *values)
        assert await cluster.heard() == [[values]] * 3
    await cluster.node.do("emit", "/", EVERYBODY, "news", *values)
    for name in NAMES:
        await until(lambda name=name: values in cluster.guests[name].heard)
    assert await cluster.heard() == [[values]] * 3


async def test_broadcasts_reach_those_they_are_for(cluster: Cluster) -> None:
    """One after the other to the client that is heard last: what reached another must have come before."""
    for send in (send_from_node, send_from_one):
        await send(cluster, ["node", "one"], [], "a")
        await send(cluster, [], ["one", "two"], "b")
        await send(cluster, ["all"], ["node"], "c", "volatile")
        await send(cluster, ["nowhere"], [], "d")
        await send(cluster, [], [], "end")
        for name in NAMES:
            await until(lambda name=name: ["end"] in cluster.guests[name].heard)
        assert await cluster.heard() == [[["a"], ["b"], ["end"]], [["a"], ["c"], ["end"]], [["c"], ["end"]]]


async def send_from_node(
    cluster: Cluster, rooms: list[str], without: list[str], text: str, *flags: str
) -> None:
    target = {"rooms": rooms, "except": without, "flags": dict.fromkeys(flags, True)}
    await cluster.node.do("emit", "/", target, "news", text)


async def send_from_one(
    cluster: Cluster, rooms: list[str], without: list[str], text: str, *flags: str
) -> None:
    chosen = cluster.one.to(*rooms).except_(*without)
    await (chosen.volatile if flags else chosen).emit("news", text)


async def test_one_order_for_all_of_ours(cluster: Cluster) -> None:
    await asyncio.gather(
        *(server.emit("news", n) for n in range(50) for server in cluster.servers),
        *(cluster.node.do("emit", "/", EVERYBODY, "news", n) for n in range(50)),
    )
    for name in NAMES:
        await until(lambda name=name: len(cluster.guests[name].heard) >= 150)
    _, one, two = await cluster.heard()
    assert len(one) == 150
    assert one == two


# --- 4, 5, 6: join, leave, disconnect ---


async def test_joining_and_leaving(cluster: Cluster) -> None:
    await cluster.node.do("join", "/", {"rooms": ["one"]}, ["new", "newer"])
    theirs = next(iter(cluster.one.sockets.values()))
    await until(lambda: theirs.rooms == {theirs.id, "all", "one", "new", "newer"})
    await cluster.node.do("leave", "/", {"rooms": ["new"]}, ["all", "new"])
    await until(lambda: theirs.rooms == {theirs.id, "one", "newer"})
    await cluster.node_has_done_so()
    await cluster.one.in_("node").sockets_join("new", "newer")
    await cluster.one.in_("newer").except_("one").sockets_leave("all")
    await cluster.heard("node")
    ((sid, *rooms),) = await cluster.node.do("rooms", "/")
    assert sid == cluster.guests["node"].client.id
    assert set(rooms) == {"node", "new", "newer", "behind"}


@pytest.mark.parametrize("values", [VALUES, BINARY], ids=["text", "binary"])
async def test_of_a_batch_node_does_the_first_alone(cluster: Cluster, values: list[Any]) -> None:
    async with cluster.one.batch() as batch:
        await batch.in_("all").sockets_join("new")
        await batch.to("new").emit("news", *values)
        await batch.to("all").emit("news", "last")
    assert await cluster.heard() == [[], [values, ["last"]], [values, ["last"]]]
    ((_, *rooms),) = await cluster.node.do("rooms", "/")
    assert set(rooms) == {"node", "all", "new"}


@pytest.mark.parametrize("close", [False, True])
async def test_disconnecting(cluster: Cluster, close: bool) -> None:
    await cluster.node.do("disconnect", "/", {"rooms": ["one"]}, close)
    reason = "io server disconnect"
    await until(lambda: reason in cluster.guests["one"].heard)
    await cluster.servers[1].in_("node").disconnect_sockets(close)
    await until(lambda: reason in cluster.guests["node"].heard)
    await cluster.node.happened("gone", "node", "server namespace disconnect")
    assert len(cluster.servers[1].sockets) == 1


# --- 7, 8: sockets ---


async def test_node_finds_our_sockets(cluster: Cluster) -> None:
    found = {socket["data"]["name"]: socket for socket in await cluster.node.do("fetch", "/", EVERYBODY)}
    assert found.keys() == NAMES
    ours = next(iter(cluster.one.sockets.values()))
    mine = found["one"]
    assert mine["id"] == ours.id
    assert set(mine["rooms"]) == ours.rooms
    assert mine["data"] == {"name": "one", "blob": b"\x00\xff"}
    # What Node says of its own is the form.
    assert mine["handshake"].keys() == found["node"]["handshake"].keys()
    for field, value in found["node"]["handshake"].items():
        assert type(mine["handshake"][field]) is type(value), field
    came = mine["handshake"]
    assert came["headers"] == ours.handshake.headers
    assert came["auth"] == {"name": "one"}
    assert (came["url"], came["query"]) == (ours.handshake.url, ours.handshake.query)
    assert (came["issued"], came["address"]) == (ours.handshake.issued, "127.0.0.1")
    assert (came["secure"], came["xdomain"]) == (False, False)
    assert await cluster.node.do("fetch", "/", {"rooms": ["nowhere"]}) == []
    (only,) = await cluster.node.do("fetch", "/", {"rooms": ["all"], "except": ["node", "one"]})
    assert only["data"]["name"] == "two"
    assert len(await cluster.node.do("fetch", "/", {"flags": {"local": True}})) == 1


async def test_we_find_the_sockets_of_node(cluster: Cluster) -> None:
    found = {socket.data["name"]: socket for socket in await cluster.one.fetch_sockets()}
    assert found.keys() == NAMES
    assert found["one"] is next(iter(cluster.one.sockets.values()))
    theirs = found["node"]
    assert isinstance(theirs, RemoteSocket)
    assert theirs.id == cluster.guests["node"].client.id
    assert theirs.rooms == {theirs.id, "all", "node"}
    assert theirs.data == {"name": "node", "blob": b"\x00\xff"}
    (itself,) = await cluster.node.do("fetch", "/", {"flags": {"local": True}})
    for field in ("headers", "query", "auth", "address", "secure", "xdomain", "url", "issued"):
        assert getattr(theirs.handshake, field) == itself["handshake"][field], field
    assert theirs.handshake.auth == {"name": "node"}


async def test_the_verbs_of_a_remote_socket(cluster: Cluster) -> None:
    (theirs,) = await cluster.one.in_("node").fetch_sockets()
    await theirs.emit("news", *BINARY)
    await theirs.join("new")
    await theirs.leave("all")
    assert await cluster.heard() == [[BINARY], [], []]
    ((_, *rooms),) = await cluster.node.do("rooms", "/")
    assert set(rooms) == {"node", "new"}
    assert await theirs.emit_with_ack("ask", *BINARY) == {"name": "node", "values": BINARY}
    await theirs.disconnect()
    await cluster.node.happened("gone", "node", "server namespace disconnect")

    ours = next(iter(cluster.one.sockets.values()))
    await cluster.node.do("remote", "/", {"rooms": ["one"]}, "emit", "news", *BINARY)
    await until(lambda: BINARY in cluster.guests["one"].heard)
    await cluster.node.do("remote", "/", {"rooms": ["one"]}, "join", "new")
    await until(lambda: "new" in ours.rooms)
    await cluster.node.do("remote", "/", {"rooms": ["one"]}, "leave", "new")
    await until(lambda: "new" not in ours.rooms)
    answer = await cluster.node.do("remote", "/", {"rooms": ["one"]}, "ask", "ask", *BINARY)
    assert answer == {"name": "one", "values": BINARY}
    await cluster.node.do("remote", "/", {"rooms": ["one"]}, "disconnect", True)
    await until(lambda: not cluster.one.sockets)


# --- 9, 10: servers ---


@pytest.mark.parametrize("values", [VALUES, BINARY], ids=["text", "binary"])
async def test_events_for_servers(cluster: Cluster, seen: Recorder, values: list[Any]) -> None:
    await cluster.one.server_side_emit("hello", *values)
    await cluster.node.happened("hello", "/", *values)
    await until(lambda: seen.entries == [("hello", *values)])  # server two; not the sender
    await cluster.node.do("tell", "/", "hello", *values, "from node")
    await until(lambda: seen.entries.count(("hello", *values, "from node")) == 2)


@pytest.mark.parametrize("value", ["€", b"\x00\xff", {"a": [b"\x01", None]}], ids=["text", "binary", "deep"])
async def test_servers_answer(cluster: Cluster, value: Any) -> None:
    one, two = (bus.uid for bus in cluster.buses)
    answers = await cluster.one.server_side_emit_with_ack("question", value)
    assert sorted(answers, key=str) == sorted(
        [{"from": "node", "value": value}, {"from": two, "value": value}], key=str
    )
    answers = await cluster.node.do("askServers", "/", "question", value)
    assert sorted(answers, key=str) == sorted([{"from": uid, "value": value} for uid in (one, two)], key=str)


async def test_a_server_that_does_not_answer(cluster: Cluster) -> None:
    """A handler of Node's that never answers."""
    uid = await cluster.node.do("uid", "/")
    with pytest.raises(AckTimeout, match=f"the servers: {uid}$") as timeout:
        await cluster.one.server_side_emit_with_ack("silence", timeout=300)
    assert timeout.value.responses == [None]


# --- 3 with a requestId, 11, 12: acknowledgements ---


@pytest.mark.parametrize("values", [VALUES, BINARY], ids=["text", "binary"])
async def test_clients_of_all_answer(cluster: Cluster, values: list[Any]) -> None:
    expected = [{"name": name, "values": values} for name in sorted(NAMES)]
    for server in cluster.servers:
        answers = await server.timeout(20_000).emit_with_ack("ask", *values)
        assert sorted(answers, key=lambda answer: str(answer["name"])) == expected
    timeout = {"flags": {"timeout": 20_000}}
    answers = await cluster.node.do("ask", "/", timeout, "ask", *values)
    assert sorted(answers, key=lambda answer: answer["name"]) == expected
    assert await cluster.node.do("ask", "/", {"rooms": ["two"]} | timeout, "ask") == [
        {"name": "two", "values": []}
    ]
    assert await cluster.one.to("nowhere").emit_with_ack("ask") == []
    assert await cluster.node.do("ask", "/", {"rooms": ["nowhere"]} | timeout, "ask") == []


async def test_a_client_that_does_not_answer(cluster: Cluster) -> None:
    with pytest.raises(AckTimeout, match="1 of 3 clients") as timeout:
        await cluster.one.timeout(1_500).emit_with_ack("silence")
    assert sorted(timeout.value.responses) == ["node", "one"]
    with pytest.raises(NodeError, match="timed out") as failure:
        await cluster.node.do("ask", "/", {"flags": {"timeout": 1_500}}, "silence")
    assert sorted(failure.value.responses) == ["node", "one"]
    cluster.guests["two"].mute.set()


async def test_a_node_that_stands_still_is_named(cluster: Cluster) -> None:
    """And is one of the cluster again when it goes on; what it then answers to what is past is ignored."""
    uid = await cluster.node.do("uid", "/")
    cluster.node.process.send_signal(signal.SIGSTOP)
    try:
        for ask in (
            cluster.one.timeout(300).fetch_sockets(),
            cluster.one.timeout(300).emit_with_ack("ask"),
            cluster.one.server_side_emit_with_ack("question", 1, timeout=300),
        ):
            with pytest.raises(AckTimeout, match=f"the servers: {uid}$"):
                await ask
    finally:
        cluster.node.process.send_signal(signal.SIGCONT)
    assert len(await cluster.one.timeout(20_000).fetch_sockets()) == 3


# --- namespaces and streams ---


@pytest.mark.parametrize("nsp", ["/custom"])
async def test_another_namespace(cluster: Cluster, nsp: str, seen: Recorder) -> None:
    ours = cluster.one.of(nsp)
    await ours.emit("news", *BINARY)
    await cluster.node.do("emit", nsp, EVERYBODY, "news", *VALUES)
    await cluster.one.emit("news", "of another")
    for name in NAMES:
        guest = cluster.guests[name]
        await until(lambda guest=guest: len([h for h in guest.heard if h[:1] != ["fence"]]) == 2)
        assert BINARY in guest.heard
        assert VALUES in guest.heard
    assert len(await ours.fetch_sockets()) == len(await cluster.node.do("fetch", nsp, EVERYBODY)) == 3
    assert len(await ours.server_side_emit_with_ack("question", 1)) == 2
    assert len(await cluster.node.do("askServers", nsp, "question", 1)) == 2
    assert len(await ours.timeout(20_000).emit_with_ack("ask")) == 3
    assert len(await cluster.node.do("ask", nsp, {"flags": {"timeout": 20_000}}, "ask")) == 3
    await cluster.node.do("tell", nsp, "hello", nsp)
    await until(lambda: seen.entries == [("hello", nsp)] * 2)


@pytest.mark.parametrize("options", [{"streamCount": 3}])
@pytest.mark.parametrize("nsp", ["/", "/custom", NEGATIVE], ids=["main", "custom", "negative"])
async def test_several_streams(cluster: Cluster, nsp: str) -> None:
    """Where the hash is negative, Node does not read what others write, and we read what Node writes."""
    assert stream_name("", 3, nsp).startswith("--") == (nsp == NEGATIVE)
    await cluster.node.do("emit", nsp, EVERYBODY, "news", *BINARY)
    await until(lambda: all(BINARY in guest.heard for guest in cluster.guests.values()))
    await cluster.one.of(nsp).emit("news", *VALUES)
    hearers = {"one", "two"} if nsp == NEGATIVE else NAMES
    await until(lambda: all(VALUES in cluster.guests[name].heard for name in hearers))
    assert len(await cluster.one.of(nsp).fetch_sockets()) == 3
    assert len(await cluster.node.do("fetch", nsp, EVERYBODY)) == 3


# --- emitters ---


async def test_node_s_emitter_reaches_our_clients(cluster: Cluster, seen: Recorder) -> None:
    """Entries with the fields that `@socket.io/redis-streams-emitter` 0.1.1 writes."""
    everyone, one = Target(), Target(("one",))
    for record in (
        Broadcast("/", everyone, ["news", *VALUES]),
        Broadcast("/", one, ["news", *BINARY]),
        Join("/", one, ("new",)),
        Broadcast("/", Target(("new",)), ["news", "joined"]),
        Leave("/", Target(("new",)), ("new",)),
        Broadcast("/", Target(("new",)), ["news", "left"]),
        ServerSideEmit("/", ["hello", "servers"]),
    ):
        await cluster.node.do("entry", "socket.io", encode(record, "emitter"))
    assert await cluster.heard() == [[VALUES], [VALUES, BINARY, ["joined"]], [VALUES]]
    await cluster.node.happened("hello", "/", "servers")
    assert seen.entries == [("hello", "servers")] * 2
    await cluster.node.do("entry", "socket.io", encode(DisconnectSockets("/", one), "emitter"))
    await until(lambda: "io server disconnect" in cluster.guests["one"].heard)


async def test_our_emitter_reaches_all(cluster: Cluster, redis_url: str, seen: Recorder) -> None:
    async with Emitter(redis_url) as emitter:
        await emitter.emit("news", *VALUES)
        await emitter.to("node").emit("news", *BINARY)
        await emitter.in_("node").sockets_join("new")
        await emitter.to("new").emit("news", "joined")
        await emitter.in_("new").sockets_leave("new")
        await emitter.to("new").emit("news", "left")
        await emitter.server_side_emit("hello", *BINARY)
        async with emitter.batch() as batch:
            await batch.to("one").emit("news", "first")
            await batch.to("one").emit("news", "second")
        expected = [[VALUES, BINARY, ["joined"]], [VALUES, ["first"], ["second"]], [VALUES]]
        assert await cluster.heard() == expected
        await cluster.node.happened("hello", "/", *BINARY)
        assert seen.entries == [("hello", *BINARY)] * 2
        async with asyncio.timeout(30):
            while not cluster.guests["node"].heard:  # Node drops it while it still writes
                await emitter.to("node").volatile.emit("news", "volatile")
                await asyncio.sleep(0.02)
        await emitter.to("node").disconnect_sockets(close=True)
        await cluster.node.happened("gone", "node", "server namespace disconnect")
