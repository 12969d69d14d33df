"""What a session keeps of the request that it began with is bounded, over each way in; and so are the sessions that
have joined nothing."""

from collections.abc import Callable

import httpx
import pytest

from protocol import EngineServer, Server, network_of
from tests.support.engine_clients import POLLING, Poll, http_client
from tests.support.raw_websocket import WEBSOCKET, Open, Refusal
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]

TOO_LARGE = {"code": 3, "message": "Request head too large"}


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"x-long": "x" * 1_000}),
        ("", {f"x-{number}": "x" for number in range(90)}),
        (f"&x={'x' * 1_000}", {}),
    ],
    ids=["a long header", "many headers", "a long query"],
)
async def test_a_large_head_begins_no_session(
    serve: Serve, make_app: App, open_websocket: Open, query: str, headers: dict[str, str]
) -> None:
    running = await serve(make_app(max_head=500))
    async with http_client() as http:
        response = await http.get(running.url(POLLING + query), headers=headers)
        assert (response.status_code, response.json()) == (431, TOO_LARGE)
        assert (await http.get(running.url(POLLING))).status_code == 200
    with pytest.raises(Refusal) as refusal:
        await open_websocket(
            running, WEBSOCKET + query, headers=[f"{name}: {value}" for name, value in headers.items()]
        )
    assert refusal.value.answer.status == 431
    assert refusal.value.answer.body == b"Request head too large"
    await open_websocket(running)


async def test_a_request_of_a_session_has_no_larger_head(serve: Serve, make_app: App, poll: Poll) -> None:
    client = await poll(await serve(make_app(max_head=500)))
    assert (await client.get(**{"x-long": "x" * 1_000})).status_code == 431
    assert (await client.post("40")).status_code == 200


async def test_a_query_of_many_parameters_is_not_parsed(make_app: App) -> None:
    """A server in front that is not ours lets it through."""
    io = make_app()
    transport = httpx.ASGITransport(io)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        response = await http.get(f"/socket.io/?{POLLING}{'&x' * 100}")
        assert (response.status_code, response.json()) == (431, TOO_LARGE)
    assert io.sessions == 0


async def test_few_polling_sessions_of_a_network_may_have_joined_nothing(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open
) -> None:
    io = make_app(max_unjoined=3)
    running = await serve(io)
    joined = [await poll(running) for _ in range(3)]
    async with http_client() as http:
        response = await http.get(running.url(POLLING))
        assert response.status_code == 403
        assert response.json() == {"code": 4, "message": "Too many sessions of your network wait to join"}
        await open_websocket(running)  # which holds a connection, and is counted with those
        for client in joined:
            await client.join()
        assert (await http.get(running.url(POLLING))).status_code == 200


async def test_a_session_that_has_ended_makes_place_for_another_one(
    serve: Serve, make_app: App, poll: Poll
) -> None:
    io = make_app(max_unjoined=1)
    running = await serve(io)
    for _ in range(3):
        client = await poll(running)
        assert (await client.post("1")).status_code == 200
        await until(lambda: not io.sessions)


async def test_they_may_be_any_number_where_that_is_wanted(serve: Serve, make_app: App, poll: Poll) -> None:
    running = await serve(make_app(max_unjoined=None))
    for _ in range(3):
        await poll(running)


async def test_sessions_of_the_engine_alone_have_nothing_to_join(serve: Serve, poll: Poll) -> None:
    running = await serve(EngineServer(lambda *_: None, max_unjoined=1))
    for _ in range(3):
        await poll(running)


def test_an_option_for_it_is_a_number_or_none() -> None:
    with pytest.raises(ValueError, match="max_unjoined must be at least 1, not 0"):
        Server(max_unjoined=0)
    with pytest.raises(ValueError, match="max_head must be at least 1, not 0"):
        Server(max_head=0)
    with pytest.raises(ValueError, match=r"ping_interval must be a whole number, not 2500\.0"):
        Server(ping_interval=2500.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
        ("2001:db8:1:2:5::6", "2001:db8:1:2::"),
        (None, "unknown"),
        ("/run/socket", "unknown"),
    ],
)
def test_the_network_of_an_address(address: str | None, network: str) -> None:
    assert network_of(address) == network
