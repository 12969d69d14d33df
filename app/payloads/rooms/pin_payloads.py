"""The payloads about pinned messages."""

from typing import Annotated

from msgspec import Meta

from app.payloads.fields.field_types import Cursor, Id, PageSize
from app.payloads.requests import RoomRef
from app.payloads.responses import Message, Sent, Time, UserRef

MOST_PINS = 50  # of a room


class ListPins(RoomRef, frozen=True):
    """`after` is the `next` of another page."""

    after: Cursor | None = None
    limit: PageSize = 50


class OrderPins(RoomRef, frozen=True):
    """All pinned messages of the room by their ids, in their new order."""

    message_ids: Annotated[list[Id], Meta(max_length=MOST_PINS, extra_json_schema={"uniqueItems": True})]

    def __post_init__(self) -> None:
        if len(set(self.message_ids)) < len(self.message_ids):
            raise ValueError("field `messageIds` must not name a message twice")


class PinnedMessage(Sent, frozen=True):
    """A pinned message, and by whom and since when it is pinned."""

    message: Message
    pinned_by: UserRef
    pinned_at: Time


class PinnedMessages(Sent, frozen=True):
    """A page of pinned messages in their order; `next` is the `after` of the next one, null at the end."""

    pins: list[PinnedMessage]
    next: str | None
