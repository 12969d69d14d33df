"""What an application is told of rooms, namespaces and connections, and what it adds to them, beside the reference."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from protocol import Forwarding, Handshake, Namespace, RedisBus, Server, Socket
from protocol.server.transports import client_bundle
from tests.support.engine_clients import POLLING, Poll, PollingClient, http_client, session_id
from tests.support.raw_websocket import WEBSOCKET, Open, Refusal, WebSocket
from tests.support.reference_server import Reference, reference
from tests.support.running import RAW, Serve
from tests.support.waiting import until

App = Callable[..., Server]


@pytest.fixture(scope="module")
def theirs() -> Iterator[Reference]:
    with reference() as served:
        yield served


async def enter(socket: WebSocket, nsp: str = "") -> str:
    """Join a namespace; the socket's id."""
    socket.send(f"40{nsp}")
    while not str(message := await socket.receive()).startswith("40"):
        pass
    return str(orjson.loads(str(message).removeprefix(f"40{nsp}"))["sid"])


async def ask(socket: WebSocket, event: str) -> Any:
    socket.send(f'420["{event}"]')
    while not str(message := await socket.receive()).startswith("430"):
        pass
    return orjson.loads(str(message)[3:])[0]


# --- rooms ---


def watch_rooms(io: Server) -> list[list[str]]:
    changes: list[list[str]] = []
    for change in ("create", "delete"):

        @io.on_room(change)  # type: ignore[arg-type]
        def of_a_room(namespace: Namespace, room: str, change: str = change) -> None:
            assert namespace is io or namespace.name == "/"
            changes.append([change, room])

    for change in ("join", "leave"):

        @io.on_room(change)  # type: ignore[arg-type]
        def of_a_socket(socket: Socket, room: str, change: str = change) -> None:
            changes.append([change, room, socket.id])

    io.on("join")(lambda socket, rooms: socket.join(*rooms))
    io.on("quit")(lambda socket, room: socket.leave(room))
    io.on("changes")(lambda _: changes)
    return changes


async def test_changes_of_rooms(
    serve: Serve, make_app: App, open_websocket: Open, stack: AsyncExitStack
) -> None:
    """Each once, and none for what was so before; the room of a socket's own too, and all rooms when it leaves."""
    io = make_app()
    watch_rooms(io)
    found: list[list[list[str]]] = []
    theirs = stack.enter_context(reference())  # one that nobody else was at
    for served in (await serve(io), theirs):
        one, two = [await open_websocket(served) for _ in range(2)]
        ids = [await enter(socket) for socket in (one, two)]
        for packet in ('42["join",["a","b","a"]]', '42["join",["a"]]', '42["quit","a"]', '42["quit","a"]'):
            one.send(packet)
        await ask(one, "changes")
        two.send('42["join",["b","c"]]')
        await ask(two, "changes")
        one.send("41")
        while len(changes := await ask(two, "changes")) < 16:
            pass
        known = dict(zip(ids, ("one", "two"), strict=True))
        found.append([[known.get(word, word) for word in change] for change in changes])
    ours, expected = found
    assert ours[:13] == expected[:13]
    assert sorted(ours) == sorted(expected)
    assert len(ours) == 16


async def test_rooms_that_another_one_fills(
    serve: Serve, make_app: App, open_websocket: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Over the bus; and a listener that fails stops nothing."""
    io = make_app()
    changes = watch_rooms(io)

    @io.on_room("join")
    def fail(socket: Socket, room: str) -> None:
        raise RuntimeError("not now")

    socket = await open_websocket(await serve(io))
    own = await enter(socket)
    await io.sockets_join("x", "x")
    await io.sockets_leave("x")
    assert changes == [
        ["create", own],
        ["join", own, own],
        ["create", "x"],
        ["join", "x", own],
        ["leave", "x", own],
        ["delete", "x"],
    ]
    assert [record.message for record in caplog.records] == [
        f"a listener of rooms failed for {room!r}" for room in (own, "x")
    ]
    with pytest.raises(ValueError, match="'made' is not one of create, join, leave, delete"):
        io.on_room("made")  # type: ignore[arg-type]


# --- namespaces ---


async def test_new_namespaces(serve: Serve, make_app: App, theirs: Reference, open_websocket: Open) -> None:
    io = make_app()
    made: list[str] = []

    @io.on_new_namespace
    def fail(namespace: Namespace) -> None:
        raise RuntimeError("not now")

    io.on_new_namespace(lambda namespace: made.append(namespace.name))
    io.of("/fixed")
    io.of(re.compile(r"/dynamic-\d"))
    io.on("made")(lambda _: made)
    answers = []
    for served in (await serve(io), theirs):
        socket = await open_websocket(served)
        for nsp in ("", "/fixed,", "/dynamic-1,", "/dynamic-2,"):
            await enter(socket, nsp)
        answers.append(await ask(socket, "made"))
    assert answers[0] == answers[1] == ["/fixed", "/dynamic-1", "/dynamic-2"]
    assert [*io.namespaces] == ["/", *made]
    assert {name: namespace.name for name, namespace in io.namespaces.items()} == {
        n: n for n in io.namespaces
    }


async def test_namespaces_of_a_pattern_know_it(serve: Serve, open_websocket: Open) -> None:
    io = Server()
    rooms = io.of(re.compile(r"/room-\d"))
    socket = await open_websocket(await serve(io))
    await enter(socket, "/room-1,")
    assert io.of("/room-1").parent is rooms
    assert io.parent is io.of("/other").parent is None


# --- servers ---


async def test_work_while_a_server_serves(caplog: pytest.LogCaptureFixture) -> None:
    """From each start to the stop after it, and at once where it serves already; failing, it stops nothing else."""
    io = Server()
    happened: list[str] = []

    @io.while_serving
    async def work() -> None:
        happened.append("begins")
        try:
            await asyncio.Event().wait()
        finally:
            assert io.sessions == 0
            happened.append("ends")

    @io.while_serving
    async def fail() -> None:
        raise RuntimeError("not now")

    async def late() -> None:
        happened.append("late")

    await io.start()
    await until(lambda: happened == ["begins"])
    io.while_serving(late)
    await until(lambda: happened == ["begins", "late"])
    await io.stop()
    assert happened == ["begins", "late", "ends"]
    await io.start()
    await until(lambda: len(happened) == 5)
    await io.stop()
    assert happened == ["begins", "late", "ends", "begins", "late", "ends"]
    assert caplog.text.count("has failed, and does not run any more") == 2


async def test_a_namespace_that_this_instance_does_not_have(
    serve: Serve, redis_url: str, open_websocket: Open
) -> None:
    """Its sockets are reached, and it does not come to be here; and what is added to their data is told elsewhere."""
    io, other = Server(bus=RedisBus(redis_url)), Server(bus=RedisBus(redis_url))
    other.of("/far")
    other.add_details(lambda socket: {"connection": socket.client_id, "name": "theirs"})
    other.add_details(lambda socket: {"name": "last"})
    await serve(io)
    socket = await open_websocket(await serve(other))
    own = await enter(socket, "/far,")
    await io.select("/far").to(own).emit("hello", 1)
    while (message := await socket.receive()) != '42/far,["hello",1]':
        assert str(message).startswith("0"), message
    assert "/far" not in io.namespaces
    here = other.of("/far").sockets[own]
    here.data["name"] = "ours"
    (there,) = await io.of("/far").fetch_sockets()
    assert there.data == {"connection": here.client_id, "name": "last"}
    assert here.data == {"name": "ours"}
    assert len(here.client_id) == 16


# --- connections ---


async def test_packets_and_upgrade_of_a_connection(
    serve: Serve, make_app: App, theirs: Reference, open_websocket: Open, stack: AsyncExitStack
) -> None:
    io = make_app()
    happened: list[str] = []

    @io.on("connection")
    async def listen(socket: Socket) -> None:
        socket.on_packet(lambda kind, _: happened.append(kind))
        socket.on_upgrade(happened.append)
        socket.on_upgrade(lambda _: 1 / 0)

    io.on("happened")(lambda _: happened)
    answers = []
    for served in (await serve(io), theirs):
        client = await PollingClient.open(served)
        stack.push_async_callback(client.close)
        await client.send("0")
        assert str(await client.receive()).startswith("0{")
        await client.post('42["echo"]\x1e3\x1e6')
        websocket = await open_websocket(served, f"{WEBSOCKET}&sid={client.sid}")
        websocket.send("2probe")
        assert await websocket.receive() == "3probe"
        websocket.send("5")
        websocket.send('42["echo"]')
        answers.append(await ask(websocket, "happened"))
    assert answers[0] == answers[1]
    assert answers[0][-3:] == ["websocket", "message", "message"]


async def test_listeners_of_a_connection_see_its_end(
    serve: Serve, make_app: App, poll: Poll, seen: Any
) -> None:
    io = make_app()
    happened: list[tuple[str, str | bytes]] = []
    io.on("connection")(lambda socket: socket.on_packet(lambda *packet: happened.append(packet)) and None)
    client = await poll(await serve(io))
    await client.join()
    await client.send('2["echo"]')
    await client.post("1")
    await seen.wait_for("disconnect", "transport close")
    assert happened == [("message", '2["echo"]'), ("close", "")]
    assert io.sessions == 0


# --- headers ---


async def test_headers(
    serve: Serve, make_app: App, theirs: Reference, open_websocket: Open, stack: AsyncExitStack
) -> None:
    """On the answers of sessions, over both transports; those of the first answer once a session."""
    agents: list[str | None] = []

    def first(handshake: Handshake) -> dict[str, str]:
        agents.append(handshake.headers.get("user-agent"))
        return {"X-First": "1"}

    io = make_app(initial_headers=first, headers=lambda _: {"X-Every": "2"})
    answers = []
    for served in (await serve(io), theirs):
        client = await PollingClient.open(served, **{"user-agent": "a test"})
        stack.push_async_callback(client.close)
        opened = await client.http.get(served.url(POLLING))
        responses = [
            opened,
            await client.post("40"),
            await client.get(),
            await client.http.get(served.url("x=1")),
        ]
        sockets = [
            await open_websocket(served, query) for query in (WEBSOCKET, f"{WEBSOCKET}&sid={client.sid}")
        ]
        headers: list[Any] = [response.headers for response in responses]
        headers += [socket.answer.headers for socket in sockets]
        answers.append([(each.get("x-first"), each.get("x-every")) for each in headers])
    every = (None, "2")
    assert answers[0] == answers[1] == [("1", "2"), every, every, (None, None), ("1", "2"), every]
    assert agents == ["a test", "a test", None]


@pytest.mark.parametrize("bad", [{"x y": "1"}, {"x": "1\r\ny: 2"}, {"x": 1}, None, {"": ""}])
async def test_headers_that_are_none(
    serve: Serve, make_app: App, open_websocket: Open, bad: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """They are left out, and the log says why: the session works without."""
    socket = await open_websocket(await serve(make_app(headers=lambda _: bad)))
    await enter(socket)
    assert not {"x", "y", "x y", ""} & socket.answer.headers.keys()
    assert [record.message for record in caplog.records] == ["a function for the headers of answers failed"]


# --- ids of sessions ---


@pytest.mark.parametrize("later", [False, True])
async def test_ids_of_sessions(serve: Serve, make_app: App, open_websocket: Open, later: bool) -> None:
    def chosen(handshake: Handshake) -> str:
        return f"s-{handshake.query['transport']}"

    async def chosen_later(handshake: Handshake) -> str:
        await asyncio.sleep(0)
        return chosen(handshake)

    running = await serve(make_app(generate_id=chosen_later if later else chosen))
    async with http_client() as http:
        assert session_id((await http.get(running.url(POLLING))).text) == "s-polling"
        again = await http.get(running.url(POLLING))
        assert (again.status_code, again.json()["code"]) == (400, 3)
    socket = await open_websocket(running)
    assert session_id(await socket.receive()) == "s-websocket"
    await enter(socket)
    with pytest.raises(Refusal) as refused:
        await open_websocket(running)
    assert refused.value.answer.status == 400


@pytest.mark.parametrize("bad", ["", "a b", "a/b", "x" * 101, None, 7])
async def test_ids_of_sessions_that_are_none(serve: Serve, make_app: App, bad: Any) -> None:
    running = await serve(make_app(generate_id=lambda _: bad))
    async with http_client() as http:
        assert (await http.get(running.url(POLLING))).status_code == 400


async def test_ids_of_sessions_among_several_instances(serve: Serve, make_app: App, poll: Poll) -> None:
    """They begin with what the others find the instance by."""
    forwarding = Forwarding(host="127.0.0.1", secret="for tests only")
    io = make_app(generate_id=lambda _: "mine", forwarding=forwarding)
    client = await poll(await serve(io))
    assert client.sid == f"{io._hub.tag}mine"
    await client.join()


# --- the path ---


async def test_a_path_without_a_slash(serve: Serve, shell: str, make_app: App, theirs: Reference) -> None:
    """As with the reference, either is served."""
    io = make_app(add_trailing_slash=False)
    app = Starlette(
        routes=[
            route
            for path in ("/socket.io", "/socket.io/")
            for route in (Route(path, io), WebSocketRoute(path, io))
        ],
        lifespan=io.lifespan,
    )
    running = await serve(io, app=app)
    with reference(addTrailingSlash=False) as served:
        for place in (running, served):
            for path in ("/socket.io", "/socket.io/"):
                async with http_client() as http:
                    opened = await http.get(f"http://127.0.0.1:{place.port}{path}?{POLLING}")
                    assert opened.text.startswith("0{")
                socket = await WebSocket.open(place, path=path)
                await enter(socket)
                await socket.close()
    if shell == RAW:
        for path, has_it in (("/socket.io", False), ("/socket.iox", False), ("/socket.io/", True)):
            assert make_app().options.has_path(path) is has_it
            assert io.options.has_path(path) is (path != "/socket.iox")


# --- old clients ---


@pytest.mark.parametrize("version", ["3", "", "5"])
async def test_the_log_says_who_speaks_another_protocol(
    serve: Serve, make_app: App, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    running = await serve(make_app())
    async with http_client(**{"user-agent": "old client", "origin": "https://old.example"}) as http:
        answer = await http.get(running.url(f"EIO={version}&transport=polling"))
    assert (answer.status_code, answer.json()["code"]) == (400, 5)
    (line,) = [record.getMessage() for record in caplog.records if "Engine.IO" in record.getMessage()]
    assert "'old client' at 127.0.0.1, of 'https://old.example'" in line
    assert ("socket.io-client 1 and 2 speak 3" in line) is (version in ("3", ""))


# --- the client for browsers ---


async def test_the_client_for_browsers(serve: Serve, make_app: App, theirs: Reference) -> None:
    """Each file as the reference has it, under the same conditions."""
    running = await serve(make_app())
    async with http_client() as http:
        for name in sorted(client_bundle._NAMES):
            ours, reference = [
                await http.get(f"http://127.0.0.1:{served.port}/socket.io/{name}")
                for served in (running, theirs)
            ]
            for header in ("content-type", "content-encoding"):
                assert ours.headers.get(header) == reference.headers.get(header), name
            assert (ours.status_code, ours.content) == (200, reference.content)
            tag = ours.headers["etag"]
            for known in (tag, f"W/{tag}", f'"other", {tag}'):
                again = await http.get(str(ours.url), headers={"if-none-match": known})
                assert (again.status_code, again.content) == (304, b"")
            assert (await http.get(str(ours.url), headers={"if-none-match": '"other"'})).status_code == 200
            plain = await http.get(str(ours.url), headers={"accept-encoding": "identity"})
            assert (plain.content, plain.headers.get("content-encoding")) == (ours.content, None)
        head = await http.head(running.url("").replace("?", "socket.io.js"))
        assert (head.status_code, head.content) == (200, b"")
        assert (await http.post(str(head.url))).status_code == 405


@pytest.mark.parametrize(
    "name", ["socket.io.jsx", "x/../socket.io.css", "socket.io.min.js.mapp", "client_bundle.js"]
)
async def test_no_other_file_is_served(serve: Serve, make_app: App, name: str) -> None:
    running = await serve(make_app())
    async with http_client() as http:
        answer: httpx.Response = await http.get(f"{running.origin}/socket.io/{name}")
        assert answer.status_code == 400


async def test_the_client_for_browsers_is_an_option(
    serve: Serve, make_app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    async with http_client() as http:
        running = await serve(make_app(serve_client=False))
        assert (await http.get(f"{running.origin}/socket.io/socket.io.js")).status_code == 400
        monkeypatch.setattr(client_bundle, "FOLDER", tmp_path)
        running = await serve(make_app())
        assert (await http.get(f"{running.origin}/socket.io/socket.io.js")).status_code == 404


# --- events side by side ---


async def test_events_side_by_side(serve: Serve, make_app: App, open_websocket: Open, seen: Any) -> None:
    """One that waits keeps no other from being handled; a departure comes after all of them."""
    io = make_app(concurrent_events=True, max_pending_events=4)
    release = asyncio.Event()

    @io.on("wait")
    async def wait(socket: Socket, number: int) -> int:
        await release.wait()
        seen("waited", number)
        return number

    socket = await open_websocket(await serve(io))
    await enter(socket)
    for number in range(2):
        socket.send(f'42{number}["wait",{number}]')
    socket.send('429["echo","now"]')
    while await socket.receive() != '439["now"]':
        pass
    (client,) = [each._local.client for each in io.sockets.values()]
    for number in range(2, 4):
        socket.send(f'42{number}["wait",{number}]')
    await until(lambda: client.link.paused)
    release.set()
    assert {str(await socket.receive()) for _ in range(4)} == {f"43{number}[{number}]" for number in range(4)}
    await until(lambda: not client.link.paused)
    release.clear()
    socket.send('424["wait",4]')
    socket.send("41")
    await until(lambda: not io.sockets)
    assert ("disconnect", "client namespace disconnect") not in seen.entries
    release.set()
    await seen.wait_for("disconnect", "client namespace disconnect")
    assert seen.entries[-2:] == [("waited", 4), ("disconnect", "client namespace disconnect")]


async def test_events_side_by_side_when_the_server_stops(
    serve: Serve, make_app: App, open_websocket: Open, seen: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What does not end is cancelled, and the departure that waited for it is told of."""
    io = make_app(concurrent_events=True)

    @io.on("stuck")
    async def stuck(socket: Socket) -> None:
        seen("stuck")
        await asyncio.Event().wait()

    @io.on("cancelled")
    async def cancelled(socket: Socket) -> None:
        waiting = asyncio.get_running_loop().create_future()
        waiting.cancel()
        await waiting

    socket = await open_websocket(await serve(io))
    await enter(socket)
    socket.send('42["cancelled"]')
    socket.send('42["stuck"]')
    await seen.wait_for("stuck")
    socket.send("41")
    await until(lambda: not io.sockets)
    await io.stop(grace=20)
    await seen.wait_for("disconnect", "client namespace disconnect")
    assert "a handler was cancelled from within" in [record.message for record in caplog.records]
