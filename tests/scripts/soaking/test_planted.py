"""The planted faults: each patch fits to the code as it is, and says what it breaks."""

from pathlib import Path

import pytest

from scripts.soaking.nemesis.faults import FAULTS
from scripts.soaking.planted import PATCHES, BadPatch, copy_of_code, planted_faults, read_patch

PLANTED = planted_faults()


def test_there_are_ten() -> None:
    assert len(PLANTED) == 10


@pytest.mark.parametrize("name", PLANTED)
def test_a_patch_fits_to_the_code(tmp_path: Path, name: str) -> None:
    planted = PLANTED[name]
    assert set(planted.faults) <= set(FAULTS)
    assert planted.seconds <= 60
    source = copy_of_code(tmp_path, planted.file)
    text = planted.file.read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("+++ b/"):
            changed = source / line.removeprefix("+++ b/")
            assert changed.read_bytes() != (PATCHES.parents[2] / line.removeprefix("+++ b/")).read_bytes()
            compile(changed.read_text("utf-8"), str(changed), "exec")


def test_a_patch_that_does_not_fit_is_told(tmp_path: Path) -> None:
    file = tmp_path / "wrong.patch"
    file.write_text(
        "Breaks: told-once\n\n--- a/app/cli.py\n+++ b/app/cli.py\n@@ -1 +1 @@\n-no such line\n+another\n"
    )
    (tmp_path / "copy").mkdir()
    with pytest.raises(BadPatch, match=r"wrong\.patch does not fit"):
        copy_of_code(tmp_path / "copy", file)
    file.write_text("Breaks: the-rules\n")
    with pytest.raises(BadPatch, match="no invariant"):
        read_patch(file)
