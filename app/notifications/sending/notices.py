"""What a notification says of a message: as much as its user lets it, within 3,000 bytes."""

from typing import Any

import msgspec

from app.notifications.sending.message_encryption import MOST_TEXT
from app.notifications.sending.plain_text import plain_text
from app.store.notifications.notifications_due import NoticeRow

MOST_NAME = 100  # characters
MOST_WORDS = 500  # characters of a text


def content_of(row: NoticeRow, *, message_id: str, user_id: str, kind: str) -> dict[str, Any]:
    """The fields of a notification: where the message is, and of its sender, room and text what the user chose."""
    content: dict[str, Any] = {
        "messageId": message_id,
        "roomId": row.room_id,
        "userId": user_id,
        "seq": row.seq,
        "kind": kind,
        "createdAt": row.created_at,
    }
    if row.shows != "none":
        content["sender"] = {"id": row.sender_id, "name": row.sender_name[:MOST_NAME]}
        content["room"] = None if row.room_name is None else row.room_name[:MOST_NAME]
    if row.shows == "text":
        content["text"] = shortened(plain_text(row.content), MOST_WORDS)
    return content


def packed(content: dict[str, Any]) -> bytes:
    """A notification as JSON of at most `MOST_TEXT` bytes: its text is shortened where it does not fit."""
    data = msgspec.json.encode(content)
    while len(data) > MOST_TEXT:
        text = content["text"]
        content = {**content, "text": shortened(text, max(1, len(text) * MOST_TEXT // len(data) - 10))}
        data = msgspec.json.encode(content)
    return data


def shortened(text: str, most: int) -> str:
    """At most so many characters of a text, with an ellipsis where there are more."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
