"""Finding people."""

from app import store
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.payloads.accounts.account_requests import SearchUsers
from app.payloads.fields.validation import is_id
from app.payloads.from_rows import user_ref_of
from app.payloads.responses import UserRef
from app.search.folding import fold
from app.search.names import name_asked
from app.store.people.accounts import UserRow


class UserSearch:
    """All accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def search(self, _: Caller, payload: SearchUsers) -> list[UserRef]:
        """Users by their usernames and display names; oneself is among them. Without a query, all users by username.

        Each word of the query is a part of a name, in any case and with any accents. Users whose usernames begin with
        the query come first, each group by username. `after` goes on behind a user. Refused: `not_found` for an
        unknown `after`.
        """
        after, limit = payload.after, payload.limit
        place = await self._place(after) if after is not None else None
        if payload.query is None:
            rows = await store.name_words.listed_users(self._db, after=after, limit=limit)
        else:
            rows = await self._named(payload.query, place, limit)
        return [user_ref_of(row, row.id) for row in rows]

    async def _place(self, after: str) -> UserRow:
        row = await store.accounts.find(self._db, after) if is_id(after) else None
        if row is None:
            raise Refusal("not_found", "There is no such user to go on behind")
        return UserRow(row.id, row.username, row.display_name, row.avatar)

    async def _named(self, query: str, after: UserRow | None, limit: int) -> list[UserRow]:
        beginning, asked = query.strip(), name_asked(query)
        rows: list[UserRow] = []
        after_id = after.id if after is not None else None
        if after is None or after.username.lower().startswith(beginning.lower()):
            rows = await store.accounts.with_beginning(self._db, beginning, after=after_id, limit=limit)
            after_id = None
        if len(rows) < limit and asked is not None:
            rows += await store.name_words.users_with_part(
                self._db, asked, beginning=beginning, after=after_id, limit=limit - len(rows)
            )
        return rows


async def ids_named(db: Database, name: str) -> list[str]:
    """The user with a username, in any case, or else those whose names have all words of it, up to 20."""
    user_id = await store.accounts.find_by_name(db, name)
    if user_id is not None:
        return [user_id]
    asked = name_asked(name)
    if asked is None:
        return []
    rows = await store.name_words.users_with_part(db, asked, beginning=" ", after=None, limit=20)
    exact = [row.id for row in rows if fold(row.display_name or "") == fold(name)]
    return exact or [row.id for row in rows]
