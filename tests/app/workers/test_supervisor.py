"""Several processes on one port: they serve together, come back, are replaced, and end together."""

import asyncio
import json
import logging
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from app.config.settings import Settings
from app.config.value_parsers import usable_processors
from app.db.database import Database
from app.embedded.child_process import is_alive
from app.observability import SHARED_FOLDER
from app.workers import worker_process as process_module
from app.workers.listen_sockets import ListenError, Port
from app.workers.slot import WorkerSlot
from app.workers.supervisor import environment
from app.workers.worker_process import ALIVE_EVERY
from tests.support.chat.people import PASSWORD
from tests.support.chat.served import Served, gone
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.begins_early

Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def launch(settings: Settings) -> AsyncIterator[Serve]:
    """Starts `parley serve` on the database and the Valkey of the test, and does not wait until it serves."""
    async with AsyncExitStack() as stack:

        async def start(*arguments: str, **variables: str) -> Served:
            served = await Served.start(*arguments, settings=settings, **variables)
            stack.push_async_callback(served.stop)
            return served

        yield start


@pytest.fixture
def serve(launch: Serve) -> Serve:
    """Starts `parley serve`."""

    async def start(*arguments: str, **variables: str) -> Served:
        return await (await launch(*arguments, **variables)).ready()

    return start


@pytest.fixture(scope="module")
async def group(
    lasting_database_url: str, lasting_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """Two workers, for the tests that leave as many."""
    settings = Settings(
        database_url=lasting_database_url,
        redis_url=lasting_redis_url,
        data_dir=tmp_path_factory.mktemp("group"),
        jwt_secret="for-tests-only-" * 3,
    )
    served = await (await Served.start("--workers", "2", settings=settings)).ready()
    yield served
    await served.stop()


async def answered_by(served: Served, workers: set[int]) -> None:
    """Asks over new connections until each of these workers has answered."""
    first = len(served.lines)
    async with asyncio.timeout(PATIENCE):
        while not workers <= {
            line["worker"] for line in served.lines[first:] if "/health/live" in line["event"]
        }:
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.get(f"{served.url}/health/live")).status_code == 200


async def test_they_share_a_port(group: Served) -> None:
    assert set(group.workers()) == {1, 2}
    await answered_by(group, {1, 2})
    assert len(group.matching("running on http")) == 1


async def test_what_is_under_way_is_answered_before_they_end_together(serve: Serve) -> None:
    served = await serve("--workers", "2")
    workers = served.workers()
    account = json.dumps({"username": "somebody", "credential": PASSWORD}).encode()
    port = int(served.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"POST /auth/sign-up HTTP/1.1\r\nHost: here\r\nContent-Length: {len(account)}\r\n\r\n"
        writer.write(head.encode() + account[:10])
        await writer.drain()
        await answered_by(served, {1, 2})  # which is later than that the request was begun
        served.process.send_signal(signal.SIGTERM)
        await until_refused(port)  # no connection waits for those who only end what they have begun
        assert served.process.returncode is None
        writer.write(account[10:])
        assert b" 201 " in await reader.readline()
        assert await served.ended() == 0
        assert not any(map(is_alive, workers.values()))
        assert served.plain == []
        assert not [line for line in served.lines if line["level"] in ("warning", "error")]
    finally:
        writer.close()


async def until_refused(port: int) -> None:
    """Waits until nobody listens on a port."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                continue  # it came at the very end
            writer.close()


async def test_auto_is_one_for_each_processor(serve: Serve) -> None:
    served = await serve(WORKERS="auto")
    assert len(served.workers()) == usable_processors()


async def test_one_that_crashes_is_started_again(group: Served) -> None:
    workers = group.workers()
    serves = r"worker 1 \(process \d+\) serves"
    starts = len(group.matching(serves))
    workers[1].kill()
    await group.logged(rf"worker 1 \(process {workers[1].pid}\) was ended by SIGKILL")
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(
            20
        ):  # the other one has the port to itself: no connection waits for one that is not there
            answer = await client.get(f"{group.url}/health/live", headers={"connection": "close"})
            assert answer.status_code == 200
    await group.logged(serves, times=starts + 1)
    assert group.workers()[2].pid == workers[2].pid
    await answered_by(group, {1, 2})


HANGS = """
import signal
def hang(*_):
    while True: pass
signal.signal(signal.SIGUSR2, hang)
"""


async def test_one_that_hangs_is_killed_and_started_again(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(process_module, "SILENT_FOR", 2.0)
    caplog.set_level(logging.INFO, logger="app.workers")
    (tmp_path / "sitecustomize.py").write_text(HANGS)
    own = {SHARED_FOLDER: str(tmp_path), "PYTHONPATH": str(tmp_path)}
    port = Port("127.0.0.1", 0)
    slot = WorkerSlot(
        1, port, environment(replace(settings, workers=1), os.environ) | own, stop_within=PATIENCE
    )
    try:
        assert await slot.start()
        keeping = asyncio.create_task(slot.keep())
        await asyncio.sleep(2 * 2.0 + ALIVE_EVERY)
        assert [record.levelname for record in caplog.records] == ["INFO"]  # it serves, and is left alone
        slot.send_signal(signal.SIGUSR2)
        async with asyncio.timeout(PATIENCE):
            while len(serving := [text for text in caplog.messages if text.endswith("serves")]) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        keeping.cancel()
        assert len(set(serving)) == 2
        assert re.search(r"worker 1 \(process \d+\) hangs for 4 s and is killed", caplog.text)
        assert "was ended by SIGKILL" in caplog.text
        assert 'sitecustomize.py", line 4 in hang' in capfd.readouterr().err
    finally:
        await slot.stop()
        port.close()


async def test_one_that_crashes_again_waits_longer(serve: Serve) -> None:
    served = await serve("--workers", "1")
    for number, pause in ((1, "1"), (2, "2"), (3, "4")):
        served.workers()[1].kill()
        await served.logged(f"worker 1 starts again in {pause} s")
        await served.logged(r"worker 1 \(process \d+\) serves", times=number + 1)


async def test_one_that_is_replaced_while_it_waits_to_start_again_runs_once(serve: Serve) -> None:
    served = await serve("--workers", "1")
    served.workers()[1].kill()
    await served.logged("worker 1 starts again in 1 s")
    served.process.send_signal(signal.SIGHUP)
    await served.logged("all workers are replaced")
    assert len(psutil.Process(served.process.pid).children()) == 1
    assert len(served.matching(r"worker 1 \(process \d+\) serves")) == 2


async def test_where_no_process_can_be_made_a_line_says_why(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    port = Port("127.0.0.1", 0)
    too_long = {"TOO_LONG": "x" * 2**20}  # for Linux, which then makes no process
    slot = WorkerSlot(1, port, too_long, stop_within=1)
    assert not await slot.start()
    await slot.stop()
    port.close()
    assert "worker 1 could not start: no process could be made: Argument list too long" in caplog.text


async def test_hangup_replaces_all_of_them(group: Served) -> None:
    first = len(group.lines)
    before = {process.pid for process in group.workers().values()}
    group.process.send_signal(signal.SIGHUP)
    await group.logged("all workers are replaced")
    after = {process.pid for process in group.workers().values()}
    assert len(after) == 2
    assert not before & after
    await answered_by(group, {1, 2})
    ends = [line for line in group.lines[first:] if line["level"] in ("warning", "error")]
    assert ends == []


async def test_the_old_one_stays_where_the_new_one_does_not_come_to_serve(serve: Serve, db: Database) -> None:
    served = await serve("--workers", "2")
    before = served.workers()
    await db.value(
        "update schema_migrations set checksum = 'of another schema' where number = 1 returning number"
    )
    served.process.send_signal(signal.SIGHUP)
    line = await served.logged("worker 1 is not replaced")
    assert f"process {before[1].pid} stays" in line
    assert "ended with status 1" in line
    assert {number: process.pid for number, process in served.workers().items()} == {
        number: process.pid for number, process in before.items()
    }
    await answered_by(served, {1, 2})
    assert served.matching("is not replaced") == [line]


async def test_where_none_can_start_a_sentence_says_so(launch: Serve, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'app.workers.worker' in sys.orig_argv: os._exit(9)\n"
    )
    served = await launch("--workers", "2", PYTHONPATH=str(tmp_path))
    assert await served.ended() == 1
    assert served.plain == ["parley: none of the workers could start; their own lines above say why.\n"]
    assert len(served.matching(r"worker \d could not start: process \d+ ended with status 9")) == 2


async def test_a_port_in_use_is_a_sentence(group: Served, launch: Serve, tmp_path: Path) -> None:
    port = group.url.rpartition(":")[2]
    second = await launch("--workers", "1", PORT=port, DATA_DIR=str(tmp_path / "other"))
    assert await second.ended() == 1
    assert second.plain == [f"parley: cannot listen on 127.0.0.1:{port}: Address already in use.\n"]


async def test_a_port_in_use_is_a_line_where_there_are_no_workers(
    serve: Serve, launch: Serve, tmp_path: Path
) -> None:
    served = await serve()
    port = served.url.rpartition(":")[2]
    second = await launch(PORT=port, DATA_DIR=str(tmp_path / "other"))
    assert await second.ended() == 1
    assert len(second.matching(rf"{port}\).*address already in use")) == 1
    assert second.plain == []


async def test_a_wrong_number_is_a_sentence(launch: Serve) -> None:
    served = await launch("--workers", "many")
    assert await served.ended() == 2
    assert served.plain == [
        "parley: WORKERS='many' is not valid: it must be auto or a whole number from 0 to 256.\n"
    ]


async def test_all_end_with_a_supervisor_that_is_killed(launch: Serve, servers_folder: Path) -> None:
    """Without URLs, so that PostgreSQL and Valkey are its children, too."""
    data_dir = str(servers_folder / "workers")
    own = {"DATA_DIR": data_dir, "DATABASE_URL": "", "REDIS_URL": "", "JWT_SECRET": ""}
    served = await launch("--workers", "2", **own)
    await served.logged("PostgreSQL is ready")
    served.process.send_signal(signal.SIGHUP)  # too early to replace anything, and no reason to end
    await served.ready()
    children = psutil.Process(served.process.pid).children()
    metrics = served.workers()[1].environ()["PROMETHEUS_MULTIPROC_DIR"]
    assert is_there(metrics)
    assert sorted(child.name() for child in children if child.pid not in pids(served)) == [
        "postgres",
        "valkey-server",
    ]
    served.process.kill()
    assert await served.ended() == -signal.SIGKILL
    await gone(children)
    assert not is_there(metrics)


def is_there(folder: str) -> bool:
    return Path(folder).exists()


def pids(served: Served) -> set[int]:
    return {process.pid for process in served.workers().values()}


async def test_all_end_when_the_window_of_their_terminal_is_closed(settings: Settings) -> None:
    """The kernel's SIGHUP, which has another reason than an operator's."""
    terminal, its_end = os.openpty()
    served = await Served.start("--workers", "1", settings=settings, terminal=its_end)
    os.close(its_end)
    await served.ready()
    processes = [psutil.Process(served.process.pid), *served.workers().values()]
    assert len(processes) == 2
    os.close(terminal)
    assert await served.ended() == 0
    await gone(processes)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_port_is_held_by_who_listens_first(host: str) -> None:
    first = Port(host, 0)
    sockets = first.sockets()
    for one in sockets:
        assert one.getsockname()[1] == first.number
        one.listen()
    with pytest.raises(ListenError, match=f"cannot listen on {host}:{first.number}: Address already in use"):
        Port(host, first.number)
    first.release(sockets)
    first.close()
    second = Port(host, first.number)
    assert second.url == f"http://{'[::1]' if host == '::1' else host}:{first.number}"
    second.close()


def test_connections_go_to_those_who_listen() -> None:
    port = Port("127.0.0.1", 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port.number))
    starting, (serving,) = port.sockets(), port.sockets()
    serving.listen()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port.number)):
            serving.accept()[0].close()
    port.release([*starting, serving])
    port.close()


def test_a_host_that_is_none_is_a_sentence() -> None:
    with pytest.raises(ListenError, match=r"cannot listen on nowhere\.invalid:0: "):
        Port("nowhere.invalid", 0)


@pytest.mark.parametrize(("workers", "pool"), [(1, "10"), (8, "10"), (9, "9"), (17, "5"), (64, "5")])
def test_the_connections_to_postgresql_are_shared_out(settings: Settings, workers: int, pool: str) -> None:
    assert environment(replace(settings, workers=workers), {})["DATABASE_POOL"] == pool


def test_what_an_operator_has_said_of_connections_holds(settings: Settings) -> None:
    given = environment(replace(settings, workers=64, database_pool=40), {"DATABASE_POOL": "40"})
    assert given["DATABASE_POOL"] == "40"
