"""Files: uploaded by somebody, attached to a message by whoever sends it, read by the members of its room.

An upload is received into a temporary file, looked at, given a row, and then stored; the row comes first so that
nothing is ever in the storage that no row knows of. Its id is told once all is done. Rows that expire take their bytes
with them (`sweep`), on whichever instance comes to it first.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import NamedTuple

import anyio
import uuid_utils
from anyio import to_thread

from app.attachments.media import Media, media_of
from app.attachments.storage import Storage, StorageUnavailable
from app.attachments.uploads import Upload
from app.caller import Caller
from app.db import Database
from app.refusals import Refusal, refuse
from app.rows import attachment_of
from app.statements import Queries, Row
from app.store import files as store
from app.views import Attachment

log = logging.getLogger(__name__)

MAX_LOOSE = 100  # files of a user that no message has
MAX_AT_ONCE = 10  # uploads of a user on one instance
TRY_AGAIN = 1000  # ms
IMAGES_AT_ONCE = 2  # being decoded; see thumbnails.MAX_MEMORY
SWEEP_EVERY = 600.0  # seconds
SWEEP_SIZE = 20  # files

NO_FILE = "There is no such file"


class Files:
    """What people do with files; `app.attachments.routes` is the way to it."""

    def __init__(self, db: Database, storage: Storage) -> None:
        self._db = db
        self._storage = storage
        self._looking = anyio.CapacityLimiter(IMAGES_AT_ONCE)
        self._uploading: Counter[str] = Counter()

    @contextmanager
    def one_upload(self, user_id: str) -> Iterator[None]:
        """Counts an upload while it lasts. Raises Refusal: `too_many`."""
        if self._uploading[user_id] >= MAX_AT_ONCE:
            raise Refusal(
                "too_many", f"Only {MAX_AT_ONCE} files can be uploaded at a time", retry_after=TRY_AGAIN
            )
        self._uploading[user_id] += 1
        try:
            yield
        finally:
            self._uploading[user_id] -= 1
            if not self._uploading[user_id]:
                del self._uploading[user_id]

    async def may_upload(self, user_id: str) -> None:
        """Raises Refusal, `too_many`, to a user who has MAX_LOOSE files that no message has."""
        await _check_loose(self._db, user_id)

    async def add(self, caller: Caller, upload: Upload) -> Attachment:
        """Stores a file, which is the caller's alone until a message has it. Raises Refusal: `too_many`."""
        look = partial(media_of, upload.file, upload.size)
        media = await to_thread.run_sync(look, limiter=self._looking)
        row = await self._insert(caller.user_id, upload, media)
        try:
            await self._storage.write(row["storage_key"], upload.file)
            if media.picture is not None:
                await self._storage.write(row["thumbnail_key"], BytesIO(media.picture.thumbnail))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await store.expire(self._db, row["id"])
            raise
        return attachment_of(row)

    async def find(self, caller: Caller, file_id: str) -> Row:
        """The row of a file that the caller may read. Raises Refusal: `not_found`, `not_a_member`."""
        row = await store.read(self._db, file_id, caller.user_id) or refuse("not_found", NO_FILE)
        if not row["may_read"]:
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

    async def _insert(self, owner_id: str, upload: Upload, media: Media) -> Row:
        file_id = str(uuid_utils.uuid7())
        key = f"{file_id[-2:]}/{file_id}"  # the end of the id is random, its beginning is the time
        picture = media.picture

        async def work(q: Queries) -> Row:
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
                thumbnail_key=picture and f"{key}.webp",
            )

        return await self._db.transaction(work)

    async def _sweep_some(self, q: Queries) -> "Swept":
        rows = await store.lock_expired(q, SWEEP_SIZE)
        gone = await asyncio.gather(*(self._deleted(row) for row in rows))
        ids = [row["id"] for row, is_gone in zip(rows, gone, strict=True) if is_gone]
        await store.delete(q, ids)
        return Swept(len(rows), len(ids))

    async def _deleted(self, row: Row) -> bool:
        try:
            for key in filter(None, (row["storage_key"], row["thumbnail_key"])):
                await self._storage.delete(key)
        except StorageUnavailable as error:
            log.warning("an expired file stays for now: %s", error)
            return False
        return True


class Swept(NamedTuple):
    """How many expired files a look has found, and how many of them it could delete."""

    found: int
    deleted: int


async def _check_loose(q: Queries, owner_id: str) -> None:
    if await store.count_loose(q, owner_id) >= MAX_LOOSE:
        raise Refusal(
            "too_many", f"You have {MAX_LOOSE} files that you have not sent: send some of them first"
        )
