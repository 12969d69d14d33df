"""Folders and files that no other user of the machine can read, change or lock."""

import logging
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

OWNER_ONLY = 0o700
# Root's PostgreSQL runs as another account, which has to pass through to a folder of its own.
PASSABLE = 0o711

PARTS = {"lock", "postgres", "valkey", "files", "jwt_secret", "cluster"}  # of a data folder


class NotPrivate(Exception):
    """A folder or file that others control. The text is one sentence for the person who started Parley."""


@contextmanager
def private_files() -> Iterator[None]:
    """Within the block, whatever this process and its children make is for this user alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def make_data_folder(folder: Path) -> None:
    """Make a private data folder, or make sure of one that is there.

    One that is ours and that others can look into is closed to them, unless it holds more than Parley's own: what
    Parley keeps in it is private in any case. Raises NotPrivate where another user owns the folder or every user may
    write to it, OSError where it cannot be made.
    """
    mode = PASSABLE if os.geteuid() == 0 else OWNER_ONLY
    if not folder.exists():
        for new in reversed([folder, *(parent for parent in folder.parents if not parent.exists())]):
            make_folder(new, mode)
        return
    found = folder.stat()
    check_owner(folder, found)
    if found.st_mode & 0o002:
        raise NotPrivate(
            f"every user of this machine may write to {folder}; set DATA_DIR to a new folder in it, or `chmod o-w` it."
        )
    if found.st_uid == os.geteuid() and found.st_mode & 0o777 & ~mode and is_only_ours(folder):
        log.info("%s is closed to the other users of this machine", folder)
        folder.chmod(mode)


def make_folder(folder: Path, mode: int = OWNER_ONLY) -> None:
    """Make a folder with this mode, whatever the umask is, or give one of ours the mode.

    Raises NotPrivate where another user owns it.
    """
    folder.mkdir(mode=mode, exist_ok=True)
    found = folder.stat()
    check_owner(folder, found)
    if found.st_uid == os.geteuid() and found.st_mode & 0o777 != mode:
        folder.chmod(mode)


def open_file(file: Path) -> int:
    """Open a file to read and write, made when it is not there; it and its locks are for this user alone.

    Raises NotPrivate where another user owns it, OSError where it is a link.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        close_to_others(file, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def close_to_others(file: Path, descriptor: int) -> bool:
    """Take away the rights that others have on an open file; whether they had any. Raises NotPrivate."""
    found = os.fstat(descriptor)
    check_owner(file, found)
    was_open = bool(found.st_mode & 0o077) and found.st_uid == os.geteuid()
    if was_open:
        os.fchmod(descriptor, 0o600)
    return was_open


def check_owner(path: Path, found: os.stat_result) -> None:
    """Raises NotPrivate where a path belongs to neither us nor root, who can do anything in any case."""
    if found.st_uid not in (os.geteuid(), 0):
        raise NotPrivate(
            f"{path} belongs to {name_of(found.st_uid)}, not to {name_of(os.geteuid())} who runs Parley; "
            "set DATA_DIR to a folder of that user's own."
        )


def name_of(user_id: int) -> str:
    """A user, as people know them."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"the user with the id {user_id}"


def is_only_ours(folder: Path) -> bool:
    """True if a data folder holds nothing but what Parley keeps there."""
    names = (path.name for path in folder.iterdir())
    return all(name in PARTS or name.startswith(("jwt_secret-", "instance-")) for name in names)
