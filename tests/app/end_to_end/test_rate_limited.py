"""What is refused for being too much, at every door; what goes on again when the refusal said that it would."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
import pytest

from app.accounts import auth as auth_module
from app.accounts import hash_queue
from app.config.settings import Settings
from app.limits import refusal_streaks
from tests.support.chat.people import PASSWORD, Connect, Device, Instance, People, Start

MANY = 1_000  # tries after which a limit that refuses nobody is broken
SLOW = {"event_rate": 1, "event_burst": 6}  # a bucket that a test empties faster than it is filled
LATER = {"x-forwarded-for": "192.0.2.1"}  # from another address than the rest


@pytest.fixture
async def instance(start: Start, request: pytest.FixtureRequest) -> Instance:
    """An instance with the limits that its test is marked with."""
    return await start(**getattr(request, "param", {}))


def limits(**changes: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("instance", [changes], indirect=True, ids=lambda _: "")


one_transport = pytest.mark.over_websocket


async def refusal_of(device: Device, event: str = "room:list") -> dict[str, Any]:
    """Emits an event until it is refused for being one too many."""
    for _ in range(MANY):
        answer = await device.call(event, {})
        if not answer["ok"] and answer["error"]["reason"] == "rate_limited":
            error: dict[str, Any] = answer["error"]
            return error
    raise AssertionError("nothing was refused")


async def limited(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Sends a request until it is refused for being one too many."""
    for _ in range(MANY):
        answer = await send()
        if answer.status_code == 429:
            return answer
    raise AssertionError("nothing was refused")


def sign_in_body(username: str, password: str) -> dict[str, Any]:
    return {
        "identifier": {"scheme": "username", "value": username},
        "credential": {"scheme": "basic", "value": password},
    }


# Events and requests


@limits(**SLOW)
async def test_an_event_too_many_goes_when_it_was_said(people: People) -> None:
    ann = await people()
    device = await ann.device()
    error = await refusal_of(device)
    assert (error["code"], error["message"]) == ("LIST_FAILED", "You are doing too much at once")
    assert 0 < error["retryAfter"] <= 1_000
    await asyncio.sleep(error["retryAfter"] / 1_000)
    assert await device.ok("room:list", {}) == []


@limits(event_rate=1, event_burst=6)
async def test_an_event_too_many_without_an_ack(people: People) -> None:
    ann = await people()
    device = await ann.device()
    for _ in range(12):
        await device.client.emit("room:list", {})
    error = await device.expect("error")
    assert (error["reason"], error["code"]) == ("rate_limited", "LIST_FAILED")
    assert error["retryAfter"] > 0


@limits(**SLOW)
@one_transport
async def test_a_request_too_many_goes_when_it_was_said(people: People) -> None:
    ann = await people()
    refused = await limited(lambda: ann.http.get("/chat/rooms"))
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["message"] == "You are doing too much at once"
    await asyncio.sleep(1)
    assert (await ann.http.get("/chat/rooms")).status_code == 200


@limits(event_rate=1, event_burst=1_000)
async def test_all_doors_of_all_instances_share_what_a_user_may_do(people: People, start: Start) -> None:
    """1,000 at once and one a second: all that is let through together is not much more."""
    ann, bob = await people(), await people()
    elsewhere = await start(event_rate=1, event_burst=1_000)
    here, there = await ann.device(), await ann.device(elsewhere.url)
    started = asyncio.get_running_loop().time()
    done = 0
    for _ in range(MANY):
        answers = await asyncio.gather(
            here.call("room:list", {}), there.call("room:list", {}), ann.http.get("/chat/rooms")
        )
        went = [answers[0]["ok"], answers[1]["ok"], answers[2].status_code == 200]
        done += sum(went)
        if not any(went):
            break
    assert 900 < done <= 1_000 + (asyncio.get_running_loop().time() - started) + 1
    assert (await bob.http.get("/chat/rooms")).status_code == 200


@limits(**SLOW)
async def test_a_flood_does_not_keep_others_from_being_served(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_streaks, "LONGEST_PAUSE", 0.005)
    monkeypatch.setitem(refusal_streaks.MOST, "rate_limited", 1_000)
    ann, bob = await people(), await people()
    flooding, chatting = await ann.device(), await bob.device()
    for _ in range(300):
        await flooding.client.emit("room:list", {})
    assert await chatting.ok("room:list", {}) == []
    error = await refusal_of(flooding)  # what was sent before is refused by then
    assert len(flooding.received["error"]) > 250
    await asyncio.sleep(error["retryAfter"] / 1_000)
    assert await flooding.ok("room:list", {}) == []


@limits(**SLOW)
async def test_a_client_that_goes_on_after_many_refusals_is_closed(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_streaks, "LONGEST_PAUSE", 0.001)
    monkeypatch.setitem(refusal_streaks.MOST, "rate_limited", 20)
    ann, bob = await people(), await people()
    flooding, chatting = await ann.device(), await bob.device()
    for _ in range(60):
        await flooding.client.emit("room:list", {})
    await flooding.expect("disconnect")
    assert 20 <= len(flooding.received["error"]) < 60
    assert await chatting.ok("room:list", {}) == []


@limits(event_rate=0, address_rate=0)
async def test_a_stranger_that_goes_on_without_authenticating_is_closed(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(refusal_streaks.MOST, "unauthenticated", 20)
    stranger, other = await connect(), await connect()
    for _ in range(30):
        await stranger.client.emit("room:list", {})
    await stranger.expect("disconnect")
    assert {error["reason"] for error in stranger.received["error"]} == {"unauthenticated"}
    assert (await other.refused("room:list", {}))["reason"] == "unauthenticated"


# Addresses


@limits(address_rate=1, address_burst=30)
async def test_strangers_of_one_address(http: httpx.AsyncClient) -> None:
    for path in ("/chat/rooms", "/auth/who-am-i"):
        refused = await limited(lambda path=path: http.get(path))  # type: ignore[misc]
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["message"] == "Too much comes from your network"
        assert (await http.get(path, headers=LATER)).status_code == 401


@limits(address_rate=1, address_burst=30)
async def test_events_of_strangers(connect: Connect) -> None:
    stranger = await connect()
    assert (await refusal_of(stranger))["message"] == "Too much comes from your network"
    elsewhere = await connect(headers=LATER)
    assert (await elsewhere.refused("room:list", {}))["reason"] == "unauthenticated"


@limits(address_rate=1, address_burst=30)
async def test_one_network_of_ipv6_is_one_address(http: httpx.AsyncClient) -> None:
    async def ask(address: str) -> httpx.Response:
        return await http.get("/chat/rooms", headers={"x-forwarded-for": address})

    numbers = iter(range(MANY))
    await limited(lambda: ask(f"2001:db8:1:2::{next(numbers)}"))
    assert (await ask("2001:db8:1:3::1")).status_code == 401


@limits(address_rate=1, address_burst=30)
async def test_connections_of_one_address(http: httpx.AsyncClient) -> None:
    refused = None
    for _ in range(MANY):
        answer = await http.get("/io/?EIO=4&transport=polling")
        if answer.status_code == 403:
            refused = answer.json()
            break
    assert refused is not None
    assert refused["message"] == "Too much comes from your network"
    assert (await http.get("/io/?EIO=4&transport=polling", headers=LATER)).status_code == 200


@limits(forwarded_allow_ips=("192.0.2.77",), address_rate=1, address_burst=30)  # type: ignore[arg-type]
async def test_a_client_that_is_no_proxy_cannot_choose_its_address(http: httpx.AsyncClient) -> None:
    numbers = iter(range(MANY))
    await limited(
        lambda: http.get("/chat/rooms", headers={"x-forwarded-for": f"192.0.2.{next(numbers) % 250}"})
    )


@limits(address_rate=1, address_burst=3)
async def test_to_authenticate_too_often_does_not_end_the_socket(people: People, connect: Connect) -> None:
    ann = await people()
    device = await connect(ann.token)
    error = await refusal_of(device, "authenticate")
    assert device.received["unauthenticated"] == []
    await asyncio.sleep(error["retryAfter"] / 1_000)
    assert (await device.authenticate())["userId"] == ann.id


# Signing in and up


def from_network(number: int) -> dict[str, str]:
    return {"x-forwarded-for": f"198.51.100.{number}"}


async def use_up(http: httpx.AsyncClient, name: str) -> None:
    """Guesses a password from one new network after the other until strangers are refused."""
    for number in range(10, 150):
        answer = await http.post(
            "/auth/sign-in", json=sign_in_body(name, "a wrong guess"), headers=from_network(number)
        )
        if answer.status_code == 429:
            assert answer.json()["message"] == "Too many attempts to sign in with this name"
            return
        assert answer.status_code == 401
    raise AssertionError("nothing was refused")


@limits(sign_in_rate_of_name=9)
@one_transport
async def test_guesses_at_a_password(http: httpx.AsyncClient, people: People) -> None:
    """The right password is of no use then, and a name that nobody has is refused in the same words."""
    ann, bob = await people(), await people()
    refusals = []
    for name in (ann.user["username"], "nobody"):
        codes = [
            (
                await http.post(
                    "/auth/sign-in", json=sign_in_body(name, "a wrong guess"), headers=from_network(number)
                )
            ).status_code
            for number in range(4)
        ]
        assert codes == [401, 401, 401, 429]
        refused = await http.post(
            "/auth/sign-in", json=sign_in_body(name.upper(), PASSWORD), headers=from_network(4)
        )
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 20
        refusals.append(refused.json()["message"])
    assert refusals == ["Too many attempts to sign in with this name"] * 2
    right = await http.post(
        "/auth/sign-in", json=sign_in_body(bob.user["username"], PASSWORD), headers=from_network(4)
    )
    assert right.status_code == 200


@limits(sign_in_rate_of_name=9)
@one_transport
async def test_a_success_costs_a_third_of_a_failure(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    codes = [
        (
            await http.post(
                "/auth/sign-in",
                json=sign_in_body(ann.user["username"], PASSWORD),
                headers=from_network(number),
            )
        ).status_code
        for number in range(7)
    ]
    assert codes == [200] * 7


@limits(sign_in_rate=Settings.sign_in_rate, sign_in_rate_of_name=Settings.sign_in_rate_of_name)
@one_transport
async def test_two_addresses_cannot_lock_somebody_out(http: httpx.AsyncClient, people: People) -> None:
    """Neither with the limits as they are nor together: a stranger to both still gets in."""
    ann = await people()
    wrong, right = (sign_in_body(ann.user["username"], password) for password in ("a wrong one", PASSWORD))
    for number in (1, 2):
        refused = await limited(partial(http.post, "/auth/sign-in", json=wrong, headers=from_network(number)))
        assert refused.json()["message"] == "Too many attempts to sign in with this name"
    assert (await http.post("/auth/sign-in", json=right, headers=from_network(3))).status_code == 200


@limits(sign_in_rate_of_name=9)
@one_transport
async def test_the_owners_network_is_a_way_in_while_strangers_guess(
    http: httpx.AsyncClient, people: People, start: Start
) -> None:
    """On another instance, too. A network is known from a sign-up or a sign-in on, in its own name alone."""
    ann, bob = await people(), await people()  # from this machine
    right = sign_in_body(ann.user["username"], PASSWORD)
    assert (await http.post("/auth/sign-in", json=right, headers=LATER)).status_code == 200
    await use_up(http, ann.user["username"])
    elsewhere = await start(sign_in_rate_of_name=9)
    for url in ("", elsewhere.url):
        for headers in ({}, LATER):
            answer = await http.post(f"{url}/auth/sign-in", json=right, headers=headers)
            assert answer.status_code == 200
    await use_up(http, bob.user["username"])
    his = sign_in_body(bob.user["username"], PASSWORD)
    assert (await http.post("/auth/sign-in", json=his, headers=LATER)).status_code == 429


@limits(sign_in_rate_of_name=9, sign_in_rate=6)
@one_transport
async def test_a_known_device_is_a_way_in_from_anywhere(http: httpx.AsyncClient, people: People) -> None:
    """Where strangers guess, and where others of its network try to sign in."""
    ann, eve = await people(), await people()
    name = ann.user["username"]
    await use_up(http, name)
    device = {"deviceToken": ann.device_token}
    for headers in (from_network(1), LATER):
        crowd = sign_in_body("somebody", "a wrong guess")
        await limited(partial(http.post, "/auth/sign-in", json=crowd, headers=headers))
        stranger = await http.post("/auth/sign-in", json=sign_in_body(name, PASSWORD), headers=headers)
        assert stranger.status_code == 429
        hers = await http.post("/auth/sign-in", json=sign_in_body(name, PASSWORD) | device, headers=headers)
        assert hers.status_code == 200
        device = {"deviceToken": hers.json()["deviceToken"]}
    await use_up(http, eve.user["username"])
    not_hers = sign_in_body(eve.user["username"], PASSWORD) | device
    assert (await http.post("/auth/sign-in", json=not_hers, headers=from_network(200))).status_code == 429


@limits(sign_in_rate_of_name=9)
@one_transport
async def test_signing_out_everywhere_makes_devices_unknown(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    body = sign_in_body(ann.user["username"], PASSWORD) | {"deviceToken": ann.device_token}
    await use_up(http, ann.user["username"])
    assert (await http.post("/auth/sign-in", json=body, headers=LATER)).status_code == 200
    await ann.http.post("/auth/sign-out", json={"everywhere": True})
    await use_up(http, ann.user["username"])
    assert (await http.post("/auth/sign-in", json=body, headers=from_network(201))).status_code == 429


@limits(sign_in_rate_of_name=Settings.sign_in_rate_of_name, sign_in_rate=1_000)
@pytest.mark.parametrize("way", ["device", "network"])
@one_transport
async def test_a_stolen_device_or_a_shared_network_guesses_slowly(
    http: httpx.AsyncClient, people: People, way: str
) -> None:
    ann = await people()
    wrong = sign_in_body(ann.user["username"], "a wrong guess")
    if way == "device":
        wrong["deviceToken"] = ann.device_token
    tried = 0
    while (answer := await http.post("/auth/sign-in", json=wrong)).status_code == 401:
        tried += 1
        assert tried < 20
    assert answer.status_code == 429
    assert 10 <= tried <= 11  # one comes back in 20 s
    assert 0 < int(answer.headers["retry-after"]) <= 20


@limits(sign_in_rate_of_name=Settings.sign_in_rate_of_name, sign_in_rate=1_000)
@one_transport
async def test_a_known_network_looks_like_any_other_to_who_guesses_there(
    http: httpx.AsyncClient, people: People
) -> None:
    ann = await people()
    answers = []
    for name in (ann.user["username"], "nobody-at-all"):
        wrong = sign_in_body(name, "a wrong guess")
        while (answer := await http.post("/auth/sign-in", json=wrong)).status_code == 401:
            answers.append((name, answer.json()["message"]))
        answers.append((name, answer.json()["message"]))
    told = [[message for one, message in answers if one == name] for name in dict(answers)]
    assert abs(len(told[0]) - len(told[1])) <= 1  # one comes back in 20 s
    assert set(told[0]) == set(told[1])


@limits(sign_in_rate=9)
async def test_guesses_at_many_names(http: httpx.AsyncClient) -> None:
    codes = [
        (await http.post("/auth/sign-in", json=sign_in_body(f"somebody-{number}", "password"))).status_code
        for number in range(4)
    ]
    assert codes == [401, 401, 401, 429]
    elsewhere = await http.post("/auth/sign-in", json=sign_in_body("somebody", "password"), headers=LATER)
    assert elsewhere.status_code == 401


@limits(sign_in_rate=600, sign_in_rate_of_name=0)
@one_transport
async def test_a_sign_in_too_many_goes_when_it_was_said(
    http: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_module, "FAILED", 599)
    ann = await people()
    wrong, right = (sign_in_body(ann.user["username"], password) for password in ("a wrong one", PASSWORD))
    refused = await limited(lambda: http.post("/auth/sign-in", json=wrong))
    assert refused.json()["message"] == "Too many attempts to sign in from your network"
    monkeypatch.setattr(auth_module, "FAILED", 3)
    await asyncio.sleep(1)  # ten tokens
    assert (await http.post("/auth/sign-in", json=right)).status_code == 200


@limits(sign_up_rate=2)
async def test_accounts_of_one_address(http: httpx.AsyncClient) -> None:
    async def sign_up(name: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return await http.post(
            "/auth/sign-up", json={"username": name, "credential": PASSWORD}, headers=headers
        )

    assert [(await sign_up(f"new-{number}")).status_code for number in range(3)] == [201, 201, 429]
    assert (await sign_up("new-3")).json()["message"] == "Too many accounts were made from your network"
    assert (await sign_up("new-3", LATER)).status_code == 201


@one_transport
async def test_those_who_sign_in_at_once_are_bounded(
    http: httpx.AsyncClient, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await people()
    monkeypatch.setattr(hash_queue, "CAPACITY", 2)
    body = sign_in_body(ann.user["username"], PASSWORD)
    answers = await asyncio.gather(*(http.post("/auth/sign-in", json=body) for _ in range(8)))
    codes = {answer.status_code for answer in answers}
    assert codes == {200, 503}
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "3"}
    assert (await http.post("/auth/sign-in", json=body)).status_code == 200


# Uploads


@limits(upload_rate=2)
@one_transport
async def test_uploads_count_by_the_mib(people: People) -> None:
    ann = await people()

    async def upload(size: int) -> httpx.Response:
        return await ann.http.post("/chat/files", files={"file": ("a.bin", b"x" * size)})

    assert [(await upload(10)).status_code for _ in range(3)] == [201, 201, 429]
    refused = await upload(10)
    assert refused.json()["message"] == "You have uploaded too much lately"
    assert 0 < int(refused.headers["retry-after"]) <= 30


# Conversations


@limits(conversation_rate=3)
async def test_conversations_with_many_people(people: People) -> None:
    """Those that have begun go on, and others may still write to one who has begun too many."""
    ann = await people()
    others = [await people() for _ in range(4)]
    device, his = await ann.device(), await others[3].device()
    for other in others[:3]:
        for _ in range(2):
            await device.ok("dm:send", {"receiverId": other.id, "content": "hello"})
    error = await device.refused("dm:send", {"receiverId": others[3].id, "content": "hello"})
    assert (error["code"], error["reason"]) == ("DM_FAILED", "rate_limited")
    assert 0 < error["retryAfter"] <= 3_600_000 / 3
    refused = await ann.http.post(f"/chat/dm/{others[3].id}", json={"content": "hello"})
    assert refused.status_code == 429
    assert (await device.refused("dm:send", {"receiverId": "nobody", "content": "x"}))[
        "reason"
    ] == "not_found"
    await device.ok("dm:send", {"receiverId": others[0].id, "content": "still here"})
    await his.ok("dm:send", {"receiverId": ann.id, "content": "hello"})
    await device.ok("dm:send", {"receiverId": others[3].id, "content": "hello to you"})


# Rooms and invitations


@limits(room_rate=3)
@one_transport
async def test_rooms_that_one_user_makes(people: People) -> None:
    ann, bob = await people(), await people()
    device = await ann.device()
    for number in range(3):
        await device.ok("room:create", {"name": str(number)})
    error = await device.refused("room:create", {"name": "one more"})
    assert (error["code"], error["reason"]) == ("CREATE_FAILED", "rate_limited")
    assert 0 < error["retryAfter"] <= 3_600_000 / 3
    assert (await ann.http.post("/chat/rooms", json={"name": "one more"})).status_code == 429
    assert len(await device.ok("room:list")) == 3
    assert await bob.room()


@limits(invitation_rate=3)
@one_transport
async def test_invitations_that_one_user_sends(people: People) -> None:
    """Those that are withdrawn count, for they were announced."""
    ann, eve = await people(), await people()
    device, guest = await ann.device(), await eve.device()
    whom = {"roomId": await ann.room(), "userId": eve.id}
    for _ in range(3):
        await device.ok("room:invite", whom)
        await device.ok("room:kick", whom)
    error = await device.refused("room:invite", whom)
    assert (error["code"], error["reason"]) == ("INVITE_FAILED", "rate_limited")
    assert (await ann.http.post(f"/chat/rooms/{whom['roomId']}/invitations", json=whom)).status_code == 429
    await device.ok("dm:send", {"receiverId": eve.id, "content": "x"})
    await guest.expect("dm:new")
    assert len(guest.received["room:invited"]) == 3


@limits(group_mention_rate=2)
@one_transport
async def test_calls_of_all_members_that_one_admin_makes(people: People) -> None:
    """Edits that call count; those of a message that has called, and the words of others, do not."""
    ann, bob = await people(), await people()
    device, his = await ann.device(), await bob.device()
    room = await ann.room()
    await his.ok("room:join", {"roomId": room})
    await device.ok("message:send", {"roomId": room, "content": "@all"})
    sent = await device.ok("message:send", {"roomId": room, "content": "lunch"})
    edit = {"messageId": sent["id"]}
    await device.ok("message:edit", edit | {"content": "@here lunch"})
    await device.ok("message:edit", edit | {"content": "@here lunch!"})
    await his.ok("message:send", {"roomId": room, "content": "@all"})
    error = await device.refused("message:send", {"roomId": room, "content": "@all"})
    assert (error["code"], error["reason"]) == ("SEND_FAILED", "rate_limited")
    plain = await device.ok("message:send", {"roomId": room, "content": "lunch is over"})
    error = await device.refused("message:edit", {"messageId": plain["id"], "content": "@all lunch"})
    assert (error["code"], error["reason"]) == ("EDIT_FAILED", "rate_limited")
    answer = await ann.http.post(f"/chat/rooms/{room}/messages", json={"content": "@here"})
    assert answer.status_code == 429
