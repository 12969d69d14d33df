"""The deletion of an account by its user: at once what opens it and names it, the rest by `AccountSweeper`."""

import secrets

from app import store
from app.accounts.auth import MISMATCH, Auth
from app.accounts.sessions.sign_out import SignOuts
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.accounts.account_requests import DeleteAccount
from protocol import network_of

DELETED = "This account was deleted"
DELETED_NAME = "Deleted user"


class AccountDeletion:
    """Deletes accounts."""

    def __init__(self, db: Database, auth: Auth, sign_outs: SignOuts) -> None:
        self._db = db
        self._auth = auth
        self._sign_outs = sign_outs

    async def delete_account(self, caller: Caller, payload: DeleteAccount) -> None:
        """Deletes the account of the user, for good; all their sessions end.

        They leave all rooms, and their files go, soon after. Their messages stay under the name "Deleted user", or
        become tombstones, as the server's setting says. Others may take the username. Refused: `forbidden` for a wrong
        password; `rate_limited` after many of these; `unavailable`.
        """
        user_id = caller.user_id
        with self._auth.attempt(network_of(caller.address)):
            before = await self._auth.confirmed(user_id, payload.credential)
            unusable = await self._auth.hashed(secrets.token_hex())

        async def work(q: Queries) -> None:
            await store.accounts.lock(q, user_id)
            if (
                await store.accounts.find_credential(q, user_id) != before
            ):  # it was changed, or the account deleted
                raise Refusal("forbidden", MISMATCH)
            await store.deleted_accounts.begin(
                q,
                user_id,
                username=f"deleted-{secrets.token_hex(8)}",
                display_name=DELETED_NAME,
                unusable=unusable,
            )

        await self._db.transaction(work)
        await self._sign_outs.end_sessions(user_id, DELETED)
