"""Histories in files."""

from pathlib import Path

import pytest

from scripts.soaking.history import NoHistory, read, written
from tests.support.soak_histories import acked, fault, hears, loses, message, room, sends


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = [
        *room(),
        sends(1, "x", at=2),
        acked(1, 3, "x", at=3),
        message(3, "x", at=2.5),
        hears("b", 3, "x", at=3),
        loses("a", at=4),
        fault("redis-kill", 5, 6),
    ]
    (tmp_path / "file").write_bytes(written(history))
    assert read(tmp_path / "file") == history


@pytest.mark.parametrize("line", [b"{", b"{}", b'{"kind":"other","at":1}', b'{"kind":"calm","at":1}'])
def test_what_is_no_history_is_told_with_its_line(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "file").write_bytes(written(room()) + line + b"\n")
    with pytest.raises(NoHistory, match=rf"file, line {len(room()) + 1}: "):
        read(tmp_path / "file")
