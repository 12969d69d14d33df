"""Files: uploaded by a user, attached to a message by its sender, read by the members of its room.

An upload is received into a temporary file, looked at, given a row, and then stored; the row comes first so that
nothing is ever in the storage that no row knows of. Its id is told once all is done. Rows that expire take their bytes
with them (`sweep`), on whichever instance comes to it first.
"""

import asyncio
import logging
from io import BytesIO
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple

import anyio
import uuid_utils
from anyio import to_thread

from app.attachments.media.media_types import HEAD, IMAGE_TYPES, sniffed, undecoded
from app.attachments.storage.storage import PIECE, Storage, StorageUnavailable, stream
from app.attachments.thumbnails.thumbnail_result import MAX_BYTES, Picture
from app.attachments.thumbnails.thumbnailer import Thumbnailer
from app.attachments.uploads import Upload
from app.core.caller import Caller
from app.core.errors import Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.from_rows import attachment_of
from app.payloads.responses import Attachment
from app.store.log import files as store

log = logging.getLogger(__name__)

MAX_LOOSE = 100  # files of a user that no message has
SWEEP_EVERY = 600.0  # seconds
SWEEP_SIZE = 20  # files

NO_FILE = "There is no such file"
NO_PICTURE = "An avatar must be a picture: PNG, JPEG, GIF, WebP or AVIF"


class Files:
    """The operations on files; `app.attachments.routes` is the way to them."""

    def __init__(self, db: Database, storage: Storage, thumbnailer: Thumbnailer | None = None) -> None:
        self._db = db
        self._storage = storage
        self._thumbnailer = thumbnailer or Thumbnailer()

    async def may_upload(self, user_id: str) -> None:
        """Raises Refusal, `too_many`, to a user who has MAX_LOOSE files that no message has."""
        await _check_loose(self._db, user_id)

    async def add(self, caller: Caller, upload: Upload) -> Attachment:
        """Stores a file, which is the caller's alone until a message has it. Raises Refusal: `too_many`."""
        media = await self._media(caller.user_id, upload)
        row = await self._insert(caller.user_id, upload, media)
        try:
            await self._storage.write(row.storage_key, upload.file)
            if media.picture is not None and row.thumbnail_key is not None:
                await self._storage.write(row.thumbnail_key, BytesIO(media.picture.thumbnail))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await store.expire(self._db, row.id)
            raise
        return attachment_of(row)

    async def make_square(self, owner_id: str, file_id: str) -> None:
        """Makes the thumbnail of a picture square, which its owner has uploaded and no message has: for an avatar.

        Raises Refusal: `not_found`, and `invalid` for what is no picture.
        """
        row = await store.loose_picture(self._db, file_id, owner_id) or refuse("not_found", NO_FILE)
        picture = None
        if row.thumbnail_key is not None:
            with TemporaryFile(buffering=0) as file:
                async for piece in stream(self._storage, row.storage_key, 0, row.size):
                    await to_thread.run_sync(file.write, piece)
                file.seek(0)
                picture = await self._thumbnailer.picture(owner_id, file, row.media_type, square=True)
        if picture is None or row.thumbnail_key is None:
            raise Refusal("invalid", NO_PICTURE)
        await self._storage.write(row.thumbnail_key, BytesIO(picture.thumbnail))

    async def avatar(self, file_id: str) -> bytes:
        """The square thumbnail of an avatar. Raises Refusal: `not_found`."""
        key = await store.avatar_key(self._db, file_id) or refuse("not_found", NO_FILE)
        return await self._storage.read(key, 0, PIECE)

    async def find(self, caller: Caller, file_id: str) -> store.ReadFileRow:
        """The row of a file that the caller may read. Raises Refusal: `not_found`, `not_a_member`."""
        row = await store.read(self._db, file_id, caller.user_id) or refuse("not_found", NO_FILE)
        if not row.may_read:
            raise Refusal("not_a_member", "You are not a member of the room that has this file")
        return row

    async def sweep(self) -> int:
        """Deletes what has expired, from the storage and then here; returns how many files that were.

        Raises DatabaseUnavailable.
        """
        deleted = 0
        while True:
            swept = await self._db.transaction(self._sweep_some)
            deleted += swept.deleted
            if swept.deleted < swept.found or swept.found < SWEEP_SIZE:
                if deleted:
                    log.info("deleted %d expired files", deleted)
                return deleted

    async def _media(self, owner_id: str, upload: Upload) -> "Media":
        """The media of a file. Only an image waits for its turn to be decoded; what cannot be is no image."""
        head = await to_thread.run_sync(_head, upload.file)
        media_type = sniffed(head)
        if media_type not in IMAGE_TYPES:
            return Media(media_type, None)
        picture = None
        if upload.size <= MAX_BYTES:
            upload.file.seek(0)
            picture = await self._thumbnailer.picture(owner_id, upload.file, media_type)
        return Media(media_type if picture else undecoded(head), picture)

    async def _insert(self, owner_id: str, upload: Upload, media: "Media") -> store.StoredFileRow:
        file_id = str(uuid_utils.uuid7())
        key = f"{file_id[-2:]}/{file_id}"  # the end of the id is random, its beginning is the time
        picture = media.picture

        async def work(q: Queries) -> store.StoredFileRow:
            await store.lock_owner(q, owner_id)
            await _check_loose(q, owner_id)
            return await store.insert(
                q,
                file_id=file_id,
                owner_id=owner_id,
                name=upload.name,
                media_type=media.media_type,
                size=upload.size,
                width=picture and picture.width,
                height=picture and picture.height,
                storage_key=key,
                thumbnail_key=picture and key + (store.STILL if picture.animated else ".webp"),
            )

        return await self._db.transaction(work)

    async def _sweep_some(self, q: Queries) -> "SweptFiles":
        if not await store.may_sweep(
            q
        ):  # another instance sweeps, or a backup copies what its snapshot names
            return SweptFiles(0, 0)
        rows = await store.lock_expired(q, SWEEP_SIZE)
        gone = await asyncio.gather(*(self._deleted(row) for row in rows))
        ids = [row.id for row, is_gone in zip(rows, gone, strict=True) if is_gone]
        await store.delete(q, ids)
        return SweptFiles(len(rows), len(ids))

    async def _deleted(self, row: store.ExpiredFileRow) -> bool:
        try:
            for key in filter(None, (row.storage_key, row.thumbnail_key)):
                await self._storage.delete(key)
        except StorageUnavailable as error:
            log.warning("an expired file stays for now: %s", error)
            return False
        return True


class Media(NamedTuple):
    """A file's type, and what it shows if it is an image."""

    media_type: str
    picture: Picture | None


class SweptFiles(NamedTuple):
    """How many expired files a look has found, and how many of them it could delete."""

    found: int
    deleted: int


async def _check_loose(q: Queries, owner_id: str) -> None:
    if await store.count_loose(q, owner_id) >= MAX_LOOSE:
        raise Refusal(
            "too_many", f"You have {MAX_LOOSE} files that you have not sent: send some of them first"
        )


def _head(file: BinaryIO) -> bytes:
    """The bytes that tell what a file is."""
    file.seek(0)
    return file.read(HEAD)
