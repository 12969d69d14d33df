"""Accounts and tokens: who gets in, and every way not to."""

import base64
import json
import time
import warnings
from collections.abc import AsyncIterator
from typing import Any

import argon2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import OctKey, RSAKey

from app import store
from app.accounts import auth as auth_module
from app.accounts.auth import Auth
from app.accounts.sessions.device_tokens import DeviceTokens
from app.accounts.sessions.tokens import NOT_SIGNED_IN, Tokens
from app.core.caller import Caller
from app.core.errors import Refusal
from app.core.redis_scripts import SoftState
from app.db.database import Database
from app.limits.rate_limits import Limits
from app.payloads.accounts.account_requests import Credential, Identifier, SignIn, SignUp
from app.payloads.fields.validation import USERNAME
from app.payloads.responses import Session
from tests.support.chat.people import nobody_is_here
from tests.support.tries import tries

NOBODY = Caller("")
SECRET = "a secret of the tests, long enough for HS512 to take it as its key"


@pytest.fixture
async def auth(db: Database, redis_url: str) -> AsyncIterator[Auth]:
    soft_state = SoftState(redis_url)
    yield Auth(db, Tokens(SECRET), DeviceTokens(SECRET), Limits(soft_state, {}), nobody_is_here)
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


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("paypal", "PayPaI"),
        ("paypal", "paypa1"),
        ("root", "r00t"),
        ("modern", "modem"),
        ("willow", "vvillow"),
        ("ann-lee", "ann_lee"),
        ("ann.lee", "Ann--Lee"),
        ("annlee", "_annlee."),
        ("---", "_._"),
    ],
)
async def test_a_name_that_looks_like_another_is_taken(auth: Auth, first: str, second: str) -> None:
    await auth.sign_up(NOBODY, SignUp(username=first, credential="password 1"))
    with pytest.raises(Refusal) as refusal:
        await auth.sign_up(NOBODY, SignUp(username=second, credential="password 1"))
    assert refusal.value.reason == "conflict"


@pytest.mark.parametrize(
    "pair", [("annlee", "ann-lee"), ("anna", "ana"), ("bob1", "bob2"), ("a-1-11", "a-11-1")]
)
async def test_names_that_only_resemble_each_other_are_two(auth: Auth, pair: tuple[str, str]) -> None:
    for name in pair:
        await auth.sign_up(NOBODY, SignUp(username=name, credential="password 1"))


@examples(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=tries(50),
    deadline=None,
)
@given(name=st.from_regex(USERNAME, fullmatch=True))
async def test_a_skeleton_has_no_case_and_is_its_own(db: Database, name: str) -> None:
    skeleton = await db.value("select username_skeleton(:name)", name=name)
    assert skeleton
    for other in (name.upper(), name.lower(), skeleton):
        assert await db.value("select username_skeleton(:name)", name=other) == skeleton


async def test_accounts_that_looked_alike_before_keep_their_names(db: Database, auth: Auth) -> None:
    """Only the oldest one has the skeleton; both sign in, and nobody new may look like them."""
    old = await auth.sign_up(NOBODY, SignUp(username="paypal", credential="password 1"))
    await db.value(
        "insert into users (id, username, credential)"
        " select 'alike', 'paypa1', credential from users where id = :id",
        id=old.user.id,
    )
    for name in ("paypal", "paypa1"):
        assert (await auth.sign_in(NOBODY, sign_in(name, "password 1"))).user.username == name
    with pytest.raises(Refusal):
        await auth.sign_up(NOBODY, SignUp(username="PAYPAI", credential="password 1"))


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


# Known devices and networks


DEVICES = DeviceTokens(SECRET)


def test_a_device_is_known_for_its_own_name_alone() -> None:
    token = DEVICES.issue("id", "Ann", 3, None)
    device = DEVICES.verify(token, "aNN")
    assert device is not None
    assert (device.user_id, device.generation) == ("id", 3)
    assert DEVICES.verify(token, "Bob") is None
    again = DEVICES.verify(DEVICES.issue("id", "Ann", 4, device.id), "Ann")
    assert again is not None
    assert again.id == device.id


async def test_a_device_token_opens_nothing_and_a_bearer_token_is_no_device(auth: Auth, ann: Session) -> None:
    with pytest.raises(Refusal):
        auth.verify(ann.device_token)
    assert DEVICES.verify(ann.device_token, "Ann") is not None
    assert DEVICES.verify(ann.token, "Ann") is None


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_device_token_is_ignored(forged: str | None) -> None:
    assert DEVICES.verify(forged, "Ann") is None


def test_a_device_token_of_another_secret_or_time_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DEVICES.verify(DeviceTokens(SECRET + "!").issue("id", "Ann", 0, None), "Ann") is None
    token = DEVICES.issue("id", "Ann", 0, None)
    half_a_year_on = time.time() + 181 * 24 * 60 * 60
    monkeypatch.setattr(time, "time", lambda: half_a_year_on)
    assert DEVICES.verify(token, "Ann") is None


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}"))
def test_no_text_breaks_the_check_of_a_device_token(text: str) -> None:
    assert DEVICES.verify(text, text) is None


def test_a_network_is_kept_as_nothing_that_names_it() -> None:
    place = DEVICES.place("Ann", "192.0.2.7")
    assert place == DEVICES.place("aNN", "192.0.2.7")
    others = {DEVICES.place("Bob", "192.0.2.7"), DEVICES.place("Ann", "192.0.2.8")}
    others.add(DeviceTokens(SECRET + "!").place("Ann", "192.0.2.7"))
    assert place not in others
    assert len(others) == 3
    assert len(DEVICES.place("\ud800", "x")) == 32


async def test_the_networks_kept_of_a_user_are_the_last_20(db: Database, auth: Auth, ann: Session) -> None:
    for number in range(25):
        await store.known_networks.remember(db, user_id=ann.user.id, place=f"place {number}")
    kept = await db.value("select count(*) from known_networks where user_id = :id", id=ann.user.id)
    assert kept == 20
    assert [await store.known_networks.is_known(db, f"place {number}") for number in (0, 24)] == [False, True]


async def test_a_network_is_forgotten_after_90_days(db: Database, auth: Auth, ann: Session) -> None:
    for place, days in (("old", 91), ("young", 89)):
        await store.known_networks.remember(db, user_id=ann.user.id, place=place)
        aged = "update known_networks set seen_at = now() - make_interval(days => :days) where place = :place"
        await db.value(aged, days=days, place=place)
    assert [await store.known_networks.is_known(db, place) for place in ("old", "young")] == [False, True]
    await store.known_networks.forget_old(db)
    assert await db.value("select count(*) from known_networks where place = 'old'") == 0
    await store.known_networks.remember(db, user_id=ann.user.id, place="young")  # as it is seen again
    assert await db.value(
        "select seen_at > now() - interval '1 hour' from known_networks where place = 'young'"
    )
