"""Where the bytes of attachments are kept, behind three verbs.

Two implementations pass one suite of tests. The folder is written with the standard library: the object stores'
clients that can also write to a folder do not call fsync, and a file whose message was committed must outlive a power
cut. Anything that speaks S3 is reached with obstore (see `app.attachments.storage.s3_storage`).
"""

import errno
import os
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from anyio import to_thread

from app.config.settings import Settings
from app.core.errors import Unavailable

PIECE = 1024 * 1024  # bytes that are held in memory of each stream
KEY = re.compile(r"[0-9a-f]{2}/[0-9a-z-]{1,64}(\.[a-z]{1,8})?")


class StorageUnavailable(Unavailable):
    """The storage could not be reached or could not do what it was asked; trying again may help."""


class StorageFull(StorageUnavailable):
    """There is no space left for a file."""

    shown = "The chat has no space left for this file. Try again later"


class NotStored(Exception):
    """There is nothing under this key."""


class NotWhole(NotStored):
    """There are fewer bytes under this key than were stored."""


class Storage(Protocol):
    """Bytes under keys. All verbs may raise StorageUnavailable, and ValueError for what is not a KEY.

    What is under a key is there as a whole or not at all, and never changes.
    """

    async def write(self, key: str, file: BinaryIO) -> None:
        """Stores a file, from its first byte; where this returns it is safe."""

    async def read(self, key: str, start: int, stop: int) -> bytes:
        """The bytes from `start` to before `stop`, or to the end; `start` is before the end. Raises NotStored."""

    async def delete(self, key: str) -> None:
        """Deletes what is stored, if anything is, and what an interrupted write left."""

    async def is_empty(self) -> bool:
        """True if nothing is stored."""


async def stream(storage: Storage, key: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
    """The bytes from `start` to before `stop`, piece by piece. See `Storage.read`.

    Each piece is asked for when the one before has been taken, so a slow reader holds neither memory nor a connection.
    Raises NotWhole where the end is missing: before the first piece, so that nobody is given a part for the whole.
    """
    if stop - start > PIECE and not await storage.read(key, stop - 1, stop):
        raise NotWhole(key)
    while start < stop:
        piece = await storage.read(key, start, min(stop, start + PIECE))
        if not piece or (len(piece) < PIECE and start + len(piece) < stop):
            raise NotWhole(key)
        start += len(piece)
        yield piece


def unwritten(attempt: str, error: OSError) -> StorageUnavailable:
    """The error to raise where bytes could not be written to a disk."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return (StorageFull if is_full else StorageUnavailable)(f"{attempt}: {error}")


def checked(key: str) -> str:
    """The key, if it is one. Raises ValueError."""
    if KEY.fullmatch(key) is None:
        raise ValueError(f"{key!r} cannot be a key")
    return key


def open_storage(settings: Settings) -> Storage:
    """The storage that the settings name."""
    place = settings.file_storage
    if not place.startswith("s3://"):
        return FolderStorage(Path(place) if place else settings.data_dir / "files")
    from app.attachments.storage.s3_storage import S3Storage  # which loads much that a folder does not need

    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return S3Storage(
        bucket,
        prefix,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
    )


class FolderStorage:
    """A folder, which is made at the first write and for this user alone. Work on files is done in threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, key: str, file: BinaryIO) -> None:
        """See `Storage.write`."""
        path = self._path(key)
        try:
            await to_thread.run_sync(_write, self._folder, path, file)
        except OSError as error:
            raise unwritten(f"cannot write {path}", error) from error

    async def read(self, key: str, start: int, stop: int) -> bytes:
        """See `Storage.read`."""
        path = self._path(key)
        try:
            return await to_thread.run_sync(_read, path, start, stop)
        except FileNotFoundError as error:
            raise NotStored(key) from error
        except OSError as error:
            raise StorageUnavailable(f"cannot read {path}: {error}") from error

    async def delete(self, key: str) -> None:
        """See `Storage.delete`."""
        path = self._path(key)
        try:
            await to_thread.run_sync(_delete, path)
        except OSError as error:
            raise StorageUnavailable(f"cannot delete {path}: {error}") from error

    async def is_empty(self) -> bool:
        """See `Storage.is_empty`."""
        try:
            return await to_thread.run_sync(_is_empty, self._folder)
        except OSError as error:
            raise StorageUnavailable(f"cannot look into {self._folder}: {error}") from error

    def _path(self, key: str) -> Path:
        return self._folder / checked(key)


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _write(folder: Path, path: Path, file: BinaryIO) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(exist_ok=True)
    unfinished = _unfinished(path)
    try:
        with unfinished.open("wb") as target:
            file.seek(0)
            shutil.copyfileobj(file, target, PIECE)
            target.flush()
            os.fsync(target.fileno())
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):  # the first error is the one to tell of; `delete` tries again
            unfinished.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Makes the names in a folder outlive a power cut, as fsync does the bytes of a file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    _unfinished(path).unlink(missing_ok=True)


def _is_empty(folder: Path) -> bool:
    if not folder.exists():
        return True
    return not any(files for _, _, files in os.walk(folder))
