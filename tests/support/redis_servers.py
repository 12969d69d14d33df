"""Real Valkeys of the tests' own: alone, watched over by a sentinel, and as a cluster."""

import os
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import redis
import redis.asyncio

from app.embedded.child_process import running
from app.embedded.valkey import STOP_SIGNAL, program, running_valkey
from tests.support.ports import find_free_port
from tests.support.waiting import wait_until

MASTER = "parley"
SLOTS = 16_384
SYNCHRONIZE_AT_ONCE = ("--repl-diskless-sync-delay", "0")

# A Valkey answers nobody while it waits for the disk. What is to outlive a kill need not have reached that.
WITHOUT_FSYNC = ("--appendfsync", "no")
WITHOUT_FILE = ("--appendonly", "no")


class RestartableValkey:
    """A Valkey of the test's own on a TCP port, which keeps its data and its port over stop, kill and start."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self.port = find_free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None
        self._running = ExitStack()

    def start(self) -> None:
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", *WITHOUT_FSYNC, *self.settings]
        self.process = self._running.enter_context(running_valkey(self.folder, self.folder, settings))

    def stop(self) -> None:
        """Let it end in order."""
        self._running.close()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
        self._running.close()

    def written(self) -> tuple[Path, int]:
        """The file to which what it stores is appended, and how long that is."""
        files = (self.folder / "appendonlydir").glob("*.incr.aof")
        return max((file, file.stat().st_size) for file in files)

    def kill_without(self, file: Path, size: int) -> None:
        """End it as `kill` does where an fsync took its time: of what it has acknowledged, the file has so much."""
        self.kill()
        os.truncate(file, size)

    def ask(self, *command: str | int) -> Any:
        """The reply to a command."""
        with redis.Redis(port=self.port, decode_responses=True) as client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]


class Watched:
    """A master, its replicas if there are any, and a sentinel that lets one of them take over."""

    def __init__(
        self, master: RestartableValkey, replicas: Sequence[RestartableValkey], sentinel_port: int
    ) -> None:
        self.master = master
        self.replicas = replicas
        self.sentinel_port = sentinel_port
        self.url = f"redis+sentinel://127.0.0.1:{sentinel_port}/{MASTER}"

    def master_port(self) -> int:
        """The port of the master that the sentinel names."""
        with redis.Redis(port=self.sentinel_port, decode_responses=True) as client:
            return int(client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])  # type: ignore[no-untyped-call]

    def fail_over(self) -> None:
        """Lets the master hand over to a replica, which it then follows."""
        with redis.Redis(port=self.sentinel_port) as client:
            client.execute_command("SENTINEL", "FAILOVER", MASTER, "COORDINATED")  # type: ignore[no-untyped-call]

    def knows_replicas(self) -> bool:
        """Whether the sentinel does, and takes them for good ones."""
        with redis.Redis(port=self.sentinel_port, decode_responses=True) as client:
            known = client.sentinel_slaves(MASTER)
        return [replica["master-link-status"] for replica in known] == ["ok"] * len(self.replicas)


@contextmanager
def running_sentinel(folder: Path, master_port: int, down_after: int = 500) -> Iterator[int]:
    """A sentinel that watches over a master by the name of `MASTER`: its port."""
    port = find_free_port()
    folder.mkdir(parents=True)
    (folder / "conf").write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor {MASTER} 127.0.0.1 {master_port} 1\n"
        f"sentinel down-after-milliseconds {MASTER} {down_after}\n"
        f"sentinel failover-timeout {MASTER} 5000\n"
    )
    command = [program(), folder / "conf", "--sentinel"]
    with running(
        "Sentinel",
        command,
        ready=lambda _: listens(port),
        log_file=folder / "log",
        stop_signal=STOP_SIGNAL,
    ):
        yield port


@contextmanager
def running_watched(folder: Path, *, replicas: int = 0, down_after: int = 500) -> Iterator[Watched]:
    """A master by the name of `MASTER`; the sentinel takes it for dead after `down_after` ms."""
    with ExitStack() as stack:
        master = RestartableValkey(folder / "master", *SYNCHRONIZE_AT_ONCE)
        follow = ("--replicaof", f"127.0.0.1 {master.port}", *SYNCHRONIZE_AT_ONCE)
        servers = [RestartableValkey(folder / f"replica-{number}", *follow) for number in range(replicas)]
        for server in (master, *servers):
            server.start()
            stack.callback(server.stop)
        # A sentinel looks at replicas every ten seconds, so they had better be there when it begins.
        wait_until(lambda: all(follows(server) for server in servers))
        port = stack.enter_context(running_sentinel(folder / "sentinel", master.port, down_after))
        watched = Watched(master, servers, port)
        wait_until(watched.knows_replicas)
        yield watched


class Cluster:
    """Masters that share the slots evenly, in their order, and replicas."""

    def __init__(self, masters: Sequence[RestartableValkey], replicas: Sequence[RestartableValkey]) -> None:
        self.masters = masters
        self.replicas = replicas
        self.url = f"redis+cluster://127.0.0.1:{masters[0].port},127.0.0.1:{masters[-1].port}"

    @property
    def nodes(self) -> list[RestartableValkey]:
        """All of them."""
        return [*self.masters, *self.replicas]

    def is_well(self) -> bool:
        """Whether all nodes know each other and who has which slots."""
        expected = {"cluster_state:ok", f"cluster_known_nodes:{len(self.nodes)}"}
        return all(expected <= set(node.ask("CLUSTER", "INFO").split()) for node in self.nodes)

    def replicates(self) -> bool:
        """Whether the replicas have what their masters have, and all nodes know of them."""
        known = (sum(len(shard) - 3 for shard in node.ask("CLUSTER", "SLOTS")) for node in self.nodes)
        return all(map(follows, self.replicas)) and all(number == len(self.replicas) for number in known)

    def flush(self) -> None:
        """Forgets all keys."""
        for node in self.masters:
            node.ask("FLUSHALL")

    def announced_ports(self) -> set[int]:
        """The ports of masters that any node tells clients of."""
        shards = [shard for node in self.nodes for shard in node.ask("CLUSTER", "SLOTS")]
        return {shard[2][1] for shard in shards}

    @contextmanager
    def moving(self, slot: int) -> Iterator[Callable[[], None]]:
        """A slot that is on its way from one master to the next, and comes back at the end. Call what this gives to
        let it arrive."""
        here = slot * len(self.masters) // SLOTS
        source, target = self.masters[here], self.masters[(here + 1) % len(self.masters)]
        begin_to_move(slot, source, target)
        try:
            yield lambda: self._end_move(slot, source, target)
        finally:
            begin_to_move(slot, target, source)
            self._end_move(slot, target, source)

    def _end_move(self, slot: int, source: RestartableValkey, target: RestartableValkey) -> None:
        for key in source.ask("CLUSTER", "GETKEYSINSLOT", slot, 1000):
            source.ask("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
        for node in (target, source, *self.masters):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.ask("CLUSTER", "MYID"))

    def owner_of(self, key: str) -> RestartableValkey:
        """The master that has a key."""
        slot = self.masters[0].ask("CLUSTER", "KEYSLOT", key)
        return self.masters[slot * len(self.masters) // SLOTS]


@contextmanager
def running_cluster(
    folder: Path, *, masters: int = 3, replicas: int = 0, node_timeout: int = 15_000
) -> Iterator[Cluster]:
    """A cluster; the first masters have a replica each. A node that is silent for `node_timeout` ms is dead."""
    with ExitStack() as stack:
        nodes = [
            RestartableValkey(
                folder / f"node-{number}",
                *("--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout)),
                *("--cluster-port", str(find_free_port()), *SYNCHRONIZE_AT_ONCE),
            )
            for number in range(masters + replicas)
        ]
        for node in nodes:
            node.start()
            stack.callback(node.stop)
        cluster = Cluster(nodes[:masters], nodes[masters:])
        for number, node in enumerate(cluster.masters):
            first, last = (-(-SLOTS * place // masters) for place in (number, number + 1))
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, last - 1)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in nodes[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].settings[5])
        wait_until(cluster.is_well)
        for master, replica in zip(cluster.masters, cluster.replicas, strict=False):
            replica.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER", "MYID"))
        wait_until(cluster.replicates)
        yield cluster


def begin_to_move(slot: int, source: RestartableValkey, target: RestartableValkey) -> None:
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))


def follows(replica: RestartableValkey) -> bool:
    """Whether a replica has what its master has."""
    status: object = replica.ask("INFO", "replication").get("master_link_status")
    return status == "up"


def listens(port: int) -> bool:
    """Whether something accepts connections on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def rewinding(
    client: "redis.asyncio.Redis[Any]", pattern: str, *but: str
) -> Callable[[], Awaitable[None]]:
    """Has the keys of a pattern, `but` some, put back later to what they are now: as in a Redis that has lost
    the last of its writes. `client` decodes no replies."""

    async def keys() -> set[bytes]:
        return {key async for key in client.scan_iter(match=pattern)} - {key.encode() for key in but}

    before = {key: await client.dump(key) for key in await keys()}

    async def rewind() -> None:
        async with client.pipeline(transaction=True) as pipeline:
            for key in await keys() - before.keys():
                pipeline.delete(key)
            for key, value in before.items():
                if value is not None:
                    pipeline.restore(key, 0, value, replace=True)
            await pipeline.execute()

    return rewind


RedisServer: TypeAlias = Callable[[], RestartableValkey]  # the fixture `redis_server`, which starts one
