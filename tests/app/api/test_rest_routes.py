"""Every REST route: success, refusal, malformed input; and the shape that all errors share."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.db.database import Database
from app.http.requests import MAX_BODY
from tests.support.chat.people import PASSWORD, People, Person, Start

pytestmark = [pytest.mark.over_websocket, pytest.mark.one_chat]


def error(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body of an error, which must have the shape that all share."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert set(body) == {"message", "statusCode", "requestId", "details"}
    assert body["statusCode"] == status
    assert body["requestId"] == answer.headers["x-request-id"]
    assert set(body["details"]) == {"reason", "cause"}
    for cause in body["details"]["cause"]:
        assert set(cause) == {"path", "message", "code"}
    return body


def causes(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(cause["path"], cause["code"]) for cause in error(answer, 422)["details"]["cause"]]


def credentials(name: str, password: str = PASSWORD) -> dict[str, Any]:
    return {
        "identifier": {"scheme": "username", "value": name},
        "credential": {"scheme": "basic", "value": password},
    }


# Accounts


async def test_sign_up_sign_in_and_who_am_i(http: httpx.AsyncClient) -> None:
    body = {"username": "Ann", "credential": PASSWORD, "displayName": "Ann A."}
    up = await http.post("/auth/sign-up", json=body)
    assert up.status_code == 201
    user = up.json()["user"]
    assert (user["username"], user["displayName"], user["avatar"]) == ("Ann", "Ann A.", None)
    assert "credential" not in user
    session = await http.post("/auth/sign-in", json=credentials("ann"))
    assert session.status_code == 200
    assert session.json()["user"] == user
    for token in (up.json()["token"], session.json()["token"]):
        me = await http.get("/auth/who-am-i", headers={"authorization": f"bearer {token}"})
        assert (me.status_code, me.json()) == (200, user)


@pytest.mark.own_chat
async def test_sign_up_refusals(http: httpx.AsyncClient) -> None:
    good = {"username": "ann", "credential": PASSWORD}
    assert (await http.post("/auth/sign-up", json=good)).status_code == 201
    error(await http.post("/auth/sign-up", json=good | {"username": "ANN"}), 409)
    assert causes(await http.post("/auth/sign-up", json=good | {"username": "a b"})) == [
        ("username", "pattern")
    ]
    assert causes(await http.post("/auth/sign-up", json=good | {"credential": "short"})) == [
        ("credential", "too_short")
    ]
    assert causes(await http.post("/auth/sign-up", json={"username": "bob"})) == [("credential", "required")]


@pytest.mark.own_chat
async def test_sign_in_does_not_tell_who_exists(http: httpx.AsyncClient, people: People) -> None:
    await people("ann")
    wrong = error(await http.post("/auth/sign-in", json=credentials("ann", "wrong password")), 401)
    unknown = error(await http.post("/auth/sign-in", json=credentials("nobody")), 401)
    assert wrong["message"] == unknown["message"]
    assert causes(await http.post("/auth/sign-in", json={})) == [("identifier", "required")]


ROUTES = [
    ("GET", "/auth/who-am-i"),
    ("GET", "/chat/rooms"),
    ("POST", "/chat/rooms"),
    ("POST", "/chat/rooms/x/join"),
    ("POST", "/chat/rooms/x/leave"),
    ("GET", "/chat/rooms/x/messages"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_valid_token_nothing_is_shown(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    for header in (
        {},
        {"authorization": "Bearer forged"},
        {"authorization": "Basic YTpi"},
        {"authorization": ""},
    ):
        answer = await http.request(method, path, headers=header, json={"name": "x"})
        error(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


# Rooms


async def test_rooms_are_created_and_listed_by_name(people: People) -> None:
    ann, bob = await people(), await people()
    assert (await ann.http.get("/chat/rooms")).json() == []
    for name in ("tea", "Coffee"):
        created = await ann.http.post(
            "/chat/rooms", json={"name": name, "isPrivate": name == "tea", "userId": bob.id}
        )
        assert created.status_code == 201
    rooms = (await ann.http.get("/chat/rooms")).json()
    assert [(room["name"], room["isPrivate"], room["createdBy"]) for room in rooms] == [
        ("Coffee", False, ann.id),
        ("tea", True, ann.id),
    ]
    assert rooms[1] == created.json() or rooms[0] == created.json()
    assert (await bob.http.get("/chat/rooms")).json() == []
    assert causes(await ann.http.post("/chat/rooms", json={"name": ""})) == [("name", "too_short")]
    assert causes(await ann.http.post("/chat/rooms", json={"name": "x", "isPrivate": 1})) == [
        ("isPrivate", "invalid_type")
    ]


@pytest.mark.own_chat
async def test_creation_is_whole_or_not_at_all(people: People, db: Database) -> None:
    ann = await people()
    await db.value("alter table room_members rename to gone")
    error(await ann.http.post("/chat/rooms", json={"name": "x"}), 500)
    await db.value("alter table gone rename to room_members")
    assert await db.value("select count(*) from rooms") == 0


async def test_join_and_leave(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    joined = await bob.http.post(f"/chat/rooms/{room}/join")
    assert (joined.status_code, joined.json()["membership"]["role"]) == (200, "member")
    error(await ann.http.post(f"/chat/rooms/{room}/leave"), 409)
    left = await bob.http.post(f"/chat/rooms/{room}/leave")
    assert left.status_code == 200
    change = left.json()
    assert (change["roomId"], change["userId"], change["seq"]) == (room, bob.id, 3)
    assert (change["member"]["state"], change["member"]["changeSeq"]) == ("left", 3)
    error(await bob.http.post(f"/chat/rooms/{room}/leave"), 403)
    error(await bob.http.post(f"/chat/rooms/{await ann.room(isPrivate=True)}/join"), 403)
    for bad in ("nowhere", "%00", "a%20b", "x" * 65):
        error(await bob.http.post(f"/chat/rooms/{bad}/join"), 404)
        error(await bob.http.post(f"/chat/rooms/{bad}/leave"), 404)


async def test_the_banned_cannot_join_and_nobody_leaves_a_direct_conversation(
    people: People, db: Database
) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    await bob.http.post(f"/chat/rooms/{room}/join")
    await db.value("update room_members set state = 'banned', left_at = now() where user_id = :u", u=bob.id)
    assert "banned" in error(await bob.http.post(f"/chat/rooms/{room}/join"), 403)["message"]
    await db.value("update rooms set kind = 'direct', name = null, direct_key = 'a:b' where id = :r", r=room)
    error(await ann.http.post(f"/chat/rooms/{room}/leave"), 403)
    assert (await ann.http.get("/chat/rooms")).json() == []


# History


@pytest.fixture
async def talk(people: People) -> tuple[Person, str, list[Any]]:
    """A member of a room with 7 messages, written within one transaction or two, so with few different times."""
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    messages = await asyncio.gather(
        *(device.ok("message:send", {"roomId": room, "content": str(number)}) for number in range(7))
    )
    return ann, room, sorted(messages, key=lambda message: message["seq"])


async def test_history_is_newest_first_and_pages_lose_nothing(talk: tuple[Person, str, list[Any]]) -> None:
    ann, room, messages = talk
    path = f"/chat/rooms/{room}/messages"
    assert (await ann.http.get(path)).json() == messages[::-1]
    seen: list[Any] = []
    while page := (
        await ann.http.get(path, params={"limit": 3} | ({"before": seen[-1]["id"]} if seen else {}))
    ).json():
        assert len(page) <= 3
        seen += page
    assert seen == messages[::-1]


async def test_history_without_limit_is_fifty(people: People, db: Database) -> None:
    ann = await people()
    room = await ann.room()
    await db.value(
        """
        insert into messages (id, room_id, sender_id, seq, change_seq, content)
        select cast(n as text), :room, :sender, n, n, 'x' from generate_series(2, 131) n
        """,
        room=room,
        sender=ann.id,
    )
    path = f"/chat/rooms/{room}/messages"
    assert [m["seq"] for m in (await ann.http.get(path)).json()] == list(range(131, 81, -1))
    assert len((await ann.http.get(path, params={"limit": "100"})).json()) == 100
    assert len((await ann.http.get(path, params={"limit": "1"})).json()) == 1


@pytest.mark.parametrize(
    "limit", ["0", "-1", "101", "99999999999999999999", "NaN", "1.5", "", " 5", "1e2", "٣"]
)
async def test_a_limit_that_is_none_is_refused(talk: tuple[Person, str, list[Any]], limit: str) -> None:
    ann, room, _ = talk
    answer = await ann.http.get(f"/chat/rooms/{room}/messages", params={"limit": limit})
    assert causes(answer) == [("limit", "out_of_range")]


async def test_before_must_be_a_message_of_this_room(talk: tuple[Person, str, list[Any]]) -> None:
    ann, room, messages = talk
    other = await ann.room()
    for path_room, before in (
        (room, "unknown"),
        (room, ""),
        (room, "a\0b"),
        (room, "x" * 100),
        (other, messages[3]["id"]),
    ):
        error(await ann.http.get(f"/chat/rooms/{path_room}/messages", params={"before": before}), 404)


async def test_a_deleted_message_is_not_listed_and_still_a_place_to_page_from(
    talk: tuple[Person, str, list[Any]], db: Database
) -> None:
    ann, room, messages = talk
    await db.value("update messages set deleted_at = now() where id = :id", id=messages[3]["id"])
    path = f"/chat/rooms/{room}/messages"
    assert messages[3]["id"] not in [m["id"] for m in (await ann.http.get(path)).json()]
    page = (await ann.http.get(path, params={"before": messages[3]["id"]})).json()
    assert page == messages[2::-1]


async def test_history_is_for_members(talk: tuple[Person, str, list[Any]], people: People) -> None:
    _, room, _ = talk
    bob = await people()
    path = f"/chat/rooms/{room}/messages"
    error(await bob.http.get(path), 403)
    error(await bob.http.get("/chat/rooms/nowhere/messages"), 404)
    await bob.http.post(f"/chat/rooms/{room}/join")
    assert len((await bob.http.get(path)).json()) == 7
    await bob.http.post(f"/chat/rooms/{room}/leave")
    error(await bob.http.get(path), 403)


# What all requests share


async def test_unknown_paths_and_methods(http: httpx.AsyncClient) -> None:
    error(await http.get("/nowhere"), 404)
    error(await http.get("/chat/nowhere"), 404)
    error(await http.get("/chat/no%0Awhere"), 404)
    refused = await http.delete("/chat/rooms")
    error(refused, 405)
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("body", [b" ", b"{", b"\xff\xfe", b"nonsense", b'{"x":' + b"[" * 9_999])
async def test_a_body_that_is_no_json(http: httpx.AsyncClient, body: bytes) -> None:
    error(await http.post("/auth/sign-up", content=body), 400)


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"7"])
async def test_a_body_of_another_shape(http: httpx.AsyncClient, body: bytes) -> None:
    assert causes(await http.post("/auth/sign-up", content=body)) == [("", "invalid_type")]


async def test_a_whole_number_may_be_written_in_any_way(people: People) -> None:
    ann = await people()
    room = await ann.room()
    path = f"/chat/rooms/{room}/read"
    for number in ("1.0", "1e0", "0.1e1", "1"):
        answer = await ann.http.put(path, content=f'{{"seq": {number}}}')
        assert (answer.status_code, answer.json()["seq"]) == (200, 1)
    for number in ("1.5", "1e300", "-1.0"):
        error(await ann.http.put(path, content=f'{{"seq": {number}}}'), 422)
    error(await ann.http.put(path, content='{"seq": 1e999}'), 422)


async def test_an_error_has_the_reason_that_the_ack_of_the_event_has(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    device = await bob.device()
    path = f"/chat/rooms/{room}/messages"
    stranger, long = {"content": "hi"}, {"content": "x" * 10_001}
    for url, event, body, status, reason in (
        (path, "message:send", stranger, 403, "not_a_member"),
        (path, "message:send", long, 422, "too_long"),
        (path, "message:send", {}, 422, "invalid"),
        ("/chat/rooms/none/messages", "message:send", stranger | {"roomId": "none"}, 404, "not_found"),
        (f"/chat/rooms/{room}/leave", "room:leave", {}, 403, "not_a_member"),
    ):
        told = error(await bob.http.post(url, json=body), status)
        acked = await device.refused(event, {"roomId": room} | body)
        assert (
            (told["details"]["reason"], told["message"])
            == (reason, acked["message"])
            == (acked["reason"], acked["message"])
        )
    assert error(await bob.http.get("/nowhere"), 404)["details"]["reason"] == "not_found"
    assert error(await bob.http.put("/chat/rooms"), 405)["details"]["reason"] == "invalid"


@pytest.mark.own_chat
async def test_a_body_that_is_too_large(http: httpx.AsyncClient) -> None:
    body = json.dumps({"username": "ann", "credential": PASSWORD}).encode()
    assert (await http.post("/auth/sign-up", content=body.ljust(MAX_BODY))).status_code == 201
    error(await http.post("/auth/sign-up", content=body.ljust(MAX_BODY + 1)), 413)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(2 * MAX_BODY // 65_536):
            yield b" " * 65_536

    error(await http.post("/auth/sign-up", content=chunks()), 413)


async def test_a_proper_request_id_is_kept_and_any_other_replaced(http: httpx.AsyncClient) -> None:
    of_proxies = {
        "nginx": "5fbc3f0dd0a5be2c8b1f1e3d0a5be2c8",
        "Envoy": "f3cc1b9c-8b0e-4b2c-9d5e-0a5be2c81f1e",
        "HAProxy": "7F000001:8296_7F00001E:1F90_4F7B0A69_0003:790E",
        "Amazon": "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678",
        "base64": "aGVsbG8+Lw/0+A==",
    }
    for given in ("abc.DEF-1_2", *of_proxies.values()):
        kept = await http.get("/nowhere", headers={"x-request-id": given})
        assert error(kept, 404)["requestId"] == kept.headers["x-request-id"] == given
    for forged in ("a b", "x" * 129, "<script>", 'a"b', "a\\b", ""):
        replaced = await http.get("/nowhere", headers={"x-request-id": forged})
        assert error(replaced, 404)["requestId"] not in ("", forged)


async def test_an_internal_error_is_logged_and_not_shown(
    people: People, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await people()
    await db.value("drop view shown_rooms")
    body = error(await ann.http.get("/chat/rooms"), 500)
    assert body["message"] == "Something went wrong on the server"
    assert any(
        record.exc_info and record.getMessage() == "GET /chat/rooms failed" for record in caplog.records
    )


@pytest.mark.parametrize("path", ["/%0d2026-01-01%20[info]%20forged", "/%1b[31m", "/%00", "/%C2%85x"])
async def test_a_path_forges_no_line_of_the_log(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level("INFO", logger="app.http.requests"):
        error(await http.get(path), 404)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "app.http.requests"]
    assert line.isprintable()
    assert re.match(r"GET /%\w\w", line)


async def test_cors_for_listed_origins(start: Start) -> None:
    instance = await start(cors_origin=("https://chat.example.org",))
    async with httpx.AsyncClient(base_url=instance.url) as client:
        good, bad = {"origin": "https://chat.example.org"}, {"origin": "https://evil.example.org"}
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        preflight = await client.options("/chat/rooms", headers=good | asked)
        assert preflight.status_code == 200
        for answer in (preflight, await client.get("/chat/rooms", headers=good)):
            assert answer.headers["access-control-allow-origin"] == "https://chat.example.org"
            assert answer.headers["access-control-allow-credentials"] == "true"
        for answer in (
            await client.options("/chat/rooms", headers=bad | asked),
            await client.get("/", headers=bad),
        ):
            assert "access-control-allow-origin" not in answer.headers


async def test_hole_cors_for_any_origin_with_credentials(start: Start) -> None:
    instance = await start(cors_origin=("*",))
    async with httpx.AsyncClient(base_url=instance.url) as client:
        answer = await client.get("/chat/rooms", headers={"origin": "https://any.example.org"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


async def test_without_the_setting_no_other_origin_is_allowed(http: httpx.AsyncClient) -> None:
    answer = await http.get("/chat/rooms", headers={"origin": "https://any.example.org"})
    assert "access-control-allow-origin" not in answer.headers
