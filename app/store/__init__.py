"""All SQL of the chat but the migrations: one function a statement, the statement visible in it.

Every function takes the `Queries` to run on: a `Database` for a statement on its own, or what
`Database.transaction` gives to its work. Times are PostgreSQL's.
"""

from app.store import (
    accounts,
    blocks,
    direct,
    files,
    invitations,
    known_networks,
    members,
    mentions,
    messages,
    preferences,
    presence,
    privacy,
    reactions,
    rooms,
    tokens,
)
from app.store import room_log as log

__all__ = [
    "accounts",
    "blocks",
    "direct",
    "files",
    "invitations",
    "known_networks",
    "log",
    "members",
    "mentions",
    "messages",
    "preferences",
    "presence",
    "privacy",
    "reactions",
    "rooms",
    "tokens",
]
