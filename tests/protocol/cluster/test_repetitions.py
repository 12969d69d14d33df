"""Entries that were written twice are known by their serials, and nothing else is taken for one of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.cluster.repetitions import MOST_MISSING, MOST_WRITERS, Repetitions, serial_of


def news(*numbers: int, writer: str = "a", known: Repetitions | None = None) -> list[int]:
    known = known or Repetitions()
    return [number for number in numbers if known.is_new({"uid": "b", "serial": serial_of(writer, number)})]


def test_what_is_written_again_is_no_news() -> None:
    assert news(1, 2, 3, 1, 2, 3, 4, 4) == [1, 2, 3, 4]


def test_what_was_refused_and_comes_late_is_news_once() -> None:
    assert news(1, 3, 5, 2, 2, 3, 4, 5, 6) == [1, 3, 5, 2, 4, 6]


def test_a_reader_that_comes_late_knows_nothing_of_before() -> None:
    assert news(7, 8, 6, 7, 9) == [7, 8, 9]


def test_each_writer_counts_for_itself() -> None:
    known = Repetitions()
    assert news(1, 2, known=known) == news(1, 2, writer="b", known=known) == [1, 2]
    assert news(2, 3, known=known) == [3]


@pytest.mark.parametrize("serial", [None, "", "x", "1", "-1", "a-", "a-٣", "a-1.5", "a-" + "9" * 16, "a b-1"])
def test_what_has_no_serial_is_news(serial: str | None) -> None:
    known = Repetitions()
    entry = {"uid": "a"} if serial is None else {"uid": "a", "serial": serial}
    assert known.is_new(entry)
    assert known.is_new(entry)


def test_memory_is_bounded() -> None:
    known = Repetitions()
    assert news(1, 10**9, known=known) == [1, 10**9]
    assert news(10**9 - 1, 10**9 - MOST_MISSING, 10**9 - MOST_MISSING - 1, 2, known=known) == [
        10**9 - 1,
        10**9 - MOST_MISSING,
    ]
    assert news(10**9 + 10, 10**9 + 4, known=known) == [10**9 + 10, 10**9 + 4]
    for number in range(MOST_WRITERS):
        assert news(1, writer=str(number), known=known) == [1]
    assert news(1, known=known) == [1]  # the oldest is forgotten


def test_missing_serials_are_forgotten_the_oldest_first() -> None:
    known = Repetitions()
    assert news(1, 600, 1_200, known=known) == [1, 600, 1_200]
    assert news(2, 1_199, 601, known=known) == [1_199, 601]


@given(st.lists(st.lists(st.integers(1, 9), max_size=5), max_size=8))
def test_whatever_is_repeated_each_entry_is_news_once(repeated: list[list[int]]) -> None:
    written = [1]
    for number, again in enumerate(repeated, 2):
        written += [number, *(serial for serial in again if serial <= number)]
    assert news(*written) == list(dict.fromkeys(written))
