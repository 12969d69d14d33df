"""What a large cluster does, on paper."""

import pytest

from scripts import routing_model
from scripts.routing_model import Cluster, compute, instances_of, table


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing_model, "SENT_TO", 2_000)


def test_how_many_instances_have_a_room_s_members() -> None:
    cluster = Cluster(instances=4, rooms=1, clients=1)
    assert instances_of(1, cluster) == pytest.approx(1)
    assert instances_of(2, cluster) == pytest.approx(1.75)
    assert instances_of(1_000, cluster) == pytest.approx(4)


def test_routing_brings_less_to_each_instance_the_smaller_the_rooms_are() -> None:
    cluster = Cluster(instances=64, rooms=2_000, clients=20_000)
    found = compute(cluster, seed=1)
    one, *others = found.values()
    read = [figures.read_by_an_instance for figures in (one, *others)]
    assert read == sorted(read, reverse=True)
    assert one.streams_of_a_record == 64
    assert all(1 < figures.streams_of_a_record < 64 for figures in others)
    assert table(cluster, found).count("\n") == 8


def test_a_seed_gives_the_same_figures() -> None:
    cluster = Cluster(instances=8, rooms=100, clients=1_000)
    assert compute(cluster, seed=3) == compute(cluster, seed=3)
