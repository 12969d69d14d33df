"""All SQL of the chat but the migrations: one function a statement, the statement visible in it.

Every function takes the `Queries` to run on: a `Database` for a statement on its own, or what
`Database.transaction` gives to its work. The types of rows (`app.db.rows`) stand beside their statements. Times are
PostgreSQL's. The parts of the chat import it. It imports its own folders.
"""

from app.store.administration import (
    account_states,
    administered_rooms,
    audit_log,
    deleted_accounts,
    erasure,
    figures,
    sign_up_invitations,
)
from app.store.conversations import (
    announced_changes,
    direct,
    invitations,
    members,
    preferences,
    public_rooms,
    read_marks,
    rooms,
    thread_followers,
)
from app.store.kept import link_previews, message_edits, pins, saved_messages
from app.store.log import files, mentions, messages, reactions, room_log, threads
from app.store.notifications import notification_settings, notifications_due, push_subscriptions
from app.store.people import (
    accounts,
    blocks,
    known_networks,
    presence,
    privacy,
    profiles,
    sessions,
    tokens,
)
from app.store.search import message_words, name_words, words_to_make

__all__ = [
    "account_states",
    "accounts",
    "administered_rooms",
    "announced_changes",
    "audit_log",
    "blocks",
    "deleted_accounts",
    "direct",
    "erasure",
    "figures",
    "files",
    "invitations",
    "known_networks",
    "link_previews",
    "members",
    "mentions",
    "message_edits",
    "message_words",
    "messages",
    "name_words",
    "notification_settings",
    "notifications_due",
    "pins",
    "preferences",
    "presence",
    "privacy",
    "profiles",
    "public_rooms",
    "push_subscriptions",
    "reactions",
    "read_marks",
    "room_log",
    "rooms",
    "saved_messages",
    "sessions",
    "sign_up_invitations",
    "thread_followers",
    "threads",
    "tokens",
    "words_to_make",
]
