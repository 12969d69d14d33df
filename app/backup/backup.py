"""`parley backup`: the database's snapshot first, then the files that it names.

A file is stored before its id is told and never changes under its key, so all files of the snapshot's messages are
there when it is taken. None of them is deleted before the copy has ended: `held_snapshot` sees to that. What is
uploaded later is not in the snapshot and is not copied.
"""

import asyncio
import hashlib
import logging
import os
import secrets
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from app.attachments.storage.storage import PIECE, NotStored, Storage, checked, stream
from app.backup.manifest import (
    DUMP,
    FILES,
    FORMAT,
    LIST,
    BackupError,
    Manifest,
    part_of,
    write_manifest,
)
from app.backup.programs import find_programs, libpq_environment, run
from app.backup.snapshot import Snapshot, held_snapshot, quoted
from app.store.log.files import KeptFileRow

log = logging.getLogger(__name__)

AT_ONCE = 4  # files that are copied side by side


async def back_up(url: str, storage: Storage, folder: Path) -> Manifest:
    """Make a backup in `folder`, which must not be there, or be empty. It appears there when it is whole.

    Raises BackupError, DatabaseUnavailable, and StorageUnavailable; then nothing is left behind.
    """
    check_place(folder)
    unfinished = folder.with_name(f"{folder.name}.unfinished-{secrets.token_hex(4)}")
    try:
        make_folder(unfinished)
        manifest = await write_backup(url, storage, unfinished)
        publish(unfinished, folder)
    except BaseException as error:
        remove_folder(unfinished)
        if isinstance(error, OSError):
            raise BackupError(f"cannot write the backup to {folder}: {error.strerror or error}.") from error
        raise
    return manifest


def make_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)


def remove_folder(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def publish(unfinished: Path, folder: Path) -> None:
    """Give a whole backup its name, after all in it has reached the disk."""
    os.sync()
    unfinished.rename(folder)


def check_place(folder: Path) -> None:
    """Raises BackupError where a folder has something in it already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is not empty: a backup needs a folder of its own.")


async def write_backup(url: str, storage: Storage, folder: Path) -> Manifest:
    async with held_snapshot(url) as snapshot:
        programs = await find_programs(snapshot.postgresql, f"a backup of PostgreSQL {snapshot.postgresql}")
        log.info("the backup is of %s, with pg_dump of PostgreSQL %d", snapshot.moment, programs.major)
        command: list[str | Path] = [
            programs.folder / "pg_dump",
            "--format=custom",
            "--no-password",
            f"--snapshot={snapshot.name}",
            f"--schema={quoted(snapshot.schema_name)}",
            f"--file={folder / DUMP}",
        ]
        await run(command, libpq_environment(url, os.environ))
        copies = Copies(storage, folder / FILES)
        with (folder / LIST).open("w") as lines:
            async for page in snapshot.kept_files():
                for key, checksum in sorted(await copies.of(page)):
                    lines.write(f"{checksum}  {key}\n")
    return manifest_of(snapshot, programs.major, copies, folder)


def manifest_of(snapshot: Snapshot, pg_dump: int, copies: "Copies", folder: Path) -> Manifest:
    manifest = Manifest(
        format=FORMAT,
        created_at=snapshot.moment,
        parley=version("parley-chat"),
        schema_version=snapshot.schema_version,
        schema_name=snapshot.schema_name,
        postgresql=snapshot.postgresql,
        pg_dump=pg_dump,
        database=part_of(folder / DUMP),
        rows=snapshot.rows,
        file_list=part_of(folder / LIST),
        files=copies.files,
        file_bytes=copies.size,
        lost=copies.lost,
        unfinished=copies.unfinished,
    )
    write_manifest(folder, manifest)
    return manifest


@dataclass
class Copies:
    """Copies stored files into a folder, and counts them."""

    storage: Storage
    folder: Path
    files: int = 0
    size: int = 0  # bytes
    unfinished: int = 0
    lost: list[str] = field(default_factory=list)

    async def of(self, rows: list[KeptFileRow]) -> list[tuple[str, str]]:
        """Copy the bytes of some files and their thumbnails; returns the keys and their checksums."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def copied(row: KeptFileRow, key: str, size: int | None) -> tuple[str, str] | None:
            async with turn:
                return await self._copied(row, key, size)

        wanted: list[tuple[KeptFileRow, str, int | None]] = [(row, row.storage_key, row.size) for row in rows]
        wanted += [(row, row.thumbnail_key, None) for row in rows if row.thumbnail_key is not None]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(copied(*one)) for one in wanted]
        except ExceptionGroup as failures:  # the others were cancelled
            raise failures.exceptions[0] from None
        return [found for task in tasks if (found := task.result()) is not None]

    async def _copied(self, row: KeptFileRow, key: str, size: int | None) -> tuple[str, str] | None:
        target = self.folder / checked(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        try:
            with target.open("wb") as file:
                async for piece in self._pieces(key, size):
                    digest.update(piece)
                    file.write(piece)
                copied = file.tell()
        except NotStored:
            target.unlink()
            self._miss(row, key)
            return None
        self.files += 1
        self.size += copied
        return key, digest.hexdigest()

    async def _pieces(self, key: str, size: int | None) -> AsyncGenerator[bytes, None]:
        if size is None:  # of a thumbnail, which is smaller than a piece
            yield await self.storage.read(key, 0, PIECE)
            return
        async for piece in stream(self.storage, key, 0, size):
            yield piece

    def _miss(self, row: KeptFileRow, key: str) -> None:
        if row.attached:
            log.error("the storage has lost %s, which a message has", key)
            self.lost.append(key)
        else:  # its upload was under way; nobody had been told of it
            self.unfinished += 1
