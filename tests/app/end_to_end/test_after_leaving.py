"""What somebody who was a member of a room, and has left, was removed or is banned, can still see of it or do in it:
nothing, whichever way it is asked for.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.support.chat.operations import EVENTS, ROUTES, ask
from tests.support.chat.people import People
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.one_chat

GOES: dict[str, Callable[["Left"], tuple[str, dict[str, Any]]]] = {
    "left": lambda scene: ("room:leave", {"roomId": scene.room}),
    "removed": lambda scene: ("room:kick", {"roomId": scene.room, "userId": scene.bob.id}),
    "banned": lambda scene: ("room:ban", {"roomId": scene.room, "userId": scene.bob.id}),
}


class Left(Scene):
    """Bob wrote, with a picture, reacted and was mentioned in Ann's private room, and is a member no more."""

    message: dict[str, Any]


def in_room(**fields: Any) -> Callable[[Left], dict[str, Any]]:
    return lambda scene: {"roomId": scene.room, **fields}


def about_ann(**fields: Any) -> Callable[[Left], dict[str, Any]]:
    return lambda scene: {"roomId": scene.room, "userId": scene.ann.id, **fields}


def of_his_message(**fields: Any) -> Callable[[Left], dict[str, Any]]:
    return lambda scene: {"messageId": scene.message["id"], **fields}


NOT_A_MEMBER: dict[str, Callable[[Left], dict[str, Any]]] = {
    "roomGet": in_room(),
    "roomUpdate": in_room(name="Mine"),
    "roomArchive": in_room(),
    "roomUnarchive": in_room(),
    "roomDelete": in_room(name="a room"),
    "roomPins": in_room(),
    "roomOrderPins": in_room(messageIds=[]),
    "messagePin": of_his_message(),
    "messageUnpin": of_his_message(),
    "roomLinks": in_room(),
    "roomCreateLink": in_room(),
    "roomRevokeLink": in_room(linkId="link"),
    "roomLeave": in_room(),
    "roomMembers": in_room(),
    "roomInvite": about_ann(),
    "roomSetRole": about_ann(role="member"),
    "roomKick": about_ann(),
    "roomBans": in_room(),
    "roomBan": about_ann(),
    "roomUnban": about_ann(),
    "roomRead": in_room(seq=1),
    "roomSync": in_room(afterSeq=0),
    "messageSend": in_room(content="hello"),
    "messageEdit": of_his_message(content="changed"),
    "messageEdits": of_his_message(),
    "messageDelete": of_his_message(),
    "messageGet": of_his_message(),
    "messageHistory": in_room(),
    "messageSearch": in_room(query="kettle"),
    "threadGet": of_his_message(),
    "threadHistory": of_his_message(),
    "threadRead": of_his_message(seq=1),
    "threadMarkUnread": of_his_message(),
    "threadFollow": of_his_message(),
    "threadUnfollow": of_his_message(),
    "messageMarkUnread": of_his_message(),
    "messageSave": of_his_message(),
    "messageUnsave": of_his_message(),
    "reactionAdd": of_his_message(kind="👎"),
    "reactionRemove": of_his_message(kind="👍"),
    "roomFavorite": in_room(),
    "roomUnfavorite": in_room(),
    "roomMute": in_room(),
    "roomUnmute": in_room(),
    "roomNotifications": in_room(),
    "roomSetNotifications": in_room(level="all"),
    "conversationHide": in_room(),
    "typingStart": in_room(),
    "typingStop": in_room(),
    "join": lambda scene: {"rooms": [f"room:{scene.room}"]},
}
FORBIDDEN = {"roomJoin": in_room()}  # it is private
SHOWS_NOTHING: dict[str, Callable[[Left], dict[str, Any]]] = {
    "roomList": lambda _: {},
    "roomInvitations": lambda _: {},
    "roomDiscover": lambda _: {},
    "roomLookUp": in_room(),
    "conversationList": lambda _: {},
    "messageSearch": lambda _: {"query": "kettle"},
    "mentionList": lambda _: {},
    "threadList": lambda _: {},
    "savedList": lambda _: {},
    "savedIds": lambda _: {},
    "presenceGet": lambda scene: {"userIds": [scene.ann.id]},
    "leave": lambda scene: {"rooms": ["room:other"]},
}
NOT_ABOUT_ROOMS = {
    *("roomCreate", "userSearch", "dmSend", "dmHistory", "groupOpen"),
    *("roomLookUpLink", "roomJoinLink"),  # whoever has a link that is open may come in by it
    *("userBlock", "userUnblock", "userBlocks", "userPrivacy", "userSetPrivacy"),
    *("notificationsGet", "notificationsSet", "userProfile", "userSetProfile"),
}


def test_every_event_has_its_row() -> None:
    assert EVENTS.keys() == NOT_A_MEMBER.keys() | FORBIDDEN.keys() | SHOWS_NOTHING.keys() | NOT_ABOUT_ROOMS


@pytest.fixture(params=GOES)
async def scene(request: pytest.FixtureRequest, people: People) -> Left:
    scene = await Left.open(people, private=True)
    picture = BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    file = (
        await scene.bob.http.post("/chat/files", files={"file": ("kettle.png", picture.getvalue())})
    ).json()
    sent = {"roomId": scene.room, "content": "the kettle", "clientId": "c", "attachments": [file["id"]]}
    scene.message = await scene.his.ok("message:send", sent)
    await scene.his.ok("reaction:add", {"messageId": scene.message["id"], "kind": "👍"})
    await scene.his.ok("message:save", {"messageId": scene.message["id"]})
    reply = {"roomId": scene.room, "content": "it whistles", "replyTo": scene.message["id"]}
    await scene.hers.ok("message:send", reply)
    await scene.hers.ok("message:send", {"roomId": scene.room, "content": f"@{scene.bob.user['username']}?"})
    event, payload = GOES[request.param](scene)
    await (scene.his if event == "room:leave" else scene.hers).ok(event, payload)
    return scene


async def asked(scene: Left, name: str, payload: dict[str, Any]) -> list[Any]:
    """What comes of an operation over each of its doors: the data, or the reason why not."""
    answer = await scene.his.call(EVENTS[name], payload)
    found = [answer["data"] if answer["ok"] else answer["error"]["reason"]]
    if name in ROUTES:
        rest = await ask(scene.bob.http, name, payload)
        found.append(rest.json() if rest.is_success else rest.json()["details"]["reason"])
    return found


@pytest.mark.over_websocket
async def test_nothing_can_be_asked_for(scene: Left) -> None:
    for name, payload in NOT_A_MEMBER.items():
        assert set(await asked(scene, name, payload(scene))) == {"not_a_member"}, name
    for name, payload in FORBIDDEN.items():
        assert set(await asked(scene, name, payload(scene))) == {"forbidden"}, name
    for name, payload in SHOWS_NOTHING.items():
        for found in await asked(scene, name, payload(scene)):
            shown = repr(found)
            assert scene.room not in shown, name
            assert scene.ann.id not in shown, name
            assert scene.message["id"] not in shown, name
    assert (await scene.hers.ok("message:get", {"messageId": scene.message["id"]}))["content"] == "the kettle"


@pytest.mark.over_websocket
async def test_the_files_of_the_room_are_closed_also_to_who_sent_them(scene: Left) -> None:
    (file,) = scene.message["attachments"]
    for headers in ({}, {"range": "bytes=0-1"}, {"if-none-match": f'"{file["id"]}"'}):
        for path in (file["url"], file["thumbnailUrl"]):
            for method in ("GET", "HEAD"):
                answer = await scene.bob.http.request(method, path, headers=headers)
                assert answer.status_code == 403
                assert "etag" not in answer.headers
    assert (await scene.ann.http.get(file["thumbnailUrl"])).status_code == 200
    other = await scene.bob.room()
    taken = await scene.his.refused(
        "message:send", {"roomId": other, "content": "", "attachments": [file["id"]]}
    )
    assert taken["reason"] == "not_found"


@pytest.mark.over_websocket
async def test_a_retry_shows_nothing_of_what_became_of_the_message(scene: Left) -> None:
    """Edited by no one but its sender; reacted to, or deleted by an admin."""
    retry = {"roomId": scene.room, "content": "the kettle", "clientId": "c"}
    await scene.hers.ok("reaction:add", {"messageId": scene.message["id"], "kind": "👀"})
    for _ in range(2):
        for found in (
            await scene.his.refused("message:send", retry),
            (await scene.bob.http.post(f"/chat/rooms/{scene.room}/messages", json=retry)).json(),
        ):
            assert (found.get("reason") or found["details"]["reason"]) == "not_a_member"
            assert "was written before you left" in found["message"]
            assert scene.message["id"] not in repr(found)
        await scene.hers.ok("message:delete", {"messageId": scene.message["id"]})


async def test_nothing_is_heard_any_more(scene: Left) -> None:
    heard = len(scene.his.heard)
    await scene.hers.ok("message:send", {"roomId": scene.room, "content": f"@{scene.bob.user['username']}"})
    await scene.hers.ok("reaction:add", {"messageId": scene.message["id"], "kind": "👀"})
    await scene.hers.ok("typing:start", {"roomId": scene.room})
    await scene.hers.ok("room:update", {"roomId": scene.room, "name": "without Bob"})
    await scene.hers.ok("message:delete", {"messageId": scene.message["id"]})
    notes = await scene.his.ok("dm:send", {"receiverId": scene.bob.id, "content": "a mark"})
    while (await scene.his.expect("dm:new"))["id"] != notes["id"]:
        pass
    since = {event for event, _ in scene.his.heard[heard:]}
    assert since <= {"dm:new", "room:added", "room:user-left", "presence:changed"}
