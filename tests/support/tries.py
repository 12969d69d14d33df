"""How much tests try at random: PARLEY_TRIES is a percentage of what they do by themselves. Less is for CI, where each
commit is tried with other chances."""

import os

PERCENT = int(os.environ.get("PARLEY_TRIES", "100"))


def tries(many: int) -> int:
    """The number of tries of a test that makes `many` by itself."""
    return max(1, many * PERCENT // 100)
