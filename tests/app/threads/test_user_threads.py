"""Threads over events and REST: replies that gather, who follows, and what is unread where."""

from typing import Any

import pytest

from app.db.database import Database
from tests.support.chat.people import Device, People
from tests.support.chat.scenes import Scene

pytestmark = [pytest.mark.over_websocket, pytest.mark.one_chat]

MOST = 2**63 - 1  # that a `seq` can be


class Talk(Scene):
    """Ann has written a message; Bob is a member. Ann has a tablet, too."""

    tablet: Device
    root: dict[str, Any]

    async def reply(self, device: Device, content: str = "a reply", **fields: Any) -> dict[str, Any]:
        """A reply to Ann's message, in its thread alone."""
        given = {"replyTo": self.root["id"], "alsoToRoom": False, **fields}
        sent: dict[str, Any] = await device.ok(
            "message:send", {"roomId": self.room, "content": content, **given}
        )
        return sent

    def thread(self, **fields: Any) -> dict[str, Any]:
        return {"messageId": self.root["id"], **fields}

    async def mark(self, device: Device) -> dict[str, Any]:
        mark: dict[str, Any] = (await device.ok("thread:get", self.thread()))["mark"]
        return mark


@pytest.fixture
async def talk(people: People) -> Talk:
    talk = await Talk.open(people)
    talk.tablet = await talk.ann.device()
    talk.root = await talk.hers.ok("message:send", {"roomId": talk.room, "content": "what do you think?"})
    return talk


def ids(messages: list[dict[str, Any]]) -> list[str]:
    return [message["id"] for message in messages]


async def test_a_reply_is_unread_in_its_thread_and_not_in_the_room(talk: Talk) -> None:
    assert "thread" not in talk.root
    assert "alsoToRoom" not in talk.root
    reply = await talk.reply(talk.his)
    thread = {
        "rootId": talk.root["id"],
        "replyCount": 1,
        "lastReplySeq": reply["seq"],
        "lastReplyAt": reply["createdAt"],
        "changeSeq": reply["changeSeq"],
    }
    assert (reply["alsoToRoom"], reply["replyTo"], reply["thread"]) == (False, talk.root["id"], thread)
    assert reply["seq"] == talk.root["seq"] + 1  # it takes one number of the log
    for device in (talk.hers, talk.his):
        assert (await device.expect("message:new"))["id"] == talk.root["id"]
        assert await device.expect("message:new") == reply
    assert await talk.hers.expect("reply:new") == await talk.tablet.expect("reply:new") == reply
    own = await talk.hers.ok("thread:get", {"messageId": reply["id"]})
    assert own == (await talk.ann.http.get(f"/chat/messages/{talk.root['id']}/thread")).json()
    assert own["root"] == talk.root | {"thread": thread}
    assert own["mark"] == {
        "roomId": talk.room,
        "rootId": talk.root["id"],
        "following": True,
        "lastReadSeq": talk.root["seq"],
        "unreadFrom": None,
        "unread": 1,
    }
    assert (await talk.hers.ok("room:get", {"roomId": talk.room}))["unread"] == 0
    answer = await talk.hers.ok("room:sync", {"roomId": talk.room, "afterSeq": talk.root["seq"]})
    assert [change["message"] for change in answer["changes"]] == [reply]

    for device, mark in ((talk.hers, own["mark"]), (talk.his, await talk.mark(talk.his))):
        listed = await device.ok("thread:list")
        assert listed == {"threads": [{"root": own["root"], "mark": mark}], "next": None}
    assert (await talk.his.ok("thread:list", {"unread": True}))["threads"] == []
    unread = await talk.ann.http.get("/chat/threads", params={"unread": "true"})
    assert [one["mark"] for one in unread.json()] == [own["mark"]]
    read = await talk.hers.ok("thread:read", talk.thread(seq=reply["seq"]))
    assert read == own["mark"] | {"lastReadSeq": reply["seq"], "unread": 0}
    assert await talk.tablet.expect("thread:updated") == read
    assert await talk.hers.ok("thread:read", talk.thread(seq=1)) == read  # a mark never goes back
    assert (await talk.hers.ok("thread:list", {"unread": True}))["threads"] == []
    assert talk.his.received["thread:updated"] == talk.his.received["reply:new"] == []

    deleted = await talk.his.ok("message:delete", {"messageId": reply["id"]})
    left = {"replyCount": 0, "lastReplySeq": None, "lastReplyAt": None, "changeSeq": deleted["seq"]}
    assert deleted["thread"] == thread | left
    assert await talk.hers.expect("message:deleted") == deleted
    assert (await talk.hers.ok("message:get", talk.thread()))["thread"] == deleted["thread"]
    assert (await talk.hers.ok("thread:list"))["threads"] == []


async def test_the_room_shows_replies_to_those_who_do_not_ask_otherwise(talk: Talk) -> None:
    alone = await talk.reply(talk.his)
    shown = await talk.reply(talk.his, "as before", alsoToRoom=None)
    nested = await talk.reply(talk.hers, replyTo=alone["id"], alsoToRoom=True)
    assert [one["alsoToRoom"] for one in (alone, shown, nested)] == [False, True, True]
    assert (nested["replyTo"], nested["thread"]["rootId"]) == (alone["id"], talk.root["id"])
    assert nested["thread"]["replyCount"] == 3
    everything = [nested["id"], shown["id"], alone["id"]]
    history = await talk.hers.ok("message:history", {"roomId": talk.room})
    assert ids(history) == [*everything, talk.root["id"]]
    asked = {"roomId": talk.room, "threadReplies": False}
    assert ids(await talk.hers.ok("message:history", asked)) == [nested["id"], shown["id"], talk.root["id"]]
    path = f"/chat/rooms/{talk.room}/messages"
    rest = (await talk.ann.http.get(path, params={"threadReplies": "false", "after": alone["id"]})).json()
    assert ids(rest) == [nested["id"], shown["id"]]
    assert (await talk.ann.http.get(path, params={"threadReplies": "no"})).status_code == 422
    assert ids(await talk.hers.ok("thread:history", {"messageId": alone["id"]})) == everything
    path = f"/chat/messages/{talk.root['id']}/thread/messages"
    for place, expected in (
        ({"limit": 1}, everything[:1]),
        ({"before": shown["id"]}, everything[2:]),
        ({"after": talk.root["id"], "limit": 2}, everything[1:]),
        ({"around": shown["id"], "limit": 2}, everything[:2]),
    ):
        assert ids(await talk.hers.ok("thread:history", talk.thread(**place))) == expected
        assert ids((await talk.ann.http.get(path, params=place)).json()) == expected
    room = await talk.hers.ok("room:get", {"roomId": talk.room})
    assert room["unread"] == 1  # Bob's reply that is also in the room
    error = await talk.hers.refused("thread:history", talk.thread(before="unknown"))
    assert (error["code"], error["reason"]) == ("HISTORY_FAILED", "not_found")


async def test_who_is_concerned_follows_until_they_want_no_more(talk: Talk, people: People) -> None:
    eve = await people()
    hers = await eve.device()
    await hers.ok("room:join", {"roomId": talk.room})
    first = await talk.reply(talk.his)
    assert await talk.mark(hers) == {
        "roomId": talk.room,
        "rootId": talk.root["id"],
        "following": False,
        "lastReadSeq": 0,
        "unreadFrom": None,
        "unread": 0,
    }
    name = f"@{eve.user['username']}"
    asked = await talk.reply(talk.his, f"{name}, and you?")
    assert await hers.expect("reply:new") == asked
    assert await hers.expect("mention:new") == asked
    assert (await talk.mark(hers))["lastReadSeq"] == first["seq"]
    room = await hers.ok("room:get", {"roomId": talk.room})
    assert (room["mentions"], room["unread"]) == (0, 0)  # it is unread in the thread
    assert ids(await hers.ok("mention:list")) == [asked["id"]]

    gone = await hers.ok("thread:unfollow", talk.thread())
    assert (gone["following"], gone["unread"]) == (False, 0)
    assert await hers.expect("thread:updated") == gone
    assert await hers.ok("thread:read", talk.thread(seq=asked["seq"])) == gone
    await talk.reply(talk.his, f"{name}?")
    assert (await talk.mark(hers))["following"] is False
    again = await talk.reply(hers, "here I am")
    assert (await talk.mark(hers))["lastReadSeq"] == again["seq"] - 1
    await talk.reply(talk.his)
    assert (await talk.mark(hers))["unread"] == 1
    answer = await eve.http.delete(f"/chat/messages/{talk.root['id']}/thread/follower")
    assert answer.json()["following"] is False
    last = await talk.reply(talk.his)
    followed = (await eve.http.put(f"/chat/messages/{talk.root['id']}/thread/follower")).json()
    assert (followed["following"], followed["lastReadSeq"], followed["unread"]) == (True, last["seq"], 0)
    assert [event for event, _ in hers.heard if event == "reply:new"] == ["reply:new"] * 2


async def test_a_thread_is_unread_again_from_a_reply_on_while_the_mark_stays(
    talk: Talk, db: Database
) -> None:
    first = await talk.reply(talk.his, "one")
    own = await talk.reply(talk.hers, "two")
    last = await talk.reply(talk.his, "three")
    read = await talk.hers.ok("thread:read", talk.thread(seq=last["seq"]))
    assert await talk.tablet.expect("thread:updated") == read

    async def marked(unread_from: dict[str, Any] | None, unread: int) -> None:
        """So it is told to the user's devices, and kept."""
        mark = read | {"unreadFrom": unread_from and unread_from["seq"], "unread": unread}
        assert await talk.tablet.expect("thread:updated") == mark
        assert await talk.mark(talk.hers) == mark
        listed = (await talk.hers.ok("thread:list", {"unread": True}))["threads"]
        assert [one["mark"] for one in listed] == ([mark] if unread else [])

    await talk.hers.ok("thread:mark-unread", {"messageId": own["id"]})
    await marked(own, 2)  # with one's own, from which on it is
    answer = await talk.ann.http.put(f"/chat/messages/{talk.root['id']}/thread/unread")
    assert answer.json() == read | {"unreadFrom": first["seq"], "unread": 2}  # from the first reply on
    await marked(first, 2)
    for seq, unread_from, unread in ((own["seq"], last, 1), (MOST, None, 0)):
        await talk.hers.ok("thread:read", talk.thread(seq=seq))
        await marked(unread_from, unread)
    await talk.hers.ok("thread:mark-unread", {"messageId": last["id"]})
    await marked(last, 1)
    more = await talk.reply(talk.his, "four")
    assert (await talk.mark(talk.hers))["unread"] == 2
    for there_already in (more["id"], last["id"]):
        mark = await talk.hers.ok("thread:mark-unread", {"messageId": there_already})
        assert (mark["unreadFrom"], mark["unread"]) == (last["seq"], 2)
    await talk.hers.ok("thread:read", talk.thread(seq=last["seq"]))
    assert (await talk.mark(talk.hers))["unread"] == 1  # what came after the mark
    await talk.hers.ok("thread:mark-unread", talk.thread())
    await db.value(
        "update thread_followers set last_read_seq = last_read_seq + 1"
    )  # by an instance of before
    assert (await talk.mark(talk.hers))["unreadFrom"] is None
    assert talk.his.received["thread:updated"] == []

    await talk.hers.ok("thread:mark-unread", talk.thread())
    await talk.hers.ok("thread:unfollow", talk.thread())
    followed = await talk.hers.ok("thread:follow", talk.thread())
    assert (followed["unreadFrom"], followed["unread"]) == (None, 0)
    await talk.hers.ok("thread:unfollow", talk.thread())
    mark = await talk.hers.ok("thread:mark-unread", talk.thread())
    assert (mark["following"], mark["unread"]) == (False, 0)
    await talk.his.ok("message:delete", {"messageId": last["id"]})
    error = await talk.hers.refused("thread:mark-unread", {"messageId": last["id"]})
    assert (error["code"], error["reason"]) == ("READ_FAILED", "not_found")


async def test_a_mentioned_user_of_an_edit_and_both_people_of_a_conversation_follow(
    talk: Talk, people: People
) -> None:
    eve = await people()
    hers = await eve.device()
    await hers.ok("room:join", {"roomId": talk.room})
    reply = await talk.reply(talk.his)
    edited = {"messageId": reply["id"], "content": f"for @{eve.user['username']}"}
    assert (await talk.his.ok("message:edit", edited))["thread"] == reply["thread"]
    assert (await talk.mark(hers))["unread"] == 1
    direct = await talk.hers.ok("dm:send", {"receiverId": eve.id, "content": "a note"})
    alone = {"receiverId": eve.id, "content": "and more", "replyTo": direct["id"], "alsoToRoom": False}
    more = await talk.hers.ok("dm:send", alone)
    assert await hers.expect("reply:new") == more
    listed = (await hers.ok("thread:list", {"limit": 1}))["threads"]
    assert [(one["root"]["id"], one["mark"]["unread"]) for one in listed] == [(direct["id"], 1)]
    (conversation,) = (await hers.ok("conversation:list"))["conversations"]
    assert (conversation["unread"], conversation["lastMessage"]["id"]) == (1, more["id"])
    history = await hers.ok("dm:history", {"userId": talk.ann.id, "threadReplies": False})
    assert ids(history) == [direct["id"]]


async def test_a_message_without_replies_can_be_followed(talk: Talk) -> None:
    followed = await talk.his.ok("thread:follow", talk.thread())
    assert (followed["following"], followed["lastReadSeq"]) == (True, talk.root["seq"])
    assert await talk.his.ok("thread:history", talk.thread()) == []
    assert (await talk.his.ok("thread:list"))["threads"] == []
    assert "thread" not in (await talk.his.ok("thread:get", talk.thread()))["root"]
    reply = await talk.reply(talk.hers)
    assert await talk.his.expect("reply:new") == reply


async def test_pages_of_threads_go_on_by_their_last_replies(talk: Talk) -> None:
    roots = [talk.root["id"]]
    for content in ("second", "third"):
        root = await talk.hers.ok("message:send", {"roomId": talk.room, "content": content})
        roots.append(root["id"])
    for root in (roots[1], roots[0], roots[2]):
        await talk.reply(talk.his, replyTo=root)
    expected = [roots[2], roots[0], roots[1]]
    first = await talk.hers.ok("thread:list", {"limit": 2})
    assert [one["root"]["id"] for one in first["threads"]] == expected[:2]
    assert first["next"] == expected[1]
    second = await talk.hers.ok("thread:list", {"limit": 2, "before": first["next"]})
    assert ([one["root"]["id"] for one in second["threads"]], second["next"]) == (expected[2:], None)
    rest = await talk.ann.http.get("/chat/threads", params={"limit": 2, "unread": "true"})
    assert [one["root"]["id"] for one in rest.json()] == expected[:2]
    following = await talk.ann.http.get(rest.links["next"]["url"])
    assert [one["root"]["id"] for one in following.json()] == expected[2:]
    assert "link" not in following.headers


async def test_a_deleted_root_keeps_its_replies(talk: Talk) -> None:
    reply = await talk.reply(talk.his)
    await talk.hers.ok("message:delete", talk.thread())
    own = await talk.his.ok("thread:get", talk.thread())
    assert (own["root"]["content"], own["root"]["thread"]["replyCount"]) == ("", 1)
    assert ids(await talk.his.ok("thread:history", talk.thread())) == [reply["id"]]
    error = await talk.his.refused(
        "message:send", {"roomId": talk.room, "content": "too late", "replyTo": talk.root["id"]}
    )
    assert error["reason"] == "not_found"
