"""What is to be added to the index of words: what was there before it, and what was written without.

A claim is held until its transaction ends, and passed over by the claims of others.
"""

from collections.abc import Sequence
from typing import Literal

from app.db.queries import Queries
from app.db.rows import Row

WordsKind = Literal["user", "room", "message"]


class ToMakeRow(Row, frozen=True):
    """A message, room or user whose words are to be made."""

    kind: WordsKind
    id: str


class ProgressRow(Row, frozen=True):
    """A kind whose words are not all made, and the id from which on they are; None for none."""

    kind: WordsKind
    below: str | None


class MessageTextRow(Row, frozen=True):
    """What a message says; `file_names` are those of its attachments."""

    id: str
    room_id: str
    sender_id: str
    change_seq: int
    content: str
    file_names: list[str]
    deleted: bool


class NameRow(Row, frozen=True):
    """The names of a room, which has one, or of a user."""

    id: str
    name: str
    other_name: str | None


class WorkRow(Row, frozen=True):
    """Whether there is something that was `written` without its words, and something from `earlier`."""

    written: bool
    earlier: bool


async def work(q: Queries) -> WorkRow:
    """What there is to do, also of what others have claimed."""
    row = await q.row(
        WorkRow,
        """
        select exists (select from words_to_make) as written,
               exists (select from words_made where not is_done) as earlier
        """,
    )
    assert row is not None
    return row


async def take_written(q: Queries, limit: int) -> list[ToMakeRow]:
    """Claims what was written without its words, the oldest first; what is read afterwards is what was written."""
    return await q.rows(
        ToMakeRow,
        """
        delete from words_to_make
        where number in (select number from words_to_make order by number limit :limit for update skip locked)
        returning kind, id
        """,
        limit=limit,
    )


async def claim_progress(q: Queries) -> ProgressRow | None:
    """Claims a kind that was there before the index, users and rooms first; None where there is nothing to do."""
    return await q.row(
        ProgressRow,
        """
        select kind, below from words_made
        where not is_done
        order by kind desc
        limit 1
        for update skip locked
        """,
    )


async def note_progress(q: Queries, kind: WordsKind, below: str | None) -> None:
    """Keeps that the words of a claimed kind are made from an id on, or, with None, that all are."""
    await q.value(
        """
        update words_made set below = coalesce(cast(:below as text), below), is_done = cast(:below as text) is null
        where kind = :kind
        """,
        kind=kind,
        below=below,
    )


async def ids_below(q: Queries, kind: WordsKind, below: str | None, limit: int) -> list[str]:
    """The ids of a kind that come before one, the newest first."""
    table = {"user": "users", "room": "rooms", "message": "messages"}[kind]
    return await q.column(
        str,
        f"""
        select id from {table}
        where cast(:below as text) is null or id < cast(:below as text)
        order by id desc
        limit :limit
        """,  # noqa: S608 - of constants of this program
        below=below,
        limit=limit,
    )


async def message_texts(q: Queries, message_ids: Sequence[str]) -> list[MessageTextRow]:
    """What messages say now."""
    return await q.rows(
        MessageTextRow,
        """
        select id, room_id, sender_id, change_seq, content,
               array(select name from files f where f.message_id = m.id order by place) as file_names,
               deleted_at is not null as deleted
        from messages m
        where id = any(cast(:ids as text[]))
        """,
        ids=list(message_ids),
    )


async def room_names(q: Queries, room_ids: Sequence[str]) -> list[NameRow]:
    """The names of rooms that have one. They do not change until the transaction ends."""
    return await q.rows(
        NameRow,
        """
        select id, name, cast(null as text) as other_name from rooms
        where id = any(cast(:ids as text[])) and name is not null
        order by id
        for share
        """,
        ids=list(room_ids),
    )


async def user_names(q: Queries, user_ids: Sequence[str]) -> list[NameRow]:
    """The names of users."""
    return await q.rows(
        NameRow,
        "select id, username as name, display_name as other_name from users where id = any(cast(:ids as text[]))",
        ids=list(user_ids),
    )
