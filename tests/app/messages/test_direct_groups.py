"""Groups: conversations of a few people, which the same people have once and nobody else enters."""

import asyncio

import pytest

from tests.support.chat.people import Device, People, Person, Start

pytestmark = pytest.mark.over_websocket


async def groups(device: Device) -> list[list[str]]:
    return [[one["id"] for one in room["group"]["people"]] for room in await device.ok("room:list")]


async def test_the_same_people_have_one_group(people: People, start: Start) -> None:
    ann, bob, eve, stranger = [await people(name) for name in ("ann", "bob", "eve", "stranger")]
    elsewhere = await start()
    hers, his, third = await ann.device(), await bob.device(elsewhere.url), await eve.device()
    begun = await asyncio.gather(
        hers.ok("group:open", {"userIds": [bob.id, eve.id]}),
        his.ok("group:open", {"userIds": [eve.id, ann.id]}),
    )
    room = begun[0]["id"]
    assert {one["id"] for one in begun} == {room}
    assert [one["username"] for one in begun[0]["group"]["people"]] == ["bob", "eve"]
    assert (begun[0]["name"], begun[0]["kind"]) == ("ann, bob, eve", "private")  # for older clients
    assert (await third.expect("room:added"))["id"] == room
    assert await groups(third) == []  # nothing was written yet
    await hers.ok("message:send", {"roomId": room, "content": "hello, both"})
    assert (await third.expect("message:new"))["content"] == "hello, both"
    assert await groups(third) == [[ann.id, bob.id]]
    other = (await ann.http.post("/chat/groups", json={"userIds": [bob.id, eve.id, stranger.id]})).json()
    assert other["id"] != room  # other people have another one
    # Nobody is admin of it, or comes into it.
    for event, fields in (
        ("room:invite", {"userId": stranger.id}),
        ("room:update", {"name": "ours"}),
        ("room:kick", {"userId": bob.id}),
        ("room:archive", {}),
        ("room:create-link", {}),
    ):
        assert (await hers.refused(event, {"roomId": room, **fields}))["reason"] == "forbidden", event
    device = await stranger.device()
    assert (await device.refused("room:join", {"roomId": room}))["reason"] == "forbidden"
    listed = (await ann.http.get("/admin/rooms")).json()["rooms"]
    assert listed == []  # no administrator's act touches one
    assert (await ann.http.delete(f"/admin/rooms/{room}")).status_code == 404
    # All of them pin.
    message = await his.ok("message:send", {"roomId": room, "content": "on Monday"})
    pinned = await third.ok("message:pin", {"messageId": message["id"]})
    assert pinned["pins"] == [message["id"]]
    await hers.ok("room:order-pins", {"roomId": room, "messageIds": [message["id"]]})


async def test_a_group_is_hidden_and_left_and_come_back_to(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    hers, his = await ann.device(), await bob.device()
    payload = {"userIds": [bob.id, eve.id]}
    room = (await hers.ok("group:open", payload))["id"]
    await hers.ok("message:send", {"roomId": room, "content": "1"})
    await his.ok("conversation:hide", {"roomId": room})
    assert await groups(his) == []
    await hers.ok("message:send", {"roomId": room, "content": "2"})
    assert len(await groups(his)) == 1
    await his.ok("room:leave", {"roomId": room})
    assert (await hers.expect("room:user-left"))["userId"] == bob.id
    again = await hers.ok("group:open", payload)
    assert ([one["id"] for one in again["group"]["people"]], again["id"]) == ([eve.id], room)
    assert (await his.refused("message:send", {"roomId": room, "content": "3"}))["reason"] == "not_a_member"
    back = await his.ok("group:open", {"userIds": [eve.id, ann.id]})
    assert back["id"] == room
    assert (await hers.expect("room:user-joined"))["userId"] == bob.id
    assert [one["content"] for one in await his.ok("message:history", {"roomId": room})] == ["2", "1"]


async def test_who_begins_a_group(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    hers = await ann.device()

    async def reason(*others: Person) -> str:
        refused = await hers.refused("group:open", {"userIds": [other.id for other in others]})
        return str(refused["reason"])

    assert await reason(bob, ann) == await reason(bob) == "invalid"
    await bob.http.patch("/chat/privacy", json={"directMessages": "nobody"})
    assert await reason(bob, eve) == "forbidden"
    await bob.http.patch("/chat/privacy", json={"directMessages": "everyone"})
    await eve.http.put(f"/chat/blocks/{ann.id}")
    assert await reason(bob, eve) == "forbidden"
    await eve.http.delete(f"/chat/blocks/{ann.id}")
    await hers.ok("user:block", {"userId": bob.id})
    assert await reason(bob, eve) == "conflict"
    await hers.ok("user:unblock", {"userId": bob.id})
    await hers.ok("group:open", {"userIds": [bob.id, eve.id]})
