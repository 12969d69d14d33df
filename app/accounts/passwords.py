"""Passwords that users change, and those that an administrator lets them reset.

A new password ends all sessions of its user but the one that asked, which gets a new token in the same answer. The
attempts to guess the present password are counted by user: a token that was stolen does not make guessing fast.
"""

from app import store
from app.accounts.auth import FAILED, MISMATCH, Auth
from app.accounts.sessions.sign_out import SignOuts
from app.accounts.sign_ups import token_hash
from app.core.caller import Caller
from app.core.errors import refuse
from app.db.database import Database
from app.limits.rate_limits import Limits
from app.payloads.accounts.account_requests import ChangePassword, ResetPassword
from app.payloads.responses import Session
from protocol import network_of

CHANGED = "The password was changed: sign in with the new one"
OBSOLETE = "This link has expired or was used: ask an administrator for another one"


class Passwords:
    """Changes of passwords."""

    def __init__(self, db: Database, auth: Auth, sign_outs: SignOuts, limits: Limits) -> None:
        self._db = db
        self._auth = auth
        self._sign_outs = sign_outs
        self._limits = limits

    async def change_password(self, caller: Caller, payload: ChangePassword) -> Session:
        """Changes the password of the user, ends all their sessions, and opens a new one.

        Sockets of other tokens get `unauthenticated` and are disconnected. Those of the token that is presented stay
        for a minute at most: authenticate them with the new token. Device tokens of before are ignored from now on.
        Refused: `forbidden` for a wrong password; `rate_limited` after many of these; `unavailable`.
        """
        user_id, network = caller.user_id, network_of(caller.address)
        with self._auth.attempt(network):
            before = await self._auth.confirmed(user_id, payload.credential)
            credential = await self._auth.hashed(payload.new_credential)
        row = await store.accounts.change_credential(
            self._db, user_id, before=before, credential=credential
        ) or refuse("forbidden", MISMATCH)
        self._limits.give_back("credential", user_id, FAILED - 1)
        kept = None if caller.token is None else caller.token.id
        await self._sign_outs.end_sessions(user_id, CHANGED, except_token=kept)
        return await self._auth.session(row, caller)

    async def reset_password(self, caller: Caller, payload: ResetPassword) -> Session:
        """Sets the password with the token that an administrator gave, once. Ends all sessions, and opens a new one.

        Refused: `forbidden` for a token that has expired, was used or is none, and for a deactivated user;
        `rate_limited`; `unavailable`.
        """
        network, token = network_of(caller.address), token_hash(payload.token)
        with self._auth.attempt(network):
            await self._limits.take("sign_in", network, FAILED)
            await store.account_states.has_reset(self._db, token) or refuse("forbidden", OBSOLETE)
            credential = await self._auth.hashed(payload.credential)
        row = await store.account_states.reset(self._db, token_hash=token, credential=credential) or refuse(
            "forbidden", OBSOLETE
        )
        self._limits.give_back("sign_in", network, FAILED - 1)
        await self._sign_outs.end_sessions(row.id, CHANGED)
        return await self._auth.session(row, caller)
