"""scripts/soak: a short run with a fault of each kind, and a run with a planted fault, by real servers and clients."""

from pathlib import Path

import pytest
import uvloop

from scripts.soaking.__main__ import main
from scripts.soaking.history import Answered, Began, Fault, Heard, read, written
from scripts.soaking.invariants.all_invariants import INVARIANTS, check
from scripts.soaking.nemesis.faults import FAULTS
from scripts.soaking.planted import planted_faults
from scripts.soaking.run import KINDS, Plan, run
from tests.support.soak_histories import hears, message, room, sends

pytestmark = pytest.mark.timeout(240)

SOME_FAULTS = ("clients-cut", "redis-empty", "postgres-cut", "redis-full")


def test_devices_of_all_kinds_chat_through_faults(tmp_path: Path) -> None:
    history = uvloop.run(run(Plan(4, 6, 6, SOME_FAULTS)))
    (tmp_path / "history").write_bytes(written(history))
    assert check(history) == {}
    assert check(read(tmp_path / "history")) == {}
    (began,) = [entry for entry in history if isinstance(entry, Began)]
    assert {kind for kind, _ in began.devices.values()} == set(KINDS)
    assert {entry.device for entry in history if isinstance(entry, Heard)} == set(began.devices)
    assert {entry.device for entry in history if isinstance(entry, Answered)} == set(began.devices)
    assert {entry.fault for entry in history if isinstance(entry, Fault)} <= set(SOME_FAULTS)


def test_a_history_is_checked_and_what_is_broken_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history.jsonl"
    good = [
        *room(),
        sends(1, "text 3", at=2),
        message(3, at=2.1),
        hears("a", 3, at=2.2),
        hears("b", 3, at=2.2),
    ]
    file.write_bytes(written(good))
    assert main(["--check", str(file)]) == 0
    assert f"{len(INVARIANTS)} of {len(INVARIANTS)} invariants hold" in capsys.readouterr().out
    file.write_bytes(written([*good, hears("b", 3, at=2.3)]))
    assert main(["--check", str(file)]) == 1
    out = capsys.readouterr().out
    assert "BROKEN: told-once, 1 times, seed 1" in out
    assert "b heard number 3 of room r twice in one session" in out
    assert "The shortest history that shows the first (2 of" in out


def test_what_is_no_history_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("nothing\n")
    assert main(["--check", str(tmp_path / "file")]) == 1
    assert "file, line 1" in capsys.readouterr().err
    assert main(["--check", str(tmp_path / "other")]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fault", "flood"],
        ["--fault", "rolling-upgrade"],
        ["--seconds", "0"],
        ["--planted", "no-such"],
        ["--devices", "1"],
        ["--cluster", "--sentinel"],
        ["--from", "HEAD", "--planted"],
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2


def test_everything_has_a_name_to_choose_by(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--list"])
    words = set(capsys.readouterr().out.split())
    assert {*FAULTS, *INVARIANTS, *planted_faults()} <= words
