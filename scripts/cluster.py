"""Starts N instances of the chat on one PostgreSQL and one Valkey, behind a proxy that distributes connections in turn.

The cluster uses DATABASE_URL and REDIS_URL, or starts its own servers with their data below DATA_DIR. All other
settings apply to every instance. Ctrl-C or SIGTERM stops everything in order.
"""

import argparse
import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import Any

import uvloop

from app.config.jwt_secret import with_secret
from app.config.settings import ConfigError, load_settings
from app.embedded import EmbeddedError, embedded
from app.embedded.child_process import spawn, stop, tail
from app.runtime.guarded_command import FAILED, MISUSED, leave
from scripts.proxy import Proxy

MOST_INSTANCES = 8  # each has a pool of 10 connections, and PostgreSQL takes 100
FIRST_FREE_PORT = 20_000  # below those that the kernel gives to clients
READY_WITHIN = 60.0  # seconds
LOOK_EVERY = 0.1  # seconds
DATA_DIR = "var/cluster"
# Of one machine all load comes from one address.
RATES = ("EVENT", "ADDRESS", "SIGN_IN", "SIGN_UP", "CONVERSATION", "ROOM", "INVITATION", "UPLOAD")
UNLIMITED = {f"{name}_RATE": "0" for name in RATES} | {"SIGN_IN_RATE_OF_NAME": "0"}


class CannotStart(Exception):
    """An instance does not start. The text is one sentence for the person who started the cluster."""


class Instance:
    """`parley serve` in a process of its own, at `url`. It ends with this process; `log` is what it writes, and
    `environment` what its next start gets."""

    def __init__(self, name: str, port: int, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.address = ("127.0.0.1", port)
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "log"
        self.environment = {**environment, "HOST": "127.0.0.1", "PORT": str(port), "DATA_DIR": str(folder)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process, which must have been started."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it, or start it again; from the main thread, whose life it is tied to."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            command = [sys.executable, "-m", "app", "serve"]
            self._process = spawn(command, output=output.fileno(), environment=self.environment)

    async def ready(self) -> None:
        """Wait until it can do its work. Raises CannotStart."""
        try:
            async with asyncio.timeout(READY_WITHIN):
                while await self.health("ready") != 200:
                    if self.process.poll() is not None:
                        raise CannotStart(self.ending("at its start"))
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            raise CannotStart(
                f"{self.name} was not ready within {READY_WITHIN:g} s{tail(self.log)}"
            ) from None

    async def health(self, page: str) -> int | None:
        """The status that a health page answers with, None where nothing answers."""
        return await asyncio.to_thread(status_of, f"{self.url}/health/{page}")

    def ending(self, when: str = "") -> str:
        """Words for an end that nobody asked for."""
        return f"{self.name} ended with status {self.process.returncode} {when}".rstrip() + tail(self.log)

    async def stop(self) -> None:
        """End it in its own orderly way, by force if that takes too long."""
        if self._process is not None:
            await asyncio.to_thread(stop, self.name, self._process, signal.SIGTERM)


def status_of(url: str) -> int | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a cluster until told to stop; the exit status is 1 where it cannot start, 2 for what cannot be meant."""
    chosen = parsed(arguments)
    signal.signal(signal.SIGTERM, leave)
    environ = {**os.environ, **(UNLIMITED if chosen.for_load else {})}
    environ["DATA_DIR"] = environ.get("DATA_DIR", "").strip() or DATA_DIR
    try:
        settings = with_secret(load_settings(environ))
        folder = settings.data_dir.resolve()
        with embedded(folder, postgres=not settings.database_url, valkey=not settings.redis_url) as urls:
            environ |= {
                "DATABASE_URL": urls.database or settings.database_url,
                "REDIS_URL": urls.redis or settings.redis_url,
                "JWT_SECRET": settings.jwt_secret,
                "FILE_STORAGE": settings.file_storage or str(folder / "files"),
            }
            return uvloop.run(run(chosen.instances, chosen.port, folder, environ))
    except ConfigError as error:
        return report(error, MISUSED)
    except (EmbeddedError, CannotStart, OSError) as error:
        return report(error, FAILED)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/cluster", description=__doc__)
    instances = range(1, MOST_INSTANCES + 1)
    parser.add_argument(
        "instances",
        type=int,
        choices=instances,
        metavar="N",
        help=f"number of instances, 1 to {MOST_INSTANCES}",
    )
    parser.add_argument("--port", type=int, default=3000, help="port of the proxy; 0 picks any free port")
    parser.add_argument("--for-load", action="store_true", help="turn off all rate limits")
    chosen = parser.parse_args(arguments)
    if not 0 <= chosen.port <= 65_535:
        parser.error(f"--port {chosen.port} is no port")
    return chosen


async def run(number: int, port: int, folder: Path, environ: Mapping[str, str]) -> int:
    """Start the instances and the proxy, and wait for a signal, or for the end of the last instance."""
    told = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, told.set)
    raise_file_limit()
    if port and not is_free(port):
        raise CannotStart(f"port {port} is in use; --port chooses another one.")
    instances = [
        Instance(f"instance {place}", free, folder / f"instance-{place}", environ)
        for place, free in enumerate(islice(free_ports(port), number), 1)
    ]
    proxy = Proxy([instance.address for instance in instances])
    try:
        starting = asyncio.ensure_future(start_all(instances))
        await asyncio.wait(
            [starting, waiting := asyncio.ensure_future(told.wait())], return_when="FIRST_COMPLETED"
        )
        if not starting.done():
            starting.cancel()
            return 0
        starting.result()
        await proxy.start(port)
        say(f"{proxy.url} gives each connection to the next of")
        for instance in instances:
            say(f"  {instance.url}   log: {instance.log}")
        say("Ctrl-C stops all.")
        return await watch(instances, waiting)
    finally:
        proxy.stop_listening()
        await asyncio.gather(*(instance.stop() for instance in instances))
        await proxy.stop()


async def start_all(instances: Sequence[Instance]) -> None:
    """The first alone, since it brings the schema up to date."""
    for some in (instances[:1], instances[1:]):
        for instance in some:
            instance.start()
        await asyncio.gather(*(instance.ready() for instance in some))


async def watch(instances: Sequence[Instance], told: "asyncio.Future[Any]") -> int:
    alive = list(instances)
    while alive:
        if told.done():
            return 0
        for instance in list(alive):
            if instance.process.poll() is not None:
                alive.remove(instance)
                say(instance.ending())
        await asyncio.wait([told], timeout=LOOK_EVERY)
    return FAILED


def free_ports(after: int) -> Iterator[int]:
    """Ports that nobody listens on now, from the one behind `after` on."""
    return filter(is_free, count((after or FIRST_FREE_PORT + os.getpid() % 10_000) + 1))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def raise_file_limit() -> None:
    """Each connection through the proxy is two files here and one in an instance, which inherits the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def say(text: str) -> None:
    print(f"cluster: {text}", flush=True)


def report(error: Exception, status: int) -> int:
    print(f"cluster: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
