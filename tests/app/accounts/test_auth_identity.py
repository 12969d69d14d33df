"""The token alone decides who a client is, for as long as it is valid."""

import httpx
import pytest

from app.config.settings import Settings
from tests.support.chat.people import Connect, People, token_of

pytestmark = pytest.mark.one_chat


async def test_a_user_id_in_a_payload_counts_for_nothing(people: People) -> None:
    """Who speaks is decided by the token, whatever a payload says, at each door."""
    ann, eve = await people(), await people()
    room = await ann.room()
    hers, evil = await ann.device(), await eve.device()
    await evil.ok("room:join", {"roomId": room, "userId": ann.id})
    forged = {"userId": ann.id, "senderId": ann.id, "sender": ann.user, "content": "I am Ann"}
    assert (await evil.ok("message:send", {"roomId": room, **forged}))["senderId"] == eve.id
    assert (await evil.ok("dm:send", {"receiverId": ann.id, **forged}))["senderId"] == eve.id
    answer = await eve.http.post(f"/chat/rooms/{room}/messages", json=forged)
    assert answer.json()["sender"]["id"] == eve.id
    assert (await hers.expect("message:new"))["senderId"] == eve.id
    mine = await hers.ok("message:send", {"roomId": room, "content": "really Ann"})
    change = {"messageId": mine["id"], "userId": ann.id, "content": "changed"}
    assert (await evil.refused("message:edit", change))["reason"] == "forbidden"
    assert (await evil.refused("room:update", {"roomId": room, "userId": ann.id, "name": "x"}))[
        "reason"
    ] == "forbidden"


@pytest.mark.parametrize("token", ["any", "null", "undefined", "a.b.c", "Bearer"])
async def test_a_token_that_is_none_is_refused(http: httpx.AsyncClient, connect: Connect, token: str) -> None:
    device = await connect(token)
    assert (await device.refused("authenticate"))["reason"] == "unauthenticated"
    await device.expect("unauthenticated")
    await device.expect("disconnect")
    answer = await http.get("/chat/rooms", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_socket_ends_when_its_token_expires(
    people: People, connect: Connect, settings: Settings
) -> None:
    ann = await people()
    device = await connect(token_of(settings, ann, 2))
    await device.authenticate()
    assert await device.ok("room:list") == []
    assert "expired" in (await device.expect("unauthenticated"))["message"]
    await device.expect("disconnect")


async def test_a_socket_ends_when_its_token_is_revoked(people: People) -> None:
    ann = await people()
    device = await ann.device()
    assert (await ann.http.post("/auth/sign-out")).status_code == 204
    await device.expect("unauthenticated")
    await device.expect("disconnect")
    assert (await ann.http.get("/chat/rooms")).status_code == 401


async def test_the_id_of_a_socket_is_no_id_of_a_user(people: People, connect: Connect) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    device = await connect(ann.token)
    welcome = await device.authenticate()
    assert (welcome["userId"], welcome["id"] != ann.id) == (ann.id, True)
    assert (await device.ok("message:send", {"roomId": room, "content": "x"}))["senderId"] == ann.id
    his = await bob.device()
    for event, payload in (
        ("dm:send", {"receiverId": welcome["id"], "content": "to a socket"}),
        ("dm:history", {"userId": welcome["id"]}),
    ):
        assert (await his.refused(event, payload))["reason"] == "not_found"
    assert await his.ok("presence:get", {"userIds": [welcome["id"]]}) == []
    assert device.received["dm:new"] == []
