"""The list of a user's sessions, and the end of one of them."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from app.accounts.sessions import sign_out as sign_out_module
from app.db.database import Database
from tests.support.chat.people import PASSWORD, Connect, People, Person, Start
from tests.support.waiting import until

pytestmark = pytest.mark.over_websocket

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


async def sign_in(http: httpx.AsyncClient, person: Person, agent: str) -> str:
    body = {
        "identifier": {"scheme": "username", "value": person.user["username"]},
        "credential": {"scheme": "basic", "value": PASSWORD},
    }
    answer = await http.post("/auth/sign-in", json=body, headers={"user-agent": agent})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


async def sessions(person: Person) -> list[dict[str, Any]]:
    answer = await person.http.get("/auth/sessions")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["sessions"]
    return found


async def test_one_session_ends_from_another(
    http: httpx.AsyncClient, people: People, connect: Connect
) -> None:
    ann, bob = await people(), await people()
    device = await connect(await sign_in(http, ann, FIREFOX))
    await device.authenticate()
    stays = await ann.device()
    listed = await sessions(ann)
    assert [(one["device"], one["isCurrent"]) for one in listed] == [
        ("Firefox on Linux", False),
        ("python-httpx", True),
    ]
    path = f"/auth/sessions/{listed[0]['id']}"
    assert (await bob.http.delete(path)).status_code == 404
    assert (await ann.http.delete(path)).status_code == 204
    assert (await device.expect("unauthenticated"))["message"] == sign_out_module.ENDED
    await device.expect("disconnect")
    await stays.ok("room:list")
    assert await sessions(ann) == listed[1:]
    assert (await ann.http.delete(path)).status_code == 404


async def test_sessions_are_gone_when_all_are_signed_out(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    (first,) = await sessions(ann)
    assert (await ann.http.post("/auth/sign-out", json={"everywhere": True})).status_code == 204
    ann.http.headers["authorization"] = f"Bearer {await sign_in(http, ann, 'another')}"
    assert [one["device"] for one in await sessions(ann)] == ["another"]
    assert (await ann.http.delete(f"/auth/sessions/{first['id']}")).status_code == 404


async def test_a_session_of_an_earlier_version_is_added_when_it_is_used(
    people: People, start: Start, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such an instance writes no row with the token; and it is noted when a session was last used."""
    monkeypatch.setattr(sign_out_module, "LOOK_EVERY", 0.02)
    looks = await start()
    ann, bob = await people(), await people()
    await db.value("delete from sessions")
    await ann.device(looks.url)
    async with httpx.AsyncClient(base_url=looks.url) as http:
        await http.get("/auth/who-am-i", headers={"authorization": f"Bearer {bob.token}"})

    async def added() -> bool:
        return await db.value("select count(*) from sessions") == 2

    await until(added)
    ((one,), (other,)) = await sessions(ann), await sessions(bob)
    assert [one["device"], other["device"]] == [None, None]
    assert datetime.fromisoformat(one["createdAt"]) <= datetime.fromisoformat(one["lastSeenAt"])
    await db.value("update sessions set last_seen_at = last_seen_at - interval '1 hour'")

    async def noted() -> bool:
        seen = "select last_seen_at > now() - interval '30 minutes' from sessions where user_id = :id"
        return bool(await db.value(seen, id=ann.id))

    await until(noted)
