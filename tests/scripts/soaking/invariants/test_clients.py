"""No client is sent away or left waiting, and no instance fails."""

import pytest

from scripts.soaking.history import Admitted, AnyEntry, Dismissed, Unanswered, Unfinished, Unforeseen
from tests.support.soak_histories import broken, fault, loses, sends

BACK = Admitted(at=12, device="a", session=2)


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        pytest.param(loses("a", at=10), [], id="transport close"),
        pytest.param(loses("a", at=10, reason="io server disconnect"), ["a 10"], id="sent away"),
        pytest.param(loses("a", at=10, reason="server disconnect", wanted=True), [], id="wanted"),
        pytest.param(loses("a", at=10, reason="parse error"), ["a 10"], id="misunderstood"),
        pytest.param(loses("a", at=10, reason=""), ["a 10"], id="without a reason"),
        pytest.param(
            Dismissed(at=10, device="a", message="No authentication in time"), ["a 10"], id="told so"
        ),
    ],
)
def test_ended_with_a_reason(entry: AnyEntry, found: list[str]) -> None:
    assert broken("ended-with-a-reason", entry) == found


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([Unfinished(at=99, device="a", what="send")], ["a send"], id="waits at the end"),
        pytest.param(
            [sends(1, "x", at=10), Unanswered(at=14, device="a", call=1, why="timeout")], ["a call 1"]
        ),
        pytest.param([sends(1, "x", at=10), Unanswered(at=14, device="a", call=1, why="disconnected")], []),
        pytest.param(
            [sends(1, "x", at=10), Unanswered(at=14, device="a", call=1, why="timeout"), fault("x", 11, 12)],
            [],
        ),
        pytest.param([loses("a", at=10), BACK], [], id="back soon"),
        pytest.param([loses("a", at=10)], ["a 10"], id="never back"),
        pytest.param([loses("a", at=10, wanted=True)], [], id="gone for good"),
        pytest.param([loses("a", at=10), fault("x", 9, 40), Admitted(at=50, device="a", session=2)], []),
        pytest.param(
            [loses("a", at=10), fault("x", 9, 40), Admitted(at=60, device="a", session=2)], ["a 10"]
        ),
    ],
)
def test_nobody_hangs(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("nobody-hangs", *entries) == found


def test_nothing_unforeseen() -> None:
    entry = Unforeseen(at=99, instance="instance-1", text="Traceback\n  …\nKeyError: 7\n")
    assert broken("nothing-unforeseen", entry) == ["instance-1 KeyError: 7"]
