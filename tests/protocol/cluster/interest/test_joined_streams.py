"""Entries of two streams, whose ids are one order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.cluster.interest.joined_streams import MIXED, Entry, joined, may_lack
from protocol.cluster.stream_positions import position

MOST = 4


def entry(number: int, *fields: str) -> Entry:
    """With an id that is no text's order."""
    return f"{7 + number // 3}-{number % 3}", ["data", str(number), *fields]


def page(*numbers: int) -> list[Entry]:
    return [entry(number) for number in numbers]


@pytest.mark.parametrize(
    ("pages", "order"),
    [
        pytest.param([[], []], [], id="nothing"),
        pytest.param([page(1, 2)], [1, 2], id="one stream"),
        pytest.param([page(1, 2, 3, 4)], [1, 2, 3, 4], id="a full page of one stream"),
        pytest.param([[], page(8, 9)], [8, 9], id="nothing in one"),
        pytest.param([page(1, 9, 10), page(2, 11)], [1, 2, 9, 10, 11], id="both"),
        pytest.param([page(1, 3, 5, 7), page(2, 8)], [1, 2, 3, 5, 7], id="more may be behind the first"),
        pytest.param([page(5, 6), page(1, 2, 3, 4)], [1, 2, 3, 4], id="and before all of the other"),
        pytest.param([page(1, 2, 3, 9), page(4, 5, 6, 7)], [1, 2, 3, 4, 5, 6, 7], id="behind both"),
    ],
)
def test_entries_come_in_the_order_of_their_ids(pages: list[list[Entry]], order: list[int]) -> None:
    found = joined(pages, MOST)
    assert [int(fields[1]) for _, (_, fields) in found] == order
    assert all(one in pages[number] for number, one in found)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60)), unique_by=lambda one: one[1]))
def test_read_on_from_what_was_taken_all_comes_once_and_in_order(entries: list[tuple[bool, int]]) -> None:
    streams = [sorted(number for side, number in entries if side is which) for which in (False, True)]
    taken: list[int] = []
    while any(streams):
        found = joined([page(*stream[:MOST]) for stream in streams], MOST)
        assert found, "there is something to take"
        for number, (_, fields) in found:
            assert int(fields[1]) == streams[number].pop(0)
            taken.append(int(fields[1]))
    assert taken == sorted(number for _, number in entries)


@pytest.mark.parametrize(
    ("pages", "lacks"),
    [
        ([page(1), page(2)], False),
        ([page(1), []], False),
        ([[entry(1), entry(3, MIXED, "")], []], True),
        ([[], [entry(3, MIXED, "")]], True),
        ([[entry(1, MIXED, "")], page(2)], False),
        ([[entry(1, MIXED, "")]], False),
        ([[], []], False),
        ([[("1-1", ["data", MIXED])], []], False),
    ],
)
def test_one_stream_alone_may_lack_what_was_written_before(pages: list[list[Entry]], lacks: bool) -> None:
    assert may_lack(pages) is lacks


def test_ids_of_the_test_are_ordered_by_number() -> None:
    ids = [position(entry(number)[0]) for number in range(30)]
    assert ids == sorted(ids)
    assert [entry(number)[0] for number in range(30)] != sorted(entry(number)[0] for number in range(30))
