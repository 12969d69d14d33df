"""The embedded servers: real ones, their data, who may reach them, and what becomes of them when the launcher dies."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis
from databases import Database

from app.embedded import EmbeddedError, Urls, database_url, embedded, postgres
from app.embedded import child_process as processes
from tests.support.paths import ROOT

LAUNCHER = ROOT / "tests" / "support" / "embedded_launcher.py"
IS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def data_dir(servers_folder: Path) -> Path:
    """One data folder for all tests here, one after the other; the first makes the cluster."""
    return servers_folder / "embedded"


def remember(urls: Urls) -> tuple[int, int]:
    """Count up in both servers, and give both counts."""

    async def in_database() -> int:
        assert urls.database
        async with Database(urls.database) as database:
            await database.execute("create table if not exists counts (at int)")
            await database.execute("insert into counts values (1)")
            return int(await database.fetch_val("select count(*) from counts"))

    assert urls.redis
    with redis.Redis.from_url(urls.redis) as client:
        return asyncio.run(in_database()), int(client.incr("count"))


@contextmanager
def launched(
    data_dir: Path, tie: str = "tied"
) -> Iterator[tuple["subprocess.Popen[str]", list[psutil.Process]]]:
    """A launcher in a process of its own, with the servers that it started."""
    command = [sys.executable, str(LAUNCHER), str(data_dir), tie]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout
        servers = [psutil.Process(int(number)) for number in launcher.stdout.readline().split()]
        try:
            assert sorted(server.name() for server in servers) == ["postgres", "valkey-server"]
            yield launcher, servers
        finally:
            launcher.kill()


def test_both_serve_and_keep_their_data(data_dir: Path) -> None:
    with embedded(data_dir, postgres=True, valkey=True) as urls:
        first = remember(urls)
    with embedded(data_dir, postgres=True, valkey=True) as urls:
        assert remember(urls) == (first[0] + 1, first[1] + 1)


@pytest.mark.parametrize("wanted", [(True, False), (False, True), (False, False)])
def test_only_what_is_asked_for_runs(data_dir: Path, wanted: tuple[bool, bool]) -> None:
    with embedded(data_dir, postgres=wanted[0], valkey=wanted[1]) as urls:
        assert (urls.database is not None, urls.redis is not None) == wanted
        assert len(psutil.Process().children()) >= sum(wanted)


def test_a_second_launcher_is_refused_in_a_sentence(data_dir: Path) -> None:
    with embedded(data_dir, postgres=False, valkey=True):
        for wanted in ((True, False), (False, True)):
            with pytest.raises(
                EmbeddedError, match=rf"in use by another Parley \(process {os.getpid()}\); stop"
            ):
                with embedded(data_dir, postgres=wanted[0], valkey=wanted[1]):
                    pytest.fail("two launchers on one folder")


def test_launchers_without_servers_of_their_own_share_a_folder(data_dir: Path) -> None:
    with embedded(data_dir, postgres=False, valkey=True):
        with embedded(data_dir, postgres=False, valkey=False) as one:
            with embedded(data_dir, postgres=False, valkey=False) as two:
                assert [one, two] == [Urls(None, None)] * 2
        assert stat.S_IMODE(data_dir.stat().st_mode) & 0o066 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent's life")
def test_the_servers_end_with_a_killed_launcher(data_dir: Path) -> None:
    with launched(data_dir) as (launcher, servers):
        launcher.kill()
        assert processes.wait_until_gone(servers) == []


@pytest.mark.parametrize("tie", ["tied", "untied"])
def test_a_start_right_after_a_kill_has_all_data(data_dir: Path, tie: str) -> None:
    with embedded(data_dir, postgres=True, valkey=True) as urls:
        first = remember(urls)
    with launched(data_dir, tie) as (launcher, old):
        assert remember(urls) == (first[0] + 1, first[1] + 1)
        launcher.kill()
        launcher.wait()
        with embedded(data_dir, postgres=True, valkey=True) as urls:
            assert not any(map(processes.is_alive, old))
            assert remember(urls) == (first[0] + 2, first[1] + 2)


def test_a_start_after_all_were_killed_has_all_data(data_dir: Path) -> None:
    with embedded(data_dir, postgres=True, valkey=True) as urls:
        first = remember(urls)
    with launched(data_dir) as (launcher, servers):
        for process in (*servers, launcher):
            process.kill()
        launcher.wait()
    with embedded(data_dir, postgres=True, valkey=True) as urls:
        assert remember(urls) == (first[0] + 1, first[1] + 1)


def test_a_launcher_that_is_told_to_end_ends_its_servers(data_dir: Path) -> None:
    with launched(data_dir, "untied") as (launcher, servers):
        launcher.terminate()
        assert launcher.wait(30) == 0
        assert not any(map(processes.is_alive, servers))


def test_a_stale_pid_file_that_names_another_process_does_no_harm(data_dir: Path) -> None:
    with embedded(data_dir, postgres=True, valkey=False):
        pass
    (data_dir / "postgres" / "data" / "postmaster.pid").write_text(f"{os.getppid()}\n{data_dir}\n")
    with embedded(data_dir, postgres=True, valkey=False) as urls:
        assert urls.database


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_pid_file_does_no_harm(data_dir: Path, text: str) -> None:
    (data_dir / "postgres" / "data" / "postmaster.pid").write_text(text)
    with embedded(data_dir, postgres=True, valkey=False) as urls:
        assert urls.database


def test_only_the_launchers_user_can_reach_them(data_dir: Path) -> None:
    async def connect(url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.close()

    others = psutil.Process().children()  # of other tests
    with embedded(data_dir, postgres=True, valkey=True) as urls:
        assert urls.database
        for folder in (data_dir / "postgres" / "socket", data_dir / "postgres" / "data", data_dir / "valkey"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            asyncio.run(connect(urls.database.replace("parley:@", "postgres:@")))
        listening = [
            connection
            for server in psutil.Process().children()
            for connection in server.net_connections("inet")
            if server not in others and (server.name() == "valkey-server" or not IS_ROOT)
        ]
        assert listening == []


def test_no_other_user_gets_at_what_they_keep(data_dir: Path) -> None:
    """Neither at the files, whatever modes an earlier release gave them, nor by way of the lock."""
    with embedded(data_dir, postgres=True, valkey=True):
        pass
    for path in (data_dir, data_dir / "postgres", data_dir / "valkey"):
        path.chmod(0o755)
    (data_dir / "lock").chmod(0o644)
    with embedded(data_dir, postgres=True, valkey=True):
        modes = {
            path: stat.S_IMODE((data_dir / path).stat().st_mode)
            for path in (
                ".",
                "lock",
                "valkey",
                "valkey/log",
                "valkey/appendonlydir",
                "postgres",
                "postgres/log",
            )
        }
    passable = 0o711 if IS_ROOT else 0o700
    assert modes == {
        ".": passable,
        "lock": 0o600,
        "valkey": 0o700,
        "valkey/log": 0o600,
        "valkey/appendonlydir": modes["valkey/appendonlydir"],  # in a folder that nobody else enters
        "postgres": passable,
        "postgres/log": 0o600,
    }


def test_a_folder_that_everybody_may_write_to_is_refused_in_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(EmbeddedError, match=r"every user of this machine may write to .*; set DATA_DIR to"):
        with embedded(tmp_path, postgres=False, valkey=False):
            pytest.fail("started where everybody writes")


@pytest.mark.skipif(not IS_ROOT, reason="only root runs PostgreSQL as another account")
def test_roots_cluster_moves_to_an_account_of_its_own(
    servers_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = servers_folder / "moves"
    monkeypatch.setattr(postgres, "OWN_ACCOUNT", "no-such-account")
    with embedded(folder, postgres=True, valkey=True) as urls:
        assert remember(urls) == (1, 1)
    assert "PostgreSQL runs as nobody" in caplog.text
    caplog.clear()
    games = pwd.getpwnam("games")
    monkeypatch.setattr(postgres, "OWN_ACCOUNT", games.pw_name)
    with embedded(folder, postgres=True, valkey=True) as urls:
        assert remember(urls) == (2, 2)
        servers = [child for child in psutil.Process().children() if child.name() == "postgres"]
        assert games.pw_uid in {server.uids().real for server in servers}
    assert "nobody" not in caplog.text
    home = folder / "postgres"
    for path in (home / "data", *(home / "data").rglob("*"), home / "socket"):
        assert path.lstat().st_uid == games.pw_uid, path
    monkeypatch.setattr(postgres, "OWN_ACCOUNT", "no-such-account")
    with embedded(folder, postgres=True, valkey=True) as urls:  # stays with whom it was given to
        assert remember(urls) == (3, 3)
    assert (home / "data").stat().st_uid == games.pw_uid


def test_the_servers_show_no_secret_in_their_command_line(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JWT_SECRET", "DATABASE_URL", "S3_SECRET_KEY", "METRICS_TOKEN"):
        monkeypatch.setenv(name, f"hunter2-{name}")
    others = psutil.Process().children()  # of other tests
    with embedded(data_dir, postgres=True, valkey=True):
        servers = [server for server in psutil.Process().children() if server not in others]
        assert sorted(server.name() for server in servers) == ["postgres", "valkey-server"]
        assert not [word for server in servers for word in server.cmdline() if "hunter2" in word]


def test_a_child_leaves_no_core_file() -> None:
    output, _ = processes.spawn(["sh", "-c", "ulimit -c"], output=subprocess.PIPE).communicate()
    assert output == b"0\n"


def test_a_long_folder_has_its_sockets_elsewhere(servers_folder: Path) -> None:
    folder = servers_folder / ("long" * 20)
    with embedded(folder, postgres=True, valkey=True) as urls:
        assert urls.database
        sockets = Path(urls.database.partition("?host=")[2])
        assert not sockets.is_relative_to(folder)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert remember(urls) == (1, 1)
    assert not sockets.exists()


def test_a_folder_with_odd_characters_serves(servers_folder: Path) -> None:
    with embedded(servers_folder / "it's, here & 100%", postgres=True, valkey=True) as urls:
        assert remember(urls) == (1, 1)


def test_a_private_folder_serves(
    tmp_path: Path, servers_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's PostgreSQL runs as another user, who can neither enter the folder nor reach the programs."""
    monkeypatch.setattr(postgres, "STATE_FOLDER", servers_folder / "state")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    wheel = postgres.wheel_package()
    package = private / wheel.name
    for part in wheel.parent.glob(f"{wheel.name}*"):
        shutil.copytree(part, private / part.name, symlinks=True)
    monkeypatch.setattr(postgres, "wheel_package", lambda: package)
    for expected in (1, 2):
        with embedded(private / "var", postgres=True, valkey=True) as urls:
            assert remember(urls) == (expected, expected)
    home = private / "var" / "postgres"
    assert home.is_symlink() == IS_ROOT
    assert len(list(home.glob("programs-*"))) == (1 if IS_ROOT else 0)


def test_programs_installed_under_a_strict_umask_can_be_run_by_all(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "postgres"
    program.parent.mkdir(mode=0o700)
    program.touch(mode=0o700)
    text = tmp_path / "share"
    text.touch(mode=0o600)
    tmp_path.chmod(0o700)
    postgres.let_all_read(tmp_path)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path, program.parent, program, text)]
    assert modes == [0o755, 0o755, 0o755, 0o644]


def test_a_user_without_an_account_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 2_000_000_000)
    with pytest.raises(
        EmbeddedError, match=r"needs an account for the user with the id 2000000000.*DATABASE_URL"
    ):
        postgres.write_access_rules(tmp_path)


def test_what_a_killed_launcher_left_half_made_is_made_anew(servers_folder: Path) -> None:
    folder = servers_folder / "half-made"
    unfinished = folder / "postgres" / "data-unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with embedded(folder, postgres=True, valkey=False) as urls:
        assert urls.database
    assert not unfinished.exists()


def test_a_server_that_cannot_start_is_reported_with_its_log(servers_folder: Path) -> None:
    folder = servers_folder / "broken"
    with embedded(folder, postgres=True, valkey=False):
        pass
    (folder / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(
        EmbeddedError, match=r"PostgreSQL ended with status 1 at its start; its log ends with:\n.*FATAL"
    ):
        with embedded(folder, postgres=True, valkey=False):
            pytest.fail("started on a broken cluster")


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"cannot start the embedded servers in .*/file"):
        with embedded(tmp_path / "file", postgres=True, valkey=True):
            pytest.fail("started in a file")


def test_a_cluster_that_cannot_be_made_is_reported(
    servers_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LOCALE_OPTIONS", ["--locale", "nowhere"])
    with pytest.raises(EmbeddedError, match=r"PostgreSQL could not make its files in .*: (.|\n)*nowhere"):
        with embedded(servers_folder / "unmade", postgres=True, valkey=False):
            pytest.fail("started without a cluster")


def test_a_server_that_is_never_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "START_TIMEOUT_S", 0.05)
    with pytest.raises(EmbeddedError, match=r"Sleep was not ready within 0.05 s; its log is empty"):
        with processes.running(
            "Sleep",
            ["sleep", "60"],
            ready=lambda _: False,
            log_file=tmp_path / "log",
            stop_signal=signal.SIGTERM,
        ):
            pytest.fail("taken for ready")


def test_a_server_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_TIMEOUT_S", 0.05)
    log_file = tmp_path / "log"
    with processes.running(
        "Stubborn",
        ["sh", "-c", 'trap "" TERM; echo deaf; while :; do sleep 0.1; done'],
        ready=lambda _: log_file.read_text() == "deaf\n",
        log_file=log_file,
        stop_signal=signal.SIGTERM,
    ) as process:
        pass
    assert process.returncode == -signal.SIGKILL


def test_a_child_has_none_of_the_launchers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SECRET", "hunter2")
    process = processes.spawn(["env"], output=subprocess.PIPE)
    output, _ = process.communicate()
    assert b"LC_ALL=C" in output
    assert b"hunter2" not in output


def test_the_database_is_utf8_and_sorts_by_code_point(data_dir: Path) -> None:
    async def show(url: str) -> tuple[str, list[str]]:
        async with Database(url) as database:
            encoding = await database.fetch_val("show server_encoding")
            rows = await database.fetch_all("select x from unnest(array['b', 'B', 'ä', 'a']) x order by x")
            return str(encoding), [row["x"] for row in rows]

    with embedded(data_dir, postgres=True, valkey=False) as urls:
        assert urls.database
        assert asyncio.run(show(urls.database)) == ("UTF8", ["B", "a", "b", "ä"])


def test_a_database_url_quotes_the_folder() -> None:
    assert database_url(Path("/a b/%"), "d") == "postgresql://parley:@/d?host=/a%20b/%25"
