"""What an event, an answer and a row of PostgreSQL tell of a change, in one form to be compared."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.announce.log_order import PLACES

# The field of each numbered event's payload that names the thing that has changed, and what kind of thing it is.
ITEMS = {
    "message:new": ("message", "id"),
    "dm:new": ("message", "id"),
    "message:edited": ("message", "id"),
    "message:deleted": ("message", "messageId"),
    "reaction:updated": ("message", "messageId"),
    "room:user-joined": ("member", "userId"),
    "room:user-left": ("member", "userId"),
    "room:member-updated": ("member", "userId"),
    "room:updated": ("room", "id"),
}
CHANGES_OF_ROOMS = (
    "room:update",
    "room:archive",
    "room:unarchive",
    "message:pin",
    "message:unpin",
    "room:order-pins",
)
UNNUMBERED = (
    "typing:update",
    "room:read-updated",
    "presence:changed",
    "mention:new",
    "reply:new",
    "room:added",
    "room:sync-needed",
    "room:invited",
    "user:blocked",
    "user:unblocked",
)


class Told(NamedTuple):
    """What an event tells: of which room, by which number of its log (0 for none), and about what."""

    room: str
    number: int
    item: str
    value: dict[str, Any]


def told_by(event: str, payload: Mapping[str, Any]) -> Told:
    """What an event of the server tells."""
    if event in ITEMS:
        room_field, number_field = PLACES[event]
        _, item_field = ITEMS[event]
        return Told(payload[room_field], payload[number_field], payload[item_field], value_of(event, payload))
    if event == "typing:update":
        value = {"typing": payload["isTyping"], "expiresAt": payload["expiresAt"]}
        return Told(payload["roomId"], 0, payload["userId"], value)
    if event == "room:read-updated":
        return Told(payload["roomId"], 0, payload["userId"], {"mark": payload["seq"]})
    if event == "presence:changed":
        return Told("", 0, payload["userId"], {"status": payload["status"]})
    return Told("", 0, "", {})


def value_of(event: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What a numbered event says of the thing as it is now; a part of it alone, for some."""
    if event in ("message:new", "dm:new", "message:edited"):
        return message_value(payload)
    if event == "message:deleted":
        return {"deleted": True}
    if event == "reaction:updated":
        return {"reactions": reactions_value(payload["reactions"])}
    if event == "room:updated":
        return room_value(payload)
    return member_value(payload["member"])


def message_value(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message by what it is compared by."""
    return {
        "sender": message["senderId"],
        "seq": message["seq"],
        "text": message["content"],
        "deleted": message["deletedAt"] is not None,
        "reply": message["replyTo"],
        "files": files_of(message),
    }


def files_of(message: Mapping[str, Any]) -> list[str]:
    """The ids of a message's files, in their order."""
    return [file["id"] for file in message["attachments"]]


def reactions_value(reactions: list[dict[str, Any]]) -> list[list[Any]]:
    """Reactions by kind, with the users of each, in an order of their own."""
    return sorted([reaction["kind"], sorted(reaction["userIds"])] for reaction in reactions)


def member_value(member: Mapping[str, Any]) -> dict[str, Any]:
    """A member by what it is compared by."""
    return {"state": member["state"], "role": member["role"]}


def room_value(room: Mapping[str, Any]) -> dict[str, Any]:
    """A room by what it is compared by. A release from which one upgrades may know nothing of pins and archives."""
    value = {"name": room["name"]}
    if "pins" in room:
        value |= {"archived": room["archivedAt"] is not None, "pins": room["pins"]}
    return value


def answer_value(event: str, data: Any) -> dict[str, Any]:
    """What an acknowledgement says of a change: the room, its number, the thing; nothing for what changes no log."""
    if event in ("message:send", "dm:send", "message:edit"):
        return {
            "room": data["roomId"],
            "number": data["changeSeq"],
            "item": data["id"],
            **message_value(data),
        }
    if event == "message:delete":
        return {"room": data["roomId"], "number": data["seq"], "item": data["messageId"], "deleted": True}
    if event in ("reaction:add", "reaction:remove"):
        reactions = reactions_value(data["reactions"])
        return {
            "room": data["roomId"],
            "number": data["seq"],
            "item": data["messageId"],
            "reactions": reactions,
        }
    if event == "room:leave":
        return {
            "room": data["roomId"],
            "number": data["seq"],
            "item": data["userId"],
            **member_value(data["member"]),
        }
    if event in ("room:kick", "room:ban", "room:unban", "room:set-role"):
        return {
            "room": data["roomId"],
            "number": data["changeSeq"],
            "item": data["userId"],
            **member_value(data),
        }
    if event == "room:read":
        return {"room": data["roomId"], "item": data["userId"], "mark": data["seq"]}
    if event in CHANGES_OF_ROOMS:
        return {"room": data["id"], "number": data["changeSeq"], "item": data["id"], **room_value(data)}
    if event in ("room:join", "room:create", "group:open"):
        return {"room": data["id"]}
    return {}


# --- states at the end ---


def message_view(message: Mapping[str, Any]) -> list[Any]:
    """A message as two views of a room must agree on it, from the form that clients see.

    Before its files is whether it stands in the room, and not in its thread alone.
    """
    deleted = message["deletedAt"] is not None
    reactions = reactions_value(message["reactions"])
    place = [message["replyTo"], message.get("alsoToRoom", True)]
    said = [message["content"], deleted, reactions, *place, files_of(message)]
    return [message["changeSeq"], message["seq"], message["senderId"], *said]


def member_view(member: Mapping[str, Any]) -> list[Any]:
    """The same of a member."""
    return [member["changeSeq"], member["state"], member["role"]]


def room_view(room: Mapping[str, Any]) -> list[Any]:
    """The same of a room's own fields; nothing where none of them was told yet."""
    return [room["changeSeq"], *room_value(room).values()] if room["changeSeq"] else []
