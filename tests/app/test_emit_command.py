"""`parley emit`: what it puts into the stream, and what it says when it cannot."""

from pathlib import Path
from typing import Any

import pytest
import redis

from app.cli import main
from app.embedded import embedded
from protocol.cluster.stream_records import Broadcast, Record, ServerSideEmit, Target, decode

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


def sent(url: str) -> list[Record | None]:
    """What stands in the stream."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        entries: Any = client.xrange("socket.io")
    return [decode(fields) for _, fields in entries]


@pytest.mark.parametrize(
    ("arguments", "record"),
    [
        (["news"], Broadcast("/", Target(), ["news"])),
        (
            ["--to", "a", "--to", "b", "--except", "c", "--volatile", "news", "1", '{"t": ["€"]}', "null"],
            Broadcast("/", Target(("a", "b"), ("c",)), ["news", 1, {"t": ["€"]}, None], volatile=True),
        ),
        (["--nsp", "admin", "news", '"text"'], Broadcast("/admin", Target(), ["news", "text"])),
        (["--nsp", "/admin", "--server-side", "reload", "true"], ServerSideEmit("/admin", ["reload", True])),
    ],
    ids=["everybody", "some", "namespace", "servers"],
)
def test_what_is_sent(redis_url: str, arguments: list[str], record: Record) -> None:
    assert main(["emit", *arguments], {"REDIS_URL": redis_url}) == 0
    assert sent(redis_url) == [record]


def test_without_a_url_it_reaches_the_instance_that_runs_here(servers_folder: Path) -> None:
    folder = servers_folder / "emit"
    with embedded(folder, postgres=False, valkey=True) as urls:
        assert urls.redis is not None
        assert main(["emit", "news"], {"DATA_DIR": str(folder)}) == 0
        assert sent(urls.redis) == [Broadcast("/", Target(), ["news"])]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["news", "no JSON"], "'no JSON' is not JSON"), ([], "required: EVENT")],
)
def test_what_is_no_event_is_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["emit", *arguments], {})
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_reserved_name_is_refused(capsys: pytest.CaptureFixture[str], redis_url: str) -> None:
    assert main(["emit", "disconnect"], {"REDIS_URL": redis_url}) == 2
    assert "reserved event name" in capsys.readouterr().err
    assert sent(redis_url) == []


@pytest.mark.parametrize(
    "option", [["--to", "a"], ["--except", "a"], ["--volatile"]], ids=lambda option: option[0]
)
def test_servers_are_in_no_rooms(
    option: list[str], capsys: pytest.CaptureFixture[str], redis_url: str
) -> None:
    assert main(["emit", "--server-side", *option, "reload"], {"REDIS_URL": redis_url}) == 2
    assert "--server-side is for all servers" in capsys.readouterr().err
    assert sent(redis_url) == []


def test_where_nothing_runs_it_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["emit", "news"], {"DATA_DIR": str(tmp_path)}) == 2
    assert f"parley: no instance runs in {tmp_path}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_redis_that_is_away_is_a_sentence(capsys: pytest.CaptureFixture[str], free_port: int) -> None:
    assert main(["emit", "news"], {"REDIS_URL": f"redis://:hunter2@127.0.0.1:{free_port}"}) == 1
    text = capsys.readouterr().err
    assert "parley: not stored within 5 s" in text
    assert "hunter2" not in text
