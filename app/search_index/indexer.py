"""Makes the words of what was written without them, beside the requests.

That is everything from before there was an index, what instances of an earlier version write while it is being
replaced, and long messages, whose words would keep others waiting. Users and rooms come first, and of each kind the
newest, so while an old database is being indexed, a search finds the newer messages and not yet the older ones.

Every instance looks for work. A batch is claimed by its transaction, so what one works at is passed over by the others,
and what a dead one left is done again. Between batches an instance rests for as long as the batch took.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from app import store
from app.db.database import Database
from app.db.queries import Queries
from app.search.documents import message_vector
from app.search.names import name_vector
from app.store.search.message_words import WordsOfMessage
from app.store.search.words_to_make import MessageTextRow, WordsKind

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0  # seconds
BATCH = 100


class Indexer:
    """Adds to the index of words what is not in it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def look(self) -> None:
        """Does what there is to do. Raises DatabaseUnavailable."""
        work = await store.words_to_make.work(
            self._db
        )  # a look at both costs less than a transaction for each
        if work.written:
            await self._all(_index_written)
        if work.earlier:
            await self._all(_index_earlier)

    async def _all(self, batch: Callable[[Queries], Awaitable[bool]]) -> None:
        """Does one batch after the other, as long as there is any."""
        while True:
            begun = time.monotonic()
            if not await self._db.transaction(batch):
                break
            await asyncio.sleep(time.monotonic() - begun)


async def _index_written(q: Queries) -> bool:
    """Indexes a batch of what was written without its words; true if there was any."""
    rows = await store.words_to_make.take_written(q, BATCH)
    kinds: tuple[WordsKind, ...] = ("room", "user", "message")
    for kind in kinds:
        ids = list(dict.fromkeys(row.id for row in rows if row.kind == kind))
        if ids:
            await _index(q, kind, ids)
    return bool(rows)


async def _index_earlier(q: Queries) -> bool:
    """Indexes a batch of what was there before the index; true if there was any."""
    progress = await store.words_to_make.claim_progress(q)
    if progress is None:
        return False
    ids = await store.words_to_make.ids_below(q, progress.kind, progress.below, BATCH)
    if ids:
        await _index(q, progress.kind, ids)
    else:
        log.info("the index of words has every %s", progress.kind)
    await store.words_to_make.note_progress(q, progress.kind, ids[-1] if ids else None)
    return True


async def _index(q: Queries, kind: WordsKind, ids: Sequence[str]) -> None:
    if kind == "room":
        rooms = await store.words_to_make.room_names(q, ids)
        await store.name_words.put_rooms(q, {row.id: name_vector(row.name) for row in rooms})
    elif kind == "user":
        users = await store.words_to_make.user_names(q, ids)
        await store.name_words.put_users(q, {row.id: name_vector(row.name, row.other_name) for row in users})
    else:
        texts = await store.words_to_make.message_texts(q, ids)
        await store.message_words.remove(q, [row.id for row in texts if row.deleted])
        await store.message_words.put(q, await asyncio.to_thread(_words_of, texts))


def _words_of(texts: Sequence[MessageTextRow]) -> list[WordsOfMessage]:
    return [
        WordsOfMessage(
            row.id,
            row.change_seq,
            message_vector(
                row.content, room_id=row.room_id, sender_id=row.sender_id, file_names=row.file_names
            ),
        )
        for row in texts
        if not row.deleted
    ]
