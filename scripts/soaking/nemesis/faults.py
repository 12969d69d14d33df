"""All faults; to import this is to have them in `FAULTS`."""

from scripts.soaking.nemesis import (
    cluster_faults,
    instance_faults,
    link_faults,
    postgres_faults,
    redis_faults,
    registry,
)
from scripts.soaking.stack import Shape

PARTS = (instance_faults, link_faults, redis_faults, cluster_faults, postgres_faults)
FAULTS = registry.FAULTS
UPGRADE = instance_faults.UPGRADE
OF_SENTINEL = {"redis-failover"}
OF_CLUSTER = {"redis-cluster-failover", "redis-master-kill", "redis-slot-migration"}
OF_ONE = {name for name in FAULTS if name.startswith("redis-")} - OF_SENTINEL - OF_CLUSTER


def possible(shape: Shape) -> list[str]:
    """The names of the faults that chance may bring into a run: with a sentinel or a cluster, Redis is not behind
    proxies, and is another one after each failover. A run is upgraded once, and not by chance."""
    here = OF_SENTINEL if shape.sentinel else OF_CLUSTER if shape.cluster else OF_ONE
    names = [name for name in sorted(FAULTS) if shape.clocks or not name.startswith("clock-")]
    return [name for name in names if name != UPGRADE and (name in here or not name.startswith("redis-"))]
