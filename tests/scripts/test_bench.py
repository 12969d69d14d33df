"""scripts/bench: what it makes of its rows, and its load generator against servers that are right and wrong."""

import argparse
import json
import socket
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scripts.benchmark import charts, report
from scripts.benchmark.bench import checkout, read_rows
from scripts.benchmark.chat import ChatPlan, Chats, chats, write_members
from scripts.benchmark.machine import Failed, Place
from scripts.benchmark.measures import measure, put_load, refusal
from scripts.benchmark.servers import CHAT, SERVERS, tree
from tests.support.load_generator import compiled
from tests.support.paths import ROOT

pytestmark = pytest.mark.begins_early

BUSY = {"load_cpu_pct": 70.0, "load_waited_pct": 30.0, "server_cpu_pct": 40.0, "server_waited_pct": 0.0,
        "postgres_cpu_pct": 0.0, "redis_cpu_pct": 0.0}  # fmt: skip


def row(server: str, repetition: int, **fields: Any) -> report.Row:
    return {
        "server": server, "repetition": repetition, "measure": "ack", "clients": 200, "room_size": 200,
        "in_flight": 200, "rate": 0, "operations": 100, "per_s": 1000.0, "cpu_us": 10.0, "postgres_us": 0.0,
        "redis_us": 0.0, "p50_ms": 1.0, "p99_ms": 2.0, "load_cpu_pct": 30.0, "others_cpu_pct": 1.0, **fields,
    }  # fmt: skip


def chat_row(server: str, repetition: int, **fields: Any) -> report.Row:
    times = {"ack_p50_ms": 2.0, "ack_p99_ms": 9.0}
    same = {
        "measure": "chat",
        "room_size": 20,
        "instances": 1,
        "postgres_us": 200.0,
        "redis_us": 20.0,
        **times,
    }
    return row(server, repetition, **{**same, **fields})


# --- what it makes of rows ---


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, True),
        ({"load_waited_pct": 20.0}, False),  # it had time left
        ({"server_cpu_pct": 95.0}, False),  # the server had none, either
        ({"server_waited_pct": 55.0}, False),  # the server would have run, and had no core
        ({"postgres_cpu_pct": 30.0, "redis_cpu_pct": 25.0}, False),  # what serves shares a core
    ],
)
def test_a_row_whose_load_was_the_limit_is_refused(changes: dict[str, float], refused: bool) -> None:
    said = refusal({**BUSY, **changes})
    assert bool(said) == refused
    if refused:
        assert "no time left (100 % of its core), and the server had (40 %" in said["refused"]


def test_an_idle_row_is_not_refused() -> None:
    assert refusal({"measure": "idle", "kib_per_connection": 3.0}) == {}


def test_ratios_are_of_the_same_repetition() -> None:
    rows = [row("parley", 0, cpu_us=10), row("node", 0, cpu_us=20), row("parley", 1, cpu_us=40)]
    (case,) = report.cases([*rows, row("node", 1, cpu_us=80, refused="…"), row("node", 2, cpu_us=1)])
    assert case.ratio("parley", "cpu_us", less_is_better=True) == 2.0
    assert case.middle("parley", "cpu_us") == 25.0
    (alone,) = report.cases([row("parley", 0)])
    assert alone.ratio("parley", "cpu_us", less_is_better=True) is None


def test_a_table_for_each_case_and_none_for_what_is_refused() -> None:
    rows = [
        row("parley", 0, measure="rooms", clients=10_000, room_size=10, in_flight=64),
        row("parley", 0, measure="rooms", clients=100, room_size=100, in_flight=1),
        row("node", 0, refused="the load generator had no time left."),
        chat_row("parley", 0, in_flight=0, rate=45),
        chat_row("node", 0, in_flight=0, rate=45, cpu_us=30.0, postgres_us=100.0),
        chat_row("parley", 0, in_flight=0, rate=40, instances=2),
    ]
    text = report.tables(rows)
    titles = [line for line in text.splitlines() if line.startswith("### ")]
    assert titles == [
        "### Broadcast to 1,000 rooms of 10, 64 in flight",
        "### Broadcast to a room of 100, 1 in flight",
        "### Chat: messages to rooms of 20, 45 a second",
        "### Chat: messages to rooms of 20 on two instances, 40 a second",
        "### Refused",
    ]
    assert (
        "| parley | 1,000 | 1.00 | 10 | 3.00 | 200 | 0.50 | 20 | 2.00 | 9.00 | 1.00 | 2.00 | 30 | 1 |" in text
    )
    assert "- node, Emit with ack, 200 clients, repetition 1: the load generator had no time left." in text
    assert report.progress({**rows[2]}).endswith("REFUSED")


def test_all_is_refused() -> None:
    assert "### Emit" not in report.tables([row("node", 0, refused="…")])


def test_charts(tmp_path: Path) -> None:
    rows = [row(server, 0, measure=name, clients=clients) for server in ("parley", "before", "node", "floor")
            for name, clients in (("ack", 200), ("polling", 200), ("fanout", 100), ("fanout", 500))]  # fmt: skip
    rows += [chat_row(server, 0, instances=count) for server in ("parley", "node") for count in (1, 2)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in [{"about": {}}, *rows]))
    drawn = charts.draw(read_rows(file), tmp_path / "new")
    assert [each.name for each in drawn] == ["engine.png", "chat.png"]
    for each in drawn:
        with Image.open(each) as image:
            assert image.format == "PNG"
            assert min(image.size) > 300
    colours = charts.colours_of(["parley", "before", "node"])
    assert len({colours[name] for name in ("parley", "before", "node")}) == 3
    assert charts.draw([], tmp_path) == []
    assert [charts.short(value) for value in (0.9551, 12.34, 99.9, 1474.2)] == [
        "0.955",
        "12.3",
        "99.9",
        "1,474",
    ]


def test_rows_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot read the rows of"):
        read_rows(tmp_path / "none")
    (tmp_path / "bad").write_text("{")
    with pytest.raises(Failed, match="cannot read the rows of"):
        read_rows(tmp_path / "bad")


# --- other checkouts ---


def test_other_checkouts(tmp_path: Path) -> None:
    assert checkout(f"before={ROOT}") == ("before", ROOT)
    for wrong in ("before", "before=", "=/x", "a b=/x", "parley=/x"):
        with pytest.raises(argparse.ArgumentTypeError):
            checkout(wrong)
    with pytest.raises(Failed, match="is no checkout of Parley"):
        tree("before", tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "protocol").mkdir()
    with pytest.raises(Failed, match="run scripts/install --dev there"):
        tree("before", tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").touch()
    other = tree("before", tmp_path)
    assert (other.name, other.folder, other.engine[0]) == (
        "before",
        tmp_path,
        str(tmp_path / ".venv/bin/python"),
    )


def test_who_is_put_to_what() -> None:
    tests = ("fanout", "ack", "polling", "across", CHAT)
    takes = {name: [test for test in tests if each.takes(test)] for name, each in SERVERS.items()}
    assert takes["parley"] == takes["node"] == list(tests)
    assert takes["parley-asgi"] == takes["python-socketio"] == ["fanout", "ack", "polling", "across"]
    assert takes["floor"] == ["fanout", "ack"]


# --- the load generator ---


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return compiled(tmp_path_factory.mktemp("build"))


@pytest.fixture
def no_chats(place: Place) -> Chats:
    with chats(ChatPlan(), place) as running:
        return running


def test_it_measures_the_floor(place: Place, no_chats: Chats) -> None:
    tests = [["fanout", 8, 8, 0.05, 0.1, 1, 8], ["rooms", 20, 5, 0.05, 0.1, 3], ["ack", 5, 0.05, 0.1],
             ["connect", 30, 0.05]]  # fmt: skip
    rows = [found for test in tests for found in measure(SERVERS["floor"], test, place, no_chats)]
    assert [found["measure"] for found in rows] == ["fanout", "fanout", "rooms", "ack", "connect", "idle"]
    assert [found["room_size"] for found in rows[:3]] == [8, 8, 5]
    assert all(found["operations"] > 0 and found["cpu_us"] > 0 and found["p99_ms"] > 0 for found in rows[:5])
    assert rows[4]["operations"] == 30


def test_it_measures_parley_over_polling(place: Place, no_chats: Chats) -> None:
    (found,) = measure(SERVERS["parley"], ["polling", 3, 0.05, 0.2], place, no_chats)
    assert found["measure"] == "polling"
    assert found["operations"] > 0
    assert found["cpu_us"] > 0


def frame(packet: bytes) -> bytes:
    return bytes([0x81, len(packet)]) + packet


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
OPENED = UPGRADED + frame(b'0{"sid":"abc"}')


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "the server refused the websocket"),
        ([UPGRADED + b"\x88\x00"], "the server closed the websocket"),
        ([OPENED, frame(b"44{}")], r"does not expect the packet 44\{\}"),
        ([OPENED, frame(b"40{}") + frame(b"4399[]")], "got an ack that it does not wait for"),
        ([OPENED, b""], "the server closed the connection"),
    ],
)
def test_it_says_what_is_wrong_with_a_server(place: Place, answers: list[bytes], said: str) -> None:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for sent in answers:
                connection.recv(4096)
                connection.sendall(sent)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Failed, match=f"wrong, ack: client 1 of 1: .*{said}"):
            put_load("wrong", place, "ack", listener.getsockname()[1], 1, 1, 0.1, 0.1)
        thread.join()


def test_members_are_written_room_by_room(tmp_path: Path) -> None:
    file = write_members(tmp_path / "members", ["t1", "t2", "t3", "t4"], ["a", "b"], 2)
    assert file.read_text() == "t1 a\nt2 a\nt3 b\nt4 b\n"
