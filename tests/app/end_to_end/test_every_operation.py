"""Every event, and the REST route behind which the same is done: one that succeeds, one that is refused, one malformed.

What each does is tested where it belongs. Here a row of the table is asked of everything that is described, so nothing
can be added without.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest

from tests.support.chat.operations import EVENTS, ROUTES, ask
from tests.support.chat.people import Device, People, Person

pytestmark = pytest.mark.one_chat

NOWHERE = "nowhere"
WITHOUT_REFUSALS = "only a malformed payload is refused"


class Scene(NamedTuple):
    """Ann is admin of a room that a link leads to, and has written there and to Bob, who is a member. Eve was only
    invited.
    """

    ann: Person
    bob: Person
    eve: Person
    device: Device
    room: str
    message: str
    conversation: str
    link: dict[str, str]


class Case(NamedTuple):
    """Payloads: what succeeds, what is refused for a reason, and what is malformed (None: nothing can be)."""

    good: Callable[[Scene], dict[str, Any]]
    refused: tuple[Callable[[Scene], dict[str, Any]], str] | None
    malformed: dict[str, Any] | None


def in_room(**fields: Any) -> Callable[[Scene], dict[str, Any]]:
    return lambda scene: {"roomId": scene.room, **fields}


def elsewhere(**fields: Any) -> tuple[Callable[[Scene], dict[str, Any]], str]:
    return (lambda _: {"roomId": NOWHERE, **fields}), "not_found"


def of_message(**fields: Any) -> Callable[[Scene], dict[str, Any]]:
    return lambda scene: {"messageId": scene.message, **fields}


def of_none(**fields: Any) -> tuple[Callable[[Scene], dict[str, Any]], str]:
    return (lambda _: {"messageId": NOWHERE, **fields}), "not_found"


def about(person: str, **fields: Any) -> Callable[[Scene], dict[str, Any]]:
    return lambda scene: {"roomId": scene.room, "userId": getattr(scene, person).id, **fields}


def of_nobody(**fields: Any) -> tuple[Callable[[Scene], dict[str, Any]], str]:
    return (lambda scene: {"roomId": scene.room, "userId": NOWHERE, **fields}), "not_found"


def nothing(_: Scene) -> dict[str, Any]:
    return {}


CASES: dict[str, Case] = {
    "roomList": Case(nothing, None, None),
    "roomCreate": Case(lambda _: {"name": "Another"}, None, {"name": 7}),
    "roomGet": Case(in_room(), elsewhere(), {"roomId": 7}),
    "roomUpdate": Case(in_room(name="New"), elsewhere(name="New"), {"name": ["New"]}),
    "roomJoin": Case(in_room(), elsewhere(), {"roomId": ""}),
    "roomLeave": Case(in_room(), (in_room(), "conflict"), {"roomId": None}),
    "roomDelete": Case(in_room(name="a room"), (in_room(name="another"), "conflict"), {"name": 7}),
    "roomArchive": Case(in_room(), elsewhere(), {"roomId": 7}),
    "roomUnarchive": Case(in_room(), elsewhere(), {"roomId": 7}),
    "roomLinks": Case(in_room(), elsewhere(), {"roomId": 7}),
    "roomCreateLink": Case(in_room(uses=1), elsewhere(), {"days": 366}),
    "roomRevokeLink": Case(
        lambda scene: {"roomId": scene.room, "linkId": scene.link["id"]},
        (in_room(linkId=NOWHERE), "not_found"),
        {"linkId": 7},
    ),
    "roomLookUpLink": Case(
        lambda scene: {"token": scene.link["token"]},
        (lambda _: {"token": NOWHERE}, "not_found"),
        {"token": ""},
    ),
    "roomJoinLink": Case(
        lambda scene: {"token": scene.link["token"]},
        (lambda _: {"token": NOWHERE}, "not_found"),
        {"token": ""},
    ),
    "roomPins": Case(in_room(limit=1), (in_room(after=NOWHERE), "not_found"), {"limit": 0}),
    "roomOrderPins": Case(
        in_room(messageIds=[]), (in_room(messageIds=[NOWHERE]), "conflict"), {"messageIds": ["a", "a"]}
    ),
    "messagePin": Case(of_message(), of_none(), {"messageId": 7}),
    "messageUnpin": Case(of_message(), of_none(), {"messageId": 7}),
    "roomDiscover": Case(
        lambda _: {"query": "room"}, (lambda _: {"after": NOWHERE}, "not_found"), {"limit": 0}
    ),
    "roomLookUp": Case(in_room(), elsewhere(), {"roomId": ""}),
    "roomInvitations": Case(lambda _: {"limit": 1}, None, {"limit": 101}),
    "roomMembers": Case(in_room(limit=1), elsewhere(), {"limit": 101}),
    "roomInvite": Case(about("eve"), (about("bob"), "conflict"), {"userId": 7}),
    "roomSetRole": Case(about("bob", role="admin"), of_nobody(role="admin"), {"role": "owner"}),
    "roomKick": Case(about("bob"), of_nobody(), {"userId": "a b"}),
    "roomBans": Case(in_room(), elsewhere(), {"limit": -1}),
    "roomBan": Case(about("eve"), of_nobody(), {"userId": 7}),
    "roomUnban": Case(about("bob"), of_nobody(), {"userId": []}),
    "roomRead": Case(in_room(seq=1), elsewhere(seq=1), {"seq": -1}),
    "messageMarkUnread": Case(of_message(), of_none(), {"messageId": 7}),
    "roomFavorite": Case(in_room(), elsewhere(), {"roomId": 7}),
    "roomUnfavorite": Case(in_room(), elsewhere(), {"roomId": 7}),
    "messageSave": Case(of_message(), of_none(), {"messageId": ""}),
    "messageUnsave": Case(of_message(), of_none(), {"messageId": ""}),
    "savedList": Case(lambda _: {"limit": 1}, (lambda _: {"before": NOWHERE}, "not_found"), {"limit": 0}),
    "savedIds": Case(nothing, None, None),
    "roomSync": Case(in_room(afterSeq=0), (in_room(afterSeq=10_000), "conflict"), {"afterSeq": -1}),
    "userSearch": Case(lambda _: {"query": "person"}, None, {"query": ""}),
    "userBlocks": Case(nothing, (lambda _: {"after": NOWHERE}, "not_found"), {"limit": 0}),
    "userBlock": Case(
        lambda scene: {"userId": scene.eve.id}, (lambda _: {"userId": NOWHERE}, "not_found"), {"userId": 7}
    ),
    "userUnblock": Case(
        lambda scene: {"userId": scene.eve.id},
        (lambda _: {"userId": NOWHERE}, "not_found"),
        {"userId": "a b"},
    ),
    "userProfile": Case(
        lambda scene: {"userId": scene.eve.id}, (lambda _: {"userId": NOWHERE}, "not_found"), {"userId": 7}
    ),
    "userSetProfile": Case(
        lambda _: {"status": "At lunch"},
        (lambda _: {"avatar": NOWHERE}, "not_found"),
        {"timeZone": "Nowhere"},
    ),
    "userPrivacy": Case(nothing, None, None),
    "userSetPrivacy": Case(lambda _: {"invitations": "nobody"}, None, {"invitations": "friends"}),
    "notificationsGet": Case(nothing, None, None),
    "notificationsSet": Case(lambda _: {"level": "all"}, None, {"level": "some"}),
    "roomNotifications": Case(in_room(), elsewhere(), {"roomId": 7}),
    "roomSetNotifications": Case(in_room(level="all"), elsewhere(level="all"), {"level": "some"}),
    "roomMute": Case(in_room(seconds=60), elsewhere(), {"seconds": 0}),
    "roomUnmute": Case(in_room(), elsewhere(), {"roomId": 7}),
    "conversationHide": Case(
        lambda scene: {"roomId": scene.conversation}, (in_room(), "forbidden"), {"roomId": 7}
    ),
    "dmSend": Case(
        lambda scene: {"receiverId": scene.eve.id, "content": "hello"},
        (lambda _: {"receiverId": NOWHERE, "content": "hello"}, "not_found"),
        {"content": " "},
    ),
    "dmHistory": Case(
        lambda scene: {"userId": scene.bob.id}, (lambda _: {"userId": NOWHERE}, "not_found"), {"limit": 0}
    ),
    "groupOpen": Case(
        lambda scene: {"userIds": [scene.bob.id, scene.eve.id]},
        (lambda scene: {"userIds": [scene.bob.id, NOWHERE]}, "not_found"),
        {"userIds": ["a"]},
    ),
    "conversationList": Case(nothing, (lambda _: {"before": NOWHERE}, "not_found"), {"limit": 1000}),
    "messageSend": Case(in_room(content="hello"), elsewhere(content="hello"), {"content": {}}),
    "messageEdit": Case(of_message(content="changed"), of_none(content="changed"), {"content": 7}),
    "messageEdits": Case(of_message(), of_none(), {"messageId": 7}),
    "messageDelete": Case(of_message(), of_none(), {"messageId": 7}),
    "messageGet": Case(of_message(), of_none(), {"messageId": ""}),
    "messageHistory": Case(in_room(), (in_room(before=NOWHERE), "not_found"), {"limit": 0}),
    "messageSearch": Case(
        lambda _: {"query": "first"}, (lambda _: {"query": "x", "roomId": NOWHERE}, "not_found"), {}
    ),
    "threadGet": Case(of_message(), of_none(), {"messageId": ""}),
    "threadHistory": Case(of_message(limit=1), of_none(), {"limit": 0}),
    "threadList": Case(
        lambda _: {"unread": True}, (lambda _: {"before": NOWHERE}, "not_found"), {"limit": 101}
    ),
    "threadRead": Case(of_message(seq=1), of_none(seq=1), {"seq": "1"}),
    "threadMarkUnread": Case(of_message(), of_none(), {"messageId": 7}),
    "threadFollow": Case(of_message(), of_none(), {"messageId": 7}),
    "threadUnfollow": Case(of_message(), of_none(), {"messageId": 7}),
    "mentionList": Case(nothing, (lambda _: {"before": NOWHERE}, "not_found"), {"limit": 101}),
    "reactionAdd": Case(of_message(kind="👍"), of_none(kind="👍"), {"kind": "x" * 33}),
    "reactionRemove": Case(of_message(kind="👍"), of_none(kind="👍"), {"kind": "x" * 33}),
    "presenceGet": Case(lambda scene: {"userIds": [scene.bob.id]}, None, {"userIds": ["a b"]}),
    "typingStart": Case(in_room(), elsewhere(), {"roomId": 7}),
    "typingStop": Case(in_room(), elsewhere(), {"roomId": 7}),
    "join": Case(
        lambda scene: {"rooms": [f"room:{scene.room}"]},
        (lambda _: {"rooms": [f"room:{NOWHERE}"]}, "not_a_member"),
        {"rooms": "all"},
    ),
    "leave": Case(
        lambda scene: {"rooms": [f"room:{scene.room}"]},
        (lambda _: {"rooms": ["user:x"]}, "forbidden"),
        {"rooms": [7]},
    ),
}
ALONE = {"roomLeave"}  # succeeds for whom it would be refused to in company: here, for Bob


def test_every_event_has_its_row() -> None:
    assert EVENTS.keys() == CASES.keys()
    assert EVENTS.keys() - ROUTES.keys() == {"join", "leave", "typingStart", "typingStop"}


@pytest.fixture
async def scene(people: People) -> Scene:
    ann, bob, eve = await people(), await people(), await people()
    room = await ann.room()
    await bob.http.post(f"/chat/rooms/{room}/join")
    device = await ann.device()
    direct = await device.ok("dm:send", {"receiverId": bob.id, "content": "first of all"})
    message = await device.ok("message:send", {"roomId": room, "content": "first"})
    link = await device.ok("room:create-link", {"roomId": room})
    return Scene(ann, bob, eve, device, room, message["id"], direct["roomId"], link)


@pytest.mark.parametrize("name", CASES)
async def test_the_event(scene: Scene, name: str) -> None:
    event, case = EVENTS[name], CASES[name]
    if case.refused is not None:
        payload, reason = case.refused
        assert (await scene.device.refused(event, payload(scene)))["reason"] == reason
    if case.malformed is not None:
        malformed = case.good(scene) | case.malformed if case.malformed else {}
        assert (await scene.device.refused(event, malformed))["reason"] in ("invalid", "too_long")
    device = await scene.bob.device() if name in ALONE else scene.device
    await device.ok(event, case.good(scene))


@pytest.mark.over_websocket  # which makes no difference to REST
@pytest.mark.parametrize("name", ROUTES)
async def test_the_route(scene: Scene, http: httpx.AsyncClient, name: str) -> None:
    case = CASES[name]
    assert (await ask(http, name, case.good(scene))).status_code == 401
    if case.refused is not None:
        payload, reason = case.refused
        answer = await ask(scene.ann.http, name, payload(scene))
        assert answer.json()["details"]["reason"] == reason, answer.text
    if case.malformed is not None:
        malformed = case.good(scene) | case.malformed if case.malformed else {}
        assert (await ask(scene.ann.http, name, malformed)).status_code in (404, 405, 422)
    person = scene.bob if name in ALONE else scene.ann
    answer = await ask(person.http, name, case.good(scene))
    assert answer.status_code in (200, 201), answer.text
