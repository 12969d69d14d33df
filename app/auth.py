"""Accounts: passwords, and who somebody is."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
import argon2
import uuid_utils

from app import store
from app.caller import Caller
from app.db import Database
from app.limits import Kind, Limits, name_key
from app.payloads import Nothing, SignIn, SignUp
from app.refusals import Refusal
from app.rows import user_of
from app.statements import Row
from app.tokens import NOT_SIGNED_IN, Token, Tokens
from app.views import PresenceOf, Session, User
from protocol import network_of

T = TypeVar("T")

# What OWASP recommends for argon2id: 19 MiB of memory, 2 passes, 1 lane. About 80 ms of one core.
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
HASHING = max(1, (os.cpu_count() or 1) // 2)  # at once: the chat needs a core, too
MOST_AT_THE_DOOR = 32 * HASHING  # who sign up or in at once; the last of them waits some 3 seconds
BUSY_FOR = 3_000  # ms

FAILED = 3  # tokens that a failed attempt to sign in costs; a successful one costs a single one

WRONG_CREDENTIALS = "The username or the password is wrong"
BUSY = "Too many people are signing in right now"


class Auth:
    """Signs people up and in, and tells from a token who they are."""

    def __init__(self, db: Database, tokens: Tokens, limits: Limits, presence: PresenceOf) -> None:
        self._db = db
        self._presence = presence
        self._tokens = tokens
        self._limits = limits
        self._hashing = anyio.CapacityLimiter(HASHING)
        self._at_the_door = 0
        self._decoy = HASHER.hash("nobody's password")

    async def sign_up(self, caller: Caller, payload: SignUp) -> Session:
        """Makes an account and opens a session.

        Refused: `conflict` when the name is taken, in any case; `rate_limited`; `unavailable`.
        """
        with self._one_at_the_door():
            await self._limits.take("sign_up", network_of(caller.address))
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
        return await self._session(row)

    async def sign_in(self, caller: Caller, payload: SignIn) -> Session:
        """Opens a session.

        Refused: `unauthenticated`, the same after the same work, for a wrong name or password; `rate_limited`, the same
        for names that there are and are not; `unavailable`.
        """
        name = payload.identifier.value
        attempt: list[tuple[Kind, str]] = [
            ("sign_in", network_of(caller.address)),
            ("username", name_key(name)),
        ]
        with self._one_at_the_door():
            for kind, key in attempt:
                await self._limits.take(kind, key, FAILED)
            row = None if "\0" in name else await store.accounts.find_with_credential(self._db, name)
            credential = self._decoy if row is None else row["credential"]
            fits = await self._in_thread(partial(_fits, credential, payload.credential.value))
        if row is None or not fits:
            raise Refusal("unauthenticated", WRONG_CREDENTIALS)
        for kind, key in attempt:
            self._limits.give_back(kind, key, FAILED - 1)
        return await self._session(row)

    async def who_am_i(self, caller: Caller, _: Nothing) -> User:
        """The user whose token it is."""
        row = await store.accounts.find(self._db, caller.user_id)
        if row is None:
            raise Refusal("unauthenticated", NOT_SIGNED_IN)
        return await self._user(row)

    def verify(self, token: str | None) -> Token:
        """What a token says, unless it was revoked, which `check` knows. Raises Refusal: `unauthenticated`."""
        return self._tokens.verify(token)

    async def check(self, token: Token) -> None:
        """Raises Refusal: `unauthenticated` for a token that was revoked."""
        if not await store.tokens.is_good(
            self._db, token_id=token.id, user_id=token.user_id, generation=token.generation
        ):
            raise Refusal("unauthenticated", NOT_SIGNED_IN)

    async def _session(self, row: Row) -> Session:
        token = self._tokens.issue(row["id"], row["token_generation"])
        return Session(token=token, user=await self._user(row))

    async def _user(self, row: Row) -> User:
        present = (await self._presence([row["id"]])).get(row["id"])
        return user_of(row, is_online=present is not None and present.status == "online")

    @contextmanager
    def _one_at_the_door(self) -> Iterator[None]:
        if self._at_the_door >= MOST_AT_THE_DOOR:
            raise Refusal("unavailable", BUSY, retry_after=BUSY_FOR)
        self._at_the_door += 1
        try:
            yield
        finally:
            self._at_the_door -= 1

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
