"""All SQL of the chat but the migrations: one function a statement, the statement visible in it.

Every function takes the `Queries` to run on: a `Database` for a statement on its own, or what
`Database.transaction` gives to its work. The types of rows (`app.db.rows`) stand beside their statements. Times are
PostgreSQL's. The parts of the chat import it. It imports its own folders.
"""

from app.store.conversations import direct, invitations, members, preferences, rooms
from app.store.log import files, mentions, messages, reactions, room_log
from app.store.people import accounts, blocks, known_networks, presence, privacy, tokens

__all__ = [
    "accounts",
    "blocks",
    "direct",
    "files",
    "invitations",
    "known_networks",
    "members",
    "mentions",
    "messages",
    "preferences",
    "presence",
    "privacy",
    "reactions",
    "room_log",
    "rooms",
    "tokens",
]
