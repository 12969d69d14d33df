"""What members may do to a room and to each other, by their role, and that others may not."""

import httpx
import pytest

from app.db.database import Database
from tests.support.chat.people import People, Start

pytestmark = pytest.mark.one_chat


async def rows_of(db: Database, room_id: str, user_id: str) -> list[tuple[str, str]]:
    rows = await db.column(
        list,
        "select array[role, state] from room_members where room_id = :room and user_id = :user",
        room=room_id,
        user=user_id,
    )
    return [(role, state) for role, state in rows]


async def test_joining_again_keeps_the_one_membership_and_its_role(people: People, db: Database) -> None:
    ann = await people()
    device = await ann.device()
    room = await ann.room()
    await device.expect("room:user-joined")
    for _ in range(2):
        again = await device.ok("room:join", {"roomId": room})
        assert (again["membership"]["role"], again["lastSeq"]) == ("admin", 1)
    assert await rows_of(db, room, ann.id) == [("admin", "member")]
    assert len(device.received["room:user-joined"]) == 1


async def test_a_user_who_leaves_has_left_in_the_database(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    device = await bob.device()
    await device.ok("room:join", {"roomId": room})
    await device.ok("room:leave", {"roomId": room})
    assert await rows_of(db, room, bob.id) == [("member", "left")]
    assert (await device.refused("message:send", {"roomId": room, "content": "x"}))[
        "reason"
    ] == "not_a_member"
    later = await bob.device()
    assert await later.ok("room:list") == []


async def test_nobody_leaves_a_room_for_somebody_else(people: People, db: Database) -> None:
    ann, eve = await people(), await people()
    room = await ann.room()
    device = await eve.device()
    error = await device.refused("room:leave", {"roomId": room, "userId": ann.id})
    assert error["reason"] == "not_a_member"
    assert await rows_of(db, room, ann.id) == [("admin", "member")]


async def test_nobody_joins_a_room_for_somebody_else(people: People, db: Database) -> None:
    ann, bob, eve = await people(), await people(), await people()
    room = await ann.room()
    device = await eve.device()
    joined = await device.ok("room:join", {"roomId": room, "userId": bob.id})
    assert joined["membership"]["role"] == "member"
    assert await rows_of(db, room, bob.id) == []
    assert await rows_of(db, room, eve.id) == [("member", "member")]


async def test_a_private_room_is_entered_by_invitation(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room(isPrivate=True)
    admin, guest = await ann.device(), await bob.device()
    assert (await guest.refused("room:join", {"roomId": room}))["reason"] == "forbidden"
    invited = await admin.ok("room:invite", {"roomId": room, "userId": bob.id})
    assert (invited["state"], invited["role"]) == ("invited", "member")
    assert (await guest.expect("room:invited"))["id"] == room
    entered = await guest.ok("room:join", {"roomId": room})
    assert entered["membership"]["state"] == "member"
    await admin.ok("message:send", {"roomId": room, "content": "welcome"})
    assert (await guest.expect("message:new"))["content"] == "welcome"


async def test_an_admin_changes_roles(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    admin, other = await ann.device(), await bob.device()
    await other.ok("room:join", {"roomId": room})
    rename = {"roomId": room, "name": "renamed"}
    assert (await other.refused("room:update", rename))["reason"] == "forbidden"
    await admin.ok("room:set-role", {"roomId": room, "userId": bob.id, "role": "admin"})
    assert (await other.ok("room:update", rename))["name"] == "renamed"


async def test_the_last_admin_leaves_only_after_naming_another(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    admin, other = await ann.device(), await bob.device()
    await other.ok("room:join", {"roomId": room})
    assert (await admin.refused("room:leave", {"roomId": room}))["reason"] == "conflict"
    demotion = {"roomId": room, "userId": ann.id, "role": "member"}
    assert (await admin.refused("room:set-role", demotion))["reason"] == "conflict"
    await admin.ok("room:set-role", {"roomId": room, "userId": bob.id, "role": "admin"})
    await admin.ok("room:leave", {"roomId": room})
    assert await rows_of(db, room, ann.id) == [("member", "left")]
    assert await rows_of(db, room, bob.id) == [("admin", "member")]


@pytest.mark.parametrize("event", ["room:kick", "room:ban"])
async def test_an_admin_removes_members(people: People, start: Start, event: str) -> None:
    """And who is removed hears nothing more, at whichever instance."""
    ann, bob = await people(), await people()
    second = await start()
    room = await ann.room()
    admin, near, far = await ann.device(), await bob.device(), await bob.device(second.url)
    await near.ok("room:join", {"roomId": room})
    for device in (near, far):
        await device.expect("room:added")
    await admin.ok(event, {"roomId": room, "userId": bob.id})
    for device in (near, far):
        assert (await device.expect("room:user-left"))["userId"] == bob.id
    await admin.ok("message:send", {"roomId": room, "content": "he is gone"})
    await admin.expect("message:new")
    await admin.ok("dm:send", {"receiverId": bob.id, "content": "sorry"})
    for device in (near, far):
        await device.expect("dm:new")  # which was announced later
        assert device.received["message:new"] == []
        assert (await device.refused("join", {"rooms": [f"room:{room}"]}))["reason"] == "not_a_member"


async def test_a_banned_user_comes_back_only_when_the_ban_is_lifted(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    admin, guest = await ann.device(), await bob.device()
    await admin.ok("room:ban", {"roomId": room, "userId": bob.id})
    assert (await guest.refused("room:join", {"roomId": room}))["reason"] == "forbidden"
    assert (await admin.refused("room:invite", {"roomId": room, "userId": bob.id}))["reason"] == "conflict"
    await admin.ok("room:unban", {"roomId": room, "userId": bob.id})
    await guest.ok("room:join", {"roomId": room})


@pytest.mark.own_chat
async def test_a_room_is_created_with_its_creator_in_it_or_not_at_all(people: People, db: Database) -> None:
    """What fails on the way leaves nothing behind."""
    ann = await people()
    device = await ann.device()
    await db.value(
        """
        create function refuse_it() returns trigger language plpgsql as
        $$ begin raise exception 'no members today'; end $$
        """
    )
    await db.value("create trigger refuse_it before insert on room_members execute function refuse_it()")
    assert (await device.refused("room:create", {"name": "half a room"}))["reason"] == "internal"
    assert await db.value("select count(*) from rooms") == 0
    await db.value("drop trigger refuse_it on room_members")
    await device.ok("room:create", {"name": "a whole one"})
    assert await db.value("select count(*) from rooms") == 1


async def test_members_see_the_list_of_members(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    room = await ann.room()
    admin, stranger = await ann.device(), await eve.device()
    await admin.ok("room:invite", {"roomId": room, "userId": bob.id})
    page = await admin.ok("room:members", {"roomId": room})
    assert [(member["userId"], member["role"], member["state"]) for member in page["members"]] == [
        (ann.id, "admin", "member"),
        (bob.id, "member", "invited"),
    ]
    assert (await stranger.refused("room:members", {"roomId": room}))["reason"] == "not_a_member"


async def test_members_hear_of_an_update_of_the_room(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    admin, member = await ann.device(), await bob.device()
    await member.ok("room:join", {"roomId": room})
    await admin.ok("room:update", {"roomId": room, "name": "tea", "description": "green"})
    heard = await member.expect("room:updated")
    assert (heard["id"], heard["name"], heard["description"]) == (room, "tea", "green")


@pytest.mark.own_chat
async def test_public_rooms_are_discovered(people: People, http: httpx.AsyncClient) -> None:
    ann, bob = await people(), await people()
    public = await ann.room(name="Tea house")
    await ann.room(name="Tea secrets", isPrivate=True)
    device = await bob.device()
    found = await device.ok("room:discover", {"query": "tea"})
    assert [(room["id"], room["memberCount"], room["joined"]) for room in found["rooms"]] == [
        (public, 1, False)
    ]
    assert (await http.get("/chat/rooms/public")).status_code == 401
