"""Where the instances of one chat reach each other."""

import asyncio
import json
import logging
import socket
from dataclasses import replace

import httpx
import pytest
import redis
import websockets

from app.config.settings import ConfigError, Settings, load_settings
from app.runtime.instance_address import check_peer_address, forwarding, local_address
from app.runtime.startup_checks import prepare
from tests.support.chat.people import Start
from tests.support.waiting import until


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("unix:///run/valkey.sock", "127.0.0.1"),
        ("redis://127.0.0.1:6379/0", "127.0.0.1"),
        ("rediss://user:pass%40word@127.0.0.1/0", "127.0.0.1"),
        ("redis+cluster://user:password@127.0.0.1:7001,192.0.2.1:7002", "127.0.0.1"),
        ("redis+sentinel://127.0.0.1,[2001:db8::1]:26379/parley", "127.0.0.1"),
    ],
)
def test_the_address_that_redis_sees(url: str, address: str) -> None:
    assert local_address(url) == address


def test_a_redis_that_is_not_there(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert local_address("redis://user:password@nowhere.invalid:6379/0") == "127.0.0.1"
    assert "nowhere.invalid" in caplog.text
    assert "password" not in caplog.text


def test_settings(settings: Settings) -> None:
    given = forwarding(replace(settings, peer_host="10.1.2.3", peer_port=4000))
    assert (given.host, given.port, given.secret) == ("10.1.2.3", 4000, settings.jwt_secret)
    assert settings.jwt_secret not in repr(given)
    assert settings.jwt_secret not in given.credential


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3 10.1.2.4"])
def test_an_address_that_others_cannot_reach(host: str) -> None:
    with pytest.raises(ConfigError, match="PEER_HOST"):
        load_settings({"PEER_HOST": host})


async def test_an_address_that_is_not_to_be_had(settings: Settings) -> None:
    """It is said in a sentence, before anything is served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(ConfigError, match="PEER_PORT=") as refused:
            await prepare(replace(settings, peer_port=taken.getsockname()[1]))
    assert "in use" in str(refused.value)
    with pytest.raises(ConfigError, match="cannot listen on PEER_HOST"):
        check_peer_address(replace(settings, peer_host="192.0.2.1"))
    check_peer_address(replace(settings, peer_host="127.0.0.1"))


def test_workers_cannot_share_a_port(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="PEER_PORT must be 0 with WORKERS"):
        check_peer_address(replace(settings, workers=2, peer_port=4000))


async def test_nothing_else_is_reached_there(start: Start, settings: Settings, redis_url: str) -> None:
    """Neither the page nor REST nor health nor descriptions, with or without what the instances know."""
    await start()
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        (key,) = client.keys("parley:instance:*")
        address = client.get(key)
    credential = {"parley-forwarded": forwarding(settings).credential}
    async with httpx.AsyncClient() as http:
        for path in ("/", "/docs", "/health/ready", "/auth/sign-in", "/chat/rooms", "/metrics"):
            response = await http.get(f"http://{address}{path}")
            assert (response.status_code, response.content) == (403, b"")
            response = await http.get(f"http://{address}{path}", headers=credential)
            assert (response.status_code, response.json()["message"]) == (400, "Transport unknown")


async def test_an_instance_that_has_forwarded_requests_stops(
    start: Start,
) -> None:
    """It waits neither for a GET nor for a tunnel, and ends neither session of the other instance by its own hand."""
    one, two = await start(), await start()
    async with httpx.AsyncClient(base_url=one.url) as here, httpx.AsyncClient(base_url=two.url) as there:
        sids = []
        for _ in range(2):
            opened = await here.get("/io/", params={"EIO": "4", "transport": "polling"})
            sids.append(json.loads(opened.text[1:])["sid"])
        queries = [f"/io/?EIO=4&transport=polling&sid={sid}" for sid in sids]
        getting = asyncio.create_task(there.get(queries[0]))
        links = one.server.io.websocket_protocol.hub.links
        await until(lambda: links[sids[0]].session.writable)
        upgrade = queries[1].replace("polling", "websocket")
        tunnel = await websockets.connect(f"{two.url.replace('http', 'ws')}{upgrade}")
        await tunnel.send("2probe")
        assert await tunnel.recv() == "3probe"
        await two.stop()
        assert (await getting).text == "6"
        await tunnel.wait_closed()
        for query in queries:
            assert (await here.post(query, content="40")).text == "ok"
            assert (await here.get(query)).text.startswith("40{")
