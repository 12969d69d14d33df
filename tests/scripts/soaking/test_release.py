"""The code of an earlier revision, from this repository."""

from pathlib import Path

import pytest

from scripts.soaking.release import ROOT, NoRelease, code_of, git, last_release


def test_the_code_of_a_revision(tmp_path: Path) -> None:
    folder = code_of("HEAD", tmp_path / "release")
    for part in ("schema.sql", "app/cli.py"):
        assert (folder / part).read_bytes() == git("show", f"HEAD:{part}")
    assert not (folder / "tests").exists()
    assert (ROOT / "tests").is_dir()


def test_an_unknown_revision_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoRelease, match="no-such-revision"):
        code_of("no-such-revision", tmp_path / "release")


def test_the_last_release_is_the_newest_tag() -> None:
    tagged = git("tag", "--merged", "HEAD").decode().split()
    if tagged:
        assert last_release() in tagged
    else:
        with pytest.raises(NoRelease, match="name the revision"):
            last_release()
