"""All faults; to import this is to have them in `FAULTS`."""

from scripts.soaking.nemesis import instance_faults, link_faults, postgres_faults, redis_faults, registry
from scripts.soaking.stack import Shape

PARTS = (instance_faults, link_faults, redis_faults, postgres_faults)
FAULTS = registry.FAULTS


def possible(shape: Shape) -> list[str]:
    """The names of the faults that can be in a run: with a sentinel, Redis is not behind proxies, and is another one
    after each failover."""
    names = [name for name in sorted(FAULTS) if shape.clocks or not name.startswith("clock-")]
    if shape.sentinel:
        return [name for name in names if name == "redis-failover" or not name.startswith("redis-")]
    return [name for name in names if name != "redis-failover"]
