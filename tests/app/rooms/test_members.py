"""Members of rooms, as events and over REST: invitations, roles, removals, bans, and who hears of them."""

from typing import Any

import pytest

from app.db.database import Database
from tests.support.chat.people import Device, People, Start
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.one_chat


class PrivateRoom(Scene):
    """Ann, who is its admin, has invited Bob."""

    async def last_seq(self) -> int:
        last_seq: int = (await self.hers.ok("room:get", {"roomId": self.room}))["lastSeq"]
        return last_seq


@pytest.fixture
async def scene(people: People) -> PrivateRoom:
    return await PrivateRoom.open(people, eve=True, private=True)


async def hears(device: Device, event: str, member: dict[str, Any]) -> None:
    """The next event of that name is about exactly this member."""
    change = await device.expect(event)
    assert change == {
        "roomId": member["roomId"],
        "userId": member["userId"],
        "seq": member["changeSeq"],
        "member": member,
    }


async def reason(device: Device, event: str, payload: Any) -> str:
    text: str = (await device.refused(event, payload))["reason"]
    return text


# The list


async def test_the_list_of_members_tells_who_is_here_and_nothing_of_guests(scene: PrivateRoom) -> None:
    """Eve is online, which is no business of people whom she shares no room with."""
    guest = await scene.hers.ok("room:invite", scene.of(scene.eve))
    page = await scene.his.ok("room:members", {"roomId": scene.room})
    assert page["next"] is None
    assert [member["userId"] for member in page["members"]] == [scene.ann.id, scene.bob.id, scene.eve.id]
    ann, bob, eve = page["members"]
    assert (ann["role"], ann["state"], ann["presence"]["status"]) == ("admin", "member", "online")
    assert (bob["role"], bob["state"], bob["presence"]["status"]) == ("member", "member", "online")
    assert (eve, eve["presence"]) == (guest, None)
    assert ann["user"] == {key: scene.ann.user[key] for key in ("id", "username", "displayName", "avatar")}
    answer = await scene.bob.http.get(f"/chat/rooms/{scene.room}/members")
    assert [member["userId"] for member in answer.json()["members"]] == [
        member["userId"] for member in page["members"]
    ]


async def test_the_list_of_members_has_pages(scene: PrivateRoom, people: People) -> None:
    for _ in range(3):
        guest = await people()
        await scene.hers.ok("room:invite", scene.of(guest))
    seen: list[str] = []
    after: str | None = None
    for size in (2, 2, 1):
        page = await scene.hers.ok("room:members", {"roomId": scene.room, "limit": 2, "after": after})
        assert len(page["members"]) == size
        seen += [member["userId"] for member in page["members"]]
        after = page["next"]
    assert after is None
    assert len(set(seen)) == 5
    whole = await scene.hers.ok("room:members", {"roomId": scene.room})
    assert [member["userId"] for member in whole["members"]] == seen


async def test_a_page_goes_on_from_somebody_who_left_meanwhile(scene: PrivateRoom) -> None:
    await scene.his.ok("room:leave", {"roomId": scene.room})
    await scene.hers.ok("room:invite", scene.of(scene.eve))
    page = await scene.hers.ok("room:members", {"roomId": scene.room, "after": scene.bob.id})
    assert [member["userId"] for member in page["members"]] == [scene.eve.id]


async def test_lists_of_members_that_are_refused(scene: PrivateRoom) -> None:
    assert await reason(scene.stranger, "room:members", {"roomId": scene.room}) == "not_a_member"
    await scene.hers.ok("room:invite", scene.of(scene.eve))
    assert await reason(scene.stranger, "room:members", {"roomId": scene.room}) == "not_a_member"
    assert await reason(scene.hers, "room:members", {"roomId": "unknown"}) == "not_found"
    for after in ("unknown", "no id", ""):
        assert await reason(scene.hers, "room:members", {"roomId": scene.room, "after": after}) == "not_found"
    for limit in (0, 101, "x", 1.5):
        assert await reason(scene.hers, "room:members", {"roomId": scene.room, "limit": limit}) == "invalid"


# Invitations


async def test_an_invitation_is_heard_by_the_guest_and_the_room(scene: PrivateRoom) -> None:
    invited = await scene.hers.ok("room:invite", scene.of(scene.eve))
    assert (invited["state"], invited["role"], invited["leftAt"]) == ("invited", "member", None)
    for device in (scene.hers, scene.his, scene.stranger):
        await hears(device, "room:member-updated", invited)
    room = await scene.stranger.expect("room:invited")
    assert (room["id"], room["unread"], room["membership"]["state"]) == (scene.room, 0, "invited")
    assert await scene.stranger.ok("room:invitations") == [room]
    assert await scene.stranger.ok("room:list") == []
    assert (await scene.eve.http.get("/chat/invitations")).json() == [room]


async def test_somebody_invited_is_no_member_yet(scene: PrivateRoom) -> None:
    await scene.hers.ok("room:invite", scene.of(scene.eve))
    message = {"roomId": scene.room, "content": "x"}
    assert await reason(scene.stranger, "message:send", message) == "not_a_member"
    assert await reason(scene.stranger, "message:history", {"roomId": scene.room}) == "not_a_member"
    assert await reason(scene.stranger, "room:get", {"roomId": scene.room}) == "not_a_member"
    assert await reason(scene.stranger, "join", {"rooms": [f"room:{scene.room}"]}) == "not_a_member"
    await scene.hers.ok("message:send", message)
    await scene.his.expect("message:new")
    await scene.stranger.ok("room:join", {"roomId": scene.room})
    await scene.stranger.expect("room:added")
    assert scene.stranger.received["message:new"] == []


async def test_an_invitation_by_name_in_any_case(scene: PrivateRoom) -> None:
    name = scene.eve.user["username"].upper()
    invited = await scene.hers.ok("room:invite", {"roomId": scene.room, "username": name})
    assert invited["userId"] == scene.eve.id


async def test_who_is_invited_already_is_not_invited_again(scene: PrivateRoom) -> None:
    first = await scene.hers.ok("room:invite", scene.of(scene.eve))
    assert await scene.hers.ok("room:invite", scene.of(scene.eve)) == first
    role = await scene.hers.ok("room:set-role", scene.of(scene.bob, role="admin"))
    await hears(scene.hers, "room:member-updated", first)
    await hears(scene.hers, "room:member-updated", role)
    assert len(scene.stranger.received["room:invited"]) == 1


async def test_invitations_that_are_refused(scene: PrivateRoom) -> None:
    invite = "room:invite"
    assert await reason(scene.his, invite, scene.of(scene.eve)) == "forbidden"
    assert await reason(scene.stranger, invite, scene.of(scene.eve)) == "not_a_member"
    assert await reason(scene.hers, invite, scene.of(scene.bob)) == "conflict"
    assert await reason(scene.hers, invite, scene.of(scene.ann)) == "conflict"
    assert await reason(scene.hers, invite, {"roomId": scene.room, "userId": "unknown"}) == "not_found"
    assert await reason(scene.hers, invite, {"roomId": scene.room, "username": "nobody"}) == "not_found"
    assert await reason(scene.hers, invite, {"roomId": "unknown", "userId": scene.eve.id}) == "not_found"
    for payload in ({}, {"userId": scene.eve.id, "username": "eve"}, {"userId": 7}, {"username": "a b"}):
        assert await reason(scene.hers, invite, {"roomId": scene.room, **payload}) == "invalid"
    assert scene.stranger.received["room:invited"] == []


async def test_an_invitation_can_be_declined(scene: PrivateRoom) -> None:
    await scene.hers.ok("room:invite", scene.of(scene.eve))
    change = await scene.stranger.ok("room:leave", {"roomId": scene.room})
    assert change["member"]["state"] == "left"
    for device in (scene.hers, scene.his, scene.stranger):
        await device.expect("room:member-updated")
        await hears(device, "room:member-updated", change["member"])
        assert device.received["room:user-left"] == []
    assert await scene.stranger.ok("room:invitations") == []
    assert await reason(scene.stranger, "room:leave", {"roomId": scene.room}) == "not_a_member"
    assert await reason(scene.stranger, "room:join", {"roomId": scene.room}) == "forbidden"


async def test_an_invitation_can_be_withdrawn(scene: PrivateRoom) -> None:
    await scene.hers.ok("room:invite", scene.of(scene.eve))
    withdrawn = await scene.hers.ok("room:kick", scene.of(scene.eve))
    assert withdrawn["state"] == "removed"
    for device in (scene.hers, scene.his, scene.stranger):
        await device.expect("room:member-updated")
        await hears(device, "room:member-updated", withdrawn)
    assert await scene.stranger.ok("room:invitations") == []
    assert await reason(scene.stranger, "room:join", {"roomId": scene.room}) == "forbidden"


async def test_who_left_can_be_invited_back(scene: PrivateRoom) -> None:
    await scene.his.ok("room:leave", {"roomId": scene.room})
    assert await reason(scene.his, "room:join", {"roomId": scene.room}) == "forbidden"
    again = await scene.hers.ok("room:invite", scene.of(scene.bob))
    assert (again["state"], again["leftAt"]) == ("invited", None)
    assert (await scene.his.ok("room:join", {"roomId": scene.room}))["unread"] == 0


async def test_who_accepts_an_invitation_to_a_room_that_all_left_becomes_its_admin(
    scene: PrivateRoom,
) -> None:
    await scene.hers.ok("room:invite", scene.of(scene.eve))
    await scene.his.ok("room:leave", {"roomId": scene.room})
    await scene.hers.ok("room:leave", {"roomId": scene.room})
    room = await scene.stranger.ok("room:join", {"roomId": scene.room})
    assert room["membership"]["role"] == "admin"


# Roles


async def test_a_role_is_changed_and_the_room_hears_it(scene: PrivateRoom) -> None:
    promoted = await scene.hers.ok("room:set-role", scene.of(scene.bob, role="admin"))
    assert (promoted["role"], promoted["state"]) == ("admin", "member")
    for device in (scene.hers, scene.his):
        await hears(device, "room:member-updated", promoted)
    demoted = await scene.his.ok("room:set-role", scene.of(scene.ann, role="member"))
    for device in (scene.hers, scene.his):
        await hears(device, "room:member-updated", demoted)
    assert await reason(scene.hers, "room:set-role", scene.of(scene.ann, role="admin")) == "forbidden"
    room = await scene.hers.ok("room:get", {"roomId": scene.room})
    assert (room["membership"]["role"], room["lastSeq"]) == ("member", demoted["changeSeq"])


async def test_a_role_that_is_so_already_is_no_change(scene: PrivateRoom) -> None:
    before = await scene.last_seq()
    same = await scene.hers.ok("room:set-role", scene.of(scene.bob, role="member"))
    assert same["changeSeq"] == before
    assert await scene.last_seq() == before


async def test_roles_that_are_refused(scene: PrivateRoom) -> None:
    event = "room:set-role"
    assert await reason(scene.his, event, scene.of(scene.bob, role="admin")) == "forbidden"
    assert await reason(scene.stranger, event, scene.of(scene.eve, role="admin")) == "not_a_member"
    assert await reason(scene.hers, event, scene.of(scene.eve, role="admin")) == "not_found"
    assert await reason(scene.hers, event, scene.of(scene.ann, role="member")) == "conflict"
    await scene.hers.ok("room:invite", scene.of(scene.eve))
    assert await reason(scene.hers, event, scene.of(scene.eve, role="admin")) == "not_found"
    for role in ("owner", "", 7, None):
        assert await reason(scene.hers, event, scene.of(scene.bob, role=role)) == "invalid"


# Removals


@pytest.mark.parametrize(("event", "state"), [("room:kick", "removed"), ("room:ban", "banned")])
async def test_who_is_removed_leaves_with_every_device_and_hears_it(
    scene: PrivateRoom, start: Start, event: str, state: str
) -> None:
    second = await start()
    far, admin_there = await scene.bob.device(second.url), await scene.ann.device(second.url)
    gone = await admin_there.ok(event, scene.of(scene.bob))
    assert (gone["state"], gone["role"]) == (state, "member")
    assert gone["leftAt"] is not None
    for device in (scene.hers, admin_there, scene.his, far):
        await hears(device, "room:user-left", gone)
    await scene.hers.ok("message:send", {"roomId": scene.room, "content": "x"})
    await scene.hers.expect("message:new")
    await scene.hers.ok("dm:send", {"receiverId": scene.bob.id, "content": "later"})
    for device in (scene.his, far):
        await device.expect("dm:new")
        assert device.received["message:new"] == []
        assert await reason(device, "message:send", {"roomId": scene.room, "content": "y"}) == "not_a_member"
    assert await scene.his.ok("room:list") == []


async def test_an_admin_can_remove_another(scene: PrivateRoom) -> None:
    await scene.hers.ok("room:set-role", scene.of(scene.bob, role="admin"))
    gone = await scene.his.ok("room:kick", scene.of(scene.ann))
    assert (gone["state"], gone["role"]) == ("removed", "member")
    assert await reason(scene.hers, "room:kick", scene.of(scene.bob)) == "not_a_member"


async def test_who_is_gone_already_is_not_removed_again(scene: PrivateRoom) -> None:
    left = await scene.his.ok("room:leave", {"roomId": scene.room})
    assert await scene.hers.ok("room:kick", scene.of(scene.bob)) == left["member"]
    banned = await scene.hers.ok("room:ban", scene.of(scene.bob))
    assert await scene.hers.ok("room:ban", scene.of(scene.bob)) == banned
    assert await scene.hers.ok("room:kick", scene.of(scene.bob)) == banned
    assert await scene.last_seq() == banned["changeSeq"] == left["seq"] + 1
    await scene.hers.ok("room:unban", scene.of(scene.bob))
    await hears(scene.hers, "room:user-left", left["member"])
    await hears(scene.hers, "room:member-updated", banned)
    assert (await scene.hers.expect("room:member-updated"))["member"]["state"] == "removed"


@pytest.mark.parametrize("event", ["room:kick", "room:ban", "room:unban"])
async def test_removals_that_are_refused(scene: PrivateRoom, event: str) -> None:
    assert await reason(scene.his, event, scene.of(scene.ann)) == "forbidden"
    assert await reason(scene.stranger, event, scene.of(scene.bob)) == "not_a_member"
    assert await reason(scene.hers, event, scene.of(scene.ann)) == "forbidden"
    assert await reason(scene.hers, event, {"roomId": scene.room, "userId": "unknown"}) == "not_found"
    assert await reason(scene.hers, event, {"roomId": "unknown", "userId": scene.bob.id}) == "not_found"
    for user_id in (7, None, "a b", "", {}):
        assert await reason(scene.hers, event, {"roomId": scene.room, "userId": user_id}) == "invalid"
    if event != "room:ban":
        assert await reason(scene.hers, event, scene.of(scene.eve)) == "not_found"
    assert (await scene.his.ok("room:get", {"roomId": scene.room}))["membership"]["state"] == "member"


# Bans


async def test_somebody_who_never_came_can_be_banned(scene: PrivateRoom) -> None:
    banned = await scene.hers.ok("room:ban", scene.of(scene.eve))
    assert banned["state"] == "banned"
    for device in (scene.hers, scene.his):
        await hears(device, "room:member-updated", banned)
    assert await reason(scene.stranger, "room:join", {"roomId": scene.room}) == "forbidden"
    assert await reason(scene.hers, "room:invite", scene.of(scene.eve)) == "conflict"
    free = await scene.hers.ok("room:unban", scene.of(scene.eve))
    assert free["state"] == "removed"
    for device in (scene.hers, scene.his):
        await hears(device, "room:member-updated", free)
    invited = await scene.hers.ok("room:invite", scene.of(scene.eve))
    assert invited["state"] == "invited"
    await hears(scene.stranger, "room:member-updated", invited)  # and nothing of the ban before


async def test_admins_list_who_is_banned(scene: PrivateRoom) -> None:
    asked = {"roomId": scene.room}
    assert await scene.hers.ok("room:bans", asked) == {"members": [], "next": None}
    banned = [await scene.hers.ok("room:ban", scene.of(person)) for person in (scene.bob, scene.eve)]
    assert await scene.hers.ok("room:bans", asked) == {"members": banned, "next": None}
    first = await scene.hers.ok("room:bans", {**asked, "limit": 1})
    assert first == {"members": banned[:1], "next": scene.bob.id}
    rest = await scene.hers.ok("room:bans", {**asked, "after": first["next"]})
    assert rest == {"members": banned[1:], "next": None}
    answer = await scene.ann.http.get(f"/chat/rooms/{scene.room}/bans")
    assert answer.json() == {"members": banned, "next": None}
    await scene.hers.ok("room:unban", scene.of(scene.bob))
    assert (await scene.hers.ok("room:bans", asked))["members"] == banned[1:]


async def test_who_may_not_see_the_banned(scene: PrivateRoom) -> None:
    assert await reason(scene.his, "room:bans", {"roomId": scene.room}) == "forbidden"
    assert await reason(scene.stranger, "room:bans", {"roomId": scene.room}) == "not_a_member"
    assert await reason(scene.hers, "room:bans", {"roomId": "unknown"}) == "not_found"
    assert await reason(scene.hers, "room:bans", {"roomId": scene.room, "after": "unknown"}) == "not_found"
    assert await reason(scene.hers, "room:bans", {"roomId": scene.room, "limit": 0}) == "invalid"


async def test_lifting_a_ban_that_there_is_not_changes_nothing(scene: PrivateRoom) -> None:
    before = await scene.last_seq()
    member = await scene.hers.ok("room:unban", scene.of(scene.bob))
    assert member["state"] == "member"
    assert await scene.last_seq() == before
    await scene.hers.ok("message:send", {"roomId": scene.room, "content": "still here"})
    assert (await scene.his.expect("message:new"))["content"] == "still here"


# A direct conversation stays as it is


async def test_nobody_governs_a_direct_conversation(scene: PrivateRoom) -> None:
    room = (await scene.hers.ok("dm:send", {"receiverId": scene.bob.id, "content": "x"}))["roomId"]
    payload = {"roomId": room, "userId": scene.bob.id}
    for event in ("room:invite", "room:kick", "room:ban", "room:unban"):
        assert await reason(scene.hers, event, payload) == "forbidden"
        assert await reason(scene.stranger, event, payload) == "not_a_member"
    assert await reason(scene.hers, "room:set-role", {**payload, "role": "admin"}) == "forbidden"
    page = await scene.hers.ok("room:members", {"roomId": room})
    assert [member["role"] for member in page["members"]] == ["member", "member"]


# Over REST


@pytest.mark.over_websocket
async def test_members_over_rest(scene: PrivateRoom, db: Database) -> None:
    http, path = scene.ann.http, f"/chat/rooms/{scene.room}"
    invited = await http.post(f"{path}/invitations", json={"username": scene.eve.user["username"]})
    assert (invited.status_code, invited.json()["state"]) == (200, "invited")
    role = await http.put(f"{path}/members/{scene.bob.id}/role", json={"role": "admin"})
    assert (role.status_code, role.json()["role"]) == (200, "admin")
    for method, what, state in (
        ("DELETE", "members", "removed"),
        ("PUT", "bans", "banned"),
        ("DELETE", "bans", "removed"),
    ):
        answer = await http.request(method, f"{path}/{what}/{scene.bob.id}")
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    row = await db.value(
        "select array[state, changed_by] from room_members where room_id = :room and user_id = :user",
        room=scene.room,
        user=scene.bob.id,
    )
    assert row == ["removed", scene.ann.id]


@pytest.mark.over_websocket
async def test_members_over_rest_refused(scene: PrivateRoom) -> None:
    path, bob, eve = f"/chat/rooms/{scene.room}", scene.bob.http, scene.eve.http
    ann = scene.ann.http
    assert (await eve.get(f"{path}/members")).status_code == 403
    assert (await ann.get(f"{path}/members", params={"limit": 0})).status_code == 422
    assert (await ann.get(f"{path}/members", params={"after": "unknown"})).status_code == 404
    assert (await bob.post(f"{path}/invitations", json={"userId": scene.eve.id})).status_code == 403
    assert (await ann.post(f"{path}/invitations", json={"userId": scene.bob.id})).status_code == 409
    assert (await ann.post(f"{path}/invitations", json={})).status_code == 422
    assert (await ann.put(f"{path}/members/{scene.ann.id}/role", json={"role": "member"})).status_code == 409
    assert (await ann.put(f"{path}/members/{scene.ann.id}/role", json={"role": "king"})).status_code == 422
    assert (await ann.put(f"{path}/members/{scene.ann.id}/role")).status_code == 422
    assert (await ann.delete(f"{path}/members/unknown")).status_code == 404
    assert (await bob.delete(f"{path}/members/{scene.ann.id}")).status_code == 403
    assert (await ann.put(f"{path}/bans/a%20b")).status_code == 404
    assert (await eve.put(f"{path}/bans/{scene.bob.id}")).status_code == 403
    assert (await ann.delete(f"{path}/bans/{scene.ann.id}")).status_code == 403
