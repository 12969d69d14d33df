"""Accounts: passwords, tokens, and who somebody is."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import argon2
import uuid_utils
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from app import store
from app.caller import Caller
from app.db import Database
from app.payloads import Nothing, SignIn, SignUp
from app.refusals import Refusal
from app.rows import user_of
from app.views import Session, User

T = TypeVar("T")

ALGORITHM = "HS256"
CLAIMS = jwt.JWTClaimsRegistry(
    sub={"essential": True}, iat={"essential": True}, exp={"essential": True}, jti={"essential": True}
)
DAY = 24 * 60 * 60

# What OWASP recommends for argon2id: 19 MiB of memory, 2 passes, 1 lane. About 80 ms of one core.
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

NOT_SIGNED_IN = "The token is missing, malformed, expired or not one of ours"
WRONG_CREDENTIALS = "The username or the password is wrong"


class Auth:
    """Signs people up and in, and tells from a token who they are.

    `secret` signs the tokens (HS256); `lifetime` is theirs, in seconds.
    """

    def __init__(self, db: Database, secret: str, *, lifetime: int = 7 * DAY) -> None:
        self._db = db
        self._key = OctKey.import_key(secret)
        self._lifetime = lifetime
        self._hashing = anyio.CapacityLimiter(os.cpu_count() or 1)
        self._decoy = HASHER.hash("nobody's password")

    async def sign_up(self, _: Caller, payload: SignUp) -> Session:
        """Makes an account and opens a session. Refused: `conflict` when the name is taken, in any case."""
        credential = await self._in_thread(partial(HASHER.hash, payload.credential))
        row = await store.accounts.insert(
            self._db,
            user_id=str(uuid_utils.uuid7()),
            username=payload.username,
            display_name=payload.display_name,
            credential=credential,
        )
        if row is None:
            raise Refusal("conflict", "This username is taken")
        return self._session(user_of(row))

    async def sign_in(self, _: Caller, payload: SignIn) -> Session:
        """Opens a session. Refused, the same after the same work, for a wrong name or password."""
        name = payload.identifier.value
        row = None if "\0" in name else await store.accounts.find_with_credential(self._db, name)
        credential = self._decoy if row is None else row["credential"]
        fits = await self._in_thread(partial(_fits, credential, payload.credential.value))
        if row is None or not fits:
            raise Refusal("unauthenticated", WRONG_CREDENTIALS)
        return self._session(user_of(row))

    async def who_am_i(self, caller: Caller, _: Nothing) -> User:
        """The user whose token it is."""
        row = await store.accounts.find(self._db, caller.user_id)
        if row is None:
            raise Refusal("unauthenticated", NOT_SIGNED_IN)
        return user_of(row)

    async def user_of_token(self, token: str | None) -> tuple[User, int]:
        """Whose token it is, and when it expires, in seconds since 1970. Raises Refusal."""
        if not token:
            raise Refusal("unauthenticated", NOT_SIGNED_IN)
        user_id, expires_at = self._verify(token)
        row = await store.accounts.find(self._db, user_id)
        if row is None:
            raise Refusal("unauthenticated", NOT_SIGNED_IN)
        return user_of(row), expires_at

    def _session(self, user: User) -> Session:
        issued_at = int(time.time())
        claims = {
            "sub": user.id,
            "iat": issued_at,
            "exp": issued_at + self._lifetime,
            "jti": str(uuid_utils.uuid7()),
        }
        return Session(token=jwt.encode({"alg": ALGORITHM}, claims, self._key), user=user)

    def _verify(self, token: str) -> tuple[str, int]:
        try:
            claims: dict[str, Any] = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            CLAIMS.validate(claims)
        except (JoseError, ValueError, TypeError) as error:  # a header may hold any JSON: {"crit": 5}
            raise Refusal("unauthenticated", NOT_SIGNED_IN) from error
        return claims["sub"], claims["exp"]

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._hashing)


def bearer(authorization: str) -> str | None:
    """The token in an `Authorization: Bearer` header."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _fits(credential: str, password: str) -> bool:
    try:
        return HASHER.verify(credential, password)
    except argon2.exceptions.VerifyMismatchError:
        return False
