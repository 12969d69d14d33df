"""What every HTTP answer has in common, and what is asked of every request, at each door."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from app.config.settings import Settings
from app.http.cross_site import is_foreign
from app.http.web_files import accepts
from app.serving.application import create_app
from tests.support.chat.people import PASSWORD, Instance, People, Start
from tests.support.engine_clients import POLLING

pytestmark = pytest.mark.over_websocket

CROSS_SITE = {"sec-fetch-site": "cross-site", "origin": "https://other.example"}
UNKNOWN_FILE = "/chat/files/01890000-0000-7000-8000-000000000000"

MANY = 1_000  # tries after which a limit that refuses nobody is broken

names = count(1)


@pytest.fixture
async def raw(instance: Instance) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests need not be described."""
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as client:
        yield client


def account() -> dict[str, Any]:
    return {"username": f"front-{next(names)}", "credential": PASSWORD}


async def first_line(instance: Instance, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", instance.port)
    writer.write(request)
    line = await reader.readline()
    writer.close()
    return line


# --- answers ---

ANSWERS = [
    ("GET", "/health/live", 200),
    ("GET", "/health/ready", 200),
    ("GET", "/metrics", 200),
    ("GET", "/chat/rooms", 401),
    ("POST", "/auth/sign-in", 422),
    ("GET", "/nowhere", 404),
    ("PUT", "/chat/rooms", 405),
    ("OPTIONS", "/chat/rooms", 405),
    ("POST", "/chat/files", 401),
    ("GET", UNKNOWN_FILE, 401),
    ("GET", f"{UNKNOWN_FILE}/thumbnail", 401),
    ("GET", f"/io/?{POLLING}", 200),
    ("GET", f"/io/?{POLLING}&sid=nobody", 400),
    ("GET", "/io/?transport=smoke", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
async def test_no_answer_is_kept_by_a_cache_or_has_its_type_guessed(
    raw: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await raw.request(method, path)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_somebody_is_told_is_not_kept(people: People, raw: httpx.AsyncClient) -> None:
    ann = await people()
    for answer in (await ann.http.get("/chat/rooms"), await raw.post("/auth/sign-up", json=account())):
        assert answer.is_success
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/openapi.json", "/asyncapi.json"])
async def test_descriptions_may_be_kept_as_long_as_they_are_the_same(
    raw: httpx.AsyncClient, path: str
) -> None:
    answer = await raw.get(path)
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await raw.get(path, headers={"if-none-match": answer.headers["etag"]})).status_code == 304


@pytest.mark.parametrize("path", ["/chat/rooms/", "/health/live/", "/docs/", "/io", "/auth/sign-in/"])
async def test_no_redirect_repeats_the_host_of_the_request(raw: httpx.AsyncClient, path: str) -> None:
    answer = await raw.get(path, headers={"host": "other.example"})
    assert answer.status_code in (400, 404)
    assert "location" not in answer.headers
    assert "other.example" not in answer.text


# --- offers of another protocol ---


async def test_a_body_beside_an_offer_of_another_protocol_is_the_request_s(raw: httpx.AsyncClient) -> None:
    """As some HTTP clients send it by default."""
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQCAAAA"}
    for _ in range(3):
        assert (await raw.post("/auth/sign-up", json=account(), headers=offer)).status_code == 201


# --- hosts ---

OPENING = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    + b"x" * 22
    + b"==\r\n"
)


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: a\r\nHost: a\r\n", b"Host: a/b\r\n"], ids=["none", "two", "malformed"]
)
@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /health/live",
        b"GET /metrics",
        b"GET /io/?EIO=4&transport=polling",
        b"GET /",
        b"OPTIONS /chat/rooms",
    ],
)
async def test_a_request_names_one_host(instance: Instance, request_line: bytes, hosts: bytes) -> None:
    assert b" 400 " in await first_line(instance, request_line + b" HTTP/1.1\r\n" + hosts + b"\r\n")


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: a\r\nHost: a\r\n", b"Host: a/b\r\n"], ids=["none", "two", "malformed"]
)
async def test_a_websocket_names_one_host(instance: Instance, hosts: bytes) -> None:
    line = b"GET /io/?EIO=4&transport=websocket HTTP/1.1\r\n"
    assert b" 400 " in await first_line(instance, line + hosts + OPENING + b"\r\n")
    assert b" 101 " in await first_line(instance, line + b"Host: a\r\n" + OPENING + b"\r\n")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:3000", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("other.example", 404),
        ("localhost.other.example", 404),
        ("127.0.0.1.other.example:80", 404),
    ],
)
async def test_metrics_of_development_are_for_names_of_this_machine(
    raw: httpx.AsyncClient, host: str, status: int
) -> None:
    assert (await raw.get("/metrics", headers={"host": host})).status_code == status


async def test_metrics_with_a_token_are_asked_for_by_any_name(start: Start) -> None:
    token = "a token for the tests, long enough"
    instance = await start(metrics_token=token)
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as client:
        headers = {"host": "parley.example", "authorization": f"Bearer {token}"}
        assert (await client.get("/metrics", headers=headers)).status_code == 200


# --- pages of other sites ---

SIMPLE = [
    {"content-type": kind} for kind in ("text/plain;charset=UTF-8", "application/x-www-form-urlencoded")
]


@pytest.mark.parametrize("simple", [*SIMPLE, {}], ids=str)
@pytest.mark.parametrize("path", ["/auth/sign-up", "/auth/sign-in", "/chat/rooms", "/chat/files"])
async def test_a_page_of_another_site_cannot_send_what_a_browser_asks_nobody_for(
    raw: httpx.AsyncClient, path: str, simple: dict[str, str]
) -> None:
    answer = await raw.post(path, content=b"{}", headers={**simple, **CROSS_SITE})
    assert answer.status_code == 415
    assert answer.json()["details"]["reason"] == "invalid"


@pytest.mark.parametrize(
    "headers",
    [
        {},  # curl, Python
        {"sec-fetch-mode": "cors"},  # Node's fetch
        {"sec-fetch-site": "same-origin", "origin": "https://behind.a.proxy.example"},
        {"sec-fetch-site": "none"},
        {**CROSS_SITE, "content-type": "application/json"},  # its preflight was not allowed
        {**CROSS_SITE, "origin": "https://friend.example"},
    ],
    ids=str,
)
async def test_others_need_not_say_that_they_send_json(start: Start, headers: dict[str, str]) -> None:
    instance = await start(cors_origin=("https://friend.example",))
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as client:
        headers = {"content-type": "text/plain;charset=UTF-8", **headers}
        assert (await client.post("/auth/sign-up", headers=headers, json=account())).status_code == 201


@pytest.mark.parametrize(
    ("headers", "origins", "foreign"),
    [
        ({}, (), False),
        ({"sec-fetch-site": "same-site", "host": "a"}, (), True),
        ({"sec-fetch-site": "same-origin", "origin": "http://b", "host": "a"}, (), False),
        ({"origin": "http://a", "host": "a"}, (), False),
        ({"origin": "https://A:443", "host": "a"}, (), False),
        ({"origin": "http://a:3000", "host": "a:3000"}, (), False),
        ({"origin": "http://a:3000", "host": "a"}, (), True),
        ({"origin": "http://b", "host": "a"}, (), True),
        ({"origin": "null", "host": "a"}, (), True),
        ({"origin": "http://b", "host": "a", "sec-fetch-site": "cross-site"}, ("http://b",), False),
        ({"origin": "http://b", "host": "a", "sec-fetch-site": "cross-site"}, ("*",), False),
        ({"origin": "http://c", "host": "a", "sec-fetch-site": "cross-site"}, ("http://b",), True),
    ],
)
def test_foreign_pages(headers: dict[str, str], origins: tuple[str, ...], foreign: bool) -> None:
    assert is_foreign(Headers(headers), origins) is foreign


# --- allowances ---


DOORS = [
    ("GET", "/"),
    ("GET", "/nowhere"),
    ("GET", "/openapi.json"),
    ("GET", "/assets/x.js"),
    ("GET", "/chat/rooms"),
    ("OPTIONS", "/chat/rooms"),
    ("GET", "/metrics"),
    ("GET", UNKNOWN_FILE),
    ("POST", "/chat/files"),
    ("POST", "/auth/sign-up"),
]


async def test_every_request_counts_for_its_address_but_a_health_probe(start: Start) -> None:
    instance = await start(address_rate=1, address_burst=20)
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as client:
        for method, path in DOORS:
            for _ in range(MANY):
                answer = await client.request(method, path)
                if answer.status_code == 429:
                    break
            assert answer.status_code == 429, path
            assert answer.headers["retry-after"] == "1"
        # Whether the instance is ready is for the busy machine to say.
        for path, statuses in (("/health/live", {200}), ("/health/ready", {200, 503})):
            for _ in range(30):
                assert (await client.get(path)).status_code in statuses


async def test_polling_sessions_of_an_address_that_have_joined_nothing_are_few(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.serving.socket_server.MAX_UNJOINED", 5)
    instance = await start()
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as client:
        statuses = [(await client.get(f"/io/?{POLLING}")).status_code for _ in range(8)]
    assert statuses == [200] * 5 + [403] * 3
    assert instance.server.io.sessions == 5


def test_it_is_for_the_settings_to_limit_no_address(settings: Settings) -> None:

    assert create_app(replace(settings, address_rate=0)).state.io.options.max_unjoined is None


# --- Accept-Encoding ---


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("br", True),
        ("gzip, br", True),
        ("gzip ,\tBR ;q=0.5", True),
        ("br; q=1", True),
        ("br;q=0", False),
        ("br;q=0.000", False),
        ("brotli", False),
        ("", False),
        ("gzip", False),
        ("gzip" + " " * 1_000 + ",br", True),
    ],
)
def test_encodings(given: str, understood: bool) -> None:
    assert accepts(Headers({"accept-encoding": given}), "br") is understood
