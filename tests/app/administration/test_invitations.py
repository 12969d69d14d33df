"""Who may sign up, invitations, and the log of what administrators did: by the server and at the command line."""

import asyncio
import json

import asyncpg
import httpx
import pytest

from app.cli import main
from app.db.database import Database
from tests.support.chat.admin_command import Admin
from tests.support.chat.people import PASSWORD, People, Start

pytestmark = pytest.mark.over_websocket

NOT_OPEN = "This invitation has expired, was used or was revoked: ask for another one"


def token_in(line: str) -> str:
    return line.rpartition("/#/sign-up/")[2]


async def sign_up(http: httpx.AsyncClient, name: str, invitation: str | None = None) -> httpx.Response:
    body = {"username": name, "credential": PASSWORD}
    return await http.post(
        "/auth/sign-up", json=body | ({} if invitation is None else {"invitation": invitation})
    )


async def refused(http: httpx.AsyncClient, name: str, invitation: str | None = None) -> str:
    answer = await sign_up(http, name, invitation)
    assert (answer.status_code, answer.json()["details"]["reason"]) == (403, "forbidden")
    message: str = answer.json()["message"]
    return message


async def is_open(http: httpx.AsyncClient, token: str, name: str) -> bool:
    """Signs up with an invitation, which uses it, if it is open."""
    answer = await sign_up(http, name, token)
    assert answer.status_code in (201, 403)
    assert answer.status_code == 201 or answer.json()["message"] == NOT_OPEN
    return answer.status_code == 201


# The policy


async def test_open_lets_anybody_sign_up(http: httpx.AsyncClient) -> None:
    assert (await http.get("/auth/sign-up")).json() == {"policy": "open"}
    assert (await sign_up(http, "ann")).status_code == 201
    assert await refused(http, "bob", "made up") == NOT_OPEN


async def test_by_invitation_alone(start: Start, admin: Admin) -> None:
    instance = await start(sign_up="invitation")
    async with httpx.AsyncClient(base_url=instance.url) as http:
        assert (await http.get("/auth/sign-up")).json() == {"policy": "invitation"}
        assert await refused(http, "ann") == "You need an invitation to sign up here"
        for made_up in ("made up", "\u0000", "x" * 100):
            assert await refused(http, "ann", made_up) == NOT_OPEN
        for malformed in ("", "x" * 101, 7):
            body = {"username": "ann", "credential": PASSWORD, "invitation": malformed}
            assert (await http.post("/auth/sign-up", json=body)).status_code == 422
        link, _ = await admin("invite", "--url", "https://chat.example/")
        assert link.startswith("https://chat.example/#/sign-up/")
        assert (await sign_up(http, "ann", token_in(link))).status_code == 201


async def test_closed_refuses_invitations_too_and_lets_people_sign_in(
    start: Start, admin: Admin, people: People
) -> None:
    ann, instance = await people(), await start(sign_up="closed")
    link, _ = await admin("invite")
    async with httpx.AsyncClient(base_url=instance.url) as http:
        assert (await http.get("/auth/sign-up")).json() == {"policy": "closed"}
        for invitation in (None, token_in(link)):
            assert await refused(http, "bob", invitation) == "Nobody can sign up here: ask an administrator"
        body = {
            "identifier": {"scheme": "username", "value": ann.user["username"]},
            "credential": {"scheme": "basic", "value": PASSWORD},
        }
        assert (await http.post("/auth/sign-in", json=body)).status_code == 200


# Invitations


async def test_uses_are_counted_also_at_once_and_on_two_instances(
    http: httpx.AsyncClient, start: Start, admin: Admin
) -> None:
    link, _ = await admin("invite", "--uses", "2")
    elsewhere = await start()
    async with httpx.AsyncClient(base_url=elsewhere.url) as there:
        tries = [is_open(both, token_in(link), f"guest-{n}") for n, both in enumerate([http, there] * 3)]
        assert sum(await asyncio.gather(*tries)) == 2
    (listed,) = [json.loads(line) for line in await admin("invites", "--json")]
    assert (listed["uses"], listed["most_uses"], listed["is_open"]) == (2, 2, False)


async def test_a_taken_name_costs_no_use(http: httpx.AsyncClient, people: People, admin: Admin) -> None:
    await people("ann")
    link, _ = await admin("invite", "--uses", "1")
    assert (await sign_up(http, "ANN", token_in(link))).status_code == 409
    assert await is_open(http, token_in(link), "bob")


async def test_one_that_has_expired_or_was_revoked_is_over(
    http: httpx.AsyncClient, admin: Admin, db: Database
) -> None:
    tokens = [token_in((await admin("invite", "--note", note))[0]) for note in ("old", "revoked", "good")]
    old, revoked, _ = [json.loads(line)["id"] for line in await admin("invites", "--json")]
    await db.value("update sign_up_invitations set expires_at = now() where id = :id", id=old)
    assert await admin("revoke-invite", revoked) == ["revoked"]
    (again,) = await admin("revoke-invite", revoked, refused=True)
    assert again == f"There is no invitation {revoked} that is not revoked."
    assert [await is_open(http, token, f"guest-{n}") for n, token in enumerate(tokens)] == [
        False,
        False,
        True,
    ]
    lines = [line.split("  ") for line in await admin("invites")]
    assert [(cells[1], cells[2], cells[-1]) for cells in lines] == [
        ("over", "0 of any number", "old"),
        ("revoked", "0 of any number", "revoked"),
        ("open", "1 of any number", "good"),
    ]


async def test_its_token_cannot_be_read_from_the_database(admin: Admin, db: Database) -> None:
    token = token_in((await admin("invite"))[0])
    assert len(token) == 32
    kept = await db.column(str, "select cast(i as text) from sign_up_invitations i")
    assert len(kept) == 1
    assert token not in kept[0]
    assert token not in "".join(await admin("audit"))


async def test_whoever_uses_it_is_in_its_rooms_and_the_members_hear_of_it(
    http: httpx.AsyncClient, people: People, admin: Admin
) -> None:
    ann = await people()
    rooms = [await ann.room(name=name, isPrivate=name == "private") for name in ("public", "private")]
    empty = await ann.room(name="left")
    await ann.http.post(f"/chat/rooms/{empty}/leave")
    hers = await ann.device()
    asked = [argument for room in (*rooms, empty, rooms[0]) for argument in ("--room", room)]
    token = token_in((await admin("invite", *asked))[0])
    session = (await sign_up(http, "bob", token)).json()
    headers = {"authorization": f"Bearer {session['token']}"}
    his = (await http.get("/chat/rooms", headers=headers)).json()
    assert {room["name"]: room["membership"]["role"] for room in his} == {
        "public": "member",
        "private": "member",
        "left": "admin",
    }
    told = [await hers.expect("room:user-joined") for _ in rooms]
    assert {(one["roomId"], one["userId"]) for one in told} == {
        (room, session["user"]["id"]) for room in rooms
    }
    sent = await http.post(f"/chat/rooms/{rooms[1]}/messages", json={"content": "hello"}, headers=headers)
    assert sent.status_code == 201


async def test_rooms_that_are_none_are_refused(people: People, admin: Admin) -> None:
    ann, bob = await people(), await people()
    conversation = (await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "x"})).json()["roomId"]
    for room in ("nowhere", conversation):
        assert await admin("invite", "--room", room, refused=True) == [
            f"There is no room with the id {room}."
        ]
    many = [argument for n in range(21) for argument in ("--room", str(n))]
    assert "20 rooms at most" in (await admin("invite", *many, refused=True))[0]
    assert await admin("invites") == []
    assert await admin("audit") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--uses", "0"],
        ["--uses", "many"],
        ["--days", "366"],
        ["--days", "-1"],
        ["--note", ""],
        ["--note", "a\nb"],
    ],
    ids=" ".join,
)
def test_arguments_that_make_no_invitation(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["admin", "invite", *arguments], {})
    assert end.value.code == 2
    assert f"argument {arguments[0]}" in capsys.readouterr().err


# The audit log


@pytest.mark.usefixtures("logging_as_it_was")
def test_the_command_runs_where_only_the_database_is(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"DATABASE_URL": database_url}
    assert main(["admin", "revoke-invite", "nowhere"], environ) == 1
    assert capsys.readouterr().err == "parley: There is no invitation nowhere that is not revoked.\n"
    assert main(["admin", "invite"], environ) == 0
    assert main(["admin", "audit"], environ) == 0
    assert "/#/sign-up/" in capsys.readouterr().out


async def test_each_act_is_in_the_log(admin: Admin) -> None:
    await admin("invite", "--uses", "3", "--note", "the team")
    ((invitation,),) = [[json.loads(line)["id"]] for line in await admin("invites", "--json")]
    await admin("revoke-invite", invitation)
    made, revoked = [json.loads(line) for line in await admin("audit", "--json")]
    assert [act["action"] for act in (made, revoked)] == ["invite", "revoke-invite"]
    assert {act["subject_id"] for act in (made, revoked)} == {invitation}
    assert made["actor"].endswith(" (command line)")
    assert (made["subject"], made["details"]["uses"], made["details"]["rooms"]) == ("the team", 3, [])
    assert ["  invite  the team  " in line for line in await admin("audit")] == [True, False]


@pytest.mark.parametrize(
    "change", ["update audit_log set actor = 'nobody'", "delete from audit_log", "truncate audit_log"]
)
async def test_the_log_cannot_be_changed(admin: Admin, db: Database, change: str) -> None:
    await admin("invite")
    with pytest.raises(asyncpg.RaiseError, match="only ever appended to"):
        await db.value(change)
    assert len(await admin("audit")) == 1
