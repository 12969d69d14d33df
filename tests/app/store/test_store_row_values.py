"""The values of the rows of `app.store` are of the types that their fields have, null where these say so alone."""

import datetime as dt
import inspect
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import msgspec
import pytest

from app import store
from app.db.database import Database
from app.db.queries import Queries, Statements
from app.db.rows import Row, inner_rows
from app.payloads.from_rows import message_of
from app.search.documents import message_vector
from app.store.log.message_rows import MessageRow, ShownMessageRow
from app.store.search.message_words import Span

ALL_ROWS = {
    row
    for module in store.__all__
    for row in vars(getattr(store, module)).values()
    if inspect.isclass(row) and issubclass(row, Row)
} - {Row}
# That no statement returns as it is: beginnings of others.
PARTS = {MessageRow}

numbers = count(1)


class CheckedStatements(Statements):
    """Compares each value that is read with the type of its field."""

    def __init__(self, connection: Any, seen: list[Row]) -> None:
        super().__init__(connection)
        self._seen = seen

    async def rows(self, row: Any, sql: str, /, **values: Any) -> list[Any]:
        found = await super().rows(row, sql, **values)
        for one in found:
            self._check(one)
        return found

    async def row(self, row: Any, sql: str, /, **values: Any) -> Any:
        found = await super().row(row, sql, **values)
        if found is not None:
            self._check(found)
        return found

    def _check(self, row: Row) -> None:
        self._seen.append(row)
        msgspec.convert(msgspec.to_builtins(row, builtin_types=[dt.datetime]), type(row))


@pytest.fixture
def seen() -> list[Row]:
    """All rows that were read."""
    return []


@pytest.fixture
async def checked(database_url: str, seen: list[Row]) -> AsyncIterator[Database]:
    database = Database(database_url, statements=lambda connection: CheckedStatements(connection, seen))
    await database.connect()
    yield database
    await database.close()


async def user(q: Queries, name: str, display_name: str | None = None) -> str:
    row = await store.accounts.insert(
        q, user_id=name, username=name, display_name=display_name, credential="-"
    )
    assert row is not None
    return row.id


async def enter(q: Queries, room_id: str, user_id: str, **fields: Any) -> None:
    await store.members.put(
        q,
        member_id=f"{room_id}-{user_id}",
        room_id=room_id,
        user_id=user_id,
        role=fields.pop("role", "member"),
        change_seq=await store.rooms.next_seq(q, room_id),
        **fields,
    )


async def write(q: Queries, room_id: str, sender_id: str, **fields: Any) -> store.messages.AppendedRow:
    (row,) = await store.messages.append(
        q,
        ids=[f"message-{next(numbers)}"],
        room_ids=[room_id],
        sender_ids=[sender_id],
        types=["text"],
        contents=["some words"],
        metadata=[fields.get("metadata")],
        client_ids=[fields.get("client_id")],
        reply_tos=[fields.get("reply_to")],
        also_to_rooms=[fields.get("also_to_room", True)],
        have_files=[fields.get("have_files", True)],
        words=[message_vector("some words", room_id=room_id, sender_id=sender_id)],
    )
    return row


async def file(q: Queries, owner_id: str, *, picture: bool) -> str:
    file_id = f"file-{next(numbers)}"
    row = await store.files.insert(
        q,
        file_id=file_id,
        owner_id=owner_id,
        name="a",
        media_type="image/png",
        size=1,
        width=1 if picture else None,
        height=1 if picture else None,
        storage_key=file_id,
        thumbnail_key=f"{file_id}.webp" if picture else None,
    )
    return row.id


async def furnish(q: Queries) -> str:
    """Rooms, people and messages with all that may be there, and without; returns the id of a message."""
    await user(q, "ann", "Ann")
    for name in ("bob", "eve", "dan"):
        await user(q, name)
    await store.rooms.insert(
        q, room_id="room", kind="public", name="a room", description=None, created_by="ann"
    )
    await enter(q, "room", "ann", role="admin")
    await enter(q, "room", "bob")
    await enter(q, "room", "eve", state="invited", changed_by="ann")
    await enter(q, "room", "dan", state="banned", changed_by="ann")
    for other in ("bob", "eve", "dan"):
        assert await store.direct.insert(q, room_id=f"to-{other}", created_by="ann", other_id=other)
        for person in ("ann", other):
            await enter(q, f"to-{other}", person)
    written = await write(q, "room", "ann", metadata='{"a": 1}', client_id="one")
    assert written.message is not None
    message_id = written.message.id
    reply = await write(q, "room", "bob", reply_to=message_id, also_to_room=False)
    assert reply.message is not None
    await store.thread_followers.follow_replies(q, [reply.message.id])
    await write(q, "to-bob", "ann")
    deleted = await write(q, "to-eve", "ann")
    assert deleted.message is not None
    await store.messages.wipe(
        q, message_id=deleted.message.id, deleted_by="ann", change_seq=await store.rooms.next_seq(q, "to-eve")
    )
    files = [await file(q, "ann", picture=picture) for picture in (True, False)]
    await store.files.lock_loose(q, files)
    await store.files.attach(q, file_ids=files, message_ids=[message_id] * 2, places=[0, 1])
    await store.reactions.insert(q, message_id=message_id, kind="+1", user_id="bob")
    await store.mentions.put(q, [message_id], names=[(message_id, 0, "bob")])
    return message_id


async def refusals(q: Queries) -> dict[str, store.messages.AppendedRow]:
    await store.blocks.insert(q, "bob", "ann")
    await store.blocks.insert(q, "eve", "dan")
    rows = [
        await write(q, "room", "ann", client_id="one"),
        await write(q, "nowhere", "ann"),
        await write(q, "room", "dan"),
        await write(q, "to-dan", "ann", client_id="one"),
        await write(q, "to-bob", "bob"),
        await write(q, "to-bob", "ann"),
        await write(q, "room", "ann", reply_to="nothing"),
        await write(q, "room", "ann", have_files=False),
    ]
    await store.rooms.archive(q, "room", 1, archived=True)
    rows.append(await write(q, "room", "ann"))
    await store.members.mark_left(
        q, room_id="room", user_id="ann", change_seq=await store.rooms.next_seq(q, "room")
    )
    rows.append(await write(q, "room", "ann", client_id="one"))
    return {row.verdict: row for row in rows}


async def read_rooms(q: Queries) -> None:
    await store.rooms.lock(q, "room")
    await store.rooms.lock(q, "to-bob")
    await store.rooms.update(
        q, room_id="room", kind="public", name="a room", description="of ours", change_seq=1
    )
    assert (await store.rooms.archive(q, "room", 1, archived=True)).archived_at is not None
    await store.room_log.room_for(q, "room", "ann")
    await store.rooms.archive(q, "room", 1, archived=False)
    await store.rooms.of_user(q, "ann")
    await store.rooms.of_member(q, "to-bob", "ann")
    await store.public_rooms.public(q, "ann", after=None, limit=9)
    people = ["ann", "bob", "eve"]
    assert await store.direct.insert_group(q, room_id="group", created_by="ann", user_ids=people, name="all")
    for person in people:
        await enter(q, "group", person)
    await write(q, "group", "ann")
    assert await store.direct.find_group(q, people[::-1])
    (group,) = [row for row in await store.rooms.of_user(q, "bob") if row.id == "group"]
    assert [one["id"] for one in group.people or ()] == ["ann", "eve"]
    await store.invitations.of_user(q, "eve", before=None, limit=9)
    await store.invitations.pending(q, "ann", "eve")
    await store.direct.find(q, "ann", "bob")
    for seconds in (None, 9, 0):
        await store.preferences.mute(q, room_id="room", user_id="ann", seconds=seconds)
    page = await store.direct.conversations(q, "ann", before=None, limit=9)
    assert {row.other_id: row.last_message is None for row in page} == {"bob": False, "eve": True}


async def read_members(q: Queries) -> None:
    await store.members.state(q, "room", "ann")
    await store.members.shown(q, "room", "dan")
    await store.members.others(q, "room", "ann")
    await store.members.room_ids_of_users(q, ["ann"])
    await store.members.listed(q, "room", after=None, limit=9)
    await store.members.banned(q, "room", after=None, limit=9)
    await store.read_marks.find(q, "room", "bob")
    await store.read_marks.move(q, room_id="room", user_id="bob", seq=9)
    await store.read_marks.find(q, "room", "bob")
    await store.read_marks.unread_mark(q, "room", "bob")
    assert await store.read_marks.mark_unread(q, room_id="room", user_id="bob", seq=2)
    mark = await store.read_marks.unread_mark(q, "room", "bob")
    assert mark is not None
    assert mark.unread_from == 2
    await store.members.ended_lately(q, 60)
    await store.room_log.changed_members(q, "room", after=0, limit=9)
    await store.room_log.room_for(q, "room", "ann")
    await store.room_log.room_for(q, "to-bob", "dan")


async def read_messages(q: Queries, message_id: str) -> None:
    for user_id in ("ann", "dan"):
        await store.messages.read_as(q, message_id, user_id)
    await store.room_log.older(q, "room", below=None, limit=9)
    await store.room_log.changed_messages(q, "to-eve", after=0, limit=9)
    await read_words(q, message_id)
    await store.reactions.count(q, message_id=message_id, kind="+1", user_id="bob")
    await read_threads(q, message_id)
    for url, title in (("http://a.example/", "A"), ("http://b.example/", None)):
        assert await store.link_previews.claim(q, url)
        await store.link_previews.fetched(q, url, title=title, description=title, site_name=title)
        await store.link_previews.find(q, url)
    await store.message_edits.keep(q, edit_id="edit", message_id=message_id, change_seq=99)
    (edit,) = await store.message_edits.of_message(q, message_id)
    assert await store.message_edits.of_sender(q, "ann", after="", limit=9) == [edit]
    await store.saved_messages.save(q, saved_id="saved", user_id="ann", message_id=message_id)
    (saved,) = await store.saved_messages.listed(q, "ann", before=None, limit=9)
    assert saved.message is not None
    await store.pins.insert(q, room_id="room", message_id=message_id, pinned_by="bob")
    assert (await store.rooms.touch(q, "room", 1)).pins == [message_id]
    (pin,) = await store.pins.shown(q, "room", after=None, limit=9)
    assert (pin.pinned_by, pin.message and pin.message.id) == ("bob", message_id)
    (row,) = await store.room_log.shown(q, [message_id])
    message = message_of(row)
    assert (len(message.attachments), message.reactions[0].user_ids, message.mentions) == (
        2,
        ["bob"],
        ["bob"],
    )


async def read_threads(q: Queries, root_id: str) -> None:
    (thread,) = await store.threads.read(q, [root_id])
    assert (thread.thread_id, thread.reply_count) == (root_id, 1)
    (reply,) = await store.threads.older(q, root_id, below=None, limit=9)
    assert await store.threads.newer(q, root_id, above=0, limit=9) == [reply]
    assert await store.threads.root_of(q, reply.id) == await store.threads.root_of(q, root_id)
    followers = await store.thread_followers.of_threads(q, [root_id], most=9)
    assert {row.user_id for row in followers} == {"ann", "bob"}
    await store.thread_followers.mark(q, reply.id, "ann")
    (followed,) = await store.thread_followers.threads_of(q, "ann", unread=True, before=None, limit=9)
    assert followed.root is not None
    assert (followed.root.id, followed.unread) == (root_id, 1)
    await store.thread_followers.threads_of(q, "ann", unread=False, before=root_id, limit=9)
    assert await store.thread_followers.move_mark(q, root_id, "ann", reply.seq)
    assert await store.thread_followers.mark_unread(q, root_id, "ann", reply.id)
    mark = await store.thread_followers.mark(q, root_id, "ann")
    assert mark is not None
    assert (mark.unread_from, mark.unread, mark.reply_deleted) == (reply.seq, 1, False)
    assert await store.thread_followers.read_again(q, root_id, "ann", reply.seq)


async def read_words(q: Queries, message_id: str) -> None:
    rooms, asked, span = ["room", "to-eve"], "'words'", Span()
    places = await store.message_words.newest_of_room(q, "room", asked, span, limit=9, most=9)
    assert await store.message_words.newest_of_rooms(q, ["room"], asked, span, limit=9, each=9) == (
        places,
        True,
    )
    assert await store.message_words.newest_of_rooms(q, rooms, "'no'", span, limit=9, each=1) == ([], False)
    assert await store.message_words.newest(q, ["room"], asked, span, limit=9, most=99) == places
    assert await store.message_words.indexed(q, ["room"], asked, span, limit=9) == places
    place = await store.message_words.place_of(q, rooms, message_id)
    assert place in places
    assert await store.message_words.newest(q, ["room"], asked, Span(place), limit=9, most=99) == [
        other for other in places if other.seq < place.seq
    ]
    assert len(await store.message_words.shown(q, places)) == len(places) > 0
    assert await store.message_words.has_more_than(q, "room", 0, None)
    await store.words_to_make.message_texts(q, [message_id])


async def read_people(q: Queries) -> None:
    await store.accounts.find(q, "ann")
    await store.accounts.find_with_credential(q, "ANN")
    await store.accounts.with_beginning(q, "a", after=None, limit=9)
    await store.name_words.put_users(q, {"ann": "'ann'"})
    await store.name_words.users_with_part(q, "'ann'", beginning="b", after=None, limit=9)
    await store.name_words.listed_users(q, after=None, limit=9)
    await store.name_words.put_rooms(q, {"room": "'room'"})
    await store.name_words.rooms_named(q, ["room"], "'room'")
    await store.words_to_make.user_names(q, ["ann"])
    await store.words_to_make.room_names(q, ["room"])
    await store.words_to_make.work(q)
    await q.value("update words_made set is_done = false where kind = 'room'")
    await store.words_to_make.claim_progress(q)
    await store.words_to_make.take_written(q, 9)
    await store.presence.last_seen(q, ["ann"])
    await store.presence.acquaintances(q, ["ann"], most_members=9, limit=9)
    await store.presence.set_last_seen(q, {"ann": 1.0})
    await store.presence.rooms_told(q, ["ann"], 9)
    await store.privacy.settings(q, "ann")
    for agent in (None, "a browser"):
        await store.sessions.insert(
            q,
            session_id=f"session {agent}",
            user_id="ann",
            generation=0,
            issued_at=1,
            expires_at=4_000_000_000,
            user_agent=agent,
        )
    assert len(await store.sessions.of_user(q, "ann", limit=9)) == 2
    assert await store.sessions.end(q, session_id="session None", user_id="ann")
    assert len(await store.sessions.of_user(q, "ann", limit=9)) == 1
    await store.profiles.find(q, "ann")
    await store.profiles.change(
        q,
        "ann",
        display_name=None,
        avatar="a",
        status_text="b",
        status_until=dt.datetime(9999, 1, 1, tzinfo=dt.UTC),
        time_zone="UTC",
        words="'ann'",
    )
    await store.profiles.find(q, "ann")
    await read_notifications(q)
    await store.privacy.towards(q, "ann", "bob")


async def read_administration(q: Queries) -> None:
    await store.account_states.lock_by_name(q, "ANN")
    await store.account_states.listed(q, "a", after="", limit=9)
    await store.sign_up_invitations.insert(
        q, invitation_id="i", token_hash="h", note="n", most_uses=2, seconds=60, room_ids=["room"]
    )
    assert await store.sign_up_invitations.use(q, "i")
    await store.sign_up_invitations.find_open(q, "h")
    assert await store.sign_up_invitations.revoke(q, "i")
    await store.sign_up_invitations.listed(q, after="", limit=9)
    await store.sign_up_invitations.insert(
        q,
        invitation_id="l",
        token_hash="j",
        note=None,
        most_uses=None,
        seconds=60,
        into_room="room",
        created_by="ann",
    )
    assert await store.sign_up_invitations.open_links(q, "room")
    assert await store.sign_up_invitations.linked_room(q, "j", "ann")
    assert await store.sign_up_invitations.find_open(q, "j") is None
    await store.audit_log.append(q, actor="a", action="b", subject_id="i", subject="", details='{"uses": 2}')
    await store.audit_log.listed(q, after=0, limit=9)
    await store.audit_log.newest(q, before=None, limit=9)
    await store.account_states.find(q, "ann")
    assert await store.account_states.offer_reset(q, "ANN", token_hash="h", seconds=60, one_in=9)
    assert await store.account_states.offer_reset(q, "ANN", token_hash="i", seconds=60, one_in=9) is None
    await store.figures.read(q)
    assert await store.administered_rooms.add_default(q, "room")
    assert await store.administered_rooms.defaults(q)
    await store.administered_rooms.set_retention(q, "room", 9)
    await store.administered_rooms.listed(q, "a", without_admin=True, after="", limit=9)
    await store.administered_rooms.find(q, "room")


async def erase(q: Queries) -> None:
    await store.administered_rooms.begin_deletion(q, "room")
    assert await store.administered_rooms.lock_deleted(q) == "room"
    ended = await store.administered_rooms.end_memberships(q, "room", 9)
    assert {row.user_id: row.was_member for row in ended} == {"bob": True, "eve": False}
    assert len(await store.administered_rooms.shown_members(q, "room", ["bob", "eve"])) == 2
    assert await store.administered_rooms.delete_messages(q, "room", 2) == 2
    while await store.administered_rooms.delete_messages(q, "room", 2):
        pass
    await store.administered_rooms.delete(q, "room")


async def read_notifications(q: Queries) -> None:
    given = dict.fromkeys(("content", "quiet", "quiet_from", "quiet_to", "time_zone"))
    for seconds in (None, 60):
        await store.notification_settings.update(q, "bob", level="all", mute_seconds=seconds, **given)
    await store.notification_settings.settings(q, "bob")
    await store.notification_settings.room_level(q, room_id="room", user_id="bob")
    await store.notification_settings.set_room_level(q, room_id="room", user_id="bob", level="all")
    for number, device in enumerate(("phone", None)):
        await store.push_subscriptions.put(
            q,
            subscription_id=f"device-{number}",
            user_id="bob",
            token_id="token",
            endpoint=f"https://push.example.org/{number}",
            public_key="key",
            auth="auth",
            device=device,
            most=9,
        )
    await store.push_subscriptions.of_user(q, "bob")
    message_id = (await write(q, "room", "ann")).message
    assert message_id is not None
    assert await store.notifications_due.recipients(q, message_id.id, to_all=False)
    assert await store.notifications_due.notice(q, message_id.id, "bob")
    assert await store.notifications_due.device(q, "device-0", "bob")


async def read_blocks(q: Queries) -> None:
    await store.blocks.find(q, "bob", "ann")
    await store.blocks.listed(q, "bob", after=None, limit=9)
    assert await store.blocks.of_acquaintances(q, ["ann"]) == {"ann": ["bob"]}


async def read_files(q: Queries) -> None:
    for picture in (True, False):
        file_id = await file(q, "ann", picture=picture)
        await store.files.read(q, file_id, "ann")
        await store.files.loose_picture(q, file_id, "ann")
        await store.files.of_owner(q, "ann", after="", limit=9)
        await store.files.expire(q, file_id)
    await store.files.lock_expired(q, 9)
    await store.files.kept_after(q, "", 9)


async def read_announced_changes(q: Queries) -> None:
    span = await store.announced_changes.claim(q, every=-1, late=60)
    assert span is not None
    await store.announced_changes.rooms_changed(q, span.since)
    await store.announced_changes.members_changed(q, {"room": 0, "to-bob": 0})


async def test_values_are_of_the_types_of_their_fields(checked: Database, seen: list[Row]) -> None:
    message_id = await checked.transaction(furnish)
    for read in (read_rooms, read_members, read_people, read_files, read_announced_changes):
        await checked.transaction(read)
    await checked.transaction(lambda q: read_messages(q, message_id))
    verdicts = await checked.transaction(refusals)
    assert verdicts["repeated"].repeated_id == message_id
    assert len(verdicts) == 10
    assert {row.message for row in verdicts.values()} == {None}
    await checked.transaction(read_blocks)
    await checked.transaction(read_administration)
    await checked.transaction(read_members)
    await checked.transaction(erase)
    inside = {inner for row in seen for inner in inner_rows(type(row)) if inner is not None}
    assert ({type(row) for row in seen} | inside) - PARTS == ALL_ROWS - PARTS
    assert ShownMessageRow in inside
