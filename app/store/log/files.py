"""Uploaded files: loose while only their owner knows of them, attached once a message has them.

A row has `expires_at` while no message has it: a day after the upload, and at once when its message is deleted. What
has expired is as good as gone, and `app.attachments.attachments` deletes it from the storage before the row. An avatar
is of its owner, and no message has it.
"""

from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row

STILL = "-still.webp"  # how the key of a thumbnail ends whose picture moves
SWEEP_LOCK = 7_011_746_118  # a number of PostgreSQL's advisory locks, beside that of `app.db.migrations`


class FileRow(Row, frozen=True):
    """The data of an attachment."""

    id: str
    name: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    thumbnail_key: str | None

    @property
    def animated(self) -> bool:
        """Whether the picture moves, of which its thumbnail stands still. A GIF may be older than that key."""
        return self.media_type == "image/gif" or (self.thumbnail_key or "").endswith(STILL)


class LooseFileRow(FileRow, frozen=True):
    """A file that no message has."""

    owner_id: str


class StoredFileRow(FileRow, frozen=True):
    """A file, and where its bytes are."""

    storage_key: str


class ReadFileRow(StoredFileRow, frozen=True):
    """A file, and whether the caller may have it."""

    may_read: bool


class ExpiredFileRow(Row, frozen=True):
    """A file that is as good as gone."""

    id: str
    storage_key: str
    thumbnail_key: str | None


class KeptFileRow(Row, frozen=True):
    """A file that has not expired; `attached` while a message has it, or it is an avatar."""

    id: str
    storage_key: str
    thumbnail_key: str | None
    size: int
    attached: bool


async def lock_owner(q: Queries, owner_id: str) -> None:
    """Holds other uploads of a user, so that the loose files can be counted."""
    await q.value("select id from users where id = :owner_id for no key update", owner_id=owner_id)


async def count_loose(q: Queries, owner_id: str) -> int:
    """How many files of a user no message has yet."""
    count: int = await q.value(
        "select count(*) from files where owner_id = :owner_id and message_id is null and expires_at > now()",
        owner_id=owner_id,
    )
    return count


async def insert(
    q: Queries,
    *,
    file_id: str,
    owner_id: str,
    name: str,
    media_type: str,
    size: int,
    width: int | None,
    height: int | None,
    storage_key: str,
    thumbnail_key: str | None,
) -> StoredFileRow:
    """Adds a loose file, which expires in a day."""
    row = await q.row(
        StoredFileRow,
        """
        insert into files (id, owner_id, name, media_type, size, width, height, storage_key, thumbnail_key)
        values (:file_id, :owner_id, :name, :media_type, :size, :width, :height, :storage_key, :thumbnail_key)
        returning id, name, media_type, size, width, height, thumbnail_key, storage_key
        """,
        file_id=file_id,
        owner_id=owner_id,
        name=name,
        media_type=media_type,
        size=size,
        width=width,
        height=height,
        storage_key=storage_key,
        thumbnail_key=thumbnail_key,
    )
    assert row is not None
    return row


async def read(q: Queries, file_id: str, user_id: str) -> ReadFileRow | None:
    """A file that has not expired, and whether the user `may_read` it.

    It may go to the owner while it is loose, then to the members of the room of its message now.
    """
    return await q.row(
        ReadFileRow,
        """
        select f.id, f.name, f.media_type, f.size, f.width, f.height, f.thumbnail_key, f.storage_key,
               case when f.message_id is null then f.owner_id = :user_id
                    else exists (
                        select
                        from messages m
                        join room_members member on member.room_id = m.room_id
                        where m.id = f.message_id and member.user_id = :user_id and member.state = 'member'
                    ) end as may_read
        from files f
        where f.id = :file_id and (f.expires_at is null or f.expires_at > now())
        """,
        file_id=file_id,
        user_id=user_id,
    )


async def lock_loose(q: Queries, file_ids: Sequence[str]) -> list[LooseFileRow]:
    """Holds those of the files that no message has yet."""
    return await q.rows(
        LooseFileRow,
        """
        select id, name, media_type, size, width, height, thumbnail_key, owner_id
        from files
        where id = any(cast(:file_ids as text[])) and message_id is null and expires_at > now()
        order by id
        for update
        """,
        file_ids=list(file_ids),
    )


async def attach(
    q: Queries, *, file_ids: Sequence[str], message_ids: Sequence[str], places: Sequence[int]
) -> None:
    """Gives locked loose files to messages, as parallel arrays; `places` order the files of one message."""
    await q.value(
        """
        update files f
        set message_id = given.message_id, place = given.place, expires_at = null
        from unnest(cast(:file_ids as text[]), cast(:message_ids as text[]), cast(:places as integer[]))
             as given (file_id, message_id, place)
        where f.id = given.file_id
        """,
        file_ids=list(file_ids),
        message_ids=list(message_ids),
        places=list(places),
    )


async def loose_picture(q: Queries, file_id: str, owner_id: str) -> StoredFileRow | None:
    """A picture of a user that no message has."""
    return await q.row(
        StoredFileRow,
        """
        select id, name, media_type, size, width, height, thumbnail_key, storage_key
        from files
        where id = :file_id and owner_id = :owner_id and message_id is null and expires_at > now()
        """,
        file_id=file_id,
        owner_id=owner_id,
    )


async def make_avatar(q: Queries, owner_id: str, file_id: str) -> bool:
    """Makes a picture that no message has the avatar of its owner, in place of another; false where there is none."""
    await drop_avatar(q, owner_id)
    made = await q.value(
        """
        update files set avatar_of = owner_id, expires_at = null
        where id = :file_id and owner_id = :owner_id and message_id is null and expires_at > now()
          and thumbnail_key is not null
        returning true
        """,
        file_id=file_id,
        owner_id=owner_id,
    )
    return made is not None


async def drop_avatar(q: Queries, owner_id: str) -> None:
    """Lets the avatar of a user expire at once."""
    await q.value(
        "update files set avatar_of = null, expires_at = now() where avatar_of = :owner_id", owner_id=owner_id
    )


async def avatar_key(q: Queries, file_id: str) -> str | None:
    """Where the square thumbnail of an avatar is."""
    key: str | None = await q.value(
        "select thumbnail_key from files where id = :file_id and avatar_of is not null", file_id=file_id
    )
    return key


async def names_of_message(q: Queries, message_id: str) -> list[str]:
    """The names of a message's files, in their order."""
    return await q.column(
        str, "select name from files where message_id = :message_id order by place", message_id=message_id
    )


async def detach_of_message(q: Queries, message_id: str) -> None:
    """Takes the files from a message that is deleted; they expire at once."""
    await q.value(
        "update files set message_id = null, expires_at = now() where message_id = :message_id",
        message_id=message_id,
    )


async def expire(q: Queries, file_id: str) -> None:
    """Lets a loose file expire at once."""
    await q.value(
        "update files set expires_at = now() where id = :file_id and message_id is null", file_id=file_id
    )


async def lock_expired(q: Queries, limit: int) -> list[ExpiredFileRow]:
    """Holds some expired files that no other transaction holds."""
    return await q.rows(
        ExpiredFileRow,
        """
        select id, storage_key, thumbnail_key
        from files
        where expires_at <= now()
        order by expires_at
        limit :limit
        for update skip locked
        """,
        limit=limit,
    )


async def delete(q: Queries, file_ids: Sequence[str]) -> None:
    """Forgets files that the storage has no more."""
    await q.value("delete from files where id = any(cast(:file_ids as text[]))", file_ids=list(file_ids))


async def of_owner(q: Queries, owner_id: str, *, after: str, limit: int) -> list[FileRow]:
    """The files of a user that have not expired, in the order of their ids, behind the id `after`."""
    return await q.rows(
        FileRow,
        """
        select id, name, media_type, size, width, height, thumbnail_key
        from files
        where owner_id = :owner_id and id > :after and (expires_at is null or expires_at > now())
        order by id
        limit :limit
        """,
        owner_id=owner_id,
        after=after,
        limit=limit,
    )


async def may_sweep(q: Queries) -> bool:
    """Holds other sweeps and backups until the transaction ends; false where one is under way."""
    is_free: bool = await q.value("select pg_try_advisory_xact_lock(cast(:lock as bigint))", lock=SWEEP_LOCK)
    return is_free


async def hold_sweeps(q: Queries) -> None:
    """Waits for a sweep, and holds those to come until the connection ends."""
    await q.value("select pg_advisory_lock_shared(cast(:lock as bigint))", lock=SWEEP_LOCK)


async def kept_after(q: Queries, after: str, limit: int) -> list[KeptFileRow]:
    """Files that have not expired, in the order of their ids from `after`, which may be empty."""
    return await q.rows(
        KeptFileRow,
        """
        select id, storage_key, thumbnail_key, size, (message_id is not null or avatar_of is not null) as attached
        from files
        where id > :after and (expires_at is null or expires_at > now())
        order by id
        limit :limit
        """,
        after=after,
        limit=limit,
    )


async def all_keys(q: Queries) -> list[str]:
    """Where the bytes of all files are."""
    return await q.column(
        str,
        "select storage_key from files"
        " union all select thumbnail_key from files where thumbnail_key is not null",
    )
