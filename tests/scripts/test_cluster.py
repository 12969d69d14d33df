"""scripts/cluster on real processes: what it says, who answers, and that nothing of it is left."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from app.embedded.child_process import wait_until_gone
from scripts.cluster import main

pytestmark = pytest.mark.begins_early

Launched = tuple["subprocess.Popen[str]", list[str]]


@contextmanager
def launched(data_dir: Path, *arguments: str, **settings: str) -> Iterator[Launched]:
    """A cluster in a process of its own, and the URLs that it printed: the proxy's first."""
    command = [sys.executable, "-m", "scripts.cluster", *arguments]
    environment = {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", "DATA_DIR": str(data_dir), **settings}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as launcher:
        try:
            assert launcher.stdout
            said = [launcher.stdout.readline() for _ in range(int(arguments[0]) + 2)]
            yield launcher, [word for line in said for word in line.split() if word.startswith("http")]
        finally:
            launcher.kill()


def children(launcher: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(launcher.pid).children(recursive=True)


def instances(launcher: "subprocess.Popen[str]") -> list[psutil.Process]:
    return [child for child in children(launcher) if child.cmdline()[-1:] == ["serve"]]


def sign_up(url: str, name: str) -> httpx.Response:
    body = {"username": name, "credential": "correct horse battery"}
    return httpx.post(f"{url}/auth/sign-up", json=body, trust_env=False)


@pytest.fixture(scope="module")
def data_dir(servers_folder: Path) -> Path:
    """One for all tests here, one after the other; the first makes what it holds."""
    return servers_folder / "cluster"


def test_all_instances_are_one_chat_and_end_in_order(data_dir: Path) -> None:
    with launched(data_dir, "2", "--port", "0", SIGN_UP_RATE="2") as (launcher, (proxy, first, second)):
        everybody = children(launcher)
        assert sign_up(first, "ann").status_code == 201
        assert sign_up(second, "ann").status_code == 409
        assert sign_up(proxy, "bob").status_code == 429  # a limit that all of them hold together
        assert httpx.get(f"{proxy}/health/ready", trust_env=False).json()["status"] == "ok"
        launcher.send_signal(signal.SIGTERM)
        assert launcher.wait(60) == 0
        assert wait_until_gone(everybody) == []


def test_for_load_nobody_is_limited_and_what_ends_is_passed_over(data_dir: Path) -> None:
    with launched(data_dir, "2", "--port", "0", "--for-load", SIGN_UP_RATE="1") as (launcher, (proxy, *_)):
        assert [sign_up(proxy, f"load-{number}").status_code for number in range(4)] == [201] * 4
        one, other = instances(launcher)
        one.kill()
        assert launcher.stdout
        told = launcher.stdout.readline() + launcher.stdout.readline()
        # Either: the numbers of processes may start anew between the two.
        assert re.search(r"instance [12] ended with status -9", told)
        assert [sign_up(proxy, f"late-{number}").status_code for number in range(4)] == [201] * 4
        other.kill()
        assert launcher.wait(60) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent's life")
def test_all_end_with_a_killed_launcher(data_dir: Path) -> None:
    with launched(data_dir, "2", "--port", "0") as (launcher, _):
        everybody = children(launcher)
        launcher.kill()
        assert wait_until_gone(everybody) == []


def test_an_instance_that_does_not_start_ends_all_with_a_sentence(data_dir: Path) -> None:
    command = [sys.executable, "-m", "scripts.cluster", "2", "--port", "0"]
    environment = {**os.environ, "REDIS_URL": "", "DATA_DIR": str(data_dir), "JWT_SECRET": "x" * 32}
    environment["DATABASE_URL"] = "postgresql://nobody:@127.0.0.1:1/nothing"
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("cluster: instance 1 ended with status")
    assert "parley: cannot connect to PostgreSQL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_is_named(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = [sys.executable, "-m", "scripts.cluster", "1", "--port", port]
        environment = {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", "DATA_DIR": str(data_dir)}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = [line for line in ended.stderr.splitlines() if "PostgreSQL runs as nobody" not in line]  # as root
    assert (ended.returncode, said) == (1, [f"cluster: port {port} is in use; --port chooses another one."])


@pytest.mark.parametrize(
    "arguments", [[], ["0"], ["9"], ["two"], ["2", "--port", "http"], ["2", "--port", "65536"]]
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: scripts/cluster" in capsys.readouterr().err
