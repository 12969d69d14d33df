"""Finding people."""

from app import store
from app.account_payloads import SearchUsers
from app.caller import Caller
from app.db import Database
from app.rows import user_ref_of
from app.views import UserRef


class People:
    """Everybody who has an account."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def search(self, _: Caller, payload: SearchUsers) -> list[UserRef]:
        """People whose usernames begin with the query in any case, by name; oneself is among them."""
        rows = await store.accounts.search(self._db, payload.query, payload.limit)
        return [user_ref_of(row, row["id"]) for row in rows]
