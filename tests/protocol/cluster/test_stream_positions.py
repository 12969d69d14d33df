"""Offsets in a form that can be compared, and what is no offset."""

from itertools import pairwise
from typing import Any

import pytest

from protocol.cluster.stream_positions import NOWHERE, Position, position, position_of


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("1700000000000-0", (1_700_000_000_000, 0)),
        ("0-1", (0, 1)),
        ("1-2-3", (1, 2, 3)),
        ("1-2-99", (1, 2, 99)),
        ("99999999999999999999-0", (99_999_999_999_999_999_999, 0)),
    ],
)
def test_the_position_that_an_offset_names(offset: str, expected: Position) -> None:
    assert position_of(offset) == position(offset) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        b"1-2",
        "",
        "-",
        "1",
        "1-",
        "-1",
        "1-2-",
        "1-2-0",
        "1-2-100",
        "1-2-3-4",
        " 1-2",
        "١-2",
        "1" * 21 + "-0",
    ],
)
def test_what_is_no_offset(value: Any) -> None:
    assert position_of(value) is None


def test_what_this_cluster_never_gave_stands_before_every_record() -> None:
    assert position("0") == NOWHERE
    assert position("0") < position("0-0")


def test_they_compare_in_the_order_of_their_records() -> None:
    offsets = ["9-10", "10-9", "10-10", "10-10-1", "10-10-2", "10-10-10", "10-11"]
    assert all(position(one) < position(other) for one, other in pairwise(offsets))
