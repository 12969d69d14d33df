"""Finding people."""

from app import store
from app.core.caller import Caller
from app.db.database import Database
from app.payloads.account_requests import SearchUsers
from app.payloads.from_rows import user_ref_of
from app.payloads.responses import UserRef


class UserSearch:
    """All accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def search(self, _: Caller, payload: SearchUsers) -> list[UserRef]:
        """Users whose usernames begin with the query in any case, by name; oneself is among them."""
        rows = await store.accounts.search(self._db, payload.query, payload.limit)
        return [user_ref_of(row, row.id) for row in rows]
