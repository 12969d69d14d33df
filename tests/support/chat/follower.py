"""A client's view of one room, kept by the rules that the contract gives to clients."""

from typing import Any

# Which field of an event's payload is its number in the room's log.
NUMBERS = {
    "message:new": "changeSeq",
    "dm:new": "changeSeq",
    "message:edited": "changeSeq",
    "room:updated": "changeSeq",
    "message:deleted": "seq",
    "reaction:updated": "seq",
    "room:user-joined": "seq",
    "room:user-left": "seq",
    "room:member-updated": "seq",
}
# What is personal and changes without a number.
UNNUMBERED = {"readAt", "lastReadSeq", "lastReadAt", "thread"}  # threads have numbers of their own


class Follower:
    """Applies number n when it has n - 1, and live changes only to the whole state of some moment.

    `room` is what is known of the room's own fields. One that is there from the beginning is `complete` at number 0;
    others read pages of `room:sync` until they are.
    """

    def __init__(self, room: dict[str, Any], *, complete: bool = False) -> None:
        self.applied = 0
        self.complete = complete
        self.waiting: dict[int, tuple[str, dict[str, Any]]] = {}
        self._room = room
        self._messages: dict[str, dict[str, Any]] = {}
        self._threads: dict[str, dict[str, Any]] = {}
        self._members: dict[str, dict[str, Any]] = {}

    @property
    def state(self) -> dict[str, Any]:
        """All that two followers of one room must agree on."""
        return {
            "room": self._room,
            "messages": {key: numbered(message) for key, message in self._messages.items()},
            "members": {key: numbered(member) for key, member in self._members.items()},
            "threads": self._threads,
        }

    @property
    def pins(self) -> list[str]:
        """The pinned messages."""
        return list(self._room.get("pins", ()))

    @property
    def members(self) -> set[str]:
        """The ids of those who are in the room."""
        return {key for key, member in self._members.items() if member["state"] == "member"}

    def hear(self, event: str, payload: dict[str, Any]) -> None:
        """Takes a live announcement, in any order."""
        if event in NUMBERS and payload[NUMBERS[event]] > self.applied:
            self.waiting[payload[NUMBERS[event]]] = event, payload
            self._apply_in_turn()

    def take(self, page: dict[str, Any]) -> None:
        """Takes a page of `room:sync` after `applied`."""
        for change in page["changes"]:
            kind = change["type"]
            if kind == "message":
                self._take_thread(change["message"])
                if change["message"]["deletedAt"] is not None:
                    self._unpin(change["message"]["id"])
                self._put(self._messages, change["message"]["id"], change["message"])
            elif kind == "member":
                self._put(self._members, change["member"]["userId"], change["member"])
            elif change["room"]["changeSeq"] > self._room["changeSeq"]:
                self._room = change["room"]
        self.applied = max(self.applied, page["nextSeq"])
        self.complete = not page["hasMore"]
        self.waiting = {number: heard for number, heard in self.waiting.items() if number > self.applied}
        self._apply_in_turn()

    def go_away(self) -> None:
        """Hears nothing from here on."""
        self.complete = False
        self.waiting.clear()

    def _apply_in_turn(self) -> None:
        while self.complete and (heard := self.waiting.pop(self.applied + 1, None)):
            self.applied += 1
            self._apply(*heard)

    def _apply(self, event: str, payload: dict[str, Any]) -> None:
        if event in ("message:new", "dm:new", "message:edited"):
            self._take_thread(payload)
            self._messages[payload["id"]] = payload
        elif event == "message:deleted":
            self._take_thread(payload)
            wiped = {"content": "", "metadata": None, "attachments": [], "reactions": [], "mentions": []}
            deleted_at = payload["deletedAt"]
            self._unpin(payload["messageId"])
            self._change(payload, wiped | {"deletedAt": deleted_at, "modifiedAt": deleted_at})
        elif event == "reaction:updated":
            self._change(payload, {"reactions": payload["reactions"]})
        elif event == "room:updated":
            self._room = payload
        else:
            self._members[payload["userId"]] = payload["member"]

    def _change(self, payload: dict[str, Any], fields: dict[str, Any]) -> None:
        message = self._messages[payload["messageId"]]
        self._messages[message["id"]] = message | {"changeSeq": payload["seq"]} | fields

    def _unpin(self, message_id: str) -> None:
        """What is deleted is pinned no more, which has no number of its own."""
        if pins := self._room.get("pins"):  # of a room that is known already
            self._room = self._room | {"pins": [pin for pin in pins if pin != message_id]}

    def _take_thread(self, payload: dict[str, Any]) -> None:
        """A thread comes with its root and with each of its replies; of two states the later one counts."""
        if "thread" in payload:
            self._put(self._threads, payload["thread"]["rootId"], payload["thread"])

    @staticmethod
    def _put(things: dict[str, dict[str, Any]], key: str, thing: dict[str, Any]) -> None:
        if key not in things or thing["changeSeq"] > things[key]["changeSeq"]:
            things[key] = thing


def numbered(thing: dict[str, Any]) -> dict[str, Any]:
    """A message or member without what changes without a number of its own. A reply has the id of its thread's root,
    but from a server that knows no threads yet."""
    kept = {name: value for name, value in thing.items() if name not in UNNUMBERED}
    is_reply = thing.get("replyTo") is not None and "thread" in thing
    return kept | {"rootId": thing["thread"]["rootId"]} if is_reply else kept
