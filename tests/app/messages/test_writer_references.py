"""What a message may carry: a reply, files, mentions. Each with its refusals, alone and in one batch with others."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uuid_utils

from app import store
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.payloads.requests import CreateRoom, EditMessage, MessageRef, RoomRef, SendDirect, SendMessage
from app.payloads.responses import Message
from protocol import Server
from tests.support.chat.histories import Chat, HeardBus
from tests.support.chat.people import People


class Table:
    """Ann and Bob in a room, Eve outside it."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.ann = self.bob = self.eve = self.room = ""

    async def laid(self) -> "Table":
        self.ann, self.bob, self.eve = [await self.chat.person(name) for name in ("Ann", "bob", "eve")]
        room = await self.chat.rooms.create(Caller(self.ann), CreateRoom(name="a room"))
        self.room = room.id
        await self.chat.rooms.join(Caller(self.bob), RoomRef(room_id=self.room))
        return self

    async def send(self, sender: str, content: str = "x", **fields: Any) -> Message:
        payload = SendMessage(**{"room_id": self.room, "content": content, **fields})
        return await self.chat.writer.send(Caller(sender), payload)

    async def file(self, owner: str, name: str = "a file") -> str:
        file_id = str(uuid_utils.uuid7())
        await store.files.insert(
            self.chat.db,
            file_id=file_id,
            owner_id=owner,
            name=name,
            media_type="image/png",
            size=7,
            width=3,
            height=4,
            storage_key=file_id,
            thumbnail_key=f"{file_id}-small",
        )
        return file_id

    async def mentions_told(self, user_id: str) -> list[Any]:
        """Listens to what the devices of a user are told of mentions, from now on."""
        told: list[Any] = []
        listeners = self.chat.bus.listeners[f"user:{user_id}"]
        listeners.append(
            lambda event, payload: told.append(payload["id"]) if event == "mention:new" else None
        )
        return told


@pytest.fixture
async def table(db: Database) -> AsyncIterator[Table]:
    bus = HeardBus()
    io = Server(bus=bus)
    await io.start()
    table = Table(Chat(db, io, bus))
    yield await table.laid()
    await table.chat.writer.close()
    await io.stop()


def reasons(answers: list[Any]) -> list[str]:
    return [answer.reason if isinstance(answer, Refusal) else "written" for answer in answers]


# Replies


async def test_a_reply_names_a_message_of_the_same_room_that_is_there(table: Table) -> None:
    first = await table.send(table.ann, "first")
    gone = await table.send(table.ann, "gone")
    await table.chat.revisions.delete(Caller(table.ann), MessageRef(message_id=gone.id))
    other = (await table.chat.rooms.create(Caller(table.ann), CreateRoom(name="other"))).id
    elsewhere = await table.send(table.ann, room_id=other)
    answers = await asyncio.gather(
        *(
            table.send(table.bob, reply_to=message_id)
            for message_id in (first.id, gone.id, elsewhere.id, "unknown", first.id)
        ),
        return_exceptions=True,
    )
    assert reasons(answers) == ["written", "not_found", "not_found", "not_found", "written"]
    replies = [answer for answer in answers if isinstance(answer, Message)]
    assert [reply.reply_to for reply in replies] == [first.id, first.id]
    assert [reply.seq for reply in replies] == [replies[0].seq, replies[0].seq + 1]


async def test_a_retried_reply_is_answered_also_when_what_it_replied_to_is_gone(table: Table) -> None:
    first = await table.send(table.ann)
    reply = await table.send(table.bob, reply_to=first.id, client_id="c")
    await table.chat.revisions.delete(Caller(table.ann), MessageRef(message_id=first.id))
    assert await table.send(table.bob, reply_to=first.id, client_id="c") == reply


# Attachments


async def test_files_are_shown_in_the_order_in_which_they_are_named(table: Table) -> None:
    files = [await table.file(table.ann, name) for name in ("one", "two", "three")]
    sent = await table.send(table.ann, "", attachments=files[::-1])
    assert [(file.id, file.name) for file in sent.attachments] == list(
        zip(files[::-1], ("three", "two", "one"), strict=True)
    )
    first = sent.attachments[0]
    assert (first.media_type, first.size, first.width, first.height) == ("image/png", 7, 3, 4)
    assert (first.url, first.thumbnail_url) == (
        f"/chat/files/{files[2]}",
        f"/chat/files/{files[2]}/thumbnail",
    )
    (read,) = await store.room_log.shown(table.chat.db, [sent.id])
    assert [file["id"] for file in read.attachments] == files[::-1]


async def test_only_ones_own_files_that_were_not_sent(table: Table, db: Database) -> None:
    hers, his, old = await table.file(table.ann), await table.file(table.bob), await table.file(table.ann)
    await store.files.expire(db, old)
    for files in ([his], [hers, his], [old], ["unknown"], [hers, "unknown"]):
        with pytest.raises(Refusal) as refused:
            await table.send(table.ann, attachments=files)
        assert refused.value.reason == "not_found"
    await table.send(table.ann, attachments=[hers])  # no refusal has taken it
    with pytest.raises(Refusal):
        await table.send(table.ann, attachments=[hers])


async def test_two_messages_of_one_batch_do_not_both_get_a_file(table: Table) -> None:
    file, other = await table.file(table.ann), await table.file(table.ann)
    answers = await asyncio.gather(
        table.send(table.ann, attachments=[file]),
        table.send(table.bob),
        table.send(table.ann, attachments=[other, file]),
        table.send(table.ann, attachments=[other]),
        return_exceptions=True,
    )
    assert reasons(answers) == ["written", "written", "not_found", "written"]
    assert isinstance(answers[3], Message)
    assert [file.id for file in answers[3].attachments] == [other]


async def test_a_refused_message_leaves_its_files_to_the_next(table: Table) -> None:
    file = await table.file(table.eve)
    answers = await asyncio.gather(
        table.send(table.eve, attachments=[file]), table.send(table.bob), return_exceptions=True
    )
    assert reasons(answers) == ["not_a_member", "written"]
    await table.chat.rooms.join(Caller(table.eve), RoomRef(room_id=table.room))
    assert (await table.send(table.eve, attachments=[file])).attachments[0].id == file


async def test_a_retry_with_files_is_answered_with_the_original(table: Table) -> None:
    file = await table.file(table.ann)
    first, again = await asyncio.gather(
        *(table.send(table.ann, "", attachments=[file], client_id="c") for _ in range(2))
    )
    assert first == again == await table.send(table.ann, "", attachments=[file], client_id="c")
    assert [file.id for file in first.attachments] == [file]


async def test_a_message_of_files_alone_may_be_emptied_and_another_not(table: Table) -> None:
    with_file = await table.send(table.ann, "words", attachments=[await table.file(table.ann)])
    without = await table.send(table.ann, "words")
    edit = table.chat.revisions.edit
    assert (await edit(Caller(table.ann), EditMessage(message_id=with_file.id, content=""))).content == ""
    with pytest.raises(Refusal, match="blank"):
        await edit(Caller(table.ann), EditMessage(message_id=without.id, content=""))


async def test_a_deleted_message_gives_its_files_up(table: Table, db: Database) -> None:
    file = await table.file(table.ann)
    sent = await table.send(table.ann, attachments=[file])
    await table.chat.revisions.delete(Caller(table.ann), MessageRef(message_id=sent.id))
    assert [row.id for row in await store.files.lock_expired(db, 10)] == [file]
    with pytest.raises(Refusal):
        await table.send(table.ann, attachments=[file])


@pytest.mark.parametrize(
    "attachments", ["text", [7], ["a b"], [f"f{n}" for n in range(11)], ["same", "same"], {"a": 1}]
)
async def test_attachments_that_are_none(people: People, attachments: Any) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    payload = {"roomId": room, "content": "x", "attachments": attachments}
    assert (await device.refused("message:send", payload))["reason"] in ("invalid", "too_long")


# Mentions


async def test_members_are_mentioned_by_their_names(table: Table) -> None:
    told = await table.mentions_told(table.ann)
    sent = [
        await table.send(table.bob, content)
        for content in (
            "@Ann hello",
            "Well, @ann.",
            "(@ANN)",
            "me @bob",
            "@ann @ann @nobody @eve",
            "ann@ann.com",
        )
    ]
    assert [message.mentions for message in sent] == [[table.ann]] * 3 + [[], [table.ann], []]
    assert told == [message.id for message in sent if message.mentions]


async def test_who_left_or_was_invited_is_not_mentioned(table: Table) -> None:
    await table.chat.rooms.leave(Caller(table.bob), RoomRef(room_id=table.room))
    assert (await table.send(table.ann, "@bob")).mentions == []


async def test_of_two_readings_the_longer_name_is_meant(table: Table) -> None:
    dotted = await table.chat.person("ann.b")
    await table.chat.rooms.join(Caller(dotted), RoomRef(room_id=table.room))
    assert (await table.send(table.bob, "@ann.b")).mentions == [dotted]
    assert (await table.send(table.bob, "@ann")).mentions == [table.ann]
    assert (await table.send(table.bob, "@ann_.")).mentions == [table.ann]


async def test_an_edit_tells_only_who_was_not_mentioned_before(table: Table) -> None:
    await table.chat.rooms.join(Caller(table.eve), RoomRef(room_id=table.room))
    sent = await table.send(table.bob, "@ann")
    told = [await table.mentions_told(user_id) for user_id in (table.ann, table.eve)]

    async def edit(content: str) -> list[str]:
        payload = EditMessage(message_id=sent.id, content=content)
        return (await table.chat.revisions.edit(Caller(table.bob), payload)).mentions

    assert await edit("@ann and @eve") == sorted([table.ann, table.eve])
    assert told == [[], [sent.id]]
    assert await edit("@eve alone") == [table.eve]
    assert await edit("nobody") == []
    assert told == [[], [sent.id]]
    assert await edit("@ann again") == [table.ann]
    assert told == [[sent.id], [sent.id]]


async def test_nobody_is_mentioned_in_a_direct_conversation(table: Table) -> None:
    payload = SendDirect(receiver_id=table.ann, content="@ann")
    assert (await table.chat.direct.send(Caller(table.bob), payload)).mentions == []


async def test_a_retry_mentions_nobody_again(table: Table) -> None:
    told = await table.mentions_told(table.ann)
    first = await table.send(table.bob, "@ann", client_id="c")
    assert await table.send(table.bob, "@ann", client_id="c") == first
    assert told == [first.id]


async def test_a_mention_is_told_to_all_devices_of_the_mentioned_alone(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    hers, phone, his = await ann.device(), await ann.device(), await bob.device()
    await his.ok("room:join", {"roomId": room})
    payload = {"roomId": room, "content": f"hello @{ann.user['username']}"}
    sent = await his.ok("message:send", payload)
    assert sent["mentions"] == [ann.id]
    for device in (hers, phone):
        assert await device.expect("mention:new") == sent
        assert await device.expect("message:new") == sent
    await his.ok("message:send", {"roomId": room, "content": f"myself, @{bob.user['username']}"})
    assert "mention:new" not in his.received
