"""What was written without its words gets them, beside instances of before the index and beside other indexers."""

import asyncio
from datetime import UTC, datetime

import pytest

from app import store
from app.accounts.user_search import UserSearch
from app.core.caller import Caller
from app.db.database import Database
from app.payloads.accounts.account_requests import SearchUsers
from app.payloads.requests import SearchMessages
from app.search_index import indexer as module
from app.search_index.indexer import Indexer
from app.search_index.message_search import MessageSearch
from app.store.search.message_words import WordsOfMessage

WRITTEN_BEFORE = """
    insert into users (id, username, display_name, credential) values ('ann', 'ann', 'Ánn Lee', 'x');
    insert into rooms (id, kind, name, created_by, last_seq) values ('room', 'public', 'Größe', 'ann', 9);
    insert into room_members (id, room_id, user_id, change_seq) values ('member', 'room', 'ann', 1);
    insert into messages (id, room_id, sender_id, seq, change_seq, content)
    select 'm' || n, 'room', 'ann', n, n, 'needle/' || n from generate_series(2, 9) n;
    insert into files (id, owner_id, message_id, name, media_type, size, storage_key, expires_at)
    values ('file', 'ann', 'm5', 'plan_b.pdf', 'text/plain', 1, 'key', null)
"""


async def old_instance(db: Database, statements: str) -> None:
    for statement in statements.split(";"):
        await db.value(statement)


async def found(db: Database, query: str) -> list[str]:
    page = await MessageSearch(db).search(Caller("ann"), SearchMessages(query=query))
    return [message.id for message in page]


async def test_what_old_instances_write_is_found(db: Database) -> None:
    await Indexer(db).look()  # there is nothing
    await old_instance(db, WRITTEN_BEFORE)
    assert await found(db, "needle") == []
    await asyncio.gather(Indexer(db).look(), Indexer(db).look())
    assert await found(db, "needle") == [f"m{number}" for number in range(9, 1, -1)]
    assert await found(db, "plan") == await found(db, "has:file") == ["m5"]
    assert await found(db, "in:grosse from:lee needle 7") == ["m7"]
    (user,) = await UserSearch(db).search(Caller("ann"), SearchUsers(query="nn le"))
    assert user.id == "ann"
    assert await db.value("select count(*) from words_to_make") == 0

    await old_instance(
        db,
        "update messages set content = 'changed', change_seq = 10 where id = 'm3';"
        "update messages set content = '', deleted_at = now(), change_seq = 11 where id = 'm4';"
        "update messages set change_seq = 12 where id = 'm5';"
        "update rooms set name = 'other' where id = 'room'",
    )
    assert await db.column(str, "select id from words_to_make order by id") == ["m3", "m4", "room"]
    await Indexer(db).look()
    assert await found(db, "changed") == ["m3"]
    assert await found(db, "needle") == ["m9", "m8", "m7", "m6", "m5", "m2"]
    assert await found(db, "in:other has:file") == ["m5"]
    assert await db.value("select count(*) from message_words") == 7


async def test_what_was_there_before_the_index_is_found(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    await old_instance(db, WRITTEN_BEFORE)
    await old_instance(db, "delete from words_to_make; update words_made set is_done = false, below = null")
    await asyncio.gather(*(Indexer(db).look() for _ in range(3)))
    await Indexer(db).look()  # where the others found a batch claimed, and nothing else to do
    assert await found(db, "needle") == [f"m{number}" for number in range(9, 1, -1)]
    assert await db.column(bool, "select is_done from words_made") == [True, True, True]
    await old_instance(db, "truncate message_words")
    await Indexer(db).look()
    assert await found(db, "needle") == []  # it is not done again


async def test_words_of_a_later_change_stay(db: Database) -> None:
    await old_instance(db, WRITTEN_BEFORE)
    for change_seq, word in ((7, "later"), (6, "earlier")):
        await store.message_words.put(db, [WordsOfMessage("m2", change_seq, f"'{word}'")])
    (words,) = await db.column(str, "select cast(words as text) from message_words")
    assert words == "'later'"


async def test_times_of_words_are_those_of_the_messages(db: Database) -> None:
    await old_instance(db, WRITTEN_BEFORE)
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    await db.value("update messages set created_at = :moment where id = 'm9'", moment=moment)
    await Indexer(db).look()
    # By seq within a room; by time among rooms, and for the filters.
    assert (await found(db, "needle"))[0] == "m9"
    assert await found(db, "needle before:2020-01-02") == ["m9"]
    assert "m9" not in await found(db, "needle after:2020-01-01")
