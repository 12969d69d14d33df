"""What answers carry for browsers and load balancers."""

from collections.abc import Callable
from typing import Any

import pytest

from protocol import Cookie, Server
from tests.support.engine_clients import POLLING, Poll, http_client, session_id
from tests.support.raw_websocket import WEBSOCKET, Open, Refusal
from tests.support.running import Serve

App = Callable[..., Server]

PAGE = "https://chat.example"
OTHER = "https://other.example"
ALLOW, CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"


async def answers(running: Any, origin: str) -> list[tuple[int, Any]]:
    """The status and headers of every kind of answer over HTTP."""
    found = []
    async with http_client(origin=origin) as http:

        async def ask(method: str, query: str, **options: Any) -> Any:
            response = await http.request(method, running.url(query), **options)
            found.append((response.status_code, response.headers))
            return response

        opened = await ask("GET", POLLING)
        session = f"{POLLING}&sid={session_id(opened.text)}"
        await ask("POST", session, content="40")
        await ask("GET", session)
        await ask("POST", session, content="x" * 101)
        await ask("POST", session, content="bad")
        await ask("GET", session)
        await ask("GET", "transport=x")
        await ask("POST", POLLING)
        await ask("OPTIONS", POLLING)
    assert [status for status, _ in found] == [200, 200, 200, 413, 400, 400, 400, 400, 204]
    return found


async def websocket_answers(running: Any, open_websocket: Open, origin: str) -> list[Any]:
    """The headers of a websocket's answers: accepted, refused."""
    accepted = await open_websocket(running, headers=[f"Origin: {origin}"])
    with pytest.raises(Refusal) as refusal:
        await open_websocket(running, "EIO=3&transport=websocket", headers=[f"Origin: {origin}"])
    return [accepted.answer.headers, refusal.value.answer.headers]


async def test_no_origin_is_allowed_by_default(serve: Serve, make_app: App, open_websocket: Open) -> None:
    running = await serve(make_app(max_payload=100))
    every = [headers for _, headers in await answers(running, PAGE)]
    every += await websocket_answers(running, open_websocket, PAGE)
    assert all(ALLOW not in headers for headers in every)


async def test_every_origin(serve: Serve, make_app: App, open_websocket: Open) -> None:
    running = await serve(make_app(max_payload=100, cors_origins="*"))
    every = [headers for _, headers in await answers(running, PAGE)]
    every += await websocket_answers(running, open_websocket, PAGE)
    assert [headers.get(ALLOW) for headers in every] == ["*"] * len(every)
    assert all("vary" not in headers and CREDENTIALS not in headers for headers in every)


@pytest.mark.parametrize("origin", [PAGE, PAGE[:-1], PAGE[8:], f"{PAGE}.evil", "https://", "null"])
async def test_one_origin(serve: Serve, make_app: App, origin: str) -> None:
    """It must be the same, not a part of it."""
    running = await serve(make_app(cors_origins=PAGE))
    async with http_client(origin=origin) as http:
        response = await http.get(running.url(POLLING))
    assert response.headers.get(ALLOW) == (PAGE if origin == PAGE else None)


@pytest.mark.parametrize("credentials", [False, True])
async def test_some_origins(serve: Serve, make_app: App, open_websocket: Open, credentials: bool) -> None:
    io = make_app(max_payload=100, cors_origins=[PAGE], cors_credentials=credentials)
    running = await serve(io)
    every = [headers for _, headers in await answers(running, PAGE)]
    every += await websocket_answers(running, open_websocket, PAGE)
    assert [headers.get(ALLOW) for headers in every] == [PAGE] * len(every)
    assert [headers.get(CREDENTIALS) for headers in every] == ["true" if credentials else None] * len(every)
    assert [headers.get("vary") for headers in every] == ["Origin"] * len(every)

    every = [headers for _, headers in await answers(running, OTHER)]
    every += await websocket_answers(running, open_websocket, OTHER)
    assert all(ALLOW not in headers and CREDENTIALS not in headers for headers in every)
    assert [headers.get("vary") for headers in every] == ["Origin"] * len(every)


async def test_a_refusal_by_the_hook_has_the_headers_too(
    serve: Serve, make_app: App, open_websocket: Open
) -> None:
    running = await serve(make_app(cors_origins="*", allow_request=lambda _: False))
    async with http_client() as http:
        response = await http.get(running.url(POLLING))
        assert response.status_code == 403
        assert response.headers[ALLOW] == "*"
    with pytest.raises(Refusal) as refusal:
        await open_websocket(running)
    assert refusal.value.answer.headers[ALLOW] == "*"


async def test_preflight(serve: Serve, make_app: App) -> None:
    running = await serve(make_app(cors_origins=[PAGE], cors_credentials=True))
    headers = {"origin": PAGE, "access-control-request-method": "POST"}
    async with http_client(**headers) as http:
        response = await http.options(running.url(f"{POLLING}&sid=any"))
        assert response.status_code == 204
        assert response.content == b""
        assert response.headers["access-control-allow-methods"] == "GET,POST"
        assert response.headers["access-control-allow-headers"] == "content-type"
        assert response.headers[CREDENTIALS] == "true"
        response = await http.options(
            running.url(POLLING), headers={"access-control-request-headers": "x-token,content-type"}
        )
        assert response.headers["access-control-allow-headers"] == "x-token,content-type"


async def test_every_origin_with_credentials_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="list of origins"):
        Server(cors_origins="*", cors_credentials=True)


@pytest.mark.parametrize(
    ("cookie", "flags"),
    [
        (Cookie(), "io={}; Path=/; SameSite=Lax; HttpOnly"),
        (
            Cookie("sid", "/io/", same_site="None", secure=True),
            "sid={}; Path=/io/; SameSite=None; HttpOnly; Secure",
        ),
        (Cookie(http_only=False), "io={}; Path=/; SameSite=Lax"),
        (
            Cookie(max_age=0, domain="example.org", secure=True, partitioned=True),
            "io={}; Max-Age=0; Domain=example.org; Path=/; SameSite=Lax; HttpOnly; Secure; Partitioned",
        ),
    ],
)
async def test_cookie(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open, cookie: Cookie, flags: str
) -> None:
    """With the session's id, on the answer to a handshake, over either transport, and on no other."""
    running = await serve(make_app(cookie=cookie))
    async with http_client() as http:
        response = await http.get(running.url(POLLING))
    assert response.headers["set-cookie"] == flags.format(session_id(response.text))

    websocket = await open_websocket(running)
    opening = await websocket.receive()
    assert websocket.answer.headers["set-cookie"] == flags.format(session_id(opening))

    client = await poll(running)
    posted = await client.post("40")
    assert "set-cookie" not in posted.headers
    assert "set-cookie" not in (await client.get()).headers
    probe = await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    assert "set-cookie" not in probe.answer.headers


@pytest.mark.parametrize(
    "options",
    [
        {"name": "a b"},
        {"name": ""},
        {"path": "/; Domain=x"},
        {"domain": "x\r\ny"},
        {"same_site": "é"},
        {"partitioned": True},
    ],
)
def test_what_is_no_cookie(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cookie"):
        Cookie(**options)


async def test_no_cookie_by_default(serve: Serve, make_app: App, open_websocket: Open) -> None:
    running = await serve(make_app())
    async with http_client() as http:
        assert "set-cookie" not in (await http.get(running.url(POLLING))).headers
    assert "set-cookie" not in (await open_websocket(running)).answer.headers
