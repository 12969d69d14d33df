"""Payloads about rooms that every user may join."""

from app.payloads.responses import Sent, Time
from app.store.conversations.public_rooms import PublicRoomRow


class PublicRoom(Sent, frozen=True):
    """A room that every user may join. `memberCount` counts up to 1,000."""

    id: str
    name: str
    description: str | None
    member_count: int
    joined: bool
    created_at: Time


class PublicRooms(Sent, frozen=True):
    """A page of rooms; `next` is the `after` of the next one, null at the end."""

    rooms: list[PublicRoom]
    next: str | None


def public_room_of(row: PublicRoomRow) -> PublicRoom:
    """A room that every user may join."""
    return PublicRoom(
        id=row.id,
        name=row.name,
        description=row.description,
        member_count=row.member_count,
        joined=row.joined,
        created_at=row.created_at,
    )
