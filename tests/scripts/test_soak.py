"""scripts/soak: two minutes with the seed of the day, by real servers and clients; what the command takes and says."""

import time
from pathlib import Path

import pytest

from scripts.soaking.__main__ import main, soak
from scripts.soaking.history import Answered, Began, Fault, Heard, read, written
from scripts.soaking.invariants.all_invariants import INVARIANTS, check
from scripts.soaking.nemesis.faults import FAULTS, possible
from scripts.soaking.planted import planted_faults
from scripts.soaking.run import KINDS, Plan
from scripts.soaking.stack import Shape
from tests.support.soak_histories import hears, message, room, sends

pytestmark = pytest.mark.begins_early

SECONDS = 90.0  # in which faults begin; with the start and the end it is two minutes
BUSES = ("one", "interest")
# Few devices that pause for long: it is to run beside other tests, and it waits most of its time.
DEVICES, INSTANCES, PAUSE = 6, 2, 4.0


@pytest.mark.before_others
def test_devices_of_all_kinds_chat_for_two_minutes_through_the_faults_of_the_day(tmp_path: Path) -> None:
    """Whatever may fail, in an order that is another one each day, in the mode of the bus that is the day's."""
    seed = int(time.strftime("%Y%m%d", time.gmtime()))
    shape = Shape(instances=INSTANCES, bus=BUSES[seed % len(BUSES)])
    status = soak(Plan(seed, SECONDS, DEVICES, tuple(possible(shape)), shape, PAUSE), tmp_path)
    again = (
        f"--seed {seed} --seconds {SECONDS:g} --devices {DEVICES} --instances {INSTANCES} --pause {PAUSE:g}"
    )
    assert status == 0, f"scripts/soak {again} --bus {shape.bus} does it again"
    history = read(tmp_path / f"seed-{seed}" / "history.jsonl")
    assert check(history) == {}
    (began,) = [entry for entry in history if isinstance(entry, Began)]
    assert {kind for kind, _ in began.devices.values()} == set(KINDS)
    assert {entry.device for entry in history if isinstance(entry, Heard)} == set(began.devices)
    assert {entry.device for entry in history if isinstance(entry, Answered)} == set(began.devices)
    assert {entry.fault for entry in history if isinstance(entry, Fault)} <= set(possible(shape))


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
