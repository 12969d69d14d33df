"""Every event over websocket and polling: success, refusal, malformed input, and who hears of it."""

import asyncio
from typing import Any

import pytest

from app.api import socket_handlers as handlers_module
from app.config.settings import Settings
from app.db.database import Database
from tests.support.chat.people import PASSWORD, Connect, Instance, People, Start, token_of
from tests.support.postgres_servers import connected

MALFORMED: list[tuple[Any, ...]] = [
    (),
    (None,),
    (7,),
    ("text",),
    ([],),
    (True,),
    ({"roomId": {}},),
    (b"\x00\xff",),
]


def change(event: dict[str, Any]) -> tuple[str, str, int, str]:
    """What matters of a change of membership; the member in it must agree."""
    member = event["member"]
    assert (member["roomId"], member["userId"], member["changeSeq"]) == (
        event["roomId"],
        event["userId"],
        event["seq"],
    )
    return event["roomId"], event["userId"], event["seq"], member["state"]


# Authentication


async def test_the_token_in_the_handshake(people: People, connect: Connect) -> None:
    ann = await people()
    device = await connect(ann.token)
    welcome = await device.ok("authenticate")
    assert welcome == await device.expect("authenticated")
    assert welcome == {"id": device.client.get_sid(), "userId": ann.id, "time": welcome["time"]}
    assert welcome["time"].endswith("Z")


async def test_the_token_in_the_header(people: People, connect: Connect) -> None:
    ann = await people()
    device = await connect(headers={"Authorization": f"Bearer {ann.token}"})
    assert (await device.ok("authenticate"))["userId"] == ann.id


async def test_the_token_in_the_event_without_an_ack(people: People, connect: Connect) -> None:
    ann = await people()
    device = await connect()
    await device.client.emit("authenticate", {"token": ann.token})
    assert (await device.expect("authenticated"))["userId"] == ann.id


@pytest.mark.parametrize(
    "args",
    [
        (),
        ({"token": "forged"},),
        ({"token": 7},),
        ({"token": ""},),
        ("text",),
        (7,),
        ([],),
        (b"\x00",),
        ({}, {}, {}),
    ],
)
async def test_a_failed_or_malformed_attempt_ends_the_socket(connect: Connect, args: tuple[Any, ...]) -> None:
    device = await connect()
    await device.client.emit("authenticate", args)
    refused = await device.expect("unauthenticated")
    assert set(refused) == {"message", "time"}
    await device.expect("disconnect")
    assert [event for event, _ in device.heard] == ["unauthenticated", "disconnect"]


async def test_a_failed_attempt_with_an_ack_gets_both(connect: Connect) -> None:
    device = await connect("forged")
    error = await device.refused("authenticate")
    assert (error["code"], error["reason"]) == ("AUTHENTICATE_FAILED", "unauthenticated")
    await device.expect("unauthenticated")
    await device.expect("disconnect")


async def test_without_authentication_in_time_the_socket_is_ended(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers_module, "AUTHENTICATE_WITHIN", 0.1)
    device = await connect()
    assert "in time" in (await device.expect("unauthenticated"))["message"]
    await device.expect("disconnect")


async def test_an_authenticated_socket_outlives_the_time_to_authenticate(
    people: People, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers_module, "AUTHENTICATE_WITHIN", 0.3)
    ann = await people()
    late = await connect()
    device = await connect(ann.token)
    await device.authenticate()
    await late.expect("disconnect")  # it came first, and so ends first
    await asyncio.sleep(0.3)
    assert await device.ok("room:create", {"name": "still here"})


async def test_a_stranger_can_do_nothing(people: People, connect: Connect) -> None:
    ann = await people()
    room = await ann.room()
    stranger = await connect()
    for event, code in (
        ("room:create", "CREATE_FAILED"),
        ("room:join", "JOIN_FAILED"),
        ("room:leave", "LEAVE_FAILED"),
        ("message:send", "SEND_FAILED"),
        ("join", "JOIN_FAILED"),
        ("leave", "LEAVE_FAILED"),
    ):
        payload = {"roomId": room, "name": "x", "content": "x", "rooms": [f"room:{room}"], "userId": ann.id}
        error = await stranger.refused(event, payload)
        assert (error["code"], error["reason"]) == (code, "unauthenticated")
    assert (await ann.http.get(f"/chat/rooms/{room}/messages")).json() == []


async def test_a_stranger_hears_nothing(people: People, connect: Connect) -> None:
    ann = await people()
    device = await ann.device()
    stranger = await connect(ann.token)
    room = await ann.room()
    await device.ok("message:send", {"roomId": room, "content": "secret"})
    await device.expect("message:new")
    await stranger.refused(
        "room:join", {"roomId": room}
    )  # an answer that comes after whatever was sent before
    assert not stranger.received


async def test_authenticating_again(people: People, connect: Connect) -> None:
    ann, bob = await people(), await people()
    device = await ann.device()
    assert (await device.ok("authenticate"))["userId"] == ann.id
    assert (await device.refused("authenticate", {"token": bob.token}))["reason"] == "conflict"
    assert (await device.refused("authenticate", {"token": "forged"}))["reason"] == "unauthenticated"
    assert (await device.ok("room:create", {"name": "mine"}))["createdBy"] == ann.id
    assert "unauthenticated" not in device.received


async def test_the_same_token_again_is_answered_with_the_ack_alone(people: People) -> None:
    """Or, where none was asked for, with the event alone; another token of the user with all there is."""

    def told() -> list[str]:
        return [event for event, _ in device.heard if event != "presence:changed"]

    ann = await people()
    device = await ann.device()
    await device.expect("presence:snapshot")
    welcome = await device.ok("authenticate")
    assert welcome == {"id": device.client.get_sid(), "userId": ann.id, "time": welcome["time"]}
    await device.ok("room:list", {})
    assert told() == ["authenticated", "presence:snapshot"]
    await device.client.emit("authenticate")
    await device.ok("room:list", {})
    assert told()[2:] == ["authenticated"]
    identifier = {"scheme": "username", "value": ann.user["username"]}
    body = {"identifier": identifier, "credential": {"scheme": "basic", "value": PASSWORD}}
    other = (await ann.http.post("/auth/sign-in", json=body)).json()["token"]
    await device.ok("authenticate", {"token": other})
    await device.ok("room:list", {})
    assert told()[3:] == ["authenticated", "presence:snapshot"]


async def test_a_token_that_expires_ends_its_socket_and_a_newer_one_keeps_it(
    people: People, connect: Connect, settings: Settings
) -> None:
    ann = await people()
    device = await connect(token_of(settings, ann, 4))
    renewed = await connect(token_of(settings, ann, 4))
    await device.authenticate()
    await renewed.authenticate()
    await renewed.ok("authenticate", {"token": ann.token})
    assert "expired" in (await device.expect("unauthenticated"))["message"]
    await device.expect("disconnect")
    await renewed.ok("room:create", {"name": "still here"})
    assert "unauthenticated" not in renewed.received


async def test_the_rooms_of_a_user_are_heard_as_soon_as_authenticated(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    await bob.http.post(f"/chat/rooms/{room}/join")
    device = await bob.device()
    await (await ann.device()).ok("message:send", {"roomId": room, "content": "hi"})
    assert (await device.expect("message:new"))["content"] == "hi"


async def test_authenticating_while_rooms_are_joined_and_left_ends_in_the_true_rooms(
    people: People, connect: Connect, instance: Instance
) -> None:
    ann, bob = await people(), await people()
    rooms = [await ann.room() for _ in range(6)]
    for room in rooms[:3]:
        await bob.http.post(f"/chat/rooms/{room}/join")
    device = await connect(bob.token)
    await asyncio.gather(
        device.authenticate(),
        *(bob.http.post(f"/chat/rooms/{room}/leave") for room in rooms[:3]),
        *(bob.http.post(f"/chat/rooms/{room}/join") for room in rooms[3:]),
    )
    # What was published for the bus before this event has been delivered once it is heard.
    await device.ok("room:create", {"name": "fence"})
    while (await device.expect("room:user-joined"))["roomId"] in rooms:
        pass
    socket = instance.server.io.sockets[device.client.get_sid()]
    assert {room for room in rooms if f"room:{room}" in socket.rooms} == set(rooms[3:])


async def test_an_outage_during_authentication_is_no_final_refusal(
    people: People, connect: Connect, database_url: str, db: Database
) -> None:
    ann = await people()
    device = await connect(ann.token)
    await db.value("alter table users rename to gone")
    error = await device.refused("authenticate")
    assert (error["reason"], error["message"]) == ("internal", "Something went wrong on the server")
    await db.value("alter table gone rename to users")
    await device.ok("authenticate")
    assert "unauthenticated" not in device.received


async def test_a_socket_whose_authentication_failed_halfway_hears_nothing(
    people: People, connect: Connect, instance: Instance, db: Database
) -> None:
    ann = await people()
    device = await connect(ann.token)
    socket = instance.server.io.sockets[device.client.get_sid()]
    await db.value("alter table room_members rename to gone")
    assert (await device.refused("authenticate"))["reason"] == "internal"
    assert socket.rooms == {socket.id}
    await db.value("alter table gone rename to room_members")
    await device.ok("authenticate")


@pytest.mark.over_websocket
@pytest.mark.parametrize("renewing", [False, True])
async def test_whose_token_is_still_looked_up_when_its_time_ends_comes_back_by_itself(
    people: People,
    connect: Connect,
    settings: Settings,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    renewing: bool,
) -> None:
    """socket.io-client comes back after a lost connection, and not after a DISCONNECT packet."""
    monkeypatch.setattr(handlers_module, "AUTHENTICATE_WITHIN", 2.0)
    ann = await people()
    device = await connect(token_of(settings, ann, 5))
    if renewing:
        await device.authenticate()
    async with connected(database_url) as other:
        async with other.transaction():
            await other.execute("lock table users")
            await device.client.emit("authenticate", {"token": ann.token})
            assert (await device.expect("disconnect")).startswith("transport ")
    assert "unauthenticated" not in device.received


@pytest.mark.over_websocket
async def test_who_could_not_renew_its_time_comes_back_by_itself_when_it_ends(
    people: People, connect: Connect, settings: Settings, db: Database
) -> None:
    ann = await people()
    device = await connect(token_of(settings, ann, 5))
    await device.authenticate()
    await db.value("alter table users rename to gone")
    assert (await device.refused("authenticate", {"token": ann.token}))["reason"] == "internal"
    await db.value("alter table gone rename to users")
    assert (await device.expect("disconnect")).startswith("transport ")
    assert "unauthenticated" not in device.received


# Malformed events


@pytest.mark.parametrize("event", ["room:create", "room:join", "room:leave", "message:send", "join", "leave"])
async def test_malformed_payloads_are_refused_and_harm_nothing(people: People, event: str) -> None:
    device = await (await people()).device()
    for args in MALFORMED:
        answer = await device.client.call(event, args, timeout=10)
        assert answer["ok"] is False
        assert answer["error"]["reason"] in ("invalid", "too_long")
    await device.ok("room:create", {"name": "alive"})


async def test_a_refusal_without_an_ack_is_an_error_event(people: People) -> None:
    device = await (await people()).device()
    await device.client.emit("message:send", {"roomId": "nowhere", "content": "x"})
    error = await device.expect("error")
    assert set(error) == {"code", "reason", "message", "requestId"}
    assert (error["code"], error["reason"]) == ("SEND_FAILED", "not_found")


async def test_an_unknown_event_is_refused(people: People) -> None:
    device = await (await people()).device()
    error = await device.refused("room:destroy", {"roomId": "x"})
    assert (error["code"], error["reason"]) == ("UNKNOWN_EVENT", "invalid")


async def test_an_internal_error_is_logged_with_its_request_id_and_not_shown(
    people: People, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await people()
    device = await ann.device()
    room = await ann.room()
    await db.value("alter table messages rename to gone")
    error = await device.refused("message:send", {"roomId": room, "content": "x"})
    assert (error["reason"], error["message"]) == ("internal", "Something went wrong on the server")
    (record,) = [record for record in caplog.records if record.getMessage() == "event message:send failed"]
    assert record.exc_info is not None
    assert "messages" in str(record.exc_info[1])


# Rooms


async def test_create_a_room(people: People) -> None:
    ann = await people()
    device, other = await ann.device(), await ann.device()
    room = await device.ok(
        "room:create", {"name": " Tea ", "description": "hot", "isPrivate": True, "userId": "forged"}
    )
    assert (room["name"], room["description"], room["isPrivate"], room["kind"]) == (
        "Tea",
        "hot",
        True,
        "private",
    )
    assert (room["createdBy"], room["lastSeq"], room["membership"]["role"]) == (ann.id, 1, "admin")
    for one in (device, other):
        assert change(await one.expect("room:user-joined")) == (room["id"], ann.id, 1, "member")


async def test_join_brings_all_devices_into_the_room_and_tells_it(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    hers, his, his_other = await ann.device(), await bob.device(), await bob.device()
    joined = await his.ok("room:join", {"roomId": room, "userId": ann.id})
    assert (joined["id"], joined["membership"]["role"], joined["lastSeq"]) == (room, "member", 2)
    for device in (hers, his, his_other):
        assert change(await device.expect("room:user-joined")) == (room, bob.id, 2, "member")
    await hers.ok("message:send", {"roomId": room, "content": "welcome"})
    for device in (hers, his, his_other):
        assert (await device.expect("message:new"))["seq"] == 3


async def test_joining_again_changes_nothing(people: People, db: Database) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    first = await device.ok("room:join", {"roomId": room})
    await asyncio.gather(*(ann.http.post(f"/chat/rooms/{room}/join") for _ in range(5)))
    again = await device.ok("room:join", {"roomId": room})
    assert first == again
    assert again["membership"]["role"] == "admin"
    assert await db.value("select count(*) from room_members where room_id = :r", r=room) == 1
    await device.ok("message:send", {"roomId": room, "content": "fence"})
    await device.expect("message:new")
    assert "room:user-joined" not in device.received


async def test_joining_again_without_an_ack_is_told_to_that_socket_alone(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    hers, his, other = await ann.device(), await bob.device(), await bob.device()
    await his.client.emit("room:join", {"roomId": room})
    first = await his.expect("room:user-joined")
    assert await other.expect("room:user-joined") == await hers.expect("room:user-joined") == first
    await his.client.emit("room:join", {"roomId": room})
    assert await his.expect("room:user-joined") == first
    await hers.ok("message:send", {"roomId": room, "content": "fence"})
    for device in (hers, his, other):
        await device.expect("message:new")
    joined = [len(device.received["room:user-joined"]) for device in (hers, his, other)]
    assert joined == [1, 2, 1]


async def test_many_first_joins_at_once_make_one_membership(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    answers = await asyncio.gather(*(bob.http.post(f"/chat/rooms/{room}/join") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert await db.value("select last_seq from rooms where id = :r", r=room) == 2


async def test_rooms_that_cannot_be_joined(people: People) -> None:
    ann, bob = await people(), await people()
    private = await ann.room(isPrivate=True)
    device = await bob.device()
    error = await device.refused("room:join", {"roomId": private})
    assert (error["code"], error["reason"]) == ("JOIN_FAILED", "forbidden")
    assert (await device.refused("room:join", {"roomId": "nowhere"}))["reason"] == "not_found"


async def test_leave_takes_all_devices_out_and_tells_those_who_stay(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    hers, his, his_other = await ann.device(), await bob.device(), await bob.device()
    await his.ok("room:join", {"roomId": room})
    left = await his.ok("room:leave", {"roomId": room})
    assert change(left) == (room, bob.id, 3, "left")
    for device in (hers, his, his_other):
        assert await device.expect("room:user-left") == left
    await hers.ok("message:send", {"roomId": room, "content": "alone"})
    await hers.expect("message:new")
    for device in (his, his_other):
        assert (await device.refused("message:send", {"roomId": room, "content": "x"}))[
            "reason"
        ] == "not_a_member"
        assert "message:new" not in device.received
    assert (await his.refused("room:leave", {"roomId": room}))["reason"] == "not_a_member"
    assert (await bob.http.get("/chat/rooms")).json() == []


async def test_leaving_and_joining_again(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    his = await bob.device()
    await his.ok("room:join", {"roomId": room})
    await his.ok("room:leave", {"roomId": room})
    again = await his.ok("room:join", {"roomId": room})
    assert (again["lastSeq"], again["membership"]["role"], again["membership"]["lastReadSeq"]) == (
        4,
        "member",
        4,
    )
    await his.ok("message:send", {"roomId": room, "content": "back"})
    assert (await his.expect("message:new"))["seq"] == 5


async def test_the_last_admin_cannot_leave_others_behind(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    hers, his = await ann.device(), await bob.device()
    await his.ok("room:join", {"roomId": room})
    error = await hers.refused("room:leave", {"roomId": room})
    assert (error["code"], error["reason"]) == ("LEAVE_FAILED", "conflict")
    await his.ok("room:leave", {"roomId": room})
    await hers.ok("room:leave", {"roomId": room})
    assert (await his.ok("room:join", {"roomId": room}))["membership"]["role"] == "admin"  # of an empty room


async def test_nobody_can_leave_for_somebody_else(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    his = await bob.device()
    assert (await his.refused("room:leave", {"roomId": room, "userId": ann.id}))["reason"] == "not_a_member"
    assert (await his.refused("room:leave", {"roomId": "nowhere"}))["reason"] == "not_found"
    assert len((await ann.http.get("/chat/rooms")).json()) == 1


# Messages


async def test_send_reaches_every_member_and_every_device(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    room = await ann.room()
    await bob.http.post(f"/chat/rooms/{room}/join")
    sender, *others = [await ann.device(), await ann.device(), await bob.device()]
    outsider = await eve.device()
    payload = {
        "roomId": room,
        "content": "hé 👋",
        "type": "text",
        "clientId": "c1",
        "metadata": {"k": [1, None]},
    }
    sent = await sender.ok("message:send", payload | {"userId": bob.id, "senderId": bob.id})
    assert {key: sent[key] for key in payload} == payload
    assert (sent["seq"], sent["changeSeq"], sent["senderId"]) == (3, 3, ann.id)
    assert sent["sender"] == {
        "id": ann.id, "username": ann.user["username"], "displayName": None, "avatar": None
    }  # fmt: skip
    assert (sent["editedAt"], sent["deletedAt"], sent["replyTo"]) == (None, None, None)
    for device in (sender, *others):
        assert await device.expect("message:new") == sent
    error = await outsider.refused("message:send", payload | {"clientId": "c2"})
    assert (error["code"], error["reason"]) == ("SEND_FAILED", "not_a_member")
    assert "message:new" not in outsider.received


async def test_a_retry_is_answered_with_the_original_and_announced_once(people: People) -> None:
    ann = await people()
    room = await ann.room()
    device, other = await ann.device(), await ann.device()
    first = await device.ok("message:send", {"roomId": room, "content": "one", "clientId": "c"})
    retries = await asyncio.gather(
        *(d.ok("message:send", {"roomId": room, "content": "two", "clientId": "c"}) for d in (device, other))
    )
    assert retries == [first, first]
    last = await device.ok("message:send", {"roomId": room, "content": "three"})
    assert [await device.expect("message:new") for _ in range(2)] == [first, last]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"content": "  "}, "invalid"),
        ({"content": None}, "invalid"),
        ({"content": "x" * 10_001}, "too_long"),
        ({"type": "system"}, "invalid"),
        ({"metadata": "text"}, "invalid"),
        ({"metadata": {"x": "y" * 65_536}}, "too_long"),
        ({"clientId": "x" * 65}, "too_long"),
        ({"roomId": "room:x"}, "invalid"),
        ({"metadata": {"x": b"binary"}}, "invalid"),
    ],
)
async def test_messages_that_are_refused(people: People, change: dict[str, Any], reason: str) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    error = await device.refused("message:send", {"roomId": room, "content": "x"} | change)
    assert error["reason"] == reason
    assert (await ann.http.get(f"/chat/rooms/{room}/messages")).json() == []


@pytest.mark.parametrize("character", ["x", "👋", "<"])
async def test_a_message_of_full_length_is_one_word_or_not(people: People, character: str) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    payload = {"roomId": room, "content": character * 10_000, "metadata": {"x": "y" * 65_000}}
    sent = await device.ok("message:send", payload)
    assert await device.expect("message:new") == sent
    assert (await ann.http.get(f"/chat/rooms/{room}/messages")).json() == [sent]
    assert (sent["content"], sent["metadata"]) == (payload["content"], payload["metadata"])


async def test_everyone_sees_the_same_order_across_instances(
    people: People, start: Start, transport: str
) -> None:
    second = await start()
    ann, bob = await people(), await people()
    room = await ann.room()
    await bob.http.post(f"/chat/rooms/{room}/join")
    hers, his = await ann.device(), await bob.device(second.url)
    await asyncio.gather(
        *(d.ok("message:send", {"roomId": room, "content": str(i)}) for i in range(20) for d in (hers, his))
    )
    seen = [[(await device.expect("message:new"))["seq"] for _ in range(40)] for device in (hers, his)]
    assert seen == [list(range(3, 43))] * 2


async def test_joining_and_leaving_reach_the_devices_at_other_instances(
    people: People, start: Start, transport: str
) -> None:
    second = await start()
    ann, bob = await people(), await people()
    room = await ann.room()
    hers, here, there = await ann.device(), await bob.device(), await bob.device(second.url)
    await here.ok("room:join", {"roomId": room})
    await hers.ok("message:send", {"roomId": room, "content": "one"})
    assert (await there.expect("message:new"))["content"] == "one"
    await there.ok("room:leave", {"roomId": room})
    assert (await here.expect("room:user-left"))["seq"] == 4
    await hers.ok("message:send", {"roomId": room, "content": "two"})
    await bob.http.post(f"/chat/rooms/{room}/join")
    await hers.ok("message:send", {"roomId": room, "content": "three"})
    for device in (here, there):
        while (last := await device.expect("message:new"))["content"] != "three":
            assert last["content"] == "one"


# Subscriptions of one socket


async def test_one_socket_can_stop_and_start_to_listen(people: People) -> None:
    ann = await people()
    room = await ann.room()
    device, other = await ann.device(), await ann.device()
    channel = f"room:{room}"
    assert await device.ok("leave", {"rooms": [channel]}) == {"rooms": [channel]}
    await other.ok("message:send", {"roomId": room, "content": "unheard"})
    await other.expect("message:new")
    assert await device.ok("join", {"rooms": [channel]}) == {"rooms": [channel]}
    await other.ok("message:send", {"roomId": room, "content": "heard"})
    assert (await device.expect("message:new"))["content"] == "heard"
    assert len((await ann.http.get("/chat/rooms")).json()) == 1  # still a member throughout


async def test_only_rooms_of_ones_own_can_be_listened_to(people: People) -> None:
    ann, bob = await people(), await people()
    own, foreign = await bob.room(), await ann.room()
    hers, his = await ann.device(), await bob.device()
    error = await his.refused("join", {"rooms": [f"room:{own}", f"room:{foreign}"]})
    assert (error["code"], error["reason"]) == ("JOIN_FAILED", "not_a_member")
    for name in (f"user:{ann.id}", hers.client.get_sid(), "authenticated"):
        assert (await his.refused("join", {"rooms": [name]}))["reason"] == "forbidden"
        assert (await his.refused("leave", {"rooms": [name]}))["reason"] == "forbidden"
    await hers.ok("message:send", {"roomId": foreign, "content": "secret"})
    await hers.expect("message:new")
    await his.ok("room:create", {"name": "fence"})
    assert "message:new" not in his.received


# Pings


async def test_authenticated_sockets_are_pinged(
    start: Start, connect: Connect, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers_module, "PING_EVERY", 0.1)
    instance = await start()
    ann = await people()
    stranger = await connect(url=instance.url)
    device = await ann.device(instance.url)
    assert set(await device.expect("ping")) == {"time"}
    await device.expect("ping")
    assert not stranger.received
