"""Invitations: who takes them, how many of one inviter may wait for an answer, and what becomes of declined ones."""

import asyncio
from typing import Any

import httpx
import pytest

from app.db.database import Database
from app.rooms import invitations
from app.rooms.invitations import MAX_PENDING_OF_PAIR
from tests.support.chat.people import PASSWORD, Device, People, Person, Start

pytestmark = [pytest.mark.over_websocket, pytest.mark.one_chat]


async def private_rooms(person: Person, number: int) -> list[str]:
    return [await person.room(name=f"room {n}", isPrivate=True) for n in range(number)]


async def invite(device: Device, room: str, person: Person) -> Any:
    return await device.call("room:invite", {"roomId": room, "userId": person.id})


async def test_one_inviter_uses_up_nothing_of_another(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    hers, his = await ann.device(), await bob.device()
    rooms = await private_rooms(ann, MAX_PENDING_OF_PAIR + 1)
    answers = [await invite(hers, room, eve) for room in rooms]
    assert [answer["ok"] for answer in answers] == [True] * MAX_PENDING_OF_PAIR + [False]
    assert answers[-1]["error"]["reason"] == "too_many"
    answer = await ann.http.post(f"/chat/rooms/{rooms[-1]}/invitations", json={"userId": eve.id})
    assert answer.status_code == 409
    assert (await invite(hers, rooms[-1], bob))["ok"]
    (his_room,) = await private_rooms(bob, 1)
    assert (await invite(his, his_room, eve))["ok"]
    guest = await eve.device()
    await guest.ok("room:leave", {"roomId": rooms[0]})
    assert (await invite(hers, rooms[-1], eve))["ok"]  # one has been answered


async def test_invitations_at_once_do_not_pass_the_bound(people: People, start: Start, db: Database) -> None:
    ann, eve = await people(), await people()
    second = await start()
    devices = [
        await ann.device(),
        await ann.device(second.url),
        await ann.device(),
        await ann.device(second.url),
    ]
    rooms = await private_rooms(ann, 2 * MAX_PENDING_OF_PAIR)
    answers = await asyncio.gather(*(invite(devices[n % 4], room, eve) for n, room in enumerate(rooms)))
    assert (
        sorted(answer["ok"] for answer in answers)
        == [False] * MAX_PENDING_OF_PAIR + [True] * MAX_PENDING_OF_PAIR
    )
    pending = await db.value("select count(*) from room_members where user_id = :id", id=eve.id)
    assert pending == MAX_PENDING_OF_PAIR


async def test_one_inviter_has_so_many_without_an_answer(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MAX_PENDING_OF_INVITER", 2)
    ann, *others = [await people() for _ in range(4)]
    device = await ann.device()
    (room,) = await private_rooms(ann, 1)
    answers = [await invite(device, room, other) for other in others]
    assert [answer["ok"] for answer in answers] == [True, True, False]
    assert answers[2]["error"]["reason"] == "too_many"
    await device.ok("room:kick", {"roomId": room, "userId": others[0].id})  # withdrawn
    assert (await invite(device, room, others[2]))["ok"]


@pytest.mark.own_chat
async def test_a_declined_invitation_is_not_repeated_by_the_same_inviter_for_a_day(
    people: People, db: Database
) -> None:
    ann, bob, eve = await people(), await people(), await people()
    hers, his, guest = await ann.device(), await bob.device(), await eve.device()
    room, other_room = await private_rooms(ann, 2)
    await invite(hers, room, bob)
    await his.ok("room:join", {"roomId": room})
    await hers.ok("room:set-role", {"roomId": room, "userId": bob.id, "role": "admin"})
    await invite(hers, room, eve)
    declined = await guest.ok("room:leave", {"roomId": room})
    assert declined["member"]["state"] == "left"
    again = await invite(hers, room, eve)
    assert (again["error"]["reason"], again["error"]["message"]) == (
        "forbidden",
        "This user takes no invitation to this room from you",
    )
    assert (await invite(hers, other_room, eve))["ok"]
    assert (await invite(his, room, eve))["ok"]
    assert (await eve.http.post(f"/chat/rooms/{room}/leave")).status_code == 200
    for device in (hers, his):
        assert (await invite(device, room, eve))["error"]["reason"] == "forbidden"
    await db.value("update declined_invitations set declined_at = now() - interval '24 hours'")
    assert (await invite(hers, room, eve))["ok"]
    await guest.ok("room:leave", {"roomId": room})
    await guest.ok("room:leave", {"roomId": other_room})
    kept = await db.column(
        list, "select array[room_id, inviter_id] from declined_invitations order by room_id"
    )
    assert kept == [[room, ann.id], [other_room, ann.id]]


async def test_the_list_of_invitations_has_pages_from_the_newest_room_on(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    rooms = []
    for person in (ann, bob):
        for room in await private_rooms(person, 3):
            rooms.append(room)
            await person.http.post(f"/chat/rooms/{room}/invitations", json={"userId": eve.id})
    seen: list[str] = []
    for size in (4, 2, 0):
        query = {"limit": 4, **({"before": seen[-1]} if seen else {})}
        page = (await eve.http.get("/chat/invitations", params=query)).json()
        assert len(page) == size
        seen += [room["id"] for room in page]
    assert seen == sorted(rooms, reverse=True)


async def test_a_stranger_who_is_banned_and_freed_hears_nothing_of_it(people: People) -> None:
    ann, eve = await people(), await people()
    hers, stranger = await ann.device(), await eve.device()
    room = await ann.room()
    for event in ("room:ban", "room:unban", "room:ban", "room:unban"):
        await hers.ok(event, {"roomId": room, "userId": eve.id})
    await hers.ok("dm:send", {"receiverId": eve.id, "content": "x"})
    await stranger.expect("dm:new")
    assert stranger.received["room:member-updated"] == []


# Who may begin


PRIVACY = [
    ("everyone", [True, True]),
    ("shared_rooms", [True, False]),
    ("nobody", [False, False]),
]


@pytest.mark.parametrize(("audience", "friend_and_stranger"), PRIVACY)
async def test_who_may_invite(people: People, audience: str, friend_and_stranger: list[bool]) -> None:
    ann, friend, stranger = await people(), await people(), await people()
    shared = await ann.room()
    await friend.http.post(f"/chat/rooms/{shared}/join")
    device = await ann.device()
    privacy = await device.ok("user:set-privacy", {"invitations": audience})
    assert privacy == {"directMessages": "everyone", "invitations": audience}
    assert await device.expect("user:privacy-updated") == privacy
    taken = []
    for person in (friend, stranger):
        await person.http.post(f"/chat/dm/{ann.id}", json={"content": "a conversation is no shared room"})
        (room,) = await private_rooms(person, 1)
        answer = await person.http.post(f"/chat/rooms/{room}/invitations", json={"userId": ann.id})
        assert answer.status_code in (200, 403)
        taken.append(answer.status_code == 200)
    assert taken == friend_and_stranger


@pytest.mark.parametrize(("audience", "friend_and_stranger"), PRIVACY)
async def test_who_may_begin_a_conversation(
    people: People, audience: str, friend_and_stranger: list[bool]
) -> None:
    ann, friend, stranger, known = [await people() for _ in range(4)]
    shared = await ann.room()
    await friend.http.post(f"/chat/rooms/{shared}/join")
    await known.http.post(f"/chat/dm/{ann.id}", json={"content": "before"})
    answer = await ann.http.patch("/chat/privacy", json={"directMessages": audience})
    assert answer.json() == {"directMessages": audience, "invitations": "everyone"}
    assert (await ann.http.get("/chat/privacy")).json() == answer.json()
    answers = [
        await person.http.post(f"/chat/dm/{ann.id}", json={"content": "x"}) for person in (friend, stranger)
    ]
    assert [answer.status_code == 201 for answer in answers] == friend_and_stranger
    for answer in answers:
        if answer.status_code != 201:
            assert (answer.status_code, answer.json()["message"]) == (403, "You cannot write to this person")
    for person, receiver in ((known, ann), (ann, known), (ann, stranger), (stranger, ann), (ann, ann)):
        answer = await person.http.post(f"/chat/dm/{receiver.id}", json={"content": "goes on"})
        assert answer.status_code == 201


async def test_settings_of_privacy_that_are_refused(people: People) -> None:
    ann = await people()
    device = await ann.device()
    for payload in ({}, {"invitations": None}, {"invitations": "friends"}, {"directMessages": 7}):
        assert (await device.refused("user:set-privacy", payload))["reason"] == "invalid"
    assert (await ann.http.patch("/chat/privacy", json={})).status_code == 422


@pytest.mark.own_chat
async def test_a_link_leads_into_a_private_room(http: httpx.AsyncClient, people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    hers, his, guest = await ann.device(), await bob.device(), await eve.device()
    room = await ann.room(isPrivate=True)
    of_room = {"roomId": room}
    link = await hers.ok("room:create-link", {**of_room, "days": 1, "uses": 1})
    looked = await his.ok("room:look-up-link", {"token": link["token"]})
    assert (looked["id"], looked["isPrivate"], looked["memberCount"], looked["joined"]) == (
        room,
        True,
        1,
        False,
    )
    for path in ("look-up", "join"):  # not without an account, nor to make one
        assert (await http.post(f"/chat/links/{path}", json={"token": link["token"]})).status_code == 401
    account = {"username": "newcomer", "credential": PASSWORD, "invitation": link["token"]}
    assert (await http.post("/auth/sign-up", json=account)).status_code == 403
    assert (await ann.http.get("/admin/invitations")).json()["invitations"] == []
    joined = await his.ok("room:join-link", {"token": link["token"]})
    assert (joined["id"], joined["membership"]["role"]) == (room, "member")
    assert (await hers.expect("room:user-joined"))["userId"] == ann.id
    assert (await hers.expect("room:user-joined"))["userId"] == bob.id
    assert (await guest.refused("room:join-link", {"token": link["token"]}))[
        "reason"
    ] == "not_found"  # used up
    assert (await his.refused("room:create-link", of_room))["reason"] == "forbidden"
    assert (await his.refused("room:links", of_room))["reason"] == "forbidden"
    second = (await ann.http.post(f"/chat/rooms/{room}/links", json={})).json()
    await his.ok("room:join-link", {"token": second["token"]})  # who is in it uses nothing up
    (listed,) = await hers.ok("room:links", of_room)
    assert (listed["id"], listed["uses"], listed["createdBy"]["id"]) == (second["id"], 0, ann.id)
    await hers.ok("room:ban", {**of_room, "userId": eve.id})
    assert (await guest.refused("room:join-link", {"token": second["token"]}))["reason"] == "forbidden"
    await hers.ok("room:unban", {**of_room, "userId": eve.id})
    revoke = {**of_room, "linkId": second["id"]}
    assert (await his.refused("room:revoke-link", revoke))["reason"] == "forbidden"
    await hers.ok("room:revoke-link", revoke)
    assert (await hers.refused("room:revoke-link", revoke))["reason"] == "not_found"
    assert (await guest.refused("room:look-up-link", {"token": second["token"]}))["reason"] == "not_found"
    assert await hers.ok("room:links", of_room) == []


async def test_so_many_links_are_open(people: People, monkeypatch: pytest.MonkeyPatch, db: Database) -> None:
    monkeypatch.setattr(invitations, "MAX_OPEN_LINKS", 1)
    ann, bob = await people(), await people()
    hers, his = await ann.device(), await bob.device()
    room = await ann.room()
    link = await hers.ok("room:create-link", {"roomId": room})
    assert (await hers.refused("room:create-link", {"roomId": room}))["reason"] == "too_many"
    await hers.ok("room:archive", {"roomId": room})
    assert (await his.refused("room:join-link", {"token": link["token"]}))["reason"] == "archived"
    await hers.ok("room:unarchive", {"roomId": room})
    await db.value("update sign_up_invitations set expires_at = now() where id = :id", id=link["id"])
    assert (await his.refused("room:join-link", {"token": link["token"]}))["reason"] == "not_found"
    await hers.ok("room:create-link", {"roomId": room})  # one that is over takes no place
