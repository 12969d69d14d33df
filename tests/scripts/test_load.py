"""scripts/load against real instances: its figures, its chart, its exit status, and that it sees what goes wrong."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from scripts.benchmark.chat import ChatPlan, prepare, write_members
from scripts.benchmark.measures import put_load
from scripts.cluster import UNLIMITED, Instance
from scripts.loadtest.__main__ import main
from scripts.loadtest.histogram import Histogram, bucket, highest
from scripts.loadtest.member import Member, View
from scripts.loadtest.polling import new_http_session
from scripts.proxy import Proxy
from tests.support.load_generator import compiled
from tests.support.ports import find_free_port
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.begins_early

SMALL = ["--clients", "40", "--users", "8", "--room-size", "4", "--processes", "1", "--connect-rate", "100"]
names = count(1)
BUSY = ["--processes", "2", "--duration", "4", "--rate", "40", "--reconnect", "2", "--polling", "20%"]


class Chat:
    """Instances behind a proxy."""

    def __init__(self, instances: int, environment: dict[str, str], folder: Path) -> None:
        self.instances = [
            Instance(f"instance {place + 1}", find_free_port(), folder / str(place + 1), environment)
            for place in range(instances)
        ]
        self.proxy = Proxy([instance.address for instance in self.instances])

    async def start(self) -> None:
        for instance in self.instances:
            instance.start()
        for instance in self.instances:
            await instance.ready()
        await self.proxy.start()

    async def stop(self) -> None:
        await asyncio.gather(*(instance.stop() for instance in self.instances))
        await self.proxy.stop()


@asynccontextmanager
async def running(
    database_url: str, redis_url: str, folder: Path, instances: int = 2, **settings: str
) -> AsyncIterator[Chat]:
    """The chat, which runs as long as the block lasts; nobody is limited, unless the settings say so."""
    stores = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "FILE_STORAGE": str(folder / "files")}
    secret = {"JWT_SECRET": "for-tests-only-" * 3}
    chat = Chat(instances, {**os.environ, **stores, **secret, **UNLIMITED, **settings}, folder)
    try:
        await chat.start()
        yield chat
    finally:
        await chat.stop()


@pytest.fixture
async def chat(lasting_chat: Chat) -> AsyncIterator[Chat]:
    """The chat for a test that ends some of it."""
    yield lasting_chat
    for instance in lasting_chat.instances:
        if instance.process.poll() is not None:
            instance.start()
            await instance.ready()


@pytest.fixture(scope="module")
async def lasting_chat(
    lasting_database_url: str, lasting_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Chat]:
    """The chat of all tests."""
    async with running(lasting_database_url, lasting_redis_url, tmp_path_factory.mktemp("chat")) as chat:
        yield chat


async def load(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run it; the exit status and what it says to people, on both streams."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.loadtest", *arguments, "--accounts", str(folder / "accounts")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200"},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_run_has_figures_a_chart_and_thresholds(lasting_chat: Chat, tmp_path: Path) -> None:
    files = ["--json", str(tmp_path / "run.json"), "--chart", str(tmp_path / "run.png")]
    kept = ["--max-lost", "0", "--max-doubled", "0", "--max-missed", "0", "--max-p99", "60000"]
    status, out, err = await load(tmp_path, lasting_chat.proxy.url, *SMALL, *BUSY, *files, *kept)
    assert (status, err) == (0, ""), out
    assert "lost 0, missed 0, doubled 0" in out
    found = json.loads((tmp_path / "run.json").read_text())
    assert_sound(found)
    assert found["failed"] == []
    assert_drawn(tmp_path / "run.png")

    # The next run has the same accounts, and a threshold that nothing can keep.
    impossible = ["--max-p99", "0.001", "--max-lost", "0"]
    status, out, _ = await load(tmp_path, lasting_chat.proxy.url, *SMALL, "--duration", "1", *impossible)
    assert status == 1
    assert "failed: --max-p99 0.001 was not kept: it is" in out
    assert "failed: --max-lost" not in out
    tokens = [json.loads(file.read_text())["tokens"] for file in (tmp_path / "accounts").iterdir()]
    assert [sorted(some) for some in tokens] == [[f"load-4-{number}" for number in range(8)]]
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "accounts").iterdir())


async def test_the_load_of_the_benchmark_counts_a_chats_messages(lasting_chat: Chat, tmp_path: Path) -> None:
    """On one instance and on two; `scripts/bench --tests chat` starts instances and stores of its own."""
    plan = ChatPlan(rooms=2, room_size=4)
    first, second = lasting_chat.instances
    tokens, rooms = await prepare(first.address[1], plan)
    members = write_members(tmp_path / "members", tokens, rooms, plan.room_size)
    place = await asyncio.to_thread(compiled, tmp_path)

    async def rows(*instances: Instance, rates: tuple[int, ...]) -> list[dict[str, Any]]:
        ports, pids = (
            ",".join(map(str, values))
            for values in zip(*((each.address[1], each.process.pid) for each in instances), strict=True)
        )
        stores = os.getpid(), second.process.pid  # any processes will do
        what = "chat", ports, pids, *stores, members, plan.room_size, 0.1, 0.3, *rates
        lines = await asyncio.to_thread(put_load, "parley", place, *what)
        return [json.loads(line) for line in lines.splitlines()]

    flat_out, steady = await rows(first, rates=(0, 20))
    (across,) = await rows(first, second, rates=(20,))
    assert [row["instances"] for row in (flat_out, steady, across)] == [1, 1, 2]
    assert [row["in_flight"] for row in (flat_out, steady, across)] == [8, 0, 0]
    for row in (flat_out, steady, across):
        assert row["operations"] > 0
        assert row["cpu_us"] > 0
        assert 0 < row["ack_p50_ms"] <= row["ack_p99_ms"]
        assert 0 < row["p50_ms"] <= row["p99_ms"]


async def test_an_answer_that_the_polling_client_never_reads_holds_no_connection() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await asyncio.sleep(0.05)  # so that the body comes in a read of its own
        writer.write(b"ok")
        await reader.read()  # until the client ends the connection
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        async with new_http_session() as session:
            response = await session.post(f"http://{host}:{port}/io/")
            assert response.connection is None
            assert await response.text() == "ok"


def assert_sound(found: dict[str, Any]) -> None:
    counts, latencies = found["counts"], found["latencies"]
    assert (counts["lost"], counts["missed"], counts["doubled"]) == (0, 0, 0)
    assert counts["sent"] == counts["acked"] == latencies["ack"]["count"] > 50
    # 20 clients are in each room; those that are away read what they missed.
    assert counts["delivered"] == latencies["deliver"]["count"]
    assert counts["delivered"] + counts["caught_up"] >= 20 * counts["acked"] - 20 * counts["reconnected"]
    assert latencies["connect"]["count"] == 40
    assert latencies["read"]["count"] > 0
    assert latencies["typing"]["count"] > 0
    assert counts["reconnected"] == latencies["reconnect"]["count"] > 0
    for quantiles in latencies.values():
        if quantiles["count"]:
            assert quantiles["p50"] <= quantiles["p90"] <= quantiles["p99"] <= quantiles["max"]
    seconds = found["seconds"]
    assert max(second["connected"] for second in seconds) == 40
    assert sum(second["counts"].get("acked", 0) for second in seconds) == counts["acked"]
    assert all(one["at"] < other["at"] for one, other in pairwise(seconds))
    assert seconds[0]["at"] < 0 < seconds[-1]["at"]
    assert len(found["generator"]["load"]) == 2


def assert_drawn(file: Path) -> None:
    """A PNG with lines in several colours."""
    with Image.open(file) as image:
        assert image.format == "PNG"
        assert min(image.size) > 800
        colours = image.convert("RGB").getcolors(2**24)
    assert colours is not None
    assert (
        sum(
            count
            for count, (red, green, blue) in colours
            if max(red, green, blue) - min(red, green, blue) > 60
        )
        > 1000
    )


async def test_a_server_with_limits_is_named(database_url: str, redis_url: str, tmp_path: Path) -> None:
    async with running(database_url, redis_url, tmp_path, instances=1, SIGN_UP_RATE="2") as limited:
        status, _, err = await load(tmp_path, limited.proxy.url, *SMALL)
    assert status == 1
    assert err.startswith(
        f"load: {limited.proxy.url} limits how much one address may do (/auth/sign-up: Too many accounts"
    )


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    status, _, err = await load(tmp_path, "http://127.0.0.1:1", *SMALL)
    assert status == 1
    assert err.startswith("load: http://127.0.0.1:1 does not answer as the chat does: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["127.0.0.1:3000"],
        ["http://127.0.0.1/chat"],
        ["http://127.0.0.1", "--clients", "0"],
        ["http://127.0.0.1", "--clients", "10", "--users", "11"],
        ["http://127.0.0.1", "--clients", "102", "--users", "2"],
        ["http://127.0.0.1", "--polling", "110%"],
        ["http://127.0.0.1", "--duration", "0"],
        ["http://127.0.0.1", "--max-lost", "none"],
        ["http://127.0.0.1", "--chart", "chart.svg"],
        ["http://127.0.0.1", "--json", "/nowhere/run.json"],
        ["http://127.0.0.1", "--prefix", "Load Test"],
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: scripts/load" in capsys.readouterr().err


# What goes wrong is counted


class Pair:
    """Somebody who sends, and a member of the load whose connection can be made to fail it."""

    def __init__(self, member: Member, sender: Member) -> None:
        self.member = member
        self._sender = sender
        self.sent = 0

    async def send(self, number: int = 1) -> int:
        """Send some messages; the number of the last."""
        last = 0
        for _ in range(number):
            self.sent += 1
            last = await self._sender.send(f"message {self.sent}", f"pair-{self.sent}")
        return last

    async def has(self, last: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.member.view.applied < last:  # noqa: ASYNC110 - the view has no event
                await asyncio.sleep(0.01)


async def somebody(url: str) -> tuple[str, str]:
    """A token, and the id of a room of whom it is."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        body = {"username": f"somebody-{next(names)}", "credential": "correct horse battery"}
        token: str = (await http.post("/auth/sign-up", json=body)).json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        room: str = (await http.post("/chat/rooms", json={"name": "a room"}, headers=headers)).json()["id"]
    return token, room


@pytest.fixture
async def pair(lasting_chat: Chat) -> AsyncIterator[Pair]:
    url = lasting_chat.instances[0].url
    token, room = await somebody(url)
    failures: list[str] = []
    members = [
        Member(url, token, room, polling=False, heard=lambda _: None, failed=failures.append)
        for _ in range(2)
    ]
    for member in members:
        await member.connect()
    yield Pair(*members)
    for member in members:
        await member.close()
    # One that goes away may just be reading the log.
    assert [failure for failure in failures if failure != "room:sync: Disconnected"] == []


async def test_nothing_is_counted_where_nothing_goes_wrong(pair: Pair) -> None:
    last = await pair.send(5)
    await pair.has(last)
    view = pair.member.view
    assert (view.lost(last), view.missed, view.doubled, view.out_of_order, len(view.live)) == (0, 0, 0, 0, 5)


async def test_an_event_that_does_not_come_is_missed_and_asked_for(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = pair.member.view.first + 2
    monkeypatch.setattr(View, "hear", ignoring(ignored))
    last = await pair.send(4)
    await pair.has(last)
    view = pair.member.view
    assert (view.lost(last), view.missed, view.doubled, view.out_of_order) == (0, 1, 0, 0)
    assert view.asked == {ignored}


async def test_what_not_even_the_log_gives_is_lost(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = pair.member.view.first + 2
    monkeypatch.setattr(View, "hear", ignoring(ignored))
    real = View.take

    def take(view: View, numbers: list[int], up_to: int, *, away: bool) -> None:
        real(view, [number for number in numbers if number != ignored], up_to, away=away)

    monkeypatch.setattr(View, "take", take)
    last = await pair.send(4)
    await pair.has(last)
    assert pair.member.view.lost(last) == 1


async def test_what_comes_twice_and_what_comes_late_is_counted(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, held = View.hear, list[int]()
    first = pair.member.view.first

    def hear(view: View, number: int) -> bool:
        if number == first + 1:
            held.append(number)
            return False
        heard = real(view, number)
        if number == first + 2:
            real(view, first + 1)  # behind a later one
            real(view, number)  # again
        return heard

    monkeypatch.setattr(View, "hear", hear)
    last = await pair.send(3)
    await pair.has(last)
    view = pair.member.view
    assert held
    assert (view.lost(last), view.missed, view.doubled, view.out_of_order) == (0, 0, 1, 1)


def ignoring(ignored: int) -> Any:
    real = View.hear

    def hear(view: View, number: int) -> bool:
        return False if number == ignored else real(view, number)

    return hear


async def test_what_was_said_while_it_was_away_is_not_missed(pair: Pair) -> None:
    await pair.member.disconnect()
    last = await pair.send(3)
    await pair.member.connect()
    async with asyncio.timeout(PATIENCE):
        await pair.member.caught_up()
    view = pair.member.view
    assert (view.lost(last), view.missed, len(view.caught_up), len(view.live)) == (0, 0, 3, 0)


# python-engineio reads no answer to a POST.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("polling", [False, True], ids=["websocket", "polling"])
async def test_a_client_of_an_instance_that_stops_goes_on_at_another(chat: Chat, polling: bool) -> None:
    going, staying = chat.instances
    token, room = await somebody(staying.url)
    failures: list[str] = []
    member = Member(
        chat.proxy.url, token, room, polling=polling, heard=lambda _: None, failed=failures.append
    )
    try:
        async with asyncio.timeout(PATIENCE * 3):
            await member.connect()
            # It does not say which of them has its session, so both stop.
            await asyncio.gather(going.stop(), member.send("before", "before"))
            going.start()
            await going.ready()
            await asyncio.gather(staying.stop(), member.send("between", "between"))
            last = await member.send("after", "after")
            while member.view.applied < last:  # noqa: ASYNC110 - the view has no event
                await asyncio.sleep(0.01)
        assert member.view.lost(last) == 0
    finally:
        await member.close()


async def test_what_cannot_connect_ends_the_run(lasting_chat: Chat, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{find_free_port()}"
    status, _, err = await load(
        tmp_path, lasting_chat.proxy.url, nobody, *SMALL, "--grace", "2", "--prefix", "nobody"
    )
    assert status == 1
    assert err.startswith("load: 20 of 40 clients cannot connect: connect: Unreachable ")


async def test_the_logs_are_read_from_whoever_is_left(chat: Chat, tmp_path: Path) -> None:
    """A run whose first server ends for good has figures of it, and says what its clients did not get."""
    going, staying = chat.instances
    file = tmp_path / "run.json"
    asked = ["--duration", "3", "--grace", "2", "--json", str(file), "--max-lost", "0", "--prefix", "left"]
    async with httpx.AsyncClient(base_url=staying.url, trust_env=False, timeout=PATIENCE) as http:
        before = await messages_written(http)
        running = asyncio.create_task(load(tmp_path, going.url, staying.url, *SMALL, *asked))
        while await messages_written(http) == before and not running.done():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    going.process.kill()
    status, out, _ = await running
    assert status == 1
    assert "failed: --max-lost 0 was not kept" in out
    assert json.loads(file.read_text())["counts"]["lost"] > 0


async def messages_written(http: httpx.AsyncClient) -> str:
    found = re.search(
        r"^parley_messages_written_total (.*)$", (await http.get("/metrics")).text, re.MULTILINE
    )
    assert found is not None
    return found[1]


# Histograms


def test_a_bucket_is_known_to_a_part_in_thirty_two() -> None:
    for value in [*range(5000), *(7**power for power in range(20))]:
        assert value <= highest(bucket(value)) <= value * (1 + 1 / 32)
    assert all(one <= other for one, other in pairwise(map(bucket, range(100_000))))


def test_quantiles_and_sums() -> None:
    one, other = Histogram(), Histogram()
    assert one.summary() == {"count": 0, "p50": None, "p90": None, "p99": None, "max": None}
    for milliseconds in range(1, 51):
        one.add(milliseconds / 1000)
        other.add((50 + milliseconds) / 1000)
    one.merge(other)
    found = one.summary()
    assert found["count"] == 100
    for name, expected in (("p50", 50), ("p90", 90), ("p99", 99), ("max", 100)):
        assert found[name] == pytest.approx(expected, rel=1 / 32)
