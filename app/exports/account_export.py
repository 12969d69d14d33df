"""All that the chat keeps of one user, as one JSON object that is written as it is read."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec

from app import store
from app.accounts.blocks import block_of
from app.accounts.privacy import privacy_of
from app.accounts.profiles import profile_of
from app.accounts.sessions.open_sessions import session_of
from app.db.queries import Queries
from app.notifications.preferences import settings_of
from app.payloads.accounts.account_requests import OpenSession
from app.payloads.from_rows import attachment_of, message_of, room_of, user_of
from app.payloads.notification_payloads import NotificationSettings
from app.payloads.preference_requests import Block, Privacy
from app.payloads.profile_payloads import Profile
from app.payloads.responses import Attachment, Message, Room, Sent, User
from app.payloads.room_changes import EarlierText

PAGE = 100  # rows read at a time
IDS = 5_000  # of messages, read at a time
MOST_SESSIONS = 1_000

Pages = AsyncIterator[object]


class OwnEarlierText(EarlierText, frozen=True):
    """An earlier text of one of the user's messages."""

    message_id: str


class AccountExport(Sent, frozen=True):
    """All that is kept of a user; `messages` are those that are not deleted, the oldest first.

    `saved_messages` has the ids of the messages that the user has saved, `edits` the earlier texts of the user's own.
    """

    account: User
    profile: Profile
    privacy: Privacy
    notifications: NotificationSettings
    sessions: list[OpenSession]
    rooms: list[Room]
    blocks: list[Block]
    files: list[Attachment]
    messages: list[Message]
    saved_messages: list[str]
    edits: list[OwnEarlierText]


async def account_export(q: Queries, user_id: str) -> AsyncIterator[bytes]:
    """An `AccountExport`, piece by piece."""
    account = await store.accounts.find(q, user_id)
    profile = await store.profiles.find(q, user_id)
    assert account is not None, "it has a token"
    assert profile is not None, "it has a token"
    sessions = await store.sessions.of_user(q, user_id, limit=MOST_SESSIONS)
    yield msgspec.json.encode(
        {
            "account": user_of(account, is_online=False),
            "profile": profile_of(profile),
            "privacy": privacy_of(await store.privacy.settings(q, user_id)),
            "notifications": settings_of(await store.notification_settings.settings(q, user_id)),
            "sessions": [session_of(row, current=None) for row in sessions],
            "rooms": list(map(room_of, await store.rooms.of_user(q, user_id))),
            "savedMessages": await store.saved_messages.ids(q, user_id),
        }
    ).removesuffix(b"}")
    for name, items in (
        ("blocks", _blocks(q, user_id)),
        ("files", _files(q, user_id)),
        ("messages", _messages(q, user_id)),
        ("edits", _edits(q, user_id)),
    ):
        yield b',"' + name.encode() + b'":['
        separator = b"\n"
        async for item in items:
            yield separator + msgspec.json.encode(item)
            separator = b",\n"
        yield b"]"
    yield b"}\n"


async def _blocks(q: Queries, user_id: str) -> Pages:
    async for row in _pages(
        lambda after: store.blocks.listed(q, user_id, after=after, limit=PAGE), lambda row: row.user_id
    ):
        yield block_of(row)


async def _files(q: Queries, user_id: str) -> Pages:
    async for row in _pages(
        lambda after: store.files.of_owner(q, user_id, after=after or "", limit=PAGE), lambda row: row.id
    ):
        yield attachment_of(row)


async def _messages(q: Queries, user_id: str) -> Pages:
    """The messages of a user, the oldest first."""
    after = ""
    while ids := await store.messages.ids_of_sender(q, user_id, after=after, limit=IDS):
        for first in range(0, len(ids), PAGE):
            rows = await store.room_log.shown(q, ids[first : first + PAGE])
            for row in sorted(rows, key=lambda row: row.id):
                if row.deleted_at is None:
                    yield message_of(row)
        after = ids[-1]


async def _edits(q: Queries, user_id: str) -> Pages:
    async for row in _pages(
        lambda after: store.message_edits.of_sender(q, user_id, after=after or "", limit=PAGE),
        lambda row: row.id,
    ):
        yield OwnEarlierText(message_id=row.message_id, content=row.content, written_at=row.written_at)


async def _pages(
    read: Callable[[str | None], Awaitable[Sequence[Any]]], cursor: Callable[[Any], str]
) -> AsyncIterator[Any]:
    """The rows of all pages, each read after the last row of the page before."""
    after = None
    while rows := await read(after):
        for row in rows:
            yield row
        after = cursor(rows[-1])
