"""Who may use the admin UI: credentials with a bound on attempts, and sessions for pages that come back.

A session is a signed text with a time, so nothing is stored and every instance with the same secret takes it.
"""

import asyncio
import hashlib
import hmac
import inspect
import logging
import math
import secrets
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from protocol.errors import Refused
from protocol.server.scheduling.networks import network_of
from protocol.server.socketio.socket import Socket

log = logging.getLogger(__name__)

Check: TypeAlias = Callable[[Socket], bool | Awaitable[bool]]
Auth: TypeAlias = Mapping[str, str] | Check | Literal[False]

SESSION_SECONDS = 86_400
FAILED_AT_ONCE = 5  # attempts of a network
FAILED_EVERY = 30.0  # seconds for one more
MAX_NETWORKS = 10_000  # that are remembered
MAX_WAITING = 16  # attempts, for the one thread that hashes
MAX_CREDENTIAL = 1_024  # characters

# The page knows this text, and asks for the credentials again.
INVALID: Final = "invalid credentials"
NONE_GIVEN: Final = "sign in to see this server"

SIGNED_IN: Mapping[str, Any] = MappingProxyType({"signedIn": "with credentials"})
CAME_BACK: Mapping[str, Any] = MappingProxyType({"signedIn": "with a session"})


class Attempts:
    """Failed attempts of each network: a few at once, then one every half minute. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._full_at: OrderedDict[str, float] = OrderedDict()  # when all attempts are there again

    def take(self, network: str) -> None:
        """Count an attempt. Raises `Refused` for one too many."""
        now = self._now()
        full_at = max(self._full_at.get(network, now), now) + FAILED_EVERY
        wait = full_at - now - FAILED_AT_ONCE * FAILED_EVERY
        if wait > 0:
            raise Refused(f"too many attempts, try again in {math.ceil(wait)} s")
        self._full_at[network] = full_at
        self._full_at.move_to_end(network)
        if len(self._full_at) > MAX_NETWORKS:
            self._full_at.popitem(last=False)

    def give_back(self, network: str) -> None:
        """An attempt was none: it succeeded."""
        if network in self._full_at:
            self._full_at[network] -= FAILED_EVERY


class Sessions:
    """Signed sessions. They end after a day, and with the secret or the password."""

    def __init__(self, secret: str, now: Callable[[], float] = time.time) -> None:
        self._key = hashlib.sha256(f"admin ui: {secret}".encode()).digest()
        self._now = now

    def issue(self) -> str:
        """A new session."""
        text = f"{int(self._now()) + SESSION_SECONDS}.{secrets.token_urlsafe(9)}"
        return f"{text}.{self._signature(text)}"

    def is_valid(self, session: object) -> bool:
        """True for a session that was issued and has not expired."""
        if not isinstance(session, str) or len(session) > MAX_CREDENTIAL:
            return False
        text, _, signature = session.rpartition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._signature(text).encode()):
            return False
        return int(text.partition(".")[0]) > self._now()

    def _signature(self, text: str) -> str:
        digest = hmac.digest(self._key, text.encode("utf-8", "replace"), "sha256")
        return urlsafe_b64encode(digest).decode().rstrip("=")


class PasswordCheck:
    """Compares with one name and the argon2 hash of one password, in a thread, one at a time. The work is the same for
    a wrong name. Raises `ValueError` for what is no such hash."""

    def __init__(self, credential: Mapping[str, str]) -> None:
        import argon2  # not needed by servers without an admin UI

        if credential.keys() != {"username", "password"}:
            raise ValueError("auth must have username and password, and nothing else")
        self._name = credential["username"].encode()
        self._hash = credential["password"]
        try:
            argon2.extract_parameters(self._hash)
        except argon2.exceptions.InvalidHashError as error:
            raise ValueError("the password of auth must be an argon2 hash") from error
        self._hasher = argon2.PasswordHasher()
        self._mismatch = argon2.exceptions.VerificationError
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def __call__(self, socket: Socket) -> bool:
        """True if a client has given the name and the password. Raises `Refused` where too many wait."""
        name, password = (_text(socket.handshake.auth.get(key)) for key in ("username", "password"))
        if self._waiting >= MAX_WAITING:
            raise Refused("too many attempts at once, try again")
        self._waiting += 1
        try:
            async with self._turn:
                fits = await asyncio.to_thread(self._verify, password)
        finally:
            self._waiting -= 1
        return hmac.compare_digest(name.encode("utf-8", "replace"), self._name) and fits

    def _verify(self, password: str) -> bool:
        try:
            return self._hasher.verify(self._hash, password.encode("utf-8", "replace"))
        except self._mismatch:
            return False


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_CREDENTIAL else ""


class SignIn:
    """The middleware of the admin namespace. Raises `ValueError` for an `auth` that is none."""

    def __init__(self, auth: Auth, secret: str | None) -> None:
        self._attempts = Attempts()
        self._check: Check | None = None
        if isinstance(auth, Mapping):
            self._check = PasswordCheck(auth)
        elif callable(auth):
            self._check = auth
        elif auth is False:
            log.warning("the admin UI is open to anyone who can reach this server")
        else:
            raise ValueError("auth must be a username and a password, a function, or explicitly False")
        if secret is not None and len(secret) < 16:
            raise ValueError("the secret of sessions must have at least 16 characters")
        password = auth["password"] if isinstance(auth, Mapping) else ""
        self._sessions = Sessions(f"{secret or secrets.token_urlsafe(32)} {password}")

    async def __call__(self, socket: Socket) -> None:
        """Let an operator in. Raises `Refused`."""
        given = socket.handshake.auth
        if self._check is None:
            came: Mapping[str, Any] = MappingProxyType({})
        elif self._sessions.is_valid(given.get("sessionId")):
            came = CAME_BACK
        else:
            await self._sign_in(self._check, socket, given)
            came = SIGNED_IN
        socket.handshake.auth = came  # a password is not kept, nor told to other servers

    def new_session(self, socket: Socket) -> str | None:
        """A session for a page that has signed in with credentials."""
        return self._sessions.issue() if socket.handshake.auth == SIGNED_IN else None

    async def _sign_in(self, check: Check, socket: Socket, given: Mapping[str, Any]) -> None:
        address = socket.handshake.address
        if not given.get("username") and not given.get("password"):
            raise Refused(INVALID if given.get("sessionId") else NONE_GIVEN)
        network = network_of(address)
        self._attempts.take(network)
        fits = check(socket)
        if inspect.isawaitable(fits):
            fits = await fits
        if fits is not True:
            log.warning("someone at %s failed to sign in to the admin UI", address)
            raise Refused(INVALID)
        self._attempts.give_back(network)
        log.info("an operator at %s has signed in to the admin UI", address)
