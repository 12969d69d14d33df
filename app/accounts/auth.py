"""Accounts: passwords, and the users that tokens name.

An attempt to sign in is counted where the owner of the name stays apart from strangers who guess:

- one with a device token of that name in the bucket of that device, and in no other;
- any other in the bucket of its network (`SIGN_IN_RATE`) and in that of the name in that network; and, unless the
  owner of the name has signed in from that network before, in the one that the name has for all strangers
  (`SIGN_IN_RATE_OF_NAME`).

So a stranger who guesses from elsewhere takes nothing from the owner, and each of these buckets is slow by itself. The
buckets are the same, and so is the work, whether or not there is such a name.
"""

from functools import partial

import argon2
import uuid_utils

from app import store
from app.accounts.device_tokens import Device, DeviceTokens
from app.accounts.hash_queue import HashQueue
from app.accounts.tokens import NOT_SIGNED_IN, Tokens
from app.core.caller import Caller, Token
from app.core.errors import Refusal
from app.db.database import Database
from app.limits.rate_limits import LimitKind, Limits, name_key
from app.payloads.account_requests import SignIn, SignUp
from app.payloads.from_rows import user_of
from app.payloads.requests import Nothing
from app.payloads.responses import PresenceOf, Session, User
from app.store.people.accounts import AccountRow, SessionAccountRow
from protocol import network_of

# What OWASP recommends for argon2id: 19 MiB of memory, 2 passes, 1 lane. About 80 ms of one core.
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

FAILED = 3  # tokens that a failed attempt to sign in costs; a successful one costs a single one

TAKEN = "This username is taken, or looks like one that is"
WRONG_CREDENTIALS = "The username or the password is wrong"


class Auth:
    """Signs users up and in, and finds the user of a token."""

    def __init__(
        self, db: Database, tokens: Tokens, devices: DeviceTokens, limits: Limits, presence: PresenceOf
    ) -> None:
        self._db = db
        self._presence = presence
        self._tokens = tokens
        self._devices = devices
        self._limits = limits
        self._queue = HashQueue()
        self._decoy = HASHER.hash("nobody's password")

    async def sign_up(self, caller: Caller, payload: SignUp) -> Session:
        """Makes an account and opens a session.

        Refused: `conflict` when the name is taken, in any case, or looks like one that is (`paypa1`, `paypal`);
        `rate_limited`; `unavailable`.
        """
        network = network_of(caller.address)
        with self._queue.entry(network):
            await self._limits.take("sign_up", network)
            credential = await self._queue.run(partial(HASHER.hash, payload.credential))
        row = await store.accounts.insert(
            self._db,
            user_id=str(uuid_utils.uuid7()),
            username=payload.username,
            display_name=payload.display_name,
            credential=credential,
        )
        if row is None:
            raise Refusal("conflict", TAKEN)
        return await self._session(row, network, None)

    async def sign_in(self, caller: Caller, payload: SignIn) -> Session:
        """Opens a session. With the `deviceToken` of an earlier one, the attempts of others do not keep this one out.

        Refused: `unauthenticated`, the same after the same work, for a wrong name or password; `rate_limited`, the same
        for names that there are and are not; `unavailable`.
        """
        name, network = payload.identifier.value, network_of(caller.address)
        device = self._devices.verify(payload.device_token, name)
        taken: list[tuple[LimitKind, str]] = []
        with self._queue.entry(network, known_device=device is not None):
            await self._take(taken, *(("sign_in", network) if device is None else ("device", device.id)))
            row = None if "\0" in name else await store.accounts.find_with_credential(self._db, name)
            if device is not None and not _is_of(device, row):
                device = None
                await self._take(taken, "sign_in", network)
            if device is None:
                await self._take_of_name(taken, name, network)
            credential = self._decoy if row is None else row.credential
            fits = await self._queue.run(partial(_fits, credential, payload.credential.value))
        if row is None or not fits:
            raise Refusal("unauthenticated", WRONG_CREDENTIALS)
        for kind, key in taken:
            self._limits.give_back(kind, key, FAILED - 1)
        return await self._session(row, network, device)

    async def _take_of_name(self, taken: list[tuple[LimitKind, str]], name: str, network: str) -> None:
        place = self._devices.place(name, network)
        await self._take(taken, "place", place)
        if not await store.known_networks.is_known(self._db, place):
            await self._take(taken, "username", name_key(name))

    async def _take(self, taken: list[tuple[LimitKind, str]], kind: LimitKind, key: str) -> None:
        await self._limits.take(kind, key, FAILED)
        taken.append((kind, key))

    async def who_am_i(self, caller: Caller, _: Nothing) -> User:
        """The user whose token it is."""
        row = await store.accounts.find(self._db, caller.user_id)
        if row is None:
            raise Refusal("unauthenticated", NOT_SIGNED_IN)
        return await self._user(row)

    def verify(self, token: str | None) -> Token:
        """The claims of a token, unless it was revoked, which `check` knows. Raises Refusal: `unauthenticated`."""
        return self._tokens.verify(token)

    async def check(self, token: Token) -> None:
        """Raises Refusal: `unauthenticated` for a token that was revoked."""
        if not await store.tokens.is_good(
            self._db, token_id=token.id, user_id=token.user_id, generation=token.generation
        ):
            raise Refusal("unauthenticated", NOT_SIGNED_IN)

    async def _session(self, row: SessionAccountRow, network: str, device: Device | None) -> Session:
        """A session, of a known device or a new one, from a network that is known from now on."""
        place = self._devices.place(row.username, network)
        await store.known_networks.remember(self._db, user_id=row.id, place=place)
        return Session(
            token=self._tokens.issue(row.id, row.token_generation),
            device_token=self._devices.issue(
                row.id, row.username, row.token_generation, None if device is None else device.id
            ),
            user=await self._user(row),
        )

    async def _user(self, row: AccountRow) -> User:
        present = (await self._presence([row.id])).get(row.id)
        return user_of(row, is_online=present is not None and present.status == "online")


def _fits(credential: str, password: str) -> bool:
    try:
        return HASHER.verify(credential, password)
    except argon2.exceptions.VerifyMismatchError:
        return False


def _is_of(device: Device, row: SessionAccountRow | None) -> bool:
    """True if a device is one of the account's, and has not been signed out with all others."""
    return row is not None and device.user_id == row.id and device.generation == row.token_generation
