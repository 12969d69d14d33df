"""Accounts: passwords, and the users that tokens name.

An attempt to sign in is counted where the owner of the name stays apart from strangers who guess:

- one with a device token of that name in the bucket of that device, and in no other;
- any other in the bucket of its network (`SIGN_IN_RATE`) and in that of the name in that network; and, unless the
  owner of the name has signed in from that network before, in the one that the name has for all strangers
  (`SIGN_IN_RATE_OF_NAME`).

So a stranger who guesses from elsewhere takes nothing from the owner, and each of these buckets is slow by itself. The
buckets are the same, and so is the work, whether or not there is such a name.
"""

from contextlib import AbstractContextManager
from functools import partial

import argon2
import uuid_utils

from app import store
from app.accounts.hash_queue import HashQueue
from app.accounts.sessions.device_tokens import Device, DeviceTokens
from app.accounts.sessions.open_sessions import SessionList
from app.accounts.sessions.sign_out import DEACTIVATED
from app.accounts.sessions.tokens import NOT_SIGNED_IN, Tokens
from app.accounts.sign_ups import ANYBODY, NOT_OPEN, Entered, SignUps, token_hash
from app.core.caller import Caller, Token
from app.core.errors import Refusal, refuse
from app.core.shared_reads import SharedRead
from app.db.database import Database
from app.db.queries import Queries
from app.limits.rate_limits import LimitKind, Limits, name_key
from app.payloads.accounts.account_requests import SignIn, SignUp
from app.payloads.from_rows import user_of
from app.payloads.requests import Nothing
from app.payloads.responses import PresenceOf, Session, SignUpPolicy, User
from app.search.names import name_vector
from app.store.administration.sign_up_invitations import OpenInvitationRow
from app.store.people.accounts import AccountRow, SessionAccountRow
from protocol import network_of

# What OWASP recommends for argon2id: 19 MiB of memory, 2 passes, 1 lane. About 80 ms of one core.
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

MISMATCH = "The current password is wrong"
FAILED = 3  # tokens that a failed attempt to sign in costs; a successful one costs a single one

TAKEN = "This username is taken, or looks like one that is"
NO_ADMINISTRATOR = "Only administrators of this server may do this"
WRONG_CREDENTIALS = "The username or the password is wrong"


class Auth:
    """Signs users up and in, and finds the user of a token."""

    def __init__(
        self,
        db: Database,
        tokens: Tokens,
        devices: DeviceTokens,
        limits: Limits,
        presence: PresenceOf,
        sign_ups: SignUps = ANYBODY,
    ) -> None:
        self._sign_ups = sign_ups
        self._db = db
        self._presence = presence
        self._tokens = tokens
        self._devices = devices
        self._limits = limits
        self.sessions = SessionList(db)
        self._validity = SharedRead(self._valid_among)
        self._queue = HashQueue()
        self._decoy = HASHER.hash("nobody's password")

    async def sign_up(self, caller: Caller, payload: SignUp) -> Session:
        """Makes an account and opens a session. The user enters the default rooms, and those of an invitation.

        The first account of an installation is its administrator.

        Refused: `conflict` when the name is taken, in any case, or looks like one that is (`paypa1`, `paypal`);
        `forbidden` where nobody may sign up, or only with an invitation, and for an invitation that is not open;
        `rate_limited`; `unavailable`.
        """
        self._sign_ups.check(payload.invitation)
        network = network_of(caller.address)
        with self._queue.entry(network):
            await self._limits.take("sign_up", network)
            invitation = await self._invitation(payload.invitation)
            credential = await self.hashed(payload.credential)
        row, entered = await self._db.transaction(partial(self._make, payload, credential, invitation))
        await self._sign_ups.announce(entered)
        return await self.session(row, caller)

    async def sign_up_policy(self, _: Caller, __: Nothing) -> SignUpPolicy:
        """Tells who may sign up."""
        return SignUpPolicy(policy=self._sign_ups.policy)

    async def _invitation(self, token: str | None) -> OpenInvitationRow | None:
        if token is None:
            return None
        row = await store.sign_up_invitations.find_open(self._db, token_hash(token))
        return row or refuse("forbidden", NOT_OPEN)

    async def _make(
        self, payload: SignUp, credential: str, invitation: OpenInvitationRow | None, q: Queries
    ) -> tuple[SessionAccountRow, list[Entered]]:
        user_id = str(uuid_utils.uuid7())
        wanted = {
            *await store.administered_rooms.default_ids(q),
            *(invitation.room_ids if invitation else ()),
        }
        rooms = await store.rooms.lock_all(q, sorted(wanted)) if wanted else []
        if invitation is not None and not await store.sign_up_invitations.use(q, invitation.id):
            raise Refusal("forbidden", NOT_OPEN)
        row = await store.accounts.insert(
            q,
            user_id=user_id,
            username=payload.username,
            display_name=payload.display_name,
            credential=credential,
            words=name_vector(payload.username, payload.display_name),
            is_administrator=await store.accounts.is_first(q),
        ) or refuse("conflict", TAKEN)
        return row, await self._sign_ups.enter(q, user_id, rooms)

    async def sign_in(self, caller: Caller, payload: SignIn) -> Session:
        """Opens a session. With the `deviceToken` of an earlier one, the attempts of others do not keep this one out.

        Refused: `unauthenticated`, the same after the same work, for a wrong name or password; `forbidden` for a
        deactivated account, to whoever has its password; `rate_limited`, the same for names that there are and are
        not; `unavailable`.
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
            fits = await self.fits(credential, payload.credential.value)
        if row is None or not fits:
            raise Refusal("unauthenticated", WRONG_CREDENTIALS)
        if row.is_deactivated:
            raise Refusal("forbidden", DEACTIVATED)
        for kind, key in taken:
            self._limits.give_back(kind, key, FAILED - 1)
        return await self.session(row, caller, device)

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

    async def administrator(self, user_id: str) -> str:
        """The username of an administrator. Raises Refusal: `forbidden` for everybody else."""
        row = await store.accounts.find(self._db, user_id)
        if row is None or not row.is_administrator:
            raise Refusal("forbidden", NO_ADMINISTRATOR)
        return row.username

    def verify(self, token: str | None) -> Token:
        """The claims of a token, unless it was revoked, which `check` knows. Raises Refusal: `unauthenticated`."""
        return self._tokens.verify(token)

    async def check(self, token: Token) -> None:
        """Raises Refusal: `unauthenticated` for a token that was revoked."""
        if not await self._validity.of(token):
            raise Refusal("unauthenticated", NOT_SIGNED_IN)
        self.sessions.use(token)

    async def _valid_among(self, tokens: list[Token]) -> dict[Token, bool]:
        invalid = await store.tokens.invalid_among(
            self._db,
            token_ids=[token.id for token in tokens],
            user_ids=[token.user_id for token in tokens],
            generations=[token.generation for token in tokens],
        )
        return {token: token.id not in invalid for token in tokens}

    def attempt(self, network: str) -> AbstractContextManager[None]:
        """Holds a place among those whose passwords are hashed. Raises Refusal: `unavailable`."""
        return self._queue.entry(network)

    async def hashed(self, password: str) -> str:
        """The hash of a new password, within an `attempt`."""
        return await self._queue.run(partial(HASHER.hash, password))

    async def fits(self, credential: str, password: str) -> bool:
        """True if a hash is that of a password, within an `attempt`."""
        return await self._queue.run(partial(_fits, credential, password))

    async def confirmed(self, user_id: str, password: str) -> str:
        """The stored hash of the password with which a user confirms an act, within an `attempt`.

        Raises Refusal: `unauthenticated` without such an account, `forbidden` for a wrong password, `rate_limited`
        after many of these.
        """
        await self._limits.take("credential", user_id, FAILED)
        credential = await store.accounts.find_credential(self._db, user_id)
        if credential is None:
            raise Refusal("unauthenticated", NOT_SIGNED_IN)
        if not await self.fits(credential, password):
            raise Refusal("forbidden", MISMATCH)
        return credential

    async def session(self, row: SessionAccountRow, caller: Caller, device: Device | None = None) -> Session:
        """A session, of a known device or a new one, from a network that is known from now on."""
        place = self._devices.place(row.username, network_of(caller.address))
        await store.known_networks.remember(self._db, user_id=row.id, place=place)
        token = self._tokens.issue(row.id, row.token_generation)
        await self.sessions.begin(self._tokens.verify(token), caller.agent)
        return Session(
            token=token,
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
