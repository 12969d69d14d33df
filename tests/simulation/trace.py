"""A history as a text: what was heard in it, and when."""

from tests.simulation.histories import drawn
from tests.simulation.world import World


def traced(seed: int) -> str:
    """All that was heard in the history of a seed, to be compared."""
    world = World(drawn(seed))
    world.run()
    heard = [
        [[*map(tuple, stay.changes)] for stay in member.stays]
        + [stay.news for stay in member.news_stays]
        + [member.reasons, [*map(tuple, member.acks)]]
        for member in world.members
    ]
    return repr((world.loop.time(), heard, [instance.observer.closed for instance in world.instances]))
