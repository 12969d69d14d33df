"""The payloads about links that lead into a room."""

from typing import Annotated

from msgspec import Meta

from app.payloads.fields.field_types import Id, Received
from app.payloads.requests import RoomRef
from app.payloads.responses import Sent, Time, UserRef

MOST_DAYS = 365  # that a link is open
MOST_USES = 1_000_000  # of a link


class CreateLink(RoomRef, frozen=True):
    """A link that is open for so many `days`, for `uses` people, or any number."""

    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] = 7
    uses: Annotated[int, Meta(ge=1, le=MOST_USES)] | None = None


class LinkRef(RoomRef, frozen=True):
    """A link into a room."""

    link_id: Id


class LinkToken(Received, frozen=True):
    """The last part of a link into a room."""

    token: Annotated[str, Meta(min_length=1, max_length=100)]


class NewLink(Sent, frozen=True):
    """A link that was made. `token` is its last part, `/#/join/…`; it is told once."""

    id: str
    token: str
    expires_at: Time


class LinkRevoked(Sent, frozen=True):
    """A link that nobody enters by any more."""

    room_id: str
    link_id: str


class RoomLink(Sent, frozen=True):
    """A link that is open, and by whom it was made. `mostUses` is null for any number."""

    id: str
    created_by: UserRef
    most_uses: int | None
    uses: int
    created_at: Time
    expires_at: Time


class LinkedRoom(Sent, frozen=True):
    """The room that a link leads to. `memberCount` counts up to 1,000; whoever asks has `joined` it, or not."""

    id: str
    name: str
    description: str | None
    is_private: bool
    member_count: int
    joined: bool
