"""Signing out: the token is refused from then on, and its sockets end on every instance."""

import asyncio
import time

import httpx
import pytest

from app import store
from app.accounts.sessions import sign_out as sign_out_module
from app.accounts.sessions.sign_out import DEACTIVATED, OVER
from app.accounts.sessions.tokens import Tokens
from app.administration.people import People as Directory
from app.config.settings import Settings
from app.db.database import Database
from app.db.queries import Queries
from tests.support.chat.people import PASSWORD, Connect, Device, Instance, People, Person, Start
from tests.support.engine_clients import PollingClient
from tests.support.raw_websocket import WEBSOCKET, WebSocket
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.over_websocket


async def sign_in(http: httpx.AsyncClient, person: Person) -> str:
    """Another token of the same user."""
    body = {
        "identifier": {"scheme": "username", "value": person.user["username"]},
        "credential": {"scheme": "basic", "value": PASSWORD},
    }
    answer = await http.post("/auth/sign-in", json=body)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


async def sign_out(http: httpx.AsyncClient, token: str, **body: object) -> httpx.Response:
    return await http.post("/auth/sign-out", json=body, headers={"authorization": f"Bearer {token}"})


async def is_valid(http: httpx.AsyncClient, token: str) -> bool:
    answer = await http.get("/auth/who-am-i", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def ended(device: Device) -> str:
    """Waits until the server has told a device that it is signed out, and disconnected it; why it is."""
    why: str = (await device.expect("unauthenticated"))["message"]
    await device.expect("disconnect")
    return why


async def works(device: Device) -> bool:
    return isinstance(await device.ok("room:list", {}), list)


both_transports = pytest.mark.parametrize("transport", ["websocket", "polling"])


# The token


async def test_a_token_ends_and_the_others_of_its_user_do_not(
    http: httpx.AsyncClient, people: People
) -> None:
    ann = await people()
    other = await sign_in(http, ann)
    answer = await sign_out(http, ann.token)
    assert (answer.status_code, answer.content) == (204, b"")
    assert not await is_valid(http, ann.token)
    assert await is_valid(http, other)


async def test_everywhere_ends_all_tokens_of_a_user(http: httpx.AsyncClient, people: People) -> None:
    ann, bob = await people(), await people()
    other = await sign_in(http, ann)
    assert (await sign_out(http, ann.token, everywhere=True)).status_code == 204
    assert [await is_valid(http, token) for token in (ann.token, other, bob.token)] == [False, False, True]
    assert await is_valid(http, await sign_in(http, ann))


async def test_a_body_is_not_needed(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    assert (await ann.http.post("/auth/sign-out")).status_code == 204
    assert not await is_valid(http, ann.token)


async def test_signing_out_is_refused(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    assert (await http.post("/auth/sign-out")).status_code == 401
    assert (await sign_out(http, "forged")).status_code == 401
    malformed = await sign_out(http, ann.token, everywhere="yes")
    assert malformed.status_code == 422
    assert [cause["path"] for cause in malformed.json()["details"]["cause"]] == ["everywhere"]
    assert (await sign_out(http, ann.token)).status_code == 204
    assert (await sign_out(http, ann.token)).status_code == 401


async def test_a_revocation_is_forgotten_when_its_token_has_expired(
    db: Database, people: People, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await people()
    monkeypatch.setattr(sign_out_module, "LOOK_EVERY", 0.02)
    day = 24 * 60 * 60
    for token_id, expires_at in (("old", time.time() - day - 60), ("new", time.time() - day + 60)):
        await store.tokens.revoke(db, token_id=token_id, user_id=ann.id, expires_at=int(expires_at))
    await start()

    async def only_one_is_left() -> bool:
        return await db.value("select count(*) from revoked_tokens") <= 1

    await until(only_one_is_left)
    assert await db.column(str, "select jti from revoked_tokens") == ["new"]


# Its sockets


@both_transports
async def test_its_sockets_end_on_every_instance(
    http: httpx.AsyncClient, people: People, connect: Connect, start: Start
) -> None:
    ann, elsewhere = await people(), await start()
    here, there = await ann.device(), await ann.device(elsewhere.url)
    others = [await connect(await sign_in(http, ann), url=url) for url in (None, elsewhere.url)]
    for other in others:
        await other.authenticate()
    await sign_out(http, ann.token)
    for device in (here, there):
        await ended(device)
    assert [await works(other) for other in others] == [True, True]


@both_transports
async def test_everywhere_ends_the_sockets_of_all_tokens(
    http: httpx.AsyncClient, people: People, connect: Connect, start: Start
) -> None:
    ann, bob, elsewhere = await people(), await people(), await start()
    stays = await bob.device(elsewhere.url)
    devices = [await ann.device(), await connect(await sign_in(http, ann), url=elsewhere.url)]
    await devices[1].authenticate()
    await sign_out(http, ann.token, everywhere=True)
    for device in devices:
        await ended(device)
    assert await works(stays)
    again = await connect(await sign_in(http, ann))
    assert (await again.authenticate())["userId"] == ann.id


class Door:
    """Where an instance has its sockets."""

    path = Instance.path

    def __init__(self, instance: Instance) -> None:
        self.origin, self.port = instance.url, instance.port

    def url(self, query: str) -> str:
        return f"{self.origin}{self.path}?{query}"


async def test_a_socket_is_told_while_it_changes_its_transport(
    http: httpx.AsyncClient, people: People, instance: Instance
) -> None:
    """A client that polls no more, and has not said yet that it listens on the websocket."""
    ann, door = await people(), Door(instance)
    client = await PollingClient.open(door)
    await client.send("0")
    assert str(await client.receive()).startswith("0{")
    await client.send(f'27["authenticate",{{"token":"{ann.token}"}}]')
    while not str(await client.receive()).startswith("37["):
        pass
    websocket = await WebSocket.open(door, f"{WEBSOCKET}&sid={client.sid}")
    websocket.send("2probe")
    assert await websocket.receive() == "3probe"
    while (await client.get()).text != "6":
        pass
    assert (await sign_out(http, ann.token)).status_code == 204
    await until(lambda: not instance.server.io.sockets)
    websocket.send("5")
    told = []
    while (message := await websocket.receive()) != "41":
        told.append(str(message))
    assert len([message for message in told if message.startswith('42["unauthenticated",')]) == 1, told
    assert (await websocket.until_close()).code == 1000
    await websocket.close()
    await client.close()


@both_transports
async def test_a_socket_lives_on_its_last_token(
    http: httpx.AsyncClient, people: People, connect: Connect
) -> None:
    ann = await people()
    newer = await sign_in(http, ann)
    renewed, failed = await ann.device(), await ann.device()
    await renewed.ok("authenticate", {"token": newer})
    assert (await failed.refused("authenticate", {"token": "forged"}))["reason"] == "unauthenticated"
    await sign_out(http, ann.token)
    await ended(failed)
    assert await works(renewed)
    await sign_out(http, newer)
    await ended(renewed)


@both_transports
async def test_a_token_of_somebody_else_binds_a_socket_to_nothing(
    http: httpx.AsyncClient, people: People
) -> None:
    ann, bob = await people(), await people()
    device = await ann.device()
    assert (await device.refused("authenticate", {"token": bob.token}))["reason"] == "conflict"
    await sign_out(http, bob.token, everywhere=True)
    assert await works(device)


@both_transports
async def test_a_socket_that_authenticates_meanwhile_ends(
    http: httpx.AsyncClient, people: People, connect: Connect, start: Start
) -> None:
    ann, elsewhere = await people(), await start()
    for attempt in range(15):
        token = await sign_in(http, ann)
        device = await connect(token, url=elsewhere.url if attempt % 2 else None)

        async def authenticate(device: Device = device) -> None:
            await device.client.emit("authenticate")

        async def revoke(token: str = token, attempt: int = attempt) -> None:
            await asyncio.sleep(attempt / 2_000)
            await sign_out(http, token)

        await asyncio.gather(authenticate(), revoke())
        await ended(device)


@both_transports
async def test_a_token_revoked_after_it_was_looked_up_ends_the_socket_all_the_same(
    http: httpx.AsyncClient, people: People, connect: Connect, db: Database
) -> None:
    ann = await people()
    device = await connect(ann.token)
    held, release = asyncio.Event(), asyncio.Event()

    async def hold(q: Queries) -> None:  # the memberships, which are read when the token has been found valid
        await q.value("lock table room_members in access exclusive mode")
        held.set()
        await release.wait()

    holding = asyncio.create_task(db.transaction(hold))
    await held.wait()
    await device.client.emit("authenticate")
    await waiting_for_a_lock(db)
    await sign_out(http, ann.token)
    release.set()
    await holding
    await ended(device)
    assert device.received["authenticated"] == []


async def waiting_for_a_lock(db: Database) -> None:
    """Returns when a statement on the test's database waits for a table."""
    statement = (
        "select count(*) from pg_locks where not granted and relation = cast('room_members' as regclass)"
    )
    async with asyncio.timeout(PATIENCE):
        while not await db.value(statement):  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.01)


@both_transports
async def test_what_was_not_announced_is_found(
    people: People,
    connect: Connect,
    start: Start,
    db: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after a crash between the revocation and its announcement. What is not known is not said."""
    monkeypatch.setattr(sign_out_module, "LOOK_EVERY", 0.02)
    looks = await start()
    ann, bob, cid, dee = [await people() for _ in range(4)]
    one, all_of_them, stays, deactivated = [await each.device(looks.url) for each in (ann, bob, cid, dee)]
    token = Tokens(settings.jwt_secret).verify(ann.token)
    await store.tokens.revoke(db, token_id=token.id, user_id=ann.id, expires_at=token.expires_at)
    assert await ended(one) == OVER
    await store.tokens.revoke_all(db, bob.id)
    assert await ended(all_of_them) == OVER
    await Directory(db, "test").deactivate(dee.user["username"], "no hash of any password")
    assert await ended(deactivated) == DEACTIVATED
    assert await works(stays)
