"""What is in the folder of a backup, and whether all of it is there as it was written.

- `manifest.json`: the moment, the versions, and the counts and checksums of all else; `manifest.sha256` is its own.
- `database.dump`: an archive of pg_dump, in its custom format.
- `files.sha256`: a line for each stored file, as `sha256sum --check ../files.sha256` takes it within `files/`.
- `files/`: the stored files, under the keys that the database knows them by.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from app.attachments.storage.storage import KEY, PIECE
from app.core.errors import CannotStart

FORMAT = 1
MANIFEST, MANIFEST_SUM = "manifest.json", "manifest.sha256"
DUMP, LIST, FILES = "database.dump", "files.sha256", "files"
LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
MOST_NAMED = 5  # damaged parts that a sentence names

Count = Annotated[int, Meta(ge=0)]
Checksum = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
TableName = Annotated[str, Meta(pattern=r"^[a-z_][a-z0-9_]*$")]


class BackupError(CannotStart):
    """A backup cannot be made, is not whole, or cannot be restored."""


class Part(Struct, frozen=True):
    """A file of the backup: its size in bytes, and its SHA-256."""

    bytes: Count
    sha256: Checksum


class Versioned(Struct, frozen=True):
    """What every manifest has, whatever its format is."""

    format: int


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of a backup.

    `created_at` is the moment that it shows. `lost` are the keys of files that messages have and the storage did not;
    `unfinished` is how many uploads were under way then.
    """

    format: int
    created_at: datetime
    parley: str
    schema_version: Count
    schema_name: str
    postgresql: Count
    pg_dump: Count
    database: Part
    rows: dict[TableName, Count]
    file_list: Part
    files: Count
    file_bytes: Count
    lost: list[str]
    unfinished: Count


class ListedFile(NamedTuple):
    """A line of files.sha256."""

    key: str
    sha256: str


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json, which makes the folder a backup."""
    text = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
    (folder / MANIFEST_SUM).write_text(sum_of(text))
    (folder / MANIFEST).write_bytes(text)


def sum_of(manifest: bytes) -> str:
    """The content of manifest.sha256."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup. Raises BackupError where the folder has none that can be read."""
    file = folder / MANIFEST
    try:
        text = file.read_bytes()
    except OSError as error:
        raise BackupError(
            f"{folder} is no backup, or one that was not finished: {MANIFEST} cannot be read ({error.strerror})."
        ) from error
    try:
        version = msgspec.json.decode(text, type=Versioned).format
        if version != FORMAT:
            raise BackupError(
                f"{folder} has the format {version}, and this Parley reads format {FORMAT}: restore it with the Parley"
                " that made it, or a newer one."
            )
        if (folder / MANIFEST_SUM).read_text() != sum_of(text):
            raise BackupError(f"{file} is damaged, or {MANIFEST_SUM} is: they do not belong together.")
        return msgspec.json.decode(text, type=Manifest)
    except ValueError as error:
        raise BackupError(f"{file} is damaged: {error}.") from error
    except OSError as error:
        raise BackupError(f"{folder / MANIFEST_SUM} cannot be read: {error.strerror}.") from error


def check_parts(folder: Path, manifest: Manifest) -> None:
    """Read the whole backup. Raises BackupError, with the names of what is missing or damaged."""
    damaged = [name for name, part in parts_of(manifest) if not is_part(folder / name, part)]
    if damaged:
        raise BackupError(f"the backup in {folder} is missing, or has damaged, {' and '.join(damaged)}.")
    listed = list(listed_files(folder))
    if len(listed) != manifest.files:
        raise BackupError(f"{folder / LIST} has {len(listed)} files, and {MANIFEST} {manifest.files}.")
    bad = [file.key for file in listed if sha256_of(folder / FILES / file.key) != file.sha256]
    if bad:
        named = ", ".join(bad[:MOST_NAMED]) + (" and more" if len(bad) > MOST_NAMED else "")
        raise BackupError(
            f"the backup in {folder} is missing, or has damaged, {len(bad)} of its {len(listed)} files: {named}."
        )


def parts_of(manifest: Manifest) -> list[tuple[str, Part]]:
    return [(DUMP, manifest.database), (LIST, manifest.file_list)]


def is_part(file: Path, part: Part) -> bool:
    return sha256_of(file) == part.sha256 and file.stat().st_size == part.bytes


def part_of(file: Path) -> Part:
    """The size and checksum of a file. Raises OSError."""
    checksum = sha256_of(file)
    assert checksum is not None
    return Part(file.stat().st_size, checksum)


def listed_files(folder: Path) -> Iterator[ListedFile]:
    """The stored files that a backup has. Raises BackupError."""
    with (folder / LIST).open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            found = LINE.fullmatch(line.rstrip("\n"))
            if found is None or KEY.fullmatch(found[2]) is None:
                raise BackupError(f"{folder / LIST} has a line that names no file: {line.strip()[:80]!r}.")
            yield ListedFile(found[2], found[1])


def sha256_of(file: Path) -> str | None:
    """The SHA-256 of a file; None where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as opened:
            while piece := opened.read(PIECE):
                digest.update(piece)
    except OSError:
        return None
    return digest.hexdigest()
