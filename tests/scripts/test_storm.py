"""scripts/storm: a small one of each kind on real instances; nothing is lost, refused, doubled or out of order."""

from pathlib import Path

import pytest
import uvloop

from scripts.cluster import UNLIMITED
from scripts.hostility.instance import defaults
from scripts.storms.__main__ import main
from scripts.storms.storms import STORMS
from scripts.storms.weather import Damage, Weather

pytestmark = pytest.mark.begins_early


def damage(storm: str, database_url: str, redis_url: str, folder: Path, *, clients: int = 20) -> Damage:
    """What comes of a small storm. How fast things go is for the command."""
    stores = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "FILE_STORAGE": str(folder / "files")}
    settings = defaults(**UNLIMITED, **stores, JWT_SECRET="for-tests-only-" * 3)
    weather = Weather(clients=clients, seconds=2, rate=10, folder=folder, settings=settings, ratio=None)
    return uvloop.run(STORMS[storm](weather))


def test_half_of_the_clients_are_cut_and_all_recover(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    found = damage("cut", database_url, redis_url, tmp_path)
    assert found.wrong == []
    assert found.figures[:2] == [
        "10 of 20 clients cut, 10 back,",
        "10 of them with their session, 0 connections refused",
    ]


def test_instances_restart_under_load(database_url: str, redis_url: str, tmp_path: Path) -> None:
    found = damage("restart", database_url, redis_url, tmp_path)
    assert found.wrong == []
    assert [line.split(" in ")[0] for line in found.figures[:2]] == ["an instance stopped"] * 2


def test_clients_that_never_read_cost_the_others_no_message(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    found = damage("unread", database_url, redis_url, tmp_path)
    assert found.wrong == []
    assert found.figures[1].startswith("the same beside 2 that never read: ")


def test_mentions_are_pushed_though_an_instance_is_killed(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    found = damage("mentions", database_url, redis_url, tmp_path)
    assert found.wrong == []
    assert found.figures[0].startswith("20 mentions of 20 people, 20 pushed, 0 not, ")


@pytest.mark.parametrize(
    "arguments", [["flood"], ["--clients", "0"], ["--rounds", "0"], ["cut", "--rate", "x"]]
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
