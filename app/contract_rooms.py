"""The operations on rooms, their members, direct conversations and people."""

from app.direct import Direct
from app.members import RoomMembers
from app.operations import Operation
from app.payloads import (
    CreateRoom,
    DiscoverRooms,
    Invite,
    ListConversations,
    ListMembers,
    MemberRef,
    Nothing,
    ReadDirect,
    RoomRef,
    SearchUsers,
    SendDirect,
    SetRole,
    UpdateRoom,
)
from app.people import People
from app.rooms import Rooms
from app.views import Conversations, Member, MemberChanged, Members, Message, PublicRooms, Room, UserRef


def rooms(rooms: Rooms) -> list[Operation]:
    """Rooms, and who enters and leaves them."""
    return [
        Operation(
            run=rooms.list_all,
            takes=Nothing,
            gives=list[Room],
            event="room:list",
            code="LIST_FAILED",
            http=("GET", "/chat/rooms"),
        ),
        Operation(
            run=rooms.create,
            takes=CreateRoom,
            gives=Room,
            event="room:create",
            code="CREATE_FAILED",
            http=("POST", "/chat/rooms"),
            status=201,
        ),
        Operation(
            run=rooms.get,
            takes=RoomRef,
            gives=Room,
            event="room:get",
            code="GET_FAILED",
            http=("GET", "/chat/rooms/{roomId}"),
        ),
        Operation(
            run=rooms.update,
            takes=UpdateRoom,
            gives=Room,
            event="room:update",
            code="UPDATE_FAILED",
            http=("PATCH", "/chat/rooms/{roomId}"),
        ),
        Operation(
            run=rooms.join,
            takes=RoomRef,
            gives=Room,
            event="room:join",
            code="JOIN_FAILED",
            http=("POST", "/chat/rooms/{roomId}/join"),
        ),
        Operation(
            run=rooms.leave,
            takes=RoomRef,
            gives=MemberChanged,
            event="room:leave",
            code="LEAVE_FAILED",
            http=("POST", "/chat/rooms/{roomId}/leave"),
        ),
    ]


def members(members: RoomMembers) -> list[Operation]:
    """Who belongs to a room, and what its admins decide about that."""
    return [
        Operation(
            run=members.list_page,
            takes=ListMembers,
            gives=Members,
            event="room:members",
            code="LIST_FAILED",
            http=("GET", "/chat/rooms/{roomId}/members"),
        ),
        Operation(
            run=members.invite,
            takes=Invite,
            gives=Member,
            event="room:invite",
            code="INVITE_FAILED",
            http=("POST", "/chat/rooms/{roomId}/invitations"),
        ),
        Operation(
            run=members.set_role,
            takes=SetRole,
            gives=Member,
            event="room:set-role",
            code="ROLE_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/members/{userId}/role"),
        ),
        Operation(
            run=members.kick,
            takes=MemberRef,
            gives=Member,
            event="room:kick",
            code="KICK_FAILED",
            http=("DELETE", "/chat/rooms/{roomId}/members/{userId}"),
        ),
        Operation(
            run=members.list_banned,
            takes=ListMembers,
            gives=Members,
            event="room:bans",
            code="LIST_FAILED",
            http=("GET", "/chat/rooms/{roomId}/bans"),
        ),
        Operation(
            run=members.ban,
            takes=MemberRef,
            gives=Member,
            event="room:ban",
            code="BAN_FAILED",
            http=("PUT", "/chat/rooms/{roomId}/bans/{userId}"),
        ),
        Operation(
            run=members.unban,
            takes=MemberRef,
            gives=Member,
            event="room:unban",
            code="BAN_FAILED",
            http=("DELETE", "/chat/rooms/{roomId}/bans/{userId}"),
        ),
    ]


def direct(direct: Direct) -> list[Operation]:
    """What two people say to each other."""
    return [
        Operation(
            run=direct.send,
            takes=SendDirect,
            gives=Message,
            event="dm:send",
            code="DM_FAILED",
            http=("POST", "/chat/dm/{userId}"),
            renamed={"userId": "receiverId"},
            status=201,
        ),
        Operation(
            run=direct.history,
            takes=ReadDirect,
            gives=list[Message],
            event="dm:history",
            code="HISTORY_FAILED",
            http=("GET", "/chat/dm/{userId}"),
        ),
        Operation(
            run=direct.list_page,
            takes=ListConversations,
            gives=Conversations,
            event="conversation:list",
            code="LIST_FAILED",
            http=("GET", "/chat/conversations"),
        ),
    ]


def discovery(rooms: Rooms, people: People) -> list[Operation]:
    """Finding rooms to enter, and people."""
    return [
        Operation(
            run=rooms.discover,
            takes=DiscoverRooms,
            gives=PublicRooms,
            event="room:discover",
            code="DISCOVER_FAILED",
            http=("GET", "/chat/rooms/public"),
        ),
        Operation(
            run=rooms.list_invitations,
            takes=Nothing,
            gives=list[Room],
            event="room:invitations",
            code="LIST_FAILED",
            http=("GET", "/chat/invitations"),
        ),
        Operation(
            run=people.search,
            takes=SearchUsers,
            gives=list[UserRef],
            event="user:search",
            code="SEARCH_FAILED",
            http=("GET", "/chat/users"),
        ),
    ]
