"""TLS to a Redis behind sentinels and to a cluster: to each server, and with its certificate looked at."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from psutil import Process

from protocol.errors import BusUnavailable, StoreUnavailable
from protocol.server.bus.redis_bus import RedisBus
from protocol.server.redis.client import RedisClient
from tests.support.inbox import Inbox, event
from tests.support.redis_servers import RestartableValkey, running_cluster, running_sentinel
from tests.support.tls import TlsDoor, make_certificate, tls_door
from tests.support.waiting import until, wait_until


class Guarded:
    """Servers that are reached through doors, the certificate of these, and a URL without options."""

    def __init__(self, url: str, certificate: Path, doors: list[TlsDoor]) -> None:
        self.url = url
        self.certificate = certificate
        self.doors = doors


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentinels and clusters name servers by their address, so it has to stand in the certificate."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "server.pem", "127.0.0.1")


@pytest.fixture(scope="module")
def sentinel(servers_folder: Path, certificate: Path) -> Iterator[Guarded]:
    with ExitStack() as stack:
        master = RestartableValkey(servers_folder / "tls-master")
        master.start()
        stack.callback(master.stop)
        to_master = stack.enter_context(tls_door(master.port, certificate))
        # The sentinel speaks no TLS, and the door lets it pass.
        port = stack.enter_context(running_sentinel(servers_folder / "tls-sentinel", to_master.port))
        to_sentinel = stack.enter_context(tls_door(port, certificate))
        url = f"rediss+sentinel://127.0.0.1:{to_sentinel.port}/parley"
        yield Guarded(url, certificate, [to_master, to_sentinel])


@pytest.fixture(scope="module")
def cluster(servers_folder: Path, certificate: Path) -> Iterator[Guarded]:
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(servers_folder / "tls-cluster"))
        doors = [stack.enter_context(tls_door(node.port, certificate)) for node in cluster.nodes]
        for node, door in zip(cluster.nodes, doors, strict=True):
            node.ask("CONFIG", "SET", "cluster-announce-port", door.port)
        wait_until(lambda: cluster.announced_ports() == {door.port for door in doors})
        yield Guarded(f"rediss+cluster://127.0.0.1:{doors[0].port}", certificate, doors)


@pytest.mark.parametrize("form", ["sentinel", "cluster"])
async def test_all_connections_are_encrypted(request: pytest.FixtureRequest, form: str) -> None:
    guarded: Guarded = request.getfixturevalue(form)
    url = f"{guarded.url}?ssl_ca_certs={guarded.certificate}"
    for door in guarded.doors:
        door.encrypted.clear()
    inbox = Inbox()
    bus, client = RedisBus(url), RedisClient(url)
    await bus.start(inbox.deliver, inbox.gap)
    await bus.publish(event("x"))
    assert await inbox.wait_for(1) == [event("x")]
    for key in ("a", "b", "c"):  # on three nodes of the cluster
        assert await client.ask(key, "SET", key, "1") == "OK"
    assert set(await client.ask_all_nodes("PING")) == {"PONG"}
    await client.close()
    await bus.stop()
    assert all(True in door.encrypted for door in guarded.doors)


def connections_to(doors: list[TlsDoor]) -> list[str]:
    """The connections that this process has to doors; what comes to them from a sentinel or a node is not its own."""
    ports = {door.port for door in doors}
    return [str(one) for one in Process().net_connections("tcp") if one.raddr and one.raddr.port in ports]


@pytest.mark.parametrize("form", ["sentinel", "cluster"])
async def test_a_certificate_that_is_not_trusted_is_refused(
    request: pytest.FixtureRequest, form: str
) -> None:
    guarded: Guarded = request.getfixturevalue(form)
    client = RedisClient(guarded.url)
    with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await client.ask("a", "GET", "a")
    await client.close()
    with pytest.raises(BusUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await RedisBus(guarded.url, publish_timeout=2_000).start(Inbox().deliver, Inbox().gap)
    # asyncio closes a connection whose handshake was given up some turns of the loop later.
    await until(lambda: not connections_to(guarded.doors))


async def test_servers_that_ask_for_a_certificate_are_shown_one(
    servers_folder: Path, certificate: Path, tmp_path: Path, valkey_sockets: Path
) -> None:
    own = make_certificate(tmp_path / "own.pem")
    with tls_door(valkey_sockets / "valkey.sock", certificate, trusted=own) as door:
        url = f"rediss://localhost:{door.port}?ssl_ca_certs={certificate}"
        stranger, friend = RedisClient(url), RedisClient(f"{url}&ssl_certfile={own}")
        with pytest.raises(StoreUnavailable):
            await stranger.ask("a", "GET", "a")
        assert await friend.ask("a", "SET", "a", 1) == "OK"
        await stranger.close()
        await friend.close()
