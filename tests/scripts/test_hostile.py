"""The attacks of scripts/hostile, a moment each: nobody else is harmed, and the attacker is refused.

How fast the ordinary clients are served meanwhile, and how much memory it takes, is what scripts/hostile measures.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from app import embedded
from scripts.hostility.__main__ import main
from scripts.hostility.attack import ORDINARY, Attack, Outcome, Target, bearer, http
from scripts.hostility.attacks import ATTACKS, unread
from scripts.hostility.attacks.frames import FRAMES
from scripts.hostility.attacks.uploads import picture, upload
from scripts.hostility.instance import Attacked, attacked, defaults
from scripts.hostility.ordinary import Assignment, Ordinary
from scripts.hostility.report import Measured, cells, missed
from scripts.hostility.wire import ending
from scripts.loadtest.histogram import Histogram
from tests.support.postgres_servers import TEMPLATE, execute
from tests.support.waiting import until

pytestmark = pytest.mark.begins_early

MOMENT = 0.2  # seconds

Answers = Counter[str]


@pytest.fixture(scope="module")
async def target(
    postgres_sockets: Path, valkey_sockets: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Attacked]:
    """Limits are lower than usual, so that they are reached soon; two talk well within them."""
    await asyncio.to_thread(execute, postgres_sockets, f"create database hostile template {TEMPLATE}")
    environment = defaults(
        DATABASE_URL=embedded.database_url(postgres_sockets, "hostile"),
        REDIS_URL=embedded.redis_url(valkey_sockets),
        JWT_SECRET="for-tests-only-" * 3,
        EVENT_RATE="8",
        EVENT_BURST="20",
    )
    async with attacked(tmp_path_factory.mktemp("hostile"), environment) as target:
        yield target
    await asyncio.to_thread(execute, postgres_sockets, "drop database hostile with (force)")


@pytest.fixture
async def unharmed(target: Attacked, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Two clients talk during the test, and nothing happens to them."""
    monkeypatch.setattr(unread, "MESSAGES", 10)
    ordinary = Ordinary(Assignment(target.instance.address[1], target.ordinary), send_every=0.2)
    await ordinary.start()
    ordinary.measure("")
    yield
    found = await ordinary.stop()
    await ordinary.close()
    counts = Counter(found["counts"])
    harm = ("unfinished", "lost", "missed", "doubled", "out_of_order", "away")
    # An acknowledgement that is late is asked for again; how late it is on a busy machine is not tested.
    failures = {kind: number for kind, number in found["failures"].items() if "AckTimeout" not in kind}
    assert ({what: counts[what] for what in harm}, failures) == (dict.fromkeys(harm, 0), {})
    assert counts["delivered"] == counts["sent"]
    assert len(Histogram(found["latencies"].get("health"))) == counts["probes"]
    await assert_readable(target)


async def assert_readable(target: Attacked) -> None:
    """What the attacker has left behind stops nobody from reading."""
    room = target.ordinary[0].room
    async with http(target.instance.url, ORDINARY, **bearer(target.ordinary[0])) as session:
        for path in (f"rooms/{room}/messages", f"rooms/{room}/changes?after=0", "conversations"):
            status = 429  # the limits are low here, and the ordinary clients have talked a lot
            while status == 429:
                async with session.get(f"/chat/{path}") as answer:
                    status = answer.status
                await asyncio.sleep(0.05)
            assert (path, status) == (path, 200)


@asynccontextmanager
async def attacking(target: Attacked, name: str) -> AsyncIterator[Outcome]:
    """An attack for the length of the block, which begins when something has come of it."""
    chosen, outcome = ATTACKS[name], Outcome()
    prepared = await chosen.prepare(target.target) if chosen.prepare else None
    task = asyncio.create_task(run(chosen, target.target, outcome, prepared))
    try:
        await until_seen(lambda: outcome.sent > 0 or bool(outcome.answers), outcome)
        yield outcome
    finally:
        task.cancel()
        await asyncio.wait([task])


async def run(chosen: Attack, target: Target, outcome: Outcome, prepared: Any) -> None:
    await chosen.run(target, outcome, prepared)


async def until_seen(condition: Callable[[], bool], *outcomes: Outcome) -> None:
    """Wait for what must come of attacks."""
    try:
        await until(condition)
    except TimeoutError:
        pytest.fail(f"it does not happen: {[dict(outcome.answers) for outcome in outcomes]}")


def closed(answers: Answers) -> bool:
    """The server has ended a connection, or has said 4xx."""
    return answers["closed"] > 0 or any(status.startswith("4") for status in statuses(answers))


def statuses(answers: Answers) -> set[str]:
    return {kind for kind in answers if kind.isdigit()}


REFUSED: dict[str, Callable[[Answers], bool]] = {
    "trailers": closed,
    "private-trailers": closed,
    "chunk-extensions": closed,
    "tiny-chunks": closed,
    "large-heads": closed,
    "many-fields": closed,
    "private-heads": closed,
    "large-bodies": closed,
    "nested-metadata": lambda answers: answers["invalid"] > 0,
    "not-carried": lambda answers: answers["invalid"] > 0,
    "small-messages": lambda answers: answers["rate_limited"] > 0,
    "rooms": lambda answers: answers["rate_limited"] > 0,
}


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("name", REFUSED)
async def test_the_attacker_is_refused_and_nobody_else_is_harmed(target: Attacked, name: str) -> None:
    async with attacking(target, name) as outcome:
        await until_seen(lambda: REFUSED[name](outcome.answers), outcome)
    assert not outcome.answers["internal"]


# What may be answered, besides that it is too much.
ANSWERS = {
    "h2c": {"422"},
    "requests": {"200"},
    "polling-handshakes": {"200"},
    "polling-heads": {"200"},
    "polling-packets": {"200", "400"},
    "handshakes": set(),
    "large-numbers": set(),
    "unread-rest-20": set(),
    "unread-refusals": set(),
    "connections": set(),
    "searches": {"200"},
}
TOO_MUCH = {"403", "429", "431", "503"}


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("name", ANSWERS)
async def test_nobody_is_harmed_by_what_looks_ordinary(target: Attacked, name: str) -> None:
    async with attacking(target, name) as outcome:
        await asyncio.sleep(MOMENT)
    assert statuses(outcome.answers) <= ANSWERS[name] | TOO_MUCH
    assert not outcome.answers["internal"]


@pytest.mark.usefixtures("unharmed")
async def test_a_websocket_that_floods_is_closed_with_a_reason(target: Attacked) -> None:
    """Each kind of tiny frame, all at once, until each has been closed.

    Who leaves a namespace that it has not joined breaks the protocol; who goes on with events before it has
    authenticated is disconnected.
    """
    code = dict.fromkeys(FRAMES, "1008") | {"namespaces": "1002", "early-events": "1000"}
    outcomes = {kind: Outcome() for kind in FRAMES}
    runs = [
        asyncio.create_task(run(ATTACKS[f"{kind}-max"], target.target, outcome, None))
        for kind, outcome in outcomes.items()
    ]

    def all_are_closed() -> bool:
        return all(
            any(answer.startswith(f"closed {code[kind]}") for answer in outcome.answers)
            for kind, outcome in outcomes.items()
        )

    try:
        await until_seen(all_are_closed, *outcomes.values())
    finally:
        for task in runs:
            task.cancel()
        await asyncio.wait(runs)


@pytest.mark.usefixtures("unharmed")
async def test_pictures_are_taken_or_refused(target: Attacked) -> None:
    outcome = Outcome()
    content = picture("RGB", 300, "JPEG", progressive=True)
    task = asyncio.create_task(upload("a.jpg", target.target, outcome, content))
    try:
        await until_seen(lambda: bool(outcome.answers), outcome)
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert statuses(outcome.answers) <= {"201", "429"}


async def test_the_script_measures_a_quiet_run_and_an_attack() -> None:
    chosen = ["--only", "private-heads", "--seconds", "0.5", "--settle", "0", "--markdown"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.hostility", *chosen), stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    rows = [line.split(" | ") for line in out.decode().splitlines() if line.startswith("| ")]
    said = [line for line in err.decode().splitlines() if "PostgreSQL runs as nobody" not in line]  # as root
    assert ([row[0] for row in rows[2:]], said) == (["| quiet", "| private-heads"], [])
    assert process.returncode in (0, 1)  # the machine may be busy
    assert all(row[3].startswith("0 of ") and " / " in row[1] for row in rows[2:])


# What is told of it


def quick() -> Measured:
    figures = {"latencies": both(4), "counts": {"sent": 1}, "failures": {}}
    return Measured("a", "b", figures, before=100.0, peak=110.0, after=101.0, back=1.0, cpu=0.5)


def both(milliseconds: float) -> dict[str, Any]:
    """Latencies of messages and of /health/live."""
    found = Histogram()
    found.add(milliseconds / 1000)
    return {"deliver": dict(found.buckets), "health": dict(found.buckets)}


def test_a_run_that_keeps_all_targets_misses_none() -> None:
    assert list(missed(quick(), quick())) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"peak": 165.0}, ["+65 MB"]),
        ({"back": None}, ["memory not back"]),
        ({"ended": "the instance ended with status -9"}, ["the instance ended with status -9"]),
        ({"figures": {"latencies": both(25), "counts": {}, "failures": {}}}, ["6 × quiet"]),
        (
            {"figures": {"latencies": both(60), "counts": {"lost": 1, "away": 1}, "failures": {"health": 2}}},
            ["message p99", "health p99", "15 × quiet", "messages lost", "clients cut off", "health 2"],
        ),
        ({"figures": {"latencies": {}, "counts": {}, "failures": {}}}, ["message p99", "health p99"]),
    ],
)
def test_a_missed_target_is_named(changes: dict[str, Any], words: list[str]) -> None:
    assert list(missed(replace(quick(), **changes), quick())) == words


def test_the_row_of_a_run_says_what_became_of_the_attacker() -> None:
    row = cells(replace(quick(), sent=1_500_000, answers={"closed 1008 too much": 2, "429": 7}), None)
    assert row[0] == "a"
    assert "sent 1.5 MB, 429: 7, closed 1008 too much: 2" in row


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b"\x8a\x00\x88\x0a\x03\xf0too much", "closed 1008 too much"),
        (b"\x88\x02\x03\xe8", "closed 1000"),
        (b"\x8a\x00\x8a\x00", "cut"),
        (b"", "cut"),
    ],
)
def test_the_end_of_a_websocket_is_read_from_its_last_bytes(tail: bytes, words: str) -> None:
    assert ending(tail) == words


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--seconds", "0"], ["--settle", "-1"]])
def test_what_cannot_be_meant_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: scripts/hostile" in capsys.readouterr().err


def test_every_attack_is_named_once_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--list"])
    assert end.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len({line.split()[0] for line in lines}) == len(ATTACKS)
