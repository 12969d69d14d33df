"""The payloads about the deletion of a room."""

from typing import Annotated

from msgspec import Meta

from app.payloads.fields.field_types import STORABLE
from app.payloads.requests import RoomRef
from app.payloads.responses import Sent


class DeleteRoom(RoomRef, frozen=True):
    """`name` is that of the room, as whoever deletes it has typed it."""

    name: Annotated[str, Meta(max_length=100, extra_json_schema=STORABLE)]


class RoomDeleted(Sent, frozen=True):
    """A room that is being deleted."""

    room_id: str
