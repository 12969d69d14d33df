"""Administrators, and what they do to people: deactivated accounts, and resets of passwords."""

import asyncio
import json
from typing import Any

import argon2
import httpx
import pytest

from app.db.database import Database
from tests.support.chat.admin_command import Admin
from tests.support.chat.people import PASSWORD, Connect, People, Person, Start

pytestmark = pytest.mark.over_websocket

NEW = "a better battery staple"
DEACTIVATED = "Your account was deactivated: ask an administrator"
OBSOLETE = "This link has expired or was used: ask an administrator for another one"


def name_of(person: Person) -> str:
    name: str = person.user["username"]
    return name


async def sign_in(http: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    body = {
        "identifier": {"scheme": "username", "value": name},
        "credential": {"scheme": "basic", "value": password},
    }
    return await http.post("/auth/sign-in", json=body)


async def administers(person: Person) -> bool:
    is_so: bool = (await person.http.get("/auth/who-am-i")).json()["isAdministrator"]
    return is_so


async def acts(admin: Admin) -> list[tuple[str, str]]:
    lines: list[dict[str, Any]] = [json.loads(line) for line in await admin("audit", "--json")]
    return [(act["action"], act["subject"]) for act in lines]


# Administrators


async def test_the_first_account_is_the_administrator(people: People) -> None:
    ann, bob = await people(), await people()
    assert [person.user["isAdministrator"] for person in (ann, bob)] == [True, False]
    assert [await administers(person) for person in (ann, bob)] == [True, False]


async def test_of_first_accounts_at_once_one_is(http: httpx.AsyncClient, start: Start) -> None:
    elsewhere = await start()
    async with httpx.AsyncClient(base_url=elsewhere.url) as there:
        answers = await asyncio.gather(
            *(
                both.post("/auth/sign-up", json={"username": f"person-{n}", "credential": PASSWORD})
                for n, both in enumerate([http, there] * 4)
            )
        )
    assert [answer.status_code for answer in answers] == [201] * 8
    assert sum(answer.json()["user"]["isAdministrator"] for answer in answers) == 1


async def test_others_are_made_and_unmade(people: People, admin: Admin) -> None:
    ann, bob = await people(), await people()
    await admin("grant", name_of(bob).upper())
    await admin("revoke", name_of(ann))
    assert [await administers(person) for person in (ann, bob)] == [False, True]
    assert await admin("grant", name_of(bob), refused=True) == [
        f"{name_of(bob)} is an administrator already."
    ]
    assert await admin("revoke", name_of(ann), refused=True) == [
        f"{name_of(ann)} is no administrator already."
    ]
    assert await acts(admin) == [("grant", name_of(bob)), ("revoke", name_of(ann))]


async def test_people_are_found_by_parts_of_their_names(
    http: httpx.AsyncClient, people: People, admin: Admin
) -> None:
    await people("ann")
    body = {"username": "bob", "credential": PASSWORD, "displayName": "Robert Tables"}
    assert (await http.post("/auth/sign-up", json=body)).status_code == 201
    found = {
        search: [json.loads(line)["username"] for line in await admin("users", "--json", search)]
        for search in ("", "AN", "tab", "%", "nobody")
    }
    assert found == {"": ["ann", "bob"], "AN": ["ann"], "tab": ["bob"], "%": [], "nobody": []}
    await admin("deactivate", "bob")
    assert [line.split("  ")[:3] for line in await admin("users")] == [
        ["ann", "-", "administrator"],
        ["bob", "Robert Tables", "deactivated"],
    ]


@pytest.mark.parametrize("act", ["grant", "revoke", "deactivate", "reactivate", "reset-password"])
async def test_nobody_of_that_name(admin: Admin, act: str) -> None:
    assert await admin(act, "nobody", refused=True) == ["There is no such user: nobody."]
    assert await admin("audit") == []


# Deactivation


async def test_sessions_of_a_deactivated_user_end_on_all_instances(
    http: httpx.AsyncClient, people: People, start: Start, admin: Admin
) -> None:
    ann, bob, elsewhere = await people(), await people(), await start()
    devices = [await ann.device(), await ann.device(elsewhere.url)]
    stays = await bob.device(elsewhere.url)
    assert await admin("deactivate", name_of(ann)) == [f"{name_of(ann)} is deactivated"]
    for device in devices:
        assert (await device.expect("unauthenticated"))["message"] == DEACTIVATED
        await device.expect("disconnect")
    assert (await ann.http.get("/chat/rooms")).status_code == 401
    await stays.ok("room:list")
    refused = await sign_in(http, name_of(ann))
    assert (refused.status_code, refused.json()["message"]) == (403, DEACTIVATED)
    assert (await sign_in(http, name_of(ann), "a wrong guess")).status_code == 401
    assert await admin("deactivate", name_of(ann), refused=True) == [
        f"{name_of(ann)} is deactivated already."
    ]


async def test_a_reactivated_user_signs_in_with_the_same_password(
    http: httpx.AsyncClient, people: People, connect: Connect, admin: Admin
) -> None:
    ann = await people()
    await admin("deactivate", name_of(ann))
    await admin("reactivate", name_of(ann))
    assert (await ann.http.get("/chat/rooms")).status_code == 401
    session = await sign_in(http, name_of(ann))
    assert session.status_code == 200
    device = await connect(session.json()["token"])
    await device.authenticate()
    assert await admin("reactivate", name_of(ann), refused=True) == [f"{name_of(ann)} is not deactivated."]
    assert await acts(admin) == [("deactivate", name_of(ann)), ("reactivate", name_of(ann))]


async def test_an_instance_of_before_does_not_let_a_deactivated_user_in(
    people: People, admin: Admin, db: Database
) -> None:
    """It looks at `credential` alone: no password fits, and it is a hash that it can read."""
    ann = await people()
    await admin("deactivate", name_of(ann))
    credential = await db.value("select credential from users where id = :id", id=ann.id)
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        argon2.PasswordHasher().verify(credential, PASSWORD)


# Resets of passwords


def token_in(line: str) -> str:
    return line.rpartition("/#/reset-password/")[2]


async def reset(http: httpx.AsyncClient, token: str, password: str = NEW) -> httpx.Response:
    return await http.post("/auth/reset-password", json={"token": token, "credential": password})


async def test_a_link_sets_the_password_once_and_ends_all_sessions(
    http: httpx.AsyncClient, people: People, admin: Admin
) -> None:
    ann = await people()
    device = await ann.device()
    link, _ = await admin("reset-password", name_of(ann), "--url", "https://chat.example/")
    assert link.startswith("https://chat.example/#/reset-password/")
    assert (await sign_in(http, name_of(ann))).status_code == 200  # until the link is used
    assert (await reset(http, token_in(link), "short")).status_code == 422
    answers = await asyncio.gather(*(reset(http, token_in(link)) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403]
    assert {answer.json()["message"] for answer in answers if answer.status_code == 403} == {OBSOLETE}
    (session,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert session["user"]["id"] == ann.id
    assert await device.expect("unauthenticated")
    assert (await ann.http.get("/auth/who-am-i")).status_code == 401
    assert [(await sign_in(http, name_of(ann), word)).status_code for word in (PASSWORD, NEW)] == [401, 200]
    assert await acts(admin) == [("reset-password", name_of(ann))]


async def test_links_that_are_no_good(
    http: httpx.AsyncClient, people: People, admin: Admin, db: Database
) -> None:
    """One that has expired, was replaced, is older than a change of the password, or is of a deactivated user."""
    ann, bob, cid, dan = [await people() for _ in range(4)]
    first = {
        person.id: (await admin("reset-password", name_of(person)))[0] for person in (ann, bob, cid, dan)
    }
    await db.value("update password_resets set expires_at = now() where user_id = :id", id=ann.id)
    second = (await admin("reset-password", name_of(bob)))[0]
    body = {"credential": PASSWORD, "newCredential": NEW}
    assert (await cid.http.post("/auth/change-password", json=body)).status_code == 200
    await admin("deactivate", name_of(dan))
    for token in (*map(token_in, first.values()), "made up", "\u0000"):
        refused = await reset(http, token)
        assert (refused.status_code, refused.json()["message"]) == (403, OBSOLETE)
    assert (await reset(http, token_in(second))).status_code == 200
    refusal = await admin("reset-password", name_of(dan), refused=True)
    assert refusal == [f"{name_of(dan)} is deactivated: reactivate them first."]


async def test_its_token_cannot_be_read_from_the_database(people: People, admin: Admin, db: Database) -> None:
    ann = await people()
    token = token_in((await admin("reset-password", name_of(ann)))[0])
    assert len(token) == 32
    kept = await db.column(str, "select cast(r as text) from password_resets r")
    assert len(kept) == 1
    assert token not in kept[0]
    assert token not in "".join(await admin("audit"))


async def test_guesses_at_tokens_are_limited(start: Start) -> None:
    instance = await start(sign_in_rate=9)
    async with httpx.AsyncClient(base_url=instance.url) as http:
        assert [(await reset(http, f"guess {n}")).status_code for n in range(4)] == [403, 403, 403, 429]
