"""What a client may send in which state of a namespace, and how it leaves (docs/protocol.md §2)."""

import asyncio
from collections.abc import Callable

import pytest

from protocol import Server, Socket
from tests.support.engine_clients import Connect, Recorder
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")


BREAKS = {
    "an event for a namespace never joined": ["2/custom,[1]"],
    "an ack for a namespace never joined": ["3/custom,1[]"],
    "a disconnect from a namespace never joined": ["1/custom,"],
    "an event after the disconnect": ["0/custom,", "1/custom,", '2/custom,["echo"]'],
    "a second disconnect": ["0/custom,", "1/custom,", "1/custom,"],
    "a second connect": ["0/custom,", "0/custom,"],
    "a connect error": ['4{"message":"no"}'],
    "a connect error elsewhere": ['4/custom,{"message":"no"}'],
    "an event before the connect": ['2/custom,["echo"]', "0/custom,"],
    "a connect with a string": ['0/custom,"x"'],
    "a connect with a list": ["0/custom,[]"],
    "a disconnect with a payload": ["1[]"],
}


@pytest.mark.parametrize("name", BREAKS)
async def test_a_packet_that_is_not_allowed_closes(
    host: Serve, make_app: App, connect: Connect, seen: Recorder, name: str
) -> None:
    """All in one go, so that nothing depends on what the server has answered by then."""
    io = make_app()
    io.of("/custom")
    client = await connect(await host(io))
    await client.join()
    await client.provoke(*BREAKS[name])
    await seen.wait_for("disconnect", "parse error")
    await until(lambda: io.sessions == 0)


async def test_a_connect_while_the_middleware_thinks_closes(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    io = make_app()
    decide = asyncio.Event()

    @io.of("/slow").use
    async def wait(socket: Socket) -> None:
        seen("asked")
        await decide.wait()

    client = await connect(await host(io))
    await client.join()
    await client.send("0/slow,")
    await seen.wait_for("asked")
    await client.provoke("0/slow,")
    decide.set()
    await seen.wait_for("disconnect", "parse error")
    assert io.of("/slow").sockets == {}


async def test_coming_back(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """A namespace that was left can be joined again, as somebody new."""
    client = await connect(await host(make_app()))
    first = await client.join()
    await client.send("1")
    second = await client.join()
    assert first != second
    await seen.wait_for("connection", second)
    assert seen.entries == [
        ("connection", first),
        ("disconnect", "client namespace disconnect"),
        ("connection", second),
    ]


async def test_sent_away(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """What the client sent before it knew is dropped, and does not cost it the session."""
    io = make_app()
    io.of("/custom")
    client = await connect(await host(io))
    await client.join()
    await client.join("/custom")
    (socket,) = await io.fetch_sockets()
    await socket.disconnect()
    assert not socket.connected
    await client.send(
        '2["echo",1]', "30[]", '22["echo",1]', '51-["echo",{"_placeholder":true,"num":0}]', b"x"
    )
    assert await client.receive() == "1"
    await seen.wait_for("disconnect", "server namespace disconnect")
    await io.of("/custom").emit("still here")
    assert await client.receive() == '2/custom,["still here"]'
    again = await client.join()
    await client.send('2["echo",2]')
    assert await client.receive() == '2["echo",2]'
    assert seen.entries[-2:] == [("connection", again), ("echo", 2)]


async def test_sent_away_and_leaving_at_once(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """The two disconnects cross; the client may come again."""
    io = make_app()
    client = await connect(await host(io))
    await client.join()
    (socket,) = await io.fetch_sockets()
    await socket.disconnect()
    await client.send("1")
    assert await client.receive() == "1"
    await client.join()
    assert seen.entries[1] == ("disconnect", "server namespace disconnect")


async def test_sent_away_for_good(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """Every namespace is told, then the session ends."""
    io = make_app()
    io.of("/custom").on("disconnect")(lambda _, reason: seen("custom", reason))
    client = await connect(await host(io))
    await client.join()
    await client.join("/custom")
    (socket,) = await io.fetch_sockets()
    await socket.disconnect(close=True)
    assert await client.until_lost() == ["1", "1/custom,"]
    await seen.wait_for("disconnect", "server namespace disconnect")
    await seen.wait_for("custom", "server namespace disconnect")
    assert io.sessions == 0
