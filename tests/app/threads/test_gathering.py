"""Whom a reply is told to, as followers of its thread."""

import asyncio
from collections.abc import Sequence

from app import store
from app.core.caller import Caller
from app.db.database import Database
from app.messages.writer import MessageWriter
from app.payloads.requests import SendMessage
from app.payloads.responses import Message
from tests.support.chat.people import People


async def test_followers_of_a_batch_are_told_unless_they_are_too_many(people: People, db: Database) -> None:
    """Two replies to one message and one to another, written at once, count in their threads."""
    ann, bob, eve = await people(), await people(), await people()
    room = await ann.room()
    for person in (bob, eve):
        await person.http.post(f"/chat/rooms/{room}/join")
    told: dict[str, tuple[Message, set[str]]] = {}

    async def announce(message: Message, _called: object, followers: Sequence[str]) -> None:
        told[message.content] = message, set(followers)

    writer = MessageWriter(db, announce)
    try:
        roots = [await writer.send(Caller(ann.id), SendMessage(room_id=room, content=text)) for text in "12"]
        sent = [
            SendMessage(room_id=room, content=text, reply_to=root.id)
            for text, root in (("a", roots[0]), ("b", roots[1]), ("c", roots[0]))
        ]
        senders = [bob, eve, eve]
        await asyncio.gather(
            *(writer.send(Caller(by.id), one) for by, one in zip(senders, sent, strict=True))
        )
    finally:
        await writer.close()
    assert told["1"][1] == set()
    everybody = {ann.id, bob.id, eve.id}
    assert [everybody - told[text][1] - {eve.id} for text in "ab"] == [{bob.id}, {bob.id}]
    assert told["c"][1] == {ann.id, bob.id}
    root = (await store.threads.read(db, [roots[0].id]))[0]
    assert (root.reply_count, root.last_reply_seq) == (2, told["c"][0].seq)
    threads = [roots[0].id, roots[1].id]
    few = await store.thread_followers.of_threads(db, threads, most=2)
    assert {row.root_id for row in few} == {roots[1].id}
    await bob.http.post(f"/chat/rooms/{room}/leave")
    members = await store.thread_followers.of_threads(db, threads, most=2)
    assert {(row.root_id, row.user_id) for row in members} == {
        (roots[0].id, ann.id), (roots[0].id, eve.id), (roots[1].id, ann.id), (roots[1].id, eve.id),
    }  # fmt: skip
