"""Direct messages reach all devices of both people, and each conversation is listed with what is new in it."""

from typing import Any

from app.db.database import Database
from tests.support.chat.people import People, Start


async def erase(db: Database, message: dict[str, Any]) -> None:
    """Deletes a message in the database alone."""
    await db.value("update messages set deleted_at = now(), content = '' where id = :id", id=message["id"])


async def test_a_message_reaches_all_devices_of_both(people: People, start: Start) -> None:
    """All devices of both do, at whichever instance."""
    ann, bob = await people(), await people()
    second = await start()
    first, other = await ann.device(), await ann.device(second.url)
    theirs, far = await bob.device(), await bob.device(second.url)
    sent = await first.ok("dm:send", {"receiverId": bob.id, "content": "hello"})
    assert (sent["senderId"], sent["receiverId"], sent["readAt"]) == (ann.id, bob.id, None)
    for device in (first, other, theirs, far):
        assert await device.expect("dm:new") == sent
        assert device.received["message:new"] == []


async def test_a_receiver_that_is_no_user_is_refused_and_nobody_hears_of_it(
    people: People, db: Database
) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    device, other = await ann.device(), await bob.device()
    await other.ok("room:join", {"roomId": room})
    names = ["", room, f"room:{room}", f"user:{bob.id}", other.client.get_sid(), "authenticated", "nobody"]
    for name in [*names, bob.user["username"], "a b", "ä", "x" * 100]:
        error = await device.refused("dm:send", {"receiverId": name, "content": "x"})
        assert (error["code"], error["reason"]) == ("DM_FAILED", "not_found")
    assert await db.value("select count(*) from messages") == 0
    assert await db.value("select count(*) from rooms where kind = 'direct'") == 0
    await device.ok("dm:send", {"receiverId": bob.id, "content": "y"})
    assert (await other.expect("dm:new"))["content"] == "y"
    assert len(other.received["dm:new"]) == 1
    assert other.received["message:new"] == []


async def test_the_sender_is_the_user_of_the_token(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device = await eve.device()
    sent = await device.ok(
        "dm:send", {"receiverId": bob.id, "content": "x", "senderId": ann.id, "userId": ann.id}
    )
    assert (sent["senderId"], sent["sender"]["id"]) == (eve.id, eve.id)


async def test_before_gives_the_page_before_a_message(people: People) -> None:
    ann, bob = await people(), await people()
    device, other = await ann.device(), await bob.device()
    sent = [await device.ok("dm:send", {"receiverId": bob.id, "content": str(number)}) for number in range(5)]
    newest = await other.ok("dm:history", {"userId": ann.id, "limit": 2})
    assert newest == [sent[4], sent[3]]
    older = await other.ok("dm:history", {"userId": ann.id, "limit": 2, "before": sent[3]["id"]})
    assert older == [sent[2], sent[1]]


async def test_an_unknown_before_is_refused(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device = await ann.device()
    await device.ok("dm:send", {"receiverId": bob.id, "content": "x"})
    elsewhere = await device.ok("dm:send", {"receiverId": eve.id, "content": "y"})
    for before in (elsewhere["id"], "unknown", "", "no id at all"):
        error = await device.refused("dm:history", {"userId": bob.id, "before": before})
        assert error["reason"] == "not_found"


async def test_deleted_messages_are_neither_listed_nor_counted(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    device, other = await ann.device(), await bob.device()
    kept, gone = [
        await device.ok("dm:send", {"receiverId": bob.id, "content": content}) for content in ("kept", "gone")
    ]
    await erase(db, gone)
    assert [message["id"] for message in await other.ok("dm:history", {"userId": ann.id})] == [kept["id"]]
    (conversation,) = (await other.ok("conversation:list"))["conversations"]
    assert conversation["lastMessage"]["id"] == kept["id"]
    assert conversation["unread"] == 1


async def test_conversations_are_listed_with_their_last_message(people: People) -> None:
    ann, bob = await people(), await people()
    device, other = await ann.device(), await bob.device()
    await device.ok("dm:send", {"receiverId": bob.id, "content": "first"})
    last = await other.ok("dm:send", {"receiverId": ann.id, "content": "last"})
    for mine, person in ((device, bob), (other, ann)):
        (conversation,) = (await mine.ok("conversation:list"))["conversations"]
        assert conversation["lastMessage"] == last
        assert conversation["user"]["id"] == person.id


async def test_conversations_are_listed_with_a_count_of_unread_messages(people: People) -> None:
    ann, bob = await people(), await people()
    device, other = await ann.device(), await bob.device()
    for number in range(3):
        await device.ok("dm:send", {"receiverId": bob.id, "content": str(number)})
    for mine, unread in ((device, 0), (other, 3)):
        (conversation,) = (await mine.ok("conversation:list"))["conversations"]
        assert conversation["unread"] == unread


async def test_the_conversation_with_the_newest_message_is_listed_first(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device, other = await ann.device(), await bob.device()

    async def order() -> list[str]:
        page = await device.ok("conversation:list")
        return [conversation["user"]["id"] for conversation in page["conversations"]]

    await device.ok("dm:send", {"receiverId": bob.id, "content": "1"})
    await device.ok("dm:send", {"receiverId": eve.id, "content": "2"})
    assert await order() == [eve.id, bob.id]
    await other.ok("dm:send", {"receiverId": ann.id, "content": "3"})
    assert await order() == [bob.id, eve.id]


async def test_conversations_are_listed_in_pages(people: People) -> None:
    ann = await people()
    device = await ann.device()
    others = [await people() for _ in range(5)]
    for other in others:
        await device.ok("dm:send", {"receiverId": other.id, "content": "x"})
    seen: list[str] = []
    before: str | None = None
    for size in (2, 2, 1):
        page = await device.ok("conversation:list", {"limit": 2, "before": before})
        assert len(page["conversations"]) == size
        seen += [conversation["user"]["id"] for conversation in page["conversations"]]
        before = page["next"]
    assert before is None
    assert seen == [other.id for other in reversed(others)]
    for unknown in ("unknown", "", await ann.room()):
        assert (await device.refused("conversation:list", {"before": unknown}))["reason"] == "not_found"
    for limit in (0, -1, 101, "many"):
        assert (await device.refused("conversation:list", {"limit": limit}))["reason"] == "invalid"
