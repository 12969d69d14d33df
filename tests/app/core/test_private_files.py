"""What Parley keeps on a machine that it shares with other users."""

import fcntl
import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.private_files import NotPrivate, make_data_folder, make_folder, open_file, private_files

IS_ROOT = os.geteuid() == 0
CLOSED = 0o711 if IS_ROOT else 0o700
only_root = pytest.mark.skipif(not IS_ROOT, reason="only root can act as another user")
ANOTHER = 65_533


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def another_user_can(*command: str | Path) -> bool:
    """Whether a command succeeds for another user of this machine."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, user=ANOTHER, group=ANOTHER, extra_groups=[], capture_output=True, check=False
    )
    return done.returncode == 0


def test_a_new_data_folder_and_those_above_it_are_closed(tmp_path: Path) -> None:
    with private_files():
        make_data_folder(tmp_path / "new" / "var")
    assert [mode_of(tmp_path / "new"), mode_of(tmp_path / "new" / "var")] == [CLOSED, CLOSED]


def test_a_folder_of_an_earlier_release_is_closed_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app.core.private_files")
    folder = tmp_path / "var"
    for part in ("lock", "jwt_secret", "postgres", "valkey", "files"):
        (folder / part).mkdir(parents=True)
    folder.chmod(0o775)
    make_data_folder(folder)
    make_data_folder(folder)
    assert mode_of(folder) == CLOSED
    assert [record.message for record in caplog.records] == [
        f"{folder} is closed to the other users of this machine"
    ]


def test_a_folder_that_holds_more_than_ours_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    (folder / "public_html").mkdir(parents=True)
    folder.chmod(0o755)
    make_data_folder(folder)
    assert mode_of(folder) == 0o755


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o703])
def test_a_folder_that_everybody_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(NotPrivate, match=r"every user of this machine may write to .*; set DATA_DIR to"):
        make_data_folder(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == mode


@only_root
@pytest.mark.parametrize("make", [make_data_folder, make_folder, lambda path: open_file(path / "lock")])
def test_what_belongs_to_another_user_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    (tmp_path / "lock").touch()
    for path in (tmp_path, tmp_path / "lock"):
        os.chown(path, ANOTHER, ANOTHER)
    with pytest.raises(
        NotPrivate, match=rf"belongs to the user with the id {ANOTHER}, not to root who runs Parley"
    ):
        make(tmp_path)


def test_a_folder_of_roots_that_its_group_may_write_to_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Kubernetes gives a volume to a container that does not run as root."""
    if IS_ROOT:
        monkeypatch.setattr(os, "geteuid", lambda: ANOTHER)
    tmp_path.chmod(0o770)
    make_data_folder(tmp_path)
    assert mode_of(tmp_path) == (0o770 if IS_ROOT else 0o700)


def test_a_file_is_made_and_closed_to_others(tmp_path: Path) -> None:
    for before in (None, 0o644, 0o666):
        file = tmp_path / f"lock {before}"
        if before:
            file.write_text("42\n")
            file.chmod(before)
        with os.fdopen(open_file(file), "r+") as opened:
            assert opened.read() == ("42\n" if before else "")
        assert mode_of(file) == 0o600


def test_a_link_in_a_files_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        open_file(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()


@only_root
def test_another_user_can_neither_look_into_a_data_folder_nor_hold_its_lock(servers_folder: Path) -> None:
    folder = servers_folder / "private"
    make_data_folder(folder)
    os.close(open_file(folder / "lock"))
    assert another_user_can("test", "-d", folder)  # it can get there
    for command in (("ls", folder), ("cat", folder / "lock"), ("touch", folder / "more")):
        assert not another_user_can(*command)
    descriptor = open_file(folder / "lock")
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


def test_what_is_made_meanwhile_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with private_files():
            (tmp_path / "file").touch()
            (tmp_path / "folder").mkdir()
        (tmp_path / "after").touch()
    finally:
        os.umask(before)
    assert [mode_of(tmp_path / name) for name in ("file", "folder", "after")] == [0o600, 0o700, 0o644]
