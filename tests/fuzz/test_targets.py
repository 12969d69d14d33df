"""Each target on its seeds, on damaged ones and on random bytes; `scripts/fuzz` does so at length, led by coverage."""

import importlib
import random
from collections.abc import Callable, Iterator

import pytest

from tests.fuzz.corpus import TARGETS, read_corpus
from tests.support.tries import tries

INPUTS = tries(1_000)  # of each target; a quarter of a second to two of a processor


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def check(target: str) -> Callable[[bytes], None]:
    found: Callable[[bytes], None] = importlib.import_module(f"tests.fuzz.targets.{target}").check
    return found


def test_the_seeds(target: str, check: Callable[[bytes], None]) -> None:
    seeds = read_corpus(target)
    assert len(seeds) >= 5
    for seed in seeds:
        check(seed)


def test_damaged_seeds_and_random_bytes(target: str, check: Callable[[bytes], None]) -> None:
    for data in damaged(read_corpus(target), random.Random(target)):
        check(data)


def test_no_bytes(check: Callable[[bytes], None]) -> None:
    check(b"")


def damaged(seeds: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Inputs that are nearly what they should be, and some that are nothing; the same in every run."""
    for _ in range(INPUTS):
        data = bytearray(chance.choice(seeds) if chance.random() < 0.9 else chance.randbytes(40))
        for _ in range(chance.randrange(4)):
            start = chance.randrange(len(data) + 1)
            stop = start + chance.choice((0, 1, 1, 4, 20))
            other = chance.choice(seeds)
            begin = chance.randrange(len(other) + 1)
            data[start:stop] = chance.choice(
                (b"", chance.randbytes(1), other[begin : begin + chance.randrange(30)])
            )
        yield bytes(data)
