"""The files of `deploy/`: what can be checked without a cluster, and the proxy in front of real instances."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import orjson
import pytest
import yaml

from app.config.settings import variables
from tests.support.chat.people import PASSWORD, Instance, People, Start
from tests.support.paths import ROOT
from tests.support.ports import find_free_port
from tests.support.waiting import PATIENCE, until

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
KUBERNETES_VERSION = "1.32"
SETTINGS = {name for name, _ in variables()}
HAPROXY = shutil.which("haproxy")


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def manifest(name: str) -> dict[str, Any]:
    (document,) = documents(KUBERNETES / name)
    return document


# Kubernetes


@pytest.mark.parametrize("path", sorted(KUBERNETES.glob("[!k]*.yaml")), ids=lambda path: path.stem)
def test_kubernetes_knows_every_field(path: Path) -> None:
    for document in documents(path):
        kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)


def test_the_kustomization_has_all_but_the_example() -> None:
    files = {path.name for path in KUBERNETES.glob("*.yaml")}
    named = manifest("kustomization.yaml")["resources"]
    assert files - {"kustomization.yaml", "secret.example.yaml"} == set(named)


def test_a_pod_is_told_what_parley_knows() -> None:
    told = {*manifest("configuration.yaml")["data"], *manifest("secret.example.yaml")["stringData"]}
    (container,) = manifest("deployment.yaml")["spec"]["template"]["spec"]["containers"]
    told |= {variable["name"] for variable in container["env"]}
    assert told <= SETTINGS
    assert {"DATABASE_URL", "REDIS_URL", "JWT_SECRET"} <= told


async def test_a_pod_is_probed_where_parley_answers(http: httpx.AsyncClient) -> None:
    (container,) = manifest("deployment.yaml")["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert (await http.get(container[probe]["httpGet"]["path"])).status_code == 200


def test_a_pod_is_given_the_time_that_its_end_takes() -> None:
    spec = manifest("deployment.yaml")["spec"]["template"]["spec"]
    default = {name: field.default for name, field in variables()}["SHUTDOWN_TIMEOUT"]
    assert spec["terminationGracePeriodSeconds"] * 1000 >= default + 10_000


# Compose


def test_compose_tells_parley_what_it_knows() -> None:
    (compose,) = documents(DEPLOY / "compose.yaml")
    for name in ("parley-one", "parley-two"):
        assert set(compose["services"][name]["environment"]) <= SETTINGS


def test_compose_names_what_is_there() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    (compose,) = documents(DEPLOY / "compose.yaml")
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).is_file()
    assert (
        DEPLOY / services["parley-one"]["build"]["context"] / services["parley-one"]["build"]["dockerfile"]
    ).is_file()
    explained = text.partition("x-parley")[0]
    assert all(name in explained for name in re.findall(r"\$\{(\w+)", text))


def test_the_proxy_of_compose_is_told_what_its_configuration_asks_for() -> None:
    (compose,) = documents(DEPLOY / "compose.yaml")
    given = compose["services"]["proxy"]["environment"]
    assert set(given) == set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "haproxy.cfg").read_text()))
    for name in ("PARLEY_ONE", "PARLEY_TWO"):
        host, _, port = given[name].partition(":")
        assert host in compose["services"]
        assert f"EXPOSE {port}" in (DEPLOY / "Containerfile").read_text()


# The proxy

needs_haproxy = pytest.mark.skipif(
    HAPROXY is None and "CI" not in os.environ,
    reason="HAProxy is not installed (Debian: apt-get install haproxy)",
)


@pytest.fixture
async def other(start: Start) -> Instance:
    """A second instance."""
    return await start()


@pytest.fixture
async def proxy(instance: Instance, other: Instance) -> AsyncIterator[str]:
    """The URL of HAProxy in front of two instances."""
    assert HAPROXY is not None, "HAProxy is not installed"
    port = find_free_port()
    names = {
        "PARLEY_BIND": f"127.0.0.1:{port}",
        "PARLEY_ONE": f"127.0.0.1:{instance.port}",
        "PARLEY_TWO": f"127.0.0.1:{other.port}",
    }
    process = await asyncio.create_subprocess_exec(
        HAPROXY, "-f", DEPLOY / "haproxy.cfg", env=names, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as client:
            while not await answers(client, url):
                assert process.returncode is None, "HAProxy has ended"
                await asyncio.sleep(0.05)
        yield url
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


async def answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


@needs_haproxy
def test_haproxy_takes_its_configuration_without_a_warning() -> None:
    assert HAPROXY is not None, "HAProxy is not installed"
    names = {"PARLEY_BIND": "127.0.0.1:8080", "PARLEY_ONE": "127.0.0.1:1", "PARLEY_TWO": "127.0.0.1:2"}
    done = subprocess.run(
        [HAPROXY, "-c", "-f", DEPLOY / "haproxy.cfg"], env=names, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


@needs_haproxy
async def test_people_talk_through_the_proxy(
    people: People, proxy: str, instance: Instance, other: Instance
) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    await bob.http.post(f"/chat/rooms/{room}/join")
    devices = [await person.device(proxy) for person in (ann, bob) for _ in range(4)]
    assert instance.server.io.sessions
    assert other.server.io.sessions
    for number, device in enumerate(devices):
        await device.ok("message:send", {"roomId": room, "content": str(number)})
    for device in devices:
        assert [(await device.expect("message:new"))["content"] for _ in devices] == list(map(str, range(8)))
        assert "disconnect" not in device.received


@needs_haproxy
async def test_the_proxy_sends_people_to_the_instance_that_is_left(
    people: People, proxy: str, other: Instance
) -> None:
    ann = await people()
    await other.stop()
    for _ in range(4):
        device = await ann.device(proxy)
        assert await device.ok("room:list", {}) == []


@needs_haproxy
async def test_the_proxy_keeps_figures_to_itself(proxy: str) -> None:
    async with httpx.AsyncClient() as client:
        for path in ("/metrics", "/%6detrics"):
            answer = await client.get(f"{proxy}{path}")
            assert answer.status_code == 404
            assert "x-request-id" not in answer.headers  # Parley was not asked


@needs_haproxy
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
async def test_a_body_beside_an_offer_of_another_protocol_goes_through_the_proxy(
    proxy: str, instance: Instance, other: Instance, chunked: bool
) -> None:
    """Some HTTP clients offer h2c by default. Each request has its own answer."""
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAAQCAAAA"}

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        yield body[:10]
        yield body[10:]

    async with httpx.AsyncClient(headers=offer, trust_env=False) as client:
        for number in range(4):
            name = f"offers-{number}"
            body = orjson.dumps({"username": name, "credential": PASSWORD})
            answer = await client.post(f"{proxy}/auth/sign-up", content=pieces(body) if chunked else body)
            assert (answer.status_code, answer.json()["user"]["username"]) == (201, name)
            assert (await client.get(f"{proxy}/health/live")).status_code == 200


@needs_haproxy
async def test_the_proxy_says_who_a_client_is_and_not_the_client(
    start: Start, instance: Instance, other: Instance, proxy: str
) -> None:
    seen: list[str | None] = []

    async def note(socket: Any) -> None:
        seen.append(socket.handshake.address)

    for each in (instance, other):
        each.server.io.of("/test").on("connection")(note)
    async with httpx.AsyncClient(headers={"x-forwarded-for": "203.0.113.9"}) as client:
        query = {"EIO": "4", "transport": "polling"}
        opened = await client.get(f"{proxy}/io/", params=query)
        query["sid"] = opened.json()["sid"] if opened.text.startswith("{") else opened.text.split('"')[3]
        await client.post(f"{proxy}/io/", params=query, content="40/test,")
        await client.get(f"{proxy}/io/", params=query)
    assert seen == ["127.0.0.1"]


@needs_haproxy
async def test_the_proxy_tells_that_a_client_has_gone_that_polled(
    instance: Instance, other: Instance, proxy: str
) -> None:
    """A long poll ends with its client's connection; else nobody would notice before the ping's timeout."""
    reasons: list[str] = []
    servers = [each.server.io for each in (instance, other)]
    for io in servers:
        io.of("/test").on("disconnect")(lambda socket, reason: reasons.append(reason))
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        query = {"EIO": "4", "transport": "polling"}
        query["sid"] = orjson.loads((await client.get(f"{proxy}/io/", params=query)).content[1:])["sid"]
        await client.post(f"{proxy}/io/", params=query, content="40/test,")
        await client.get(f"{proxy}/io/", params=query)
        waiting = asyncio.create_task(client.get(f"{proxy}/io/", params=query))
        (link,) = [link for io in servers for link in io._hub.links.values()]
        await until(lambda: link.writable)
        waiting.cancel()
    await until(lambda: reasons)
    assert reasons == ["transport error"]
