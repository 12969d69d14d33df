"""The commands `parley backup` and `parley restore`."""

import argparse
import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from app.attachments.storage.storage import open_storage
from app.backup.backup import back_up, check_place
from app.backup.manifest import BackupError, Manifest
from app.backup.restore import Destination, checked_backup, restore
from app.config.settings import Settings
from app.embedded import embedded, running_database_url

TERMINATED = 143  # the status of a process that SIGTERM ended
MOST_NAMED = 5  # lost files that a sentence names


def add_backup_arguments(command: argparse.ArgumentParser) -> None:
    """Define the arguments of `parley backup`."""
    command.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder to make; it must not have anything in it"
    )


def add_restore_arguments(command: argparse.ArgumentParser) -> None:
    """Define the arguments of `parley restore`."""
    command.add_argument("folder", type=Path, metavar="FOLDER", help="folder that parley backup has made")
    command.add_argument(
        "--replace", action="store_true", help="drop what is in the database, and delete its files"
    )
    command.add_argument("--check", action="store_true", help="only check that the backup is whole")


def run_backup(settings: Settings, chosen: argparse.Namespace) -> None:
    """Make a backup while instances run, or while none does. Raises BackupError and Unavailable."""
    folder: Path = chosen.folder.absolute()
    check_place(folder)
    storage = open_storage(settings)
    running = settings.database_url or running_database_url(settings.data_dir)
    with embedded(settings.data_dir, postgres=not running, valkey=False) as urls:
        manifest = finished(back_up(running or urls.database or "", storage, folder))
    print(f"{folder}: {described(manifest)}")  # noqa: T201
    if manifest.lost:
        named = ", ".join(manifest.lost[:MOST_NAMED]) + (
            " and more" if len(manifest.lost) > MOST_NAMED else ""
        )
        raise BackupError(
            f"the backup has all else, but the storage had lost {len(manifest.lost)} files of messages: {named}."
        )


def run_restore(settings: Settings, chosen: argparse.Namespace) -> None:
    """Restore a backup, or check it. Raises BackupError and Unavailable."""
    folder: Path = chosen.folder.absolute()
    if chosen.check:
        print(f"{folder} is whole: {described(checked_backup(folder))}")  # noqa: T201
        return
    with embedded(settings.data_dir, postgres=not settings.database_url, valkey=False) as urls:
        place = Destination(settings.database_url or urls.database or "", open_storage(settings))
        manifest = finished(restore(folder, place, replace=chosen.replace))
    print(f"restored {described(manifest)}")  # noqa: T201


def finished(work: Coroutine[Any, Any, Manifest]) -> Manifest:
    """Run to the end. A signal that ends the process earlier gives it a status that is no success."""
    try:
        return asyncio.run(work)
    except SystemExit as end:
        raise SystemExit(TERMINATED) from end


def described(manifest: Manifest) -> str:
    """The contents of a backup, in words."""
    rows = manifest.rows
    return (
        f"{rows.get('users', 0)} users, {rows.get('rooms', 0)} rooms, {rows.get('messages', 0)} messages and"
        f" {manifest.files} files of {manifest.created_at:%Y-%m-%d %H:%M:%S %Z}, schema {manifest.schema_version}"
    )
