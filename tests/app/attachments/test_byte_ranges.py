"""Range headers, and the part of a file that each asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attachments.byte_ranges import Part, part_of

SIZE = 10

RANGES = [
    ("bytes=0-", Part(0, 10)),
    ("bytes=0-0", Part(0, 1)),
    ("bytes=3-5", Part(3, 6)),
    ("bytes=3-500", Part(3, 10)),
    ("bytes=9-", Part(9, 10)),
    ("bytes=-3", Part(7, 10)),
    ("bytes=-500", Part(0, 10)),
    ("Bytes=1-2", Part(1, 3)),
    (" bytes=1-2 ", Part(1, 3)),
    ("\tbytes=1-2\t", Part(1, 3)),
    # beyond the end
    ("bytes=10-", Part(10, 10)),
    ("bytes=10-20", Part(10, 10)),
    ("bytes=999999999999-", Part(10, 10)),
    ("bytes=-0", Part(10, 10)),
    # what is to be ignored
    ("", None),
    ("bytes", None),
    ("bytes=", None),
    ("bytes=-", None),
    ("bytes=5-3", None),
    ("bytes=0-1,3-4", None),
    ("bytes=a-b", None),
    ("bytes=0x1-2", None),
    ("bytes=١-٢", None),
    ("bytes=1.5-2", None),
    ("bytes=" + "9" * 5000 + "-", None),
    ("items=0-1", None),
    ("bytes=1-2\xa0", None),  # HTTP has two kinds of blanks, Python has many
    ("\x1dbytes=1-2", None),
]


@pytest.mark.parametrize(("header", "part"), RANGES)
def test_parts(header: str, part: Part | None) -> None:
    assert part_of(header, SIZE) == part


@given(st.from_regex(r"bytes=[0-9]{0,3}-[0-9]{0,3}", fullmatch=True), st.integers(1, 200))
def test_any_part_lies_in_the_file(header: str, size: int) -> None:
    part = part_of(header, size)
    assert part is None or 0 <= part.start <= part.stop <= size
