"""The deletion of an account: what ends at once, and what goes with it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.config.settings import Settings
from app.db.database import Database
from app.erasure import account_sweeper
from tests.support.chat.people import PASSWORD, People, Person, Start, together
from tests.support.waiting import until

# What a sweeper takes away at its first look could not be counted.
pytestmark = [pytest.mark.over_websocket, pytest.mark.usefixtures("swept_at_start")]


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """With the policy of the test, where it has one."""
    found = getattr(request.node, "callspec", None)
    policy = "keep" if found is None else found.params.get("policy", "keep")
    return replace(settings, deleted_account_messages=policy)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts are small, so that several are needed."""
    monkeypatch.setattr(account_sweeper, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(account_sweeper, "MESSAGES_AT_ONCE", 2)


async def ok(person: Person, method: str, path: str, **options: Any) -> Any:
    answer = await person.http.request(method, path, **options)
    assert answer.is_success, answer.text
    return None if answer.status_code == 204 else answer.json()


async def say(person: Person, room: str, content: str, *files: str) -> Any:
    body = {"content": content, "attachments": list(files)}
    return await ok(person, "POST", f"/chat/rooms/{room}/messages", json=body)


async def upload(person: Person) -> str:
    file = await ok(person, "POST", "/chat/files", files={"file": ("notes.txt", b"all of them")})
    id_: str = file["id"]
    return id_


def erased(db: Database, person: Person) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return bool(await db.value("select erased_at is not null from users where id = :id", id=person.id))

    return is_so


async def test_what_ends_at_once(http: httpx.AsyncClient, people: People, start: Start) -> None:
    ann, bob, elsewhere = await people("ann"), await people("bob"), await start()
    device = await bob.device(elsewhere.url)
    wrong = await bob.http.post("/auth/delete-account", json={"credential": "a wrong guess"})
    assert wrong.status_code == 403
    assert (await bob.http.get("/auth/who-am-i")).status_code == 200
    await ok(bob, "POST", "/auth/delete-account", json={"credential": PASSWORD})
    assert (await device.expect("unauthenticated"))["message"] == "This account was deleted"
    await device.expect("disconnect")
    assert (await bob.http.get("/auth/who-am-i")).status_code == 401
    sign_in = {
        "identifier": {"scheme": "username", "value": "bob"},
        "credential": {"scheme": "basic", "value": PASSWORD},
    }
    assert (await http.post("/auth/sign-in", json=sign_in)).status_code == 401
    assert [user["username"] for user in await ok(ann, "GET", "/chat/users")] == ["ann"]
    assert (await ann.http.put(f"/admin/people/{bob.id}/deactivation")).status_code == 404
    assert (await ann.http.delete(f"/admin/people/{bob.id}/deactivation")).status_code == 404
    listed = (await ok(ann, "GET", "/admin/people"))["people"]
    assert [bool(one["deletedAt"]) for one in listed] == [False, True]
    taken = await http.post("/auth/sign-up", json={"username": "bob", "credential": PASSWORD})
    assert taken.status_code == 201


@pytest.mark.parametrize("policy", ["keep", "erase"])
async def test_what_goes_with_it(people: People, db: Database, policy: str) -> None:
    ann, bob = await people("ann"), await people("bob")
    room = await together(ann, bob)
    file, picture, loose = [await upload(bob) for _ in range(3)]
    for number in range(3):
        await say(bob, room, f"message {number}")
    with_file = await say(bob, room, "see here", file)
    alone = await say(bob, room, "", picture)
    theirs = await say(ann, room, "mine stays")
    await ok(bob, "PATCH", f"/chat/messages/{with_file['id']}", json={"content": "see there"})
    await ok(bob, "PUT", f"/chat/messages/{theirs['id']}/saved")
    conversation = await ok(bob, "POST", f"/chat/dm/{ann.id}", json={"content": "just us"})
    before = (await ok(ann, "GET", f"/chat/rooms/{room}"))["lastSeq"]
    device = await ann.device()
    await ok(bob, "POST", "/auth/delete-account", json={"credential": PASSWORD})
    left = await device.expect("room:user-left")
    assert (left["userId"], left["member"]["user"]["displayName"]) == (bob.id, "Deleted user")
    await until(erased(db, bob))
    for table in ("message_edits", "saved_messages"):
        assert await db.value(f"select count(*) from {table}") == 0
    changes = await ok(ann, "GET", f"/chat/rooms/{room}/changes?after={before}")
    messages = [change["message"] for change in changes["changes"] if change["type"] == "message"]
    told = {message["id"]: message for message in messages}
    assert told[alone["id"]]["deletedAt"]
    assert theirs["id"] not in told
    assert (told[with_file["id"]]["deletedAt"] is None) == (policy == "keep")
    assert told[with_file["id"]]["attachments"] == []
    history = await ok(ann, "GET", f"/chat/rooms/{room}/messages")
    assert {message["sender"]["displayName"] for message in history} == (
        {"Deleted user", None} if policy == "keep" else {None}
    )
    direct = await ok(ann, "GET", f"/chat/messages/{conversation['id']}") if policy == "keep" else None
    assert direct is None or direct["content"] == "just us"
    expired = await db.column(str, "select id from files where expires_at <= now()")
    assert set(expired) == {file, picture, loose}
