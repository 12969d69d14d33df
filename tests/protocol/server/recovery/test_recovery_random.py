"""Clients that are cut at any moment, on whatever transport, while much is sent: the log of the bus tells what each of
them must have heard, once and in order."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import pytest
import redis.asyncio

from protocol import JSON, MSGPACK, InterestBus, RedisBus, RedisStore, Server
from protocol.cluster.record_batches import unfold_all
from protocol.cluster.stream_positions import position
from protocol.cluster.stream_records import Broadcast, DisconnectSockets, Join, Leave, Target, decode
from protocol.socketio.json_parser import Decoder
from protocol.socketio.packets import Connect, Event, Parser
from tests.support.engine_clients import Client, Lost, PollingClient, WebSocketClient
from tests.support.raw_websocket import WEBSOCKET, WebSocket
from tests.support.returning_client import LONG, Outcomes
from tests.support.running import Running, Serve
from tests.support.tries import tries
from tests.support.waiting import PATIENCE

App: TypeAlias = Callable[..., Server]

INSTANCES, TRAVELLERS, EVENTS = 3, 6, tries(500)
ROOMS = ["a", "b", "c"]
BLOB = bytes(range(256)) * 80


class UpgradedClient(WebSocketClient):
    """Began on polling."""

    def __init__(self, socket: WebSocket, before: PollingClient) -> None:
        Client.__init__(self, f'0{{"sid":"{before.sid}"}}')
        self.socket = socket
        self._before = before

    async def close(self) -> None:
        await super().close()
        await self._before.close()


class Life:
    """What a client heard from its first CONNECT to its last return."""

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.heard: list[Any] = []

    def since_hello(self) -> list[Any]:
        return self.heard[self.heard.index("hello") :] if "hello" in self.heard else []


class Traveller:
    """A client as the official one is, that goes from instance to instance."""

    def __init__(self, parser: Parser, chance: random.Random, stack: AsyncExitStack) -> None:
        self.lives: list[Life] = []
        self._parser = parser
        self._chance = chance
        self._stack = stack
        self._decoder: Decoder
        self._client: Client
        self._pid: str | None = None
        self._offset: str | None = None

    async def come(self, running: Running) -> None:
        """Over any transport; a polling client may be cut at each step of its upgrade."""
        polls = self._chance.random() < 0.5
        self._keep(await (PollingClient if polls else WebSocketClient).open(running))
        self._decoder = Decoder(self._parser)
        auth = {"pid": self._pid, "offset": self._offset} if self._pid else {}
        packet = Connect("/", {key: value for key, value in auth.items() if value is not None})
        encoded = self._parser.encode(packet)
        await self._client.send(*[encoded.text[1:].decode()] if encoded.text else encoded.binary)
        while (sid := await self._next()) is None:
            pass
        if not self.lives or sid != self.lives[-1].sid:
            self.lives.append(Life(sid))
        if isinstance(self._client, PollingClient) and self._chance.random() < 0.7:
            await self._upgrade(running, self._client)

    def _keep(self, client: Client) -> None:
        self._client = client
        self._stack.push_async_callback(client.close)

    async def _upgrade(self, running: Running, client: PollingClient) -> None:
        socket = await WebSocket.open(running, f"{WEBSOCKET}&sid={client.sid}")
        self._stack.push_async_callback(socket.close)
        if self._chance.random() < 0.2:
            await socket.close()
            return
        socket.send("2probe")
        assert await socket.receive() == "3probe"
        if self._chance.random() < 0.2:
            await socket.close()
            return
        while client._packets:
            await self._next()
        socket.send("5")
        self._keep(UpgradedClient(socket, client))

    async def hear(self, count: int) -> None:
        for _ in range(count):
            await self._next()

    async def hear_until_end(self) -> None:
        while self.lives[-1].heard[-1:] != ["end"]:
            await self._next()

    async def _next(self) -> str | None:
        """The next packet; the id, if it is the answer to CONNECT."""
        packet = None
        while packet is None:
            message = await self._client.receive()
            packet = self._decoder.receive(message)
        if isinstance(packet, Connect):
            assert packet.data is not None
            self._pid = packet.data["pid"]
            return str(packet.data["sid"])
        assert isinstance(packet, Event)
        name, *args = packet.data
        if packet.id is None and isinstance(packet.data[-1], str):
            self._offset = packet.data[-1]
        if name == "n":
            self.lives[-1].heard.append(args[0])
        elif name in ("hello", "end"):
            self.lives[-1].heard.append(name)
        return None

    async def go(self) -> None:
        """Be cut, with what is under way; or only seem to be, to the server."""
        if self._chance.random() < 0.7:
            with contextlib.suppress(Exception):
                await self._client.close()


def must_hear(log: list[Any], sid: str) -> Iterator[Any]:
    """What a client must hear from its hello on, by the log."""
    rooms, began = {sid}, False
    for record in log:
        if not meant(record.target, rooms):
            continue
        match record:
            case Broadcast(data=[name, *args], volatile=False):
                began = began or name == "hello"
                if began:
                    yield args[0] if name == "n" else name
            case Join(rooms=more):
                rooms.update(more)
            case Leave(rooms=fewer):
                rooms.difference_update(fewer)
            case DisconnectSockets(moved=moved):
                assert moved


def meant(target: Target, rooms: set[str]) -> bool:
    return (not target.rooms or not rooms.isdisjoint(target.rooms)) and rooms.isdisjoint(target.except_)


async def send(ios: list[Server], travellers: list[Traveller], chance: random.Random) -> None:
    """Much, of every kind, to all kinds of targets."""
    for number in range(EVENTS):
        io = chance.choice(ios)
        sids = [traveller.lives[-1].sid for traveller in travellers if traveller.lives]
        sid = chance.choice([*sids, "nobody"])
        rooms = chance.sample(ROOMS, chance.randint(1, 2))
        args = chance.choice([[], [7], [BLOB], [{"deep": [BLOB, "€"]}, None]])
        match chance.randrange(11):
            case 0 | 1:
                await io.emit("n", number, *args, 0)
            case 2:
                await io.to(*rooms).emit("n", number, *args, 0)
            case 3:
                await io.to(*rooms, sid).except_(chance.choice(ROOMS)).emit("n", number, *args, 0)
            case 4:
                await io.except_(sid).emit("n", number, *args, 0)
            case 5:
                sockets = list(io.sockets.values())
                if sockets:
                    await chance.choice(sockets).emit("n", number, *args, 0)
            case 6:
                await io.in_(sid).sockets_join(*rooms)
            case 7:
                await io.in_(sid).sockets_leave(*rooms)
            case 8:
                await send_batch(io, sid, rooms, number, *args, 0)
            case _:
                await send_ignored(io, rooms, chance)
        await asyncio.sleep(chance.choice([0, 0, 0, 0.001, 0.01]))


async def send_ignored(io: Server, rooms: list[str], chance: random.Random) -> None:
    """What is for those who are there, and moves their offset on."""
    sockets = list(io.sockets.values())
    if sockets and chance.random() < 0.5:
        await chance.choice(sockets).emit("ignored", BLOB, "text", local=True)
    else:
        await chance.choice([io.volatile, io.local, io.local.to(*rooms)]).emit("ignored", "text")


async def send_batch(io: Server, sid: str, rooms: list[str], number: int, *args: Any) -> None:
    async with io.batch() as batch:
        await batch.in_(sid).sockets_join(*rooms)
        await batch.to(*rooms).emit("n", f"{number} first", *args)
        await batch.in_(sid).sockets_leave(rooms[0])
        await batch.to(*ROOMS).emit("n", number, *args)


async def arrive(traveller: Traveller, runnings: list[Running], chance: random.Random) -> None:
    """Come to any instance, until one lets the traveller in."""
    before = len(traveller.lives)
    while True:
        running = chance.choice(runnings)
        with contextlib.suppress(Lost):
            await traveller.come(running)
            break
    if len(traveller.lives) > before:
        await running.server.to(traveller.lives[-1].sid).emit("hello", 0)


async def listen(traveller: Traveller, runnings: list[Running], chance: random.Random) -> None:
    """Hear all that there is. A CONNECT that was given up before may still take the session away."""
    while True:
        try:
            await traveller.hear_until_end()
        except Lost:
            await arrive(traveller, runnings, chance)
        else:
            return


async def travel(
    traveller: Traveller, runnings: list[Running], chance: random.Random, done: asyncio.Event
) -> None:
    """To and fro, hearing a part of what comes."""
    while not done.is_set():
        with contextlib.suppress(Lost):
            await arrive(traveller, runnings, chance)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await traveller.hear(chance.choice([0, 0, 1, 2, 5, 20]))
        await traveller.go()


@pytest.fixture
def shell(seed: int) -> str:
    return "asgi" if seed in (3, 6) else "raw"


async def read_log(redis_url: str) -> list[Any]:
    """All records, in their order: of one stream, or of all inboxes and the common one."""
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        inboxes = await client.keys("{socket.io}:inbox:*")
        entries = {
            offset: fields
            for stream in ([*inboxes, "{socket.io}:common"] if inboxes else ["socket.io"])
            for offset, fields in await client.xrange(stream)
            if "data" in fields
        }
    records = [(offset, decode(entries[offset]), 0) for offset in sorted(entries, key=position)]
    return [record for _, record, _ in unfold_all(records)]


@pytest.mark.parametrize(
    ("seed", "parser", "kind"),
    [
        (1, JSON, RedisBus),
        (2, MSGPACK, RedisBus),
        (3, JSON, RedisBus),
        (4, MSGPACK, InterestBus),
        (5, JSON, InterestBus),
        (6, JSON, InterestBus),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_cut_at_any_moment(
    seed: int,
    parser: Parser,
    kind: type[RedisBus | InterestBus],
    make_app: App,
    serve: Serve,
    redis_url: str,
    stack: AsyncExitStack,
) -> None:
    chance = random.Random(seed)
    outcomes = Outcomes()
    runnings = []
    for _ in range(INSTANCES):
        bus, store = kind(redis_url), RedisStore(redis_url)
        io = make_app(recovery=LONG, bus=bus, store=store, parser=parser, observer=outcomes)
        runnings.append(await serve(io))
    travellers = [Traveller(parser, chance, stack) for _ in range(TRAVELLERS)]
    ios = [running.server for running in runnings]
    done = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for traveller in travellers:
            tasks.create_task(travel(traveller, runnings, chance, done))
        await send(ios, travellers, chance)
        done.set()
    for traveller in travellers:
        await arrive(traveller, runnings, chance)
    await ios[0].emit("end", 0)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(listen(traveller, runnings, chance) for traveller in travellers))

    log = await read_log(redis_url)
    for traveller in travellers:
        for life in traveller.lives:
            must, heard = list(must_hear(log, life.sid)), life.since_hello()
            assert heard == must[: len(heard)]
        assert heard == must  # of its last life it has all
    assert outcomes.all.count("recovered") > len(outcomes.all) / 2
