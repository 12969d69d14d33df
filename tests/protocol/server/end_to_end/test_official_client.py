"""The official JavaScript client, in Node, over polling, websocket, and the upgrade between (tests/clients)."""

import asyncio

import pytest

from protocol import (
    JSON,
    MSGPACK,
    CloseReason,
    Disconnected,
    RedisBus,
    RedisStore,
    Server,
    Socket,
)
from tests.support.engine_clients import Recorder
from tests.support.official_client import VALUES, final, make_io, script
from tests.support.running import ASGI, RAW, Serve

WAYS = {
    "polling": (RAW, "polling"),
    "websocket": (RAW, "websocket"),
    "websocket, plain": (ASGI, "websocket"),
    "upgrade": (RAW, "polling,websocket"),
    "upgrade, plain": (ASGI, "polling,websocket"),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    return WAYS[request.param]


@pytest.fixture
def shell(way: tuple[str, str]) -> str:
    return way[0]


@pytest.fixture
def transports(way: tuple[str, str]) -> str:
    return way[1]


async def test_events(serve: Serve, seen: Recorder, transports: str) -> None:
    """Text, binary and acks in both directions, and acks that do not come."""
    running = await serve(make_io(seen))
    async with script("events", running, transports) as client:
        assert await client.lines() == [
            ["echo", *VALUES],
            ["echoed", *VALUES],
            ["transport", final(transports)],
            ["echo", *VALUES],
            ["no values"],
            ["asked", {"hex": "07"}],
            ["asked", "text"],
            ["no ack", "operation has timed out"],
            ["server", "operation has timed out"],
            ["news", 100_000],
        ]
    await seen.wait_for("/", "client namespace disconnect")


async def test_text_alone(serve: Serve, seen: Recorder, transports: str) -> None:
    """Binary as text, and a subprotocol, which a client gives up without."""
    running = await serve(make_io(seen))
    async with script("text", running, transports) as client:
        assert await client.lines() == [
            ["echo", *VALUES],
            ["transport", final(transports)],
            ["echo", *VALUES],
            ["echoed", *VALUES],
            ["asked", {"hex": ""}],
        ]
    await seen.wait_for("/", "client namespace disconnect")


@pytest.mark.parametrize("way", [way for way in WAYS if "upgrade" in way], indirect=True)
async def test_many_are_sent_away_while_they_upgrade(serve: Serve, seen: Recorder, transports: str) -> None:
    """Up to 11 ms after they connected: each gets the packet that tells so, on whichever transport, and stays away."""
    io = make_io(seen)

    @io.on("connection")
    async def send_away(socket: Socket) -> None:
        after = socket.handshake.auth["after"] / 1000
        asyncio.get_running_loop().call_later(after, lambda: socket._local.dismiss(close=True))

    running = await serve(io)
    async with script("dismissals", running, transports) as client:
        assert await client.lines() == [[{"io server disconnect, stays away": 220}]]


async def test_order(serve: Serve, seen: Recorder, transports: str) -> None:
    """300 events with binary, from before the connection is there to after the upgrade."""
    running = await serve(make_io(seen))
    async with script("order", running, transports) as client:
        assert await client.lines() == [["in order", True]]


async def test_namespaces(serve: Serve, seen: Recorder, transports: str) -> None:
    running = await serve(make_io(seen))
    async with script("namespaces", running, transports) as client:
        assert await client.lines() == [
            ["one connection", True, True, True],
            ["auth", {"token": "€"}],
            ["whereabouts", "/", "/custom"],
            ["dynamic", "/room-7"],
            ["unknown", "Invalid namespace", "undefined", False],
            ["refused", "no entry", {"code": 7}, False],
            ["let in", True],
            ["still there", "/"],
            ["back", "/custom"],
        ]
    assert ("/custom", "client namespace disconnect") in seen.entries
    for namespace in ("/", "/custom", "/guarded", "/room-7"):
        await seen.wait_for(namespace, "transport close")


async def test_reasons(serve: Serve, seen: Recorder, transports: str) -> None:
    running = await serve(make_io(seen, ping_interval=50))
    async with script("reasons", running, transports) as client:
        assert await client.lines() == [
            ["client", "io client disconnect", False],
            ["server", "io server disconnect", False],
            ["other", True, "/custom"],
            ["server, all", "io server disconnect", "io server disconnect"],
            ["alive", "/"],
        ]
    assert (await seen.wait_for_count(5))[:2] == [
        ("/", "client namespace disconnect"),
        ("/", "server namespace disconnect"),
    ]
    assert sorted(seen.entries[2:4]) == [
        ("/", "server namespace disconnect"),
        ("/custom", "server namespace disconnect"),
    ]


async def test_reconnection(serve: Serve, seen: Recorder, transports: str) -> None:
    """After the server has ended the transport, and after it was started again on the same port."""
    running = await serve(make_io(seen))
    async with script("reconnection", running, transports) as client:
        said = [await client.line() for _ in range(4)]
        assert said == [
            ["back", True, False],
            ["works", "/"],
            ["cut off", "transport close"],
            ["ready for the restart"],
        ]
        await seen.wait_for("/", "forced close")
        await running.stop()
        await seen.wait_for("/", "server shutting down")
        _, reason = await client.line()
        # Between two GETs, a client that polls finds nobody there.
        assert reason == "transport close" or (transports == "polling" and reason == "transport error")
        client.proceed()
        await serve(make_io(seen), running.port)
        assert await client.lines() == [
            ["back", True, False],
            ["works", "/"],
            ["kept", "sent while away"],
        ]


@pytest.mark.parametrize("name", ["recovery", "recovery in msgpack"])
async def test_recovery(serve: Serve, seen: Recorder, transports: str, redis_url: str, name: str) -> None:
    """What is missed comes before `connect`, once and in order: text and binary, nothing volatile, none with acks."""

    def make() -> Server:
        io = make_io(
            seen,
            recovery=120_000,
            bus=RedisBus(redis_url),
            store=RedisStore(redis_url),
            parser=JSON if name == "recovery" else MSGPACK,
        )

        @io.on("cut me off for a moment")
        async def cut_off(socket: Socket, turn: int) -> None:
            socket._local.link.finish(CloseReason.FORCED_CLOSE)
            await io.emit("n", turn, b"one")
            await io.volatile.emit("n", "volatile")
            await socket.emit("n", turn, "two")
            with pytest.raises(Disconnected):
                await socket.emit_with_ack("n", "with an ack")

        return io

    running = await serve(make())
    async with script(name, running, transports) as client:
        said = [await client.line() for _ in range(4)]
        assert said == [
            *(["back", True, True, [turn, {"hex": b"one".hex()}], [turn, "two"]] for turn in range(3)),
            ["ready for the restart"],
        ]
        await running.stop()
        again = make()
        await serve(again, running.port)
        await again.emit("n", "sent meanwhile", b"")
        client.proceed()
        assert await client.lines() == [
            ["back", True, True, ["sent meanwhile", {"hex": ""}]],
            ["anew", False, False],
        ]


async def test_msgpack(serve: Serve, seen: Recorder, transports: str) -> None:
    running = await serve(make_io(seen, parser=MSGPACK))
    values = [*VALUES, {"date": 1234567890123}, None]
    async with script("msgpack", running, transports) as client:
        assert await client.lines() == [
            ["transport", final(transports)],
            ["echo", *values],
            ["echoed", *values],
            ["asked", {"hex": "07"}],
            ["refused", "no entry", {"code": 7}],
        ]
