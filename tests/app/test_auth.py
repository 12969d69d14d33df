"""Accounts and tokens: who gets in, and every way not to."""

import base64
import json
import time
import warnings
from collections.abc import AsyncIterator
from typing import Any

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import OctKey, RSAKey

from app import auth as auth_module
from app.auth import Auth
from app.caller import Caller
from app.db import Database
from app.limits import Limits
from app.payloads import Credential, Identifier, SignIn, SignUp
from app.refusals import Refusal
from app.soft_state import SoftState
from app.tokens import NOT_SIGNED_IN, Tokens
from app.views import Presence, Session

NOBODY = Caller("")
SECRET = "a secret of the tests, long enough for HS512 to take it as its key"


async def nobody_is_here(_: list[str]) -> dict[str, Presence]:
    return {}


@pytest.fixture
async def auth(db: Database, redis_url: str) -> AsyncIterator[Auth]:
    soft_state = SoftState(redis_url)
    yield Auth(db, Tokens(SECRET), Limits(soft_state, {}), nobody_is_here)
    await soft_state.close()


@pytest.fixture
async def ann(auth: Auth) -> Session:
    return await auth.sign_up(NOBODY, SignUp(username="Ann", credential="password 1", display_name="Ann A."))


def sign_in(name: str, password: str) -> SignIn:
    return SignIn(
        identifier=Identifier(scheme="username", value=name),
        credential=Credential(scheme="basic", value=password),
    )


def token(key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    now = int(time.time())
    if isinstance(key, str):
        key = OctKey.import_key(key)
    payload = {"sub": "someone", "iat": now, "exp": now + 60, "jti": "1"} | claims
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # "none" is what some of these tests are about
        return jwt.encode(
            {"alg": algorithm}, {k: v for k, v in payload.items() if v is not None}, key, [algorithm]
        )


async def test_sign_up_and_sign_in_in_any_case_of_the_name(auth: Auth, ann: Session) -> None:
    session = await auth.sign_in(NOBODY, sign_in("aNN", "password 1"))
    assert session.user == ann.user
    assert (session.user.username, session.user.display_name) == ("Ann", "Ann A.")
    for one in (ann, session):
        token = auth.verify(one.token)
        await auth.check(token)
        assert token.user_id == ann.user.id
        assert 6.9 < (token.expires_at - time.time()) / (24 * 60 * 60) <= 7


async def test_a_name_is_taken_in_any_case(auth: Auth, ann: Session) -> None:
    with pytest.raises(Refusal) as refusal:
        await auth.sign_up(NOBODY, SignUp(username="ANN", credential="another password"))
    assert refusal.value.reason == "conflict"


async def test_the_password_is_not_what_is_kept(
    db: Database, auth: Auth, slow_hasher: argon2.PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_module, "HASHER", slow_hasher)
    ann = await auth.sign_up(NOBODY, SignUp(username="Ann", credential="password 1"))
    kept = await db.value("select credential from users where id = :id", id=ann.user.id)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "password 1" not in kept


async def test_a_wrong_name_and_a_wrong_password_cannot_be_told_apart(
    auth: Auth, ann: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes: list[str] = []
    real = auth_module._fits

    def counting(credential: str, password: str) -> bool:
        hashes.append(credential)
        return real(credential, password)

    monkeypatch.setattr(auth_module, "_fits", counting)
    refusals = []
    for attempt in (
        ("Ann", "wrong"),
        ("nobody", "password 1"),
        ("a\0b", "password 1"),
        ("nobody", "nobody's password"),
    ):
        with pytest.raises(Refusal) as refusal:
            await auth.sign_in(NOBODY, sign_in(*attempt))
        refusals.append((refusal.value.reason, refusal.value.message))
    assert len(set(refusals)) == 1
    assert refusals[0][0] == "unauthenticated"
    assert len(hashes) == 4  # one and the same work for each


def header(fields: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


FORGED = {
    "no token": None,
    "an empty one": "",
    "no JWT": "abc",
    "another secret": token("another secret of the same good length"),
    "alg none": token(algorithm="none"),
    "HS512 with our secret": token(algorithm="HS512"),
    "RS256": token(RSAKey.generate_key(2048), "RS256"),
    "expired": token(exp=int(time.time()) - 1),
    "without exp": token(exp=None),
    "without sub": token(sub=None),
    "without jti": token(jti=None),
    "without an id": token(jti=""),
    "of a generation that is none": token(gen="last"),
    "sub is no text": token(sub=7),
    "exp is no number": token(exp="tomorrow"),
    "an unknown user": token(),
    "a header that is none": ".".join([header({"alg": "HS256", "crit": 5}), *token().split(".")[1:]]),
    "a header that is a list": ".".join([header(["HS256"]), *token().split(".")[1:]]),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
async def test_a_forged_or_stale_token_is_refused(auth: Auth, forged: str | None) -> None:
    with pytest.raises(Refusal) as refusal:
        await auth.check(auth.verify(forged))
    assert (refusal.value.reason, refusal.value.message) == ("unauthenticated", NOT_SIGNED_IN)


async def test_a_token_with_one_changed_character_is_refused(auth: Auth, ann: Session) -> None:
    head, body, signature = ann.token.split(".")
    for changed in (
        f"{head}.{body[:-2]}{'A' if body[-2] != 'A' else 'B'}{body[-1]}.{signature}",
        f"{head}.{body}.",
    ):
        with pytest.raises(Refusal):
            auth.verify(changed)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}"))
def test_no_text_breaks_the_check(text: str) -> None:
    with pytest.raises(Refusal):
        Tokens(SECRET).verify(text)
