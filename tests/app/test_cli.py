"""The console command: what it says, how it fails, and that it serves and stops."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from app.cli import main
from app.config.settings import variables
from app.embedded import embedded
from app.embedded.child_process import is_alive
from tests.support.redis_servers import RedisServer

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


@contextmanager
def serving(data_dir: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`parley serve` with servers of its own, ready."""
    own = {"DATABASE_URL": "", "REDIS_URL": "", "DATA_DIR": str(data_dir), "PORT": str(port)}
    with subprocess.Popen([sys.executable, "-m", "app", "serve"], env={**os.environ, **own}) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                while not is_ready(client):
                    assert process.poll() is None
                    time.sleep(0.05)
            yield process
        finally:
            process.kill()


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for name, field in variables():
        assert name in text
        assert field.metadata["documentation"] in text


@pytest.mark.parametrize("arguments", [[], ["dance"]])
def test_a_wrong_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: parley" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_wrong_setting_stops_the_start_in_a_sentence(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command], {"PORT": "http"}) == 2
    expected = "parley: PORT='http' is not valid: it must be a whole number from 0 to 65535.\n"
    assert capsys.readouterr().err == expected


def test_production_does_not_start_without_a_secret(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["serve"], {"ENVIRONMENT": "production", "DATA_DIR": str(tmp_path)}) == 2
    assert capsys.readouterr().err.startswith("parley: JWT_SECRET must be given when ENVIRONMENT=production")


def test_migrate_applies_once(empty_database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"DATABASE_URL": empty_database_url}
    assert main(["migrate"], environ) == 0
    assert capsys.readouterr().out.startswith("applied the migrations 1")
    assert main(["migrate"], environ) == 0
    assert capsys.readouterr().out == "the schema is up to date\n"


def test_a_database_that_cannot_be_reached_is_a_sentence(
    capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    assert main(["migrate"], {"DATABASE_URL": f"postgresql://me:hunter2@127.0.0.1:{free_port}/chat"}) == 1
    text = capsys.readouterr().err
    assert text.startswith("parley: cannot connect to PostgreSQL")
    assert "Traceback" not in text
    assert "hunter2" not in text


def test_a_redis_that_cannot_be_reached_is_a_sentence(
    capsys: pytest.CaptureFixture[str], empty_database_url: str, free_port: int
) -> None:
    redis_url = f"redis://me:hunter2@127.0.0.1:{free_port}"
    own = {"DATABASE_URL": empty_database_url, "REDIS_URL": redis_url, "JWT_SECRET": "for-tests-only-" * 3}
    assert main(["serve"], own) == 1
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("parley: ")]
    assert sentence.startswith("parley: Redis does not answer")
    assert "hunter2" not in sentence


def test_a_redis_that_refuses_writes_is_a_sentence(
    capsys: pytest.CaptureFixture[str], empty_database_url: str, redis_server: RedisServer
) -> None:
    valkey = redis_server()
    valkey.ask("CONFIG", "SET", "min-replicas-to-write", 1)
    own = {"DATABASE_URL": empty_database_url, "REDIS_URL": valkey.url, "JWT_SECRET": "for-tests-only-" * 3}
    assert main(["serve"], own) == 1
    text = capsys.readouterr().err
    (sentence,) = [line for line in text.splitlines() if line.startswith("parley: ")]
    assert sentence == "parley: Redis stores nothing: noreplicas"
    assert "Traceback" not in text


def test_a_data_folder_in_use_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with embedded(tmp_path, postgres=False, valkey=True):
        assert main(["migrate"], {"DATA_DIR": str(tmp_path)}) == 1
    assert "is in use by another Parley" in capsys.readouterr().err


def test_a_data_folder_is_shared_by_those_who_start_no_servers(
    empty_database_url: str, tmp_path: Path
) -> None:
    with embedded(tmp_path, postgres=False, valkey=True):
        assert main(["migrate"], {"DATA_DIR": str(tmp_path), "DATABASE_URL": empty_database_url}) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(number: signal.Signals, servers_folder: Path, free_port: int) -> None:
    with serving(servers_folder / "served", free_port) as process:
        servers = psutil.Process(process.pid).children()
        assert sorted(server.name() for server in servers) == ["postgres", "valkey-server"]
        process.send_signal(number)
        assert process.wait(30) == 0
        assert not any(map(is_alive, servers))


def test_it_serves_again_after_it_was_killed(servers_folder: Path, free_port: int) -> None:
    for _ in range(2):
        with serving(servers_folder / "killed", free_port) as process:
            process.kill()
