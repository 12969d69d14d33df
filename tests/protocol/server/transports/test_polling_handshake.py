"""How a session over polling begins: its refusals, in order, and its open packet."""

from collections.abc import Callable
from typing import Any

import pytest

from protocol import Server, Socket
from tests.support.engine_clients import POLLING, Poll, PollingClient, Recorder, http_client
from tests.support.raw_websocket import Open, Refusal, connect, read_answer
from tests.support.running import Serve

App = Callable[..., Server]


@pytest.mark.parametrize(
    ("method", "query", "status", "code", "message"),
    [
        ("GET", "EIO=4", 400, 0, "Transport unknown"),
        ("GET", "EIO=4&transport=abc", 400, 0, "Transport unknown"),
        ("GET", "EIO=4&transport=__proto__", 400, 0, "Transport unknown"),
        ("POST", "EIO=4&transport=abc&sid=abc", 400, 0, "Transport unknown"),
        ("GET", "EIO=4&transport=polling&sid=abc", 400, 1, "Session ID unknown"),
        ("POST", "EIO=3&transport=websocket&sid=abc", 400, 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling", 400, 2, "Bad handshake method"),
        ("PUT", "EIO=4&transport=polling&sid=", 400, 2, "Bad handshake method"),
        ("POST", "EIO=4&transport=websocket", 400, 2, "Bad handshake method"),
        ("GET", "EIO=4&transport=websocket", 400, 3, "Bad request"),
        ("GET", "EIO=3&transport=websocket", 400, 3, "Bad request"),
        ("GET", "EIO=3&transport=polling", 400, 5, "Unsupported protocol version"),
        ("GET", "EIO=5&transport=polling", 400, 5, "Unsupported protocol version"),
        ("GET", "transport=polling", 400, 5, "Unsupported protocol version"),
    ],
)
async def test_handshake_refused(
    serve: Serve, make_app: App, method: str, query: str, status: int, code: int, message: str
) -> None:
    running = await serve(make_app())
    async with http_client() as http:
        response = await http.request(method, running.url(query))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"code": code, "message": message}


async def test_transports_that_are_turned_off_are_unknown(
    serve: Serve, make_app: App, open_websocket: Open
) -> None:
    running = await serve(make_app(transports=["websocket"]))
    async with http_client() as http:
        response = await http.get(running.url(POLLING))
        assert response.json() == {"code": 0, "message": "Transport unknown"}
    await open_websocket(running)

    running = await serve(make_app(transports=["polling"]))
    with pytest.raises(Refusal) as refusal:
        await open_websocket(running)
    assert refusal.value.answer.status == 400
    assert refusal.value.answer.body == b"Transport unknown"


async def test_a_bad_origin_is_a_bad_request(serve: Serve, make_app: App) -> None:
    running = await serve(make_app())
    reader, writer = await connect(running.port)
    writer.write(
        f"GET {running.path}?{POLLING}&sid=abc HTTP/1.1\r\nHost: a\r\nOrigin: \x80\r\n\r\n".encode("latin-1")
    )
    answer = await read_answer(reader)
    writer.close()
    assert answer.status == 400
    assert answer.body == b'{"code":3,"message":"Bad request"}'


async def test_a_session_keeps_its_transport_and_version(serve: Serve, make_app: App, poll: Poll) -> None:
    running = await serve(make_app())
    client = await poll(running)
    for query in (f"EIO=4&transport=websocket&sid={client.sid}", f"EIO=3&transport=polling&sid={client.sid}"):
        response = await client.http.get(running.url(query))
        assert response.status_code == 400
        assert response.json() == {"code": 3, "message": "Bad request"}
    await client.join()


async def test_open_packet(serve: Serve, make_app: App, poll: Poll) -> None:
    running = await serve(make_app(ping_interval=30_000, ping_timeout=7_000, max_payload=1234))
    client = await poll(running)
    assert client.opening == {
        "sid": client.sid,
        "upgrades": ["websocket"],
        "pingInterval": 30_000,
        "pingTimeout": 7_000,
        "maxPayload": 1234,
    }
    assert len(client.sid) == 20
    assert set(client.sid) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert await client.join() != client.sid


async def test_session_ids_tell_the_instance_and_nothing_else(
    serve: Serve, make_app: App, poll: Poll
) -> None:
    """The first 4 characters are those of the instance; the others, and all of a public id, are chance."""
    instances = [await serve(make_app()) for _ in range(2)]
    clients = [await poll(instances[number % 2]) for number in range(6)]
    assert len({client.sid[:4] for client in clients[::2]}) == 1
    assert len({client.sid[:4] for client in clients}) == 2
    assert len({client.sid[4:8] for client in clients}) == 6
    public = [await client.join() for client in clients]
    assert not {sid[:4] for sid in public} & {client.sid[:4] for client in clients}


@pytest.mark.parametrize("options", [{"allow_upgrades": False}, {"transports": ["polling"]}])
async def test_no_upgrade_is_offered(
    serve: Serve, make_app: App, poll: Poll, options: dict[str, Any]
) -> None:
    client = await poll(await serve(make_app(**options)))
    assert client.opening["upgrades"] == []


async def test_the_query_is_the_applications_too(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    """Names that objects have in other languages are names like others; of one given twice, the last counts."""
    io = make_app()
    queries = []

    @io.on("connection")
    def note(socket: Socket) -> None:
        queries.append(dict(socket.handshake.query))

    running = await serve(io)
    client = await PollingClient.open(running, f"{POLLING}&__proto__=1&a=1&a=2&b=&c=%C3%A9")
    await client.join()
    assert queries == [
        {"EIO": "4", "transport": "polling", "__proto__": "1", "a": "2", "b": "", "c": "é"},
    ]
    await client.close()
