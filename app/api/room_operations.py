"""The operations on rooms and their members: as `app.api.operations` has the others."""

from app.contract.operation import Operation
from app.erasure.room_deletion import RoomDeletion
from app.rooms.invitations import InvitationLinks, Invitations
from app.rooms.members import RoomMembers
from app.rooms.pins import RoomPins
from app.rooms.room_settings import RoomSettings
from app.rooms.rooms import Rooms


def rooms(rooms: Rooms, settings: RoomSettings, deletion: RoomDeletion) -> list[Operation]:
    """Rooms, and entering and leaving them."""
    return [
        Operation(run=rooms.list_all, event="room:list", code="LIST_FAILED", http=("GET", "/chat/rooms")),
        Operation(
            run=rooms.create,
            event="room:create",
            code="CREATE_FAILED",
            http=("POST", "/chat/rooms"),
            status=201,
        ),
        Operation(run=rooms.get, event="room:get", code="GET_FAILED", http=("GET", "/chat/rooms/{roomId}")),
        Operation(
            run=settings.update,
            event="room:update",
            code="UPDATE_FAILED",
            http=("PATCH", "/chat/rooms/{roomId}"),
        ),
        Operation(
            run=rooms.join, event="room:join", code="JOIN_FAILED", http=("POST", "/chat/rooms/{roomId}/join")
        ),
        Operation(
            run=rooms.leave,
            event="room:leave",
            code="LEAVE_FAILED",
            http=("POST", "/chat/rooms/{roomId}/leave"),
        ),
        Operation(
            run=deletion.delete,
            event="room:delete",
            code="DELETE_FAILED",
            http=("DELETE", "/chat/rooms/{roomId}"),
        ),
        Operation(
            run=settings.archive,
            event="room:archive",
            code="ARCHIVE_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/archive"),
        ),
        Operation(
            run=settings.unarchive,
            event="room:unarchive",
            code="ARCHIVE_FAILED",
            http=("DELETE", "/chat/rooms/{roomId}/archive"),
        ),
    ]


def members(members: RoomMembers) -> list[Operation]:
    """Members of rooms, and the admins' decisions about them."""
    return [
        Operation(
            run=members.list_page,
            event="room:members",
            code="LIST_FAILED",
            http=("GET", "/chat/rooms/{roomId}/members"),
        ),
        Operation(
            run=members.set_role,
            event="room:set-role",
            code="ROLE_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/members/{userId}/role"),
        ),
        Operation(
            run=members.kick,
            event="room:kick",
            code="KICK_FAILED",
            http=("DELETE", "/chat/rooms/{roomId}/members/{userId}"),
        ),
        Operation(
            run=members.list_banned,
            event="room:bans",
            code="LIST_FAILED",
            http=("GET", "/chat/rooms/{roomId}/bans"),
        ),
        Operation(
            run=members.ban,
            event="room:ban",
            code="BAN_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/bans/{userId}"),
        ),
        Operation(
            run=members.unban,
            event="room:unban",
            code="BAN_FAILED",
            http=("DELETE", "/chat/rooms/{roomId}/bans/{userId}"),
        ),
    ]


def invitations(invitations: Invitations) -> list[Operation]:
    """Invitations to rooms; `room:join` accepts, and `room:leave` declines."""
    return [
        Operation(
            run=invitations.list_page,
            event="room:invitations",
            code="LIST_FAILED",
            http=("GET", "/chat/invitations"),
        ),
        Operation(
            run=invitations.invite,
            event="room:invite",
            code="INVITE_FAILED",
            http=("POST", "/chat/rooms/{roomId}/invitations"),
        ),
    ]


def links(links: InvitationLinks) -> list[Operation]:
    """Links that lead into a room. Their tokens are in bodies alone: what is in a path or a query is logged."""
    of_room = "/chat/rooms/{roomId}/links"
    return [
        Operation(run=links.list_open, event="room:links", code="LIST_FAILED", http=("GET", of_room)),
        Operation(
            run=links.create,
            event="room:create-link",
            code="LINK_FAILED",
            http=("POST", of_room),
            status=201,
        ),
        Operation(
            run=links.revoke,
            event="room:revoke-link",
            code="LINK_FAILED",
            http=("DELETE", f"{of_room}/{{linkId}}"),
        ),
        Operation(
            run=links.look_up,
            event="room:look-up-link",
            code="GET_FAILED",
            http=("POST", "/chat/links/look-up"),
        ),
        Operation(
            run=links.join, event="room:join-link", code="JOIN_FAILED", http=("POST", "/chat/links/join")
        ),
    ]


def pins(pins: RoomPins) -> list[Operation]:
    """Pinned messages."""
    of_message, of_room = "/chat/messages/{messageId}/pin", "/chat/rooms/{roomId}/pins"
    return [
        Operation(run=pins.list_page, event="room:pins", code="LIST_FAILED", http=("GET", of_room)),
        Operation(run=pins.reorder, event="room:order-pins", code="PIN_FAILED", http=("PUT", of_room)),
        Operation(run=pins.pin, event="message:pin", code="PIN_FAILED", http=("PUT", of_message)),
        Operation(run=pins.unpin, event="message:unpin", code="PIN_FAILED", http=("DELETE", of_message)),
    ]
