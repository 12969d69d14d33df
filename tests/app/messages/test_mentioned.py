"""Mentions of a room's members: who is told, what is unread, what the list of mentions has; @all and @here."""

from typing import Any

import pytest

from app.db.database import Database
from tests.support.chat.people import Device, People, Person, together
from tests.support.chat.scenes import Scene

pytestmark = [pytest.mark.over_websocket, pytest.mark.one_chat]


async def unread_mentions(person: Person, room: str) -> int:
    answer: int = (await person.http.get(f"/chat/rooms/{room}")).json()["mentions"]
    return answer


async def listed(person: Person, **query: Any) -> list[str]:
    answer = await person.http.get("/chat/mentions", params=query)
    assert answer.status_code == 200, answer.text
    return [message["id"] for message in answer.json()]


def name(person: Person) -> str:
    username: str = person.user["username"]
    return username


# What is unread, and the list


async def test_mentions_are_counted_until_they_are_read(people: People) -> None:
    scene = await Scene.open(people)
    other = await together(scene.ann, scene.bob)
    sent = [
        await scene.his.ok("message:send", {"roomId": room, "content": content})
        for room, content in (
            (scene.room, f"@{name(scene.ann)} one"),
            (scene.room, "nobody"),
            (other, f"@{name(scene.ann)} elsewhere"),
            (scene.room, f"_@{name(scene.ann)}_ two"),
            (scene.room, f"`@{name(scene.ann)}`"),
        )
    ]
    assert [await unread_mentions(scene.ann, room) for room in (scene.room, other)] == [2, 1]
    assert [room["mentions"] for room in await scene.hers.ok("room:list")] == [2, 1]
    assert await unread_mentions(scene.bob, scene.room) == 0
    await scene.hers.ok("room:read", {"roomId": scene.room, "seq": sent[0]["seq"]})
    assert await unread_mentions(scene.ann, scene.room) == 1
    await scene.his.ok("message:delete", {"messageId": sent[3]["id"]})
    assert [await unread_mentions(scene.ann, room) for room in (scene.room, other)] == [0, 1]
    assert await listed(scene.ann) == [sent[2]["id"], sent[0]["id"]]


async def test_the_list_of_mentions_has_pages_and_rooms_of_ones_own_alone(people: People) -> None:
    scene = await Scene.open(people)
    other = await together(scene.bob, scene.ann)
    sent = [
        await scene.his.ok("message:send", {"roomId": room, "content": f"@{name(scene.ann)} {number}"})
        for number, room in enumerate((scene.room, other, scene.room, other, scene.room))
    ]
    ids = [message["id"] for message in reversed(sent)]
    assert await scene.hers.ok("mention:list") == sent[::-1]
    assert await listed(scene.ann, limit=2) == ids[:2]
    assert await listed(scene.ann, limit=2, before=ids[1]) == ids[2:4]
    assert await listed(scene.ann, limit=2, before=ids[3]) == ids[4:]
    await scene.hers.ok("room:leave", {"roomId": other})
    assert await listed(scene.ann) == [ids[0], ids[2], ids[4]]
    error = await scene.hers.refused("mention:list", {"before": ids[1]})
    assert (error["code"], error["reason"]) == ("LIST_FAILED", "not_found")
    assert await listed(scene.bob) == []


# Edits


async def test_an_edit_adds_mentions_and_takes_them_off(people: People) -> None:
    scene = await Scene.open(people)
    sent = await scene.his.ok("message:send", {"roomId": scene.room, "content": "nobody"})
    for content, mentions in (
        (f"@{name(scene.ann)}", [scene.ann.id]),
        (f"@{name(scene.ann)} again", [scene.ann.id]),
        (f"`@{name(scene.ann)}`", []),
        (f"@{name(scene.ann)}.Thanks", [scene.ann.id]),
        ("nobody", []),
    ):
        edited = await scene.his.ok("message:edit", {"messageId": sent["id"], "content": content})
        assert edited["mentions"] == mentions, content
        assert await unread_mentions(scene.ann, scene.room) == len(mentions)
        assert await listed(scene.ann) == [sent["id"]] * len(mentions)
    await scene.his.ok("message:send", {"roomId": scene.room, "content": "fence"})
    while (await scene.hers.expect("message:new"))["content"] != "fence":
        pass
    assert len(scene.hers.received["mention:new"]) == 2  # each time that it became one


# Groups


class Group:
    """Ann is admin of a room, where Bob is online and Eve is not; each has a device at hand."""

    def __init__(self, scene: Scene, eve: Person) -> None:
        self.scene, self.eve = scene, eve
        self.hers, self.his, self.room = scene.hers, scene.his, scene.room

    async def say(self, content: str, device: Device | None = None) -> dict[str, Any]:
        sent: dict[str, Any] = await (device or self.hers).ok(
            "message:send", {"roomId": self.room, "content": content}
        )
        return sent

    async def unread(self) -> list[int]:
        """The unread mentions of Ann, Bob and Eve."""
        everyone = (self.scene.ann, self.scene.bob, self.eve)
        return [await unread_mentions(person, self.room) for person in everyone]


@pytest.fixture
async def group(people: People) -> Group:
    scene = await Scene.open(people)
    eve = await people()
    await eve.http.post(f"/chat/rooms/{scene.room}/join")
    return Group(scene, eve)


async def test_an_admin_calls_all_members_or_those_who_are_online(group: Group) -> None:
    called = await group.say("@all: lunch")
    assert (called["mentions"], called["groupMention"]) == ([], "all")
    assert await group.unread() == [0, 1, 1]
    assert await group.his.expect("mention:new") == called
    here = await group.say("is anyone @Here?")
    assert here["groupMention"] == "here"
    assert await group.unread() == [0, 2, 1]
    assert await group.his.expect("mention:new") == here
    both = await group.say(f"@all and @here and @{name(group.scene.bob)}")
    assert (both["mentions"], both["groupMention"]) == ([group.scene.bob.id], "all")
    assert await group.unread() == [0, 3, 2]
    assert await listed(group.eve) == [both["id"], called["id"]]
    history = (await group.eve.http.get(f"/chat/rooms/{group.room}/messages")).json()
    assert [message["groupMention"] for message in history] == ["all", "here", "all"]


async def test_others_call_nobody(group: Group) -> None:
    sent = await group.say("@all and @here", group.his)
    assert (sent["mentions"], sent["groupMention"]) == ([], None)
    for content in ("`@all`", "@allan", "all@here.example", "https://x.example/@all"):
        assert (await group.say(content))["groupMention"] is None
    direct = await group.hers.ok("dm:send", {"receiverId": group.scene.bob.id, "content": "@all"})
    assert direct["groupMention"] is None
    assert await group.unread() == [0, 0, 0]


async def test_who_has_blocked_the_admin_is_not_called(group: Group) -> None:
    await group.eve.http.put(f"/chat/blocks/{group.scene.ann.id}")
    await group.say("@all")
    assert await group.unread() == [0, 1, 0]


async def test_an_edit_calls_nobody_twice_and_none_who_came_since(group: Group, people: People) -> None:
    sent = await group.say("lunch")
    edit = {"messageId": sent["id"], "content": "@all lunch"}
    assert (await group.hers.ok("message:edit", edit))["groupMention"] == "all"
    assert await group.unread() == [0, 1, 1]
    late = await people()
    await late.http.post(f"/chat/rooms/{group.room}/join")
    await group.hers.ok("message:edit", edit | {"content": "@all lunch!"})
    assert await group.unread() == [0, 1, 1]
    assert await listed(late) == []
    assert (await group.hers.ok("message:edit", edit | {"content": "lunch!"}))["groupMention"] is None
    assert await group.unread() == [0, 0, 0]


async def test_a_member_of_that_name_is_meant_first(group: Group, people: People, db: Database) -> None:
    """One of before these names were kept for groups."""
    one = await people()
    await one.http.post(f"/chat/rooms/{group.room}/join")
    await db.value("update users set username = 'all' where id = :id", id=one.id)
    sent = await group.say("@all")
    assert (sent["mentions"], sent["groupMention"]) == ([one.id], None)


async def test_a_room_of_more_than_500_is_not_called(group: Group, db: Database) -> None:
    await db.value(
        """
        with crowd as (
            insert into users (id, username, credential) select 'crowd' || n, 'crowd' || n, '-'
            from generate_series(1, 498) n returning id
        )
        insert into room_members (id, room_id, user_id, change_seq)
        select id, :room, id, 1000 + row_number() over () from crowd
        """,
        room=group.room,
    )
    assert (await group.say("@all"))["groupMention"] is None
    await group.eve.http.post(f"/chat/rooms/{group.room}/leave")
    assert (await group.say("@all"))["groupMention"] == "all"
