"""How a websocket begins: its handshake, its refusals, and the application's hook."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from protocol import Refused, Server
from tests.support.engine_clients import Recorder, WebSocketClient, http_client, session_id
from tests.support.raw_websocket import (
    WEBSOCKET,
    Open,
    Refusal,
    connect,
    opening,
    read_answer,
)
from tests.support.running import RAW, Serve
from tests.support.waiting import until

App = Callable[..., Server]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("EIO=4", "Transport unknown"),
        ("EIO=4&transport=abc", "Transport unknown"),
        ("EIO=4&transport=websocket&sid=abc", "Session ID unknown"),
        ("EIO=4&transport=polling", "Bad request"),
        ("EIO=3&transport=websocket", "Unsupported protocol version"),
        ("transport=websocket", "Unsupported protocol version"),
    ],
)
async def test_handshake_refused(
    serve: Serve,
    make_app: App,
    open_websocket: Open,
    query: str,
    message: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In words, and without an error in the log: that is an everyday thing."""
    running = await serve(make_app(cors_origins="*"))
    with pytest.raises(Refusal) as refusal:
        await open_websocket(running, query)
    answer = refusal.value.answer
    assert answer.status == 400
    assert answer.body.decode() == message
    assert answer.headers["access-control-allow-origin"] == "*"
    await running.stop()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("shell", [RAW], indirect=True)
@pytest.mark.parametrize("authority", ["http://127.0.0.1", "https://chat.example:8443"])
async def test_a_target_that_names_the_host(
    serve: Serve, make_app: App, open_websocket: Open, authority: str
) -> None:
    """As clients write it that take the server for a proxy (RFC 9112 §3.2.2)."""
    running = await serve(make_app())
    websocket = await open_websocket(running, path=f"{authority}{running.path}")
    opened = await websocket.receive()
    assert isinstance(opened, str)
    assert opened.startswith("0{")


async def test_another_path_is_not_served(serve: Serve, make_app: App, open_websocket: Open) -> None:
    running = await serve(make_app(path="/io/"))
    with pytest.raises(Refusal) as refusal:
        await open_websocket(running, path="/other/")
    assert refusal.value.answer.status == (404 if running.shell == RAW else 403)


@pytest.mark.parametrize("shell", [RAW], indirect=True)
@pytest.mark.parametrize("line", ["Sec-WebSocket-Version: 8", "Sec-WebSocket-Key: short"])
async def test_a_handshake_that_is_not_of_a_websocket(serve: Serve, make_app: App, line: str) -> None:
    running = await serve(make_app())
    head = opening(running).decode()
    name, _, _ = line.partition(":")
    lines = [line if given.startswith(name) else given for given in head.split("\r\n")]
    reader, writer = await connect(running.port)
    writer.write("\r\n".join(lines).encode())
    answer = await read_answer(reader)
    assert answer.status == (426 if "Version" in line else 400)
    writer.close()


async def test_open_packet(serve: Serve, make_app: App, open_websocket: Open) -> None:
    running = await serve(make_app())
    client = await WebSocketClient.open(running)
    assert client.opening == {
        "sid": client.sid,
        "upgrades": [],
        "pingInterval": 25_000,
        "pingTimeout": 20_000,
        "maxPayload": 1_000_000,
    }
    assert len(client.sid) == 20
    assert await client.join() != client.sid
    await client.close()


async def test_a_websocket_without_upgrade_is_a_bad_request(serve: Serve, make_app: App) -> None:
    running = await serve(make_app())
    async with http_client() as http:
        response = await http.get(running.url(WEBSOCKET))
    assert response.json() == {"code": 3, "message": "Bad request"}


@pytest.mark.parametrize(
    ("spoken", "named"), [(["v2", "v1"], "v2"), (("v1",), "v1"), (["v3"], None), ([], None), (None, "v1")]
)
async def test_subprotocols_that_the_server_chooses(
    serve: Serve, make_app: App, open_websocket: Open, spoken: Any, named: str | None
) -> None:
    """By its own preference, on a first websocket and on one that takes over from polling."""
    running = await serve(make_app(subprotocols=spoken))
    async with http_client() as http:
        opened = await http.get(running.url("EIO=4&transport=polling"))
    for query in (WEBSOCKET, f"{WEBSOCKET}&sid={session_id(opened.text)}"):
        socket = await open_websocket(running, query, headers=["Sec-WebSocket-Protocol: v1, v2"])
        assert socket.answer.headers.get("sec-websocket-protocol") == named


# --- the application's hook ---


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("allowed", [False, True])
async def test_allow_request(
    serve: Serve, make_app: App, open_websocket: Open, asynchronous: bool, allowed: bool
) -> None:
    asked: list[Any] = []

    def hook(handshake: Any) -> bool:
        asked.append((handshake.query["transport"], handshake.headers["x-token"], handshake.address))
        return allowed

    async def slow_hook(handshake: Any) -> bool:
        return hook(handshake)

    running = await serve(make_app(allow_request=slow_hook if asynchronous else hook))
    async with http_client(**{"x-token": "secret"}) as http:
        response = await http.get(running.url("EIO=4&transport=polling"))
        if allowed:
            assert response.status_code == 200
            await open_websocket(running, headers=["X-Token: secret"])
        else:
            assert response.status_code == 403
            assert response.json() == {"code": 4, "message": "Forbidden"}
            with pytest.raises(Refusal) as refusal:
                await open_websocket(running, headers=["X-Token: secret"])
            assert refusal.value.answer.status == 400
            assert refusal.value.answer.body == b"Forbidden"
    assert asked == [("polling", "secret", "127.0.0.1"), ("websocket", "secret", "127.0.0.1")]


async def test_allow_request_refuses_in_its_own_words(
    serve: Serve, make_app: App, open_websocket: Open
) -> None:
    def hook(_: Any) -> bool:
        raise Refused("too many of you")

    running = await serve(make_app(allow_request=hook))
    async with http_client() as http:
        response = await http.get(running.url("EIO=4&transport=polling"))
    assert response.status_code == 403
    assert response.json() == {"code": 4, "message": "too many of you"}
    with pytest.raises(Refusal) as refusal:
        await open_websocket(running)
    assert refusal.value.answer.body == b"too many of you"


async def test_allow_request_that_fails_refuses(
    serve: Serve, make_app: App, open_websocket: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async def hook(_: Any) -> bool:
        raise RuntimeError("no database")

    running = await serve(make_app(allow_request=hook))
    async with http_client() as http:
        response = await http.get(running.url("EIO=4&transport=polling"))
    assert response.status_code == 403
    assert response.json() == {"code": 4, "message": "Forbidden"}
    with pytest.raises(Refusal) as refusal:
        await open_websocket(running)
    assert refusal.value.answer.body == b"Forbidden"
    assert [record.exc_info[1].args for record in caplog.records if record.exc_info] == [("no database",)] * 2


async def test_allow_request_comes_before_the_version_and_after_the_rest(
    serve: Serve, make_app: App, open_websocket: Open
) -> None:
    running = await serve(make_app(allow_request=lambda _: False))
    for query, message in (
        ("EIO=4&transport=x", b"Transport unknown"),
        ("EIO=3&transport=websocket", b"Forbidden"),
    ):
        with pytest.raises(Refusal) as refusal:
            await open_websocket(running, query)
        assert refusal.value.answer.body == message


async def test_a_client_that_leaves_while_the_hook_thinks(
    serve: Serve, make_app: App, seen: Recorder
) -> None:
    gone = asyncio.Event()

    async def hook(_: Any) -> bool:
        seen("asked")
        await gone.wait()
        return True

    io = make_app(allow_request=hook)
    running = await serve(io)
    _, writer = await connect(running.port)
    writer.write(opening(running))
    await seen.wait_for("asked")
    writer.transport.abort()
    gone.set()
    await until(lambda: not running.uvicorn.server_state.connections)
    await until(lambda: io.sessions == 0)


async def test_the_client_behind_a_proxy(serve: Serve, make_app: App, open_websocket: Open) -> None:
    """Its address and scheme are those that a proxy names which uvicorn trusts, as they are over polling."""
    io = make_app()
    websocket = await open_websocket(
        await serve(io), headers=["X-Forwarded-For: 2001:db8::9", "X-Forwarded-Proto: https"]
    )
    await websocket.receive()
    websocket.send("40")
    await websocket.receive()
    (socket,) = io.sockets.values()
    assert (socket.handshake.address, socket.handshake.secure) == ("2001:db8::9", True)


async def test_a_proxy_that_is_not_trusted(
    serve: Serve, make_app: App, open_websocket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    io = make_app()
    websocket = await open_websocket(await serve(io), headers=["X-Forwarded-For: 2001:db8::9"])
    await websocket.receive()
    websocket.send("40")
    await websocket.receive()
    (socket,) = io.sockets.values()
    assert (socket.handshake.address, socket.handshake.secure) == ("127.0.0.1", False)
