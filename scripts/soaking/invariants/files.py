"""What was sent with a message stays with it, and can be read."""

from collections.abc import Iterator
from typing import Any

from scripts.soaking.history import Answered, Fetched, Uploaded
from scripts.soaking.invariants.violation import Violation
from scripts.soaking.timeline import Timeline

GOOD = 200  # status of an answer


def files_are_kept(timeline: Timeline) -> Iterator[Violation]:
    """The files of each message that was acknowledged are there, byte by byte, until it is deleted."""
    uploaded = {entry.file: entry for entry in timeline.history if isinstance(entry, Uploaded)}
    messages: dict[str, list[Any]] = {}
    for stored in timeline.stored.values():
        messages |= stored.messages
    sent: dict[str, tuple[str, str]] = {}  # the room and the message of each file
    for entry in timeline.history:
        if not isinstance(entry, Answered) or not entry.value.get("files"):
            continue
        item, files = entry.value["item"], entry.value["files"]
        sent |= dict.fromkeys(files, (entry.value["room"], item))
        message = messages.get(item)
        if message is not None and not is_deleted(message) and message[-1] != files:
            words = f"message {item} was acknowledged with files {files}, and has {message[-1]}"
            yield Violation(f"message {item}", words, (entry,))
    for entry in timeline.history:
        if not isinstance(entry, Fetched) or entry.file not in sent or entry.file not in uploaded:
            continue
        room, item = sent[entry.file]
        message = messages.get(item)
        if message is None or is_deleted(message) or not is_member(timeline, room, entry.device):
            continue
        if entry.status != GOOD or entry.digest != uploaded[entry.file].digest:
            words = f"{entry.device} read file {entry.file}: status {entry.status}, and not what was uploaded"
            yield Violation(f"file {entry.file}", words, (uploaded[entry.file], entry))


def is_member(timeline: Timeline, room: str, device: str) -> bool:
    """True if a device's user is in a room at the end."""
    stored = timeline.stored.get(room)
    member = stored.members.get(timeline.users.get(device, "")) if stored is not None else None
    return member is not None and member[1] == "member"


def is_deleted(message: list[Any]) -> bool:
    """Of a message in the form of `changes.message_view`."""
    deleted: bool = message[4]
    return deleted
