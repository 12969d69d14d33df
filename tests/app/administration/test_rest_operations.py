"""What administrators do over REST, and that nobody else can."""

import json
from typing import Any

import httpx
import pytest

from app.db.database import Database
from tests.support.chat.admin_command import Admin
from tests.support.chat.descriptions import descriptions
from tests.support.chat.people import PASSWORD, People, Person, Start, together
from tests.support.waiting import until

pytestmark = pytest.mark.over_websocket

ROUTES = [
    (method.upper(), path)
    for path, item in descriptions().openapi["paths"].items()
    if path.startswith("/admin/")
    for method in item
]


def name_of(person: Person) -> str:
    name: str = person.user["username"]
    return name


async def ok(person: Person, method: str, path: str, **options: Any) -> Any:
    answer = await person.http.request(method, path, **options)
    assert answer.is_success, answer.text
    return None if answer.status_code == 204 else answer.json()


async def sign_up(http: httpx.AsyncClient, username: str, **body: str) -> dict[str, str]:
    """Signs somebody up; returns the headers of their requests."""
    answer = await http.post("/auth/sign-up", json={"username": username, "credential": PASSWORD, **body})
    assert answer.status_code == 201, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


async def rooms_of(http: httpx.AsyncClient, headers: dict[str, str]) -> list[str]:
    answer = await http.get("/chat/rooms", headers=headers)
    return [room["id"] for room in answer.json()]


async def acts(administrator: Person) -> list[tuple[str, str, str]]:
    """All acts, the oldest first: by whom, what, about whom."""
    entries = (await ok(administrator, "GET", "/admin/audit?limit=100"))["entries"]
    return [(entry["actor"], entry["action"], entry["subject"]) for entry in reversed(entries)]


# The door


async def test_nobody_else_comes_in(http: httpx.AsyncClient, people: People, admin: Admin) -> None:
    """Whatever is asked for, and whether or not it is there: the answer is the same."""
    ann, bob = await people(), await people()
    room = await bob.room()
    assert len(ROUTES) >= 16
    for method, path in ROUTES:
        told = set()
        for id_ in (bob.id, room, "nowhere"):
            known = path.replace("{userId}", id_).replace("{roomId}", id_).replace("{invitationId}", id_)
            assert (await http.request(method, known)).status_code == 401
            answer = await bob.http.request(method, known)
            assert answer.status_code == 403, (method, known)
            told.add(answer.json()["message"])
        assert told == {"Only administrators of this server may do this"}
    await admin("revoke", name_of(ann))
    assert (await ann.http.get("/admin/people")).status_code == 403
    assert [json.loads(line)["action"] for line in await admin("audit", "--json")] == ["revoke"]


# People


async def test_people_are_listed_shut_out_and_let_in_again(
    http: httpx.AsyncClient, people: People, start: Start
) -> None:
    ann, bob, elsewhere = await people("ann"), await people("bob"), await start()
    device = await bob.device(elsewhere.url)
    first = await ok(ann, "GET", "/admin/people?limit=1")
    assert [one["username"] for one in first["people"]] == ["ann"]
    second = await ok(ann, "GET", f"/admin/people?limit=1&after={first['next']}")
    assert ([one["username"] for one in second["people"]], second["next"]) == (["bob"], None)
    assert [one["id"] for one in (await ok(ann, "GET", "/admin/people?query=BO"))["people"]] == [bob.id]
    path = f"/admin/people/{bob.id}/deactivation"
    await ok(ann, "PUT", path)
    assert "deactivated" in (await device.expect("unauthenticated"))["message"]
    await device.expect("disconnect")
    assert (await ok(ann, "GET", "/admin/people?query=bob"))["people"][0]["deactivatedAt"]
    assert (await ann.http.put(path)).status_code == 409
    assert (await ann.http.post(f"/admin/people/{bob.id}/password-reset")).status_code == 409
    assert (await ann.http.put(f"/admin/people/{ann.id}/deactivation")).status_code == 409
    assert (await ann.http.put("/admin/people/nobody/deactivation")).status_code == 404
    await ok(ann, "DELETE", path)
    link = await ok(ann, "POST", f"/admin/people/{bob.id}/password-reset", json={"hours": 1})
    body = {"token": link["token"], "credential": "a better battery staple"}
    assert (await http.post("/auth/reset-password", json=body)).status_code == 200
    assert await acts(ann) == [
        ("ann", "deactivate", "bob"),
        ("ann", "reactivate", "bob"),
        ("ann", "reset-password", "bob"),
    ]


async def test_invitations_lead_into_rooms(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    room = await ann.room(isPrivate=True)
    body = {"days": 1, "uses": 1, "roomIds": [room], "note": "for the  new ones"}
    link = await ok(ann, "POST", "/admin/invitations", json=body)
    cid = await sign_up(http, "cid", invitation=link["token"])
    assert await rooms_of(http, cid) == [room]
    (listed,) = (await ok(ann, "GET", "/admin/invitations"))["invitations"]
    name = (await ann.http.get(f"/chat/rooms/{room}")).json()["name"]
    assert listed["rooms"] == [{"id": room, "name": name}]
    assert (listed["id"], listed["note"], listed["uses"], listed["isOpen"]) == (
        link["id"],
        "for the new ones",
        1,
        False,
    )
    await ok(ann, "DELETE", f"/admin/invitations/{link['id']}")
    assert (await ann.http.delete(f"/admin/invitations/{link['id']}")).status_code == 404
    wrong = await ann.http.post("/admin/invitations", json={"roomIds": ["nowhere"]})
    assert wrong.status_code == 404


# Rooms


async def test_new_people_enter_the_default_rooms(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    room, other = await ann.room(name="Everyone"), await ann.room(name="Others", isPrivate=True)
    device = await ann.device()
    for room_id in (room, other):
        await ok(ann, "PUT", f"/admin/default-rooms/{room_id}")
    assert (await ann.http.put(f"/admin/default-rooms/{room}")).status_code == 409
    assert (await ann.http.put("/admin/default-rooms/nowhere")).status_code == 404
    bob = await sign_up(http, "bob")
    assert {(await device.expect("room:user-joined"))["roomId"] for _ in range(2)} == {room, other}
    assert set(await rooms_of(http, bob)) == {room, other}
    await ok(ann, "DELETE", f"/admin/default-rooms/{other}")
    assert (await ann.http.delete(f"/admin/default-rooms/{other}")).status_code == 404
    listed = (await ok(ann, "GET", "/admin/default-rooms"))["rooms"]
    assert [(one["id"], one["isDefault"], one["memberCount"]) for one in listed] == [(room, True, 2)]
    assert await rooms_of(http, await sign_up(http, "cid")) == [room]
    path = f"/admin/rooms/{room}/archive"
    await ok(ann, "PUT", path)
    assert (await device.expect("room:updated"))["archivedAt"]
    assert (await ann.http.put(path)).status_code == 409
    assert (await ann.http.put(f"/admin/rooms/{other}x/archive")).status_code == 404
    assert (await ok(ann, "GET", "/admin/rooms?query=every"))["rooms"][0]["archivedAt"]
    assert await rooms_of(http, await sign_up(http, "dan")) == []
    await ok(ann, "DELETE", path)
    assert await rooms_of(http, await sign_up(http, "eve")) == [room]
    assert [act for _, act, _ in (await acts(ann))[-2:]] == ["archive-room", "unarchive-room"]


async def test_a_room_whose_admins_are_shut_out_is_taken_over(people: People) -> None:
    ann, bob, cid = await people("ann"), await people("bob"), await people("cid")
    room = await together(bob, cid)
    private = await cid.room(name="Theirs", isPrivate=True)
    path = f"/admin/rooms/{room}/take-over"
    assert (await ann.http.post(path)).status_code == 409
    await ok(ann, "PUT", f"/admin/people/{bob.id}/deactivation")
    without = (await ok(ann, "GET", "/admin/rooms?withoutAdmin=true"))["rooms"]
    assert [(one["id"], one["hasAdmin"]) for one in without] == [(room, False)]
    named = (await ok(ann, "GET", "/admin/rooms?query=THEIR&withoutAdmin=false"))["rooms"]
    assert [one["id"] for one in named] == [private]
    assert (await ann.http.get("/admin/rooms?withoutAdmin=perhaps")).status_code == 422
    theirs, device = await cid.device(), await ann.device()
    taken = await ok(ann, "POST", path)
    assert taken["membership"]["role"] == "admin"
    assert (await device.expect("room:added"))["id"] == room
    joined = await theirs.expect("room:user-joined")
    assert (joined["userId"], joined["member"]["role"]) == (ann.id, "admin")
    await device.ok("message:send", {"roomId": room, "content": "hello"})
    assert (await theirs.expect("message:new"))["content"] == "hello"
    assert (await acts(ann))[-1] == ("ann", "take-over-room", "a room")
    await ok(ann, "PUT", f"/admin/people/{cid.id}/deactivation")
    conversation = (await ok(ann, "POST", f"/chat/dm/{bob.id}", json={"content": "hello"}))["roomId"]
    assert (await ann.http.post(f"/admin/rooms/{conversation}/take-over")).status_code == 404


@pytest.mark.usefixtures("swept_at_start")
async def test_a_deleted_room_goes_with_all_that_is_in_it(
    http: httpx.AsyncClient, people: People, db: Database
) -> None:
    ann, bob, eve = await people("ann"), await people("bob"), await people("eve")
    room, stays = await together(bob, ann), await together(bob, ann)
    await bob.http.post(f"/chat/rooms/{room}/invitations", json={"userId": eve.id})
    invitation = await ok(ann, "POST", "/admin/invitations", json={"roomIds": [room, stays]})
    await ok(ann, "PUT", f"/admin/default-rooms/{room}")
    upload = await ok(bob, "POST", "/chat/files", files={"file": ("notes.txt", b"all of them")})
    first = await ok(
        bob, "POST", f"/chat/rooms/{room}/messages", json={"content": "x", "attachments": [upload["id"]]}
    )
    for place in (room, stays):
        await ok(bob, "POST", f"/chat/rooms/{place}/messages", json={"content": "hello"})
    await ok(ann, "POST", f"/chat/rooms/{room}/messages", json={"content": "re", "replyTo": first["id"]})
    devices = [await bob.device(), await ann.device()]
    invited = await eve.device()
    await ok(ann, "DELETE", f"/admin/rooms/{room}")
    for device, person in zip(devices, (bob, ann), strict=True):
        left = await device.expect("room:user-left")
        assert (left["roomId"], left["userId"], left["member"]["state"]) == (room, person.id, "removed")
    assert (await invited.expect("room:member-updated"))["member"]["state"] == "removed"
    assert (await ann.http.delete(f"/admin/rooms/{room}")).status_code == 404
    assert (await bob.http.post(f"/chat/rooms/{room}/join")).status_code in (403, 404)
    assert (await bob.http.get(f"/chat/files/{upload['id']}")).status_code in (403, 404)
    new = await sign_up(http, "new", invitation=invitation["token"])
    assert await rooms_of(http, new) == [stays]

    async def gone() -> bool:
        return not await db.value("select count(*) from rooms where id = :room", room=room)

    await until(gone)
    assert (await bob.http.get(f"/chat/rooms/{room}/changes?after=0")).status_code == 404
    assert await db.value("select count(*) from messages where room_id = :room", room=room) == 0
    assert await db.value("select expires_at <= now() from files where id = :id", id=upload["id"])
    assert await db.value("select count(*) from messages where room_id = :room", room=stays) == 1
    assert (await acts(ann))[-1] == ("ann", "delete-room", "a room")


# What there is, and what was done


async def test_figures_and_the_audit_log(people: People) -> None:
    ann, bob = await people("ann"), await people("bob")
    room = await together(ann, bob)
    await ok(bob, "POST", f"/chat/rooms/{room}/messages", json={"content": "hello"})
    figures = await ok(ann, "GET", "/admin/figures")
    assert {
        name: figures[name] for name in ("people", "activeInDay", "publicRooms", "messages", "files")
    } == {
        "people": 2,
        "activeInDay": 2,
        "publicRooms": 1,
        "messages": 1,
        "files": 0,
    }
    for _ in range(2):
        await ok(ann, "PUT", f"/admin/default-rooms/{room}")
        await ok(ann, "DELETE", f"/admin/default-rooms/{room}")
    first = await ok(ann, "GET", "/admin/audit?limit=3")
    second = await ok(ann, "GET", f"/admin/audit?limit=3&before={first['next']}")
    newest = [entry["id"] for page in (first, second) for entry in page["entries"]]
    assert second["next"] is None
    export = await ann.http.get("/admin/audit/export")
    lines = [json.loads(line) for line in export.text.splitlines()]
    assert [line["id"] for line in lines] == newest[::-1]
    assert {line["subject"] for line in lines} == {"a room"}
