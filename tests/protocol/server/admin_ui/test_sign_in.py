"""Operators sign in with a password, or come back with a session; who guesses is slowed down."""

import asyncio
from typing import Any

import argon2
import pytest

from protocol import Client, Refused, Server, Socket, instrument
from protocol.server.admin_ui import sign_in
from protocol.server.admin_ui.sign_in import (
    FAILED_AT_ONCE,
    FAILED_EVERY,
    INVALID,
    MAX_NETWORKS,
    NONE_GIVEN,
    SESSION_SECONDS,
    Attempts,
    Sessions,
)
from tests.support.admin_page import AdminClient
from tests.support.running import RAW, Serve

HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("open sesame")
AUTH = {"username": "ada", "password": HASH}
GOOD = {"username": "ada", "password": "open sesame"}
SECRET = "the same for all instances"


@pytest.fixture
def shell() -> str:
    """The shells make no difference here."""
    return RAW


async def attempt(origin: str, auth: dict[str, Any]) -> str:
    """The refusal's message, empty for an operator who is let in."""
    try:
        async with Client(origin, namespace="/admin", auth=auth, reconnection=False):
            return ""
    except Refused as refused:
        return refused.message


async def test_a_wrong_credential_is_refused_and_a_good_one_gives_a_session(serve: Serve) -> None:
    one, two, other = Server(), Server(), Server()
    for io, secret in ((one, SECRET), (two, SECRET), (other, None)):
        instrument(io, auth=AUTH, mode="production", secret=secret)
    origins = [(await serve(io)).origin for io in (one, two, other)]
    for wrong in (
        {**GOOD, "password": "open sesam"},
        {**GOOD, "username": "bob"},
        {"username": ["ada"], "password": {"a": 1}},
        {"sessionId": "1.2.3"},
    ):
        assert await attempt(origins[0], wrong) == INVALID
    assert await attempt(origins[0], {}) == NONE_GIVEN
    page = AdminClient(origins[0], GOOD)
    async with page.client:
        await page.hears("session")
        (session,) = page.all("session")
        (socket,) = one.of("/admin").sockets.values()
        assert "password" not in socket.handshake.auth
    for origin, expected in zip(origins, ("", "", INVALID), strict=True):
        assert await attempt(origin, {"sessionId": session}) == expected
    again = AdminClient(origins[1], {"sessionId": session})
    async with again.client:
        await again.hears("config")
        assert again.all("session") == []


async def test_who_guesses_is_slowed_down_and_success_costs_nothing(serve: Serve) -> None:
    io = Server()
    instrument(io, auth=AUTH, mode="production")
    running = await serve(io)
    for _ in range(FAILED_AT_ONCE + 2):
        assert await attempt(running.origin, GOOD) == ""
    wrong = [attempt(running.origin, {**GOOD, "password": str(n)}) for n in range(FAILED_AT_ONCE + 3)]
    said = await asyncio.gather(*wrong)
    assert said.count(INVALID) == FAILED_AT_ONCE
    assert sum(message.startswith("too many attempts, try again in") for message in said) == 3
    assert (await attempt(running.origin, GOOD)).startswith("too many attempts")


async def test_attempts_that_wait_for_the_hash_are_bounded(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "MAX_WAITING", 0)
    io = Server()
    instrument(io, auth=AUTH, mode="production")
    assert await attempt((await serve(io)).origin, GOOD) == "too many attempts at once, try again"


async def test_a_function_may_decide(serve: Serve) -> None:
    io = Server()

    async def check(socket: Socket) -> bool:
        if socket.handshake.auth["username"] == "nobody":
            raise Refused("nobody comes in")
        return bool(socket.handshake.auth["password"] == "right")

    instrument(io, auth=check, mode="production")
    origin = (await serve(io)).origin
    assert await attempt(origin, {"username": "x", "password": "right"}) == ""
    assert await attempt(origin, {"username": "x", "password": "wrong"}) == INVALID
    assert await attempt(origin, {"username": "nobody", "password": "right"}) == "nobody comes in"


@pytest.mark.parametrize(
    "auth",
    [
        *(None, True, "ada", {"username": "ada"}, {**AUTH, "type": "basic"}),
        *({**AUTH, "password": "plain"}, {**AUTH, "password": "$2b$10$abcdefghijklmnopqrstuv"}),
    ],
)
def test_what_is_no_credential_is_refused_at_the_start(auth: Any) -> None:
    with pytest.raises(ValueError, match="auth"):
        instrument(Server(), auth=auth)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        instrument(Server(), auth=False, secret="short")


def test_attempts_come_back_one_by_one() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(FAILED_AT_ONCE):
        attempts.take("net")
    for _ in range(3):
        with pytest.raises(Refused, match=r"try again in 30 s"):
            attempts.take("net")
    attempts.take("other net")
    now[0] = FAILED_EVERY
    attempts.take("net")
    with pytest.raises(Refused):
        attempts.take("net")
    attempts.give_back("net")
    attempts.take("net")


def test_no_more_networks_are_remembered_than_allowed() -> None:
    attempts = Attempts(lambda: 0.0)
    for number in range(MAX_NETWORKS + 10):
        attempts.take(str(number))
    attempts.give_back("0")
    assert len(attempts._full_at) == MAX_NETWORKS


def test_sessions_expire_and_cannot_be_made_up() -> None:
    now = [1_000.0]
    sessions = Sessions("secret", lambda: now[0])
    session = sessions.issue()
    assert sessions.is_valid(session)
    assert not Sessions("other", lambda: now[0]).is_valid(session)
    expiry, nonce, signature = session.split(".")
    forged = (
        f"{int(expiry) + 1}.{nonce}.{signature}",
        f"{expiry}.{nonce}x.{signature}",
        session[:-1],
        "",
        "é..",
        7,
    )
    for bad in (*forged, session + "é", None, "x" * 5_000):
        assert not sessions.is_valid(bad)
    now[0] += SESSION_SECONDS
    assert not sessions.is_valid(session)
