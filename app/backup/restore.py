"""`parley restore`: all parts are checked, then the files are stored, then the database is filled in one transaction.

Until that transaction is committed nothing names the new files, and where it is not, they are deleted again.
"""

import logging
import os
from pathlib import Path
from typing import NamedTuple

from app.attachments.storage.storage import Storage, StorageUnavailable
from app.backup.manifest import (
    DUMP,
    FILES,
    BackupError,
    Manifest,
    check_parts,
    listed_files,
    read_manifest,
)
from app.backup.programs import find_programs, libpq_environment, load
from app.backup.snapshot import Target, checks_of, look_at

log = logging.getLogger(__name__)

BEGIN = "begin;\nset local lock_timeout = '30s';\nset local client_min_messages = warning;\n"
COMMIT = "commit;\n"


class Destination(NamedTuple):
    """Where a backup is restored to."""

    url: str
    storage: Storage


def checked_backup(folder: Path) -> Manifest:
    """The manifest of a backup that is whole. Raises BackupError."""
    manifest = read_manifest(folder)
    check_parts(folder, manifest)
    return manifest


async def restore(folder: Path, place: Destination, *, replace: bool = False) -> Manifest:
    """Fill an empty place, or with `replace` any that no instance uses, with what a backup has.

    Raises BackupError, DatabaseUnavailable and StorageUnavailable; then the database is as it was.
    """
    manifest = checked_backup(folder)
    target = await look_at(place.url)
    await check_target(target, place, manifest, replace=replace)
    programs = await find_programs(manifest.pg_dump, f"the backup in {folder}")
    keys = {file.key for file in listed_files(folder)}
    try:
        await store_files(folder, place.storage)
        await load(
            programs,
            libpq_environment(place.url, os.environ),
            folder / DUMP,
            target.postgresql,
            BEGIN + "\n".join(target.drops) + "\n",
            checks_of(manifest.rows, manifest.schema_name) + COMMIT,
        )
    except BaseException:
        await delete(place.storage, keys - target.keys)
        raise
    await delete(place.storage, target.keys - keys)
    return manifest


async def check_target(target: Target, place: Destination, manifest: Manifest, *, replace: bool) -> None:
    """Raises BackupError where the place cannot be filled, or should not be."""
    if target.instances:
        raise BackupError(
            f"{target.instances} connections of running instances are open to this database: stop them first."
        )
    if target.schema_name != manifest.schema_name:
        raise BackupError(
            f"the backup is of the schema {manifest.schema_name}, and this database uses {target.schema_name}."
        )
    if replace:
        return
    if target.drops:
        raise BackupError(
            "the database is not empty: restore into a new one, or replace all that is in it with --replace."
        )
    if not await place.storage.is_empty():
        raise BackupError(
            "there are files in FILE_STORAGE already, perhaps of another chat: choose an empty place, or use --replace."
        )


async def store_files(folder: Path, storage: Storage) -> None:
    for listed in listed_files(folder):
        try:
            with (folder / FILES / listed.key).open("rb") as file:
                await storage.write(listed.key, file)
        except OSError as error:
            raise BackupError(f"cannot read {error.filename}: {error.strerror}.") from error


async def delete(storage: Storage, keys: set[str]) -> None:
    """Delete what nothing names; what stays for a broken storage does no harm."""
    for key in sorted(keys):
        try:
            await storage.delete(key)
        except StorageUnavailable as error:
            log.warning("%d files that nothing names may stay in the storage: %s", len(keys), error)
            return
