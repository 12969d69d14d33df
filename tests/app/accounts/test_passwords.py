"""Passwords that users change: who may, and which sessions that ends."""

import asyncio
from typing import Any

import httpx
import pytest

from app.config.settings import Settings
from app.db.database import Database
from tests.support.chat.people import PASSWORD, Connect, Device, People, Person, Start

NEW = "a better battery staple"

pytestmark = pytest.mark.over_websocket


async def change(http: httpx.AsyncClient, old: str = PASSWORD, new: str = NEW) -> httpx.Response:
    return await http.post("/auth/change-password", json={"credential": old, "newCredential": new})


async def sign_in(http: httpx.AsyncClient, person: Person, password: str, **more: Any) -> httpx.Response:
    body = {
        "identifier": {"scheme": "username", "value": person.user["username"]},
        "credential": {"scheme": "basic", "value": password},
    }
    return await http.post("/auth/sign-in", json=body | more)


async def is_valid(http: httpx.AsyncClient, token: str) -> bool:
    answer = await http.get("/auth/who-am-i", headers={"authorization": f"Bearer {token}"})
    return answer.status_code == 200


async def ended(device: Device) -> str:
    """Waits until the server has disconnected a device; returns what it was told."""
    told = await device.expect("unauthenticated")
    await device.expect("disconnect")
    message: str = told["message"]
    return message


async def test_the_new_password_is_the_only_one(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    answer = await change(ann.http)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == ann.id
    assert (await sign_in(http, ann, PASSWORD)).status_code == 401
    assert (await sign_in(http, ann, NEW)).status_code == 200


async def test_all_other_sessions_end(
    http: httpx.AsyncClient, people: People, connect: Connect, start: Start
) -> None:
    ann, bob, elsewhere = await people(), await people(), await start()
    other = (await sign_in(http, ann, PASSWORD)).json()["token"]
    devices = [await connect(other), await connect(other, url=elsewhere.url)]
    for device in devices:
        await device.authenticate()
    own, his = await ann.device(elsewhere.url), await bob.device()
    new = (await change(ann.http)).json()["token"]
    told = [await ended(device) for device in devices]
    assert told == ["The password was changed: sign in with the new one"] * 2
    assert [await is_valid(http, token) for token in (other, ann.token, new)] == [False, False, True]
    await own.ok("authenticate", {"token": new})
    await own.ok("room:list")
    await his.ok("room:list")


async def test_device_tokens_of_before_are_ignored(
    start: Start, people: People, http: httpx.AsyncClient
) -> None:
    ann = await people()
    device = (await change(ann.http)).json()["deviceToken"]
    instance = await start(sign_in_rate=9)
    async with httpx.AsyncClient(base_url=instance.url) as client:
        for _ in range(3):
            await sign_in(client, ann, "a wrong guess")
        assert (await sign_in(client, ann, NEW, deviceToken=ann.device_token)).status_code == 429
        assert (await sign_in(client, ann, NEW, deviceToken=device)).status_code == 200


async def test_without_the_current_password_nothing_changes(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    refused = await change(ann.http, old="a wrong guess")
    assert (refused.status_code, refused.json()["message"]) == (403, "The current password is wrong")
    for body, path in (
        ({"credential": PASSWORD, "newCredential": "short"}, "newCredential"),
        ({"credential": PASSWORD}, "newCredential"),
        ({"newCredential": NEW}, "credential"),
    ):
        malformed = await ann.http.post("/auth/change-password", json=body)
        assert malformed.status_code == 422
        assert [cause["path"] for cause in malformed.json()["details"]["cause"]] == [path]
    assert (await change(http)).status_code == 401
    assert await is_valid(http, ann.token)
    assert (await sign_in(http, ann, PASSWORD)).status_code == 200


async def test_of_two_changes_at_once_one_is_made(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    passwords = [f"the {number} of two passwords" for number in range(2)]
    answers = await asyncio.gather(*(change(ann.http, new=new) for new in passwords))
    made = [new for new, answer in zip(passwords, answers, strict=True) if answer.status_code == 200]
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {200, 401, 403}
    assert [(await sign_in(http, ann, new)).status_code == 200 for new in passwords] == [
        new in made for new in passwords
    ]


async def test_guesses_with_a_stolen_token_are_few(start: Start, people: People) -> None:
    """From any network and on any instance; the owner can still sign out everywhere, and sign in."""
    ann, bob = await people(), await people()
    rate = {"sign_in_rate_of_name": Settings.sign_in_rate_of_name}
    instances = [await start(**rate) for _ in range(2)]
    clients = [
        httpx.AsyncClient(base_url=instance.url, headers={"authorization": f"Bearer {ann.token}"})
        for instance in instances
    ]
    codes: list[int] = []
    while 429 not in codes:
        client = clients[len(codes) % 2]
        client.headers["x-forwarded-for"] = f"198.51.100.{len(codes)}"
        codes.append((await change(client, old="a wrong guess")).status_code)
        assert len(codes) < 30
    assert set(codes[:-1]) == {403}
    refused = await change(clients[0])
    assert refused.json()["message"] == "Too many attempts to change the password"
    assert 0 < int(refused.headers["retry-after"]) <= 20
    async with httpx.AsyncClient(base_url=instances[0].url) as http:
        his = {"authorization": f"Bearer {bob.token}"}
        body = {"credential": PASSWORD, "newCredential": NEW}
        assert (await http.post("/auth/change-password", json=body, headers=his)).status_code == 200
        assert (await sign_in(http, ann, PASSWORD)).status_code == 200
    assert (await clients[0].post("/auth/sign-out", json={"everywhere": True})).status_code == 204
    for client in clients:
        await client.aclose()


async def test_a_token_of_an_account_that_is_gone_changes_nothing(people: People, db: Database) -> None:
    ann = await people()
    await db.value("delete from users where id = :id", id=ann.id)
    assert (await change(ann.http)).status_code == 401
