"""The instances of a storm, behind a proxy that gives each connection to the next of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from scripts.cluster import Instance, start_all
from scripts.proxy import Proxy
from tests.support.ports import find_free_port


class Servers(Struct, frozen=True):
    """Instances that run, and the proxy before them."""

    instances: list[Instance]
    proxy: Proxy

    async def restart_each(self) -> list[tuple[float, float]]:
        """A rolling restart: each instance is stopped in order and started again, one after the other.

        The proxy sends no new connection to one that is about to stop, as a load balancer does that drains it. The
        result has for each the seconds that it took to stop, and then to be ready again.
        """
        took = []
        for instance in self.instances:
            self.proxy.targets = [other.address for other in self.instances if other is not instance]
            began = time.monotonic()
            await instance.stop()
            stopped = time.monotonic()
            instance.start()
            await instance.ready()
            self.proxy.targets = [other.address for other in self.instances]
            took.append((stopped - began, time.monotonic() - stopped))
        return took


@asynccontextmanager
async def running_servers(
    folder: Path, environment: Mapping[str, str], number: int
) -> AsyncIterator[Servers]:
    """So many instances for the length of the block. Raises CannotStart, OSError."""
    instances = [
        Instance(f"instance {place}", find_free_port(), folder / f"instance-{place}", environment)
        for place in range(1, number + 1)
    ]
    proxy = Proxy([instance.address for instance in instances])
    try:
        await start_all(instances)
        await proxy.start()
        yield Servers(instances, proxy)
    finally:
        proxy.stop_listening()
        await asyncio.gather(*(instance.stop() for instance in instances))
        await proxy.stop()
