"""The history of a run: what devices asked, were answered and heard, what was committed, and which faults there were.

A history is a file with a JSON object a line. Times are seconds of the machine's clock since the run began. Rooms,
users and messages are ids of the chat; devices have names. `number` is always the number of a change in its room's log.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct


class Entry(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True, rename="camel"):
    """Something that happened, or was found at the end."""

    at: float


# --- the devices ---


class Began(Entry, frozen=True, tag="began"):
    """The run: its seed and options, and the devices, each with its kind and its user. `clock` is the time 0 of the
    history, in seconds since 1970."""

    clock: float
    seed: int
    options: dict[str, Any]
    devices: dict[str, tuple[str, str]]


class Called(Entry, frozen=True, tag="called"):
    """A device asked for something. `nonce` is what it wrote into the message, if it is one."""

    device: str
    call: int
    event: str
    payload: dict[str, Any]


class Answered(Entry, frozen=True, tag="answered"):
    """The server has acknowledged a call. `value` is what a change is known by, see `changes`."""

    device: str
    call: int
    value: dict[str, Any]


class Refused(Entry, frozen=True, tag="refused"):
    """The server has refused a call."""

    device: str
    call: int
    reason: str


class Unanswered(Entry, frozen=True, tag="unanswered"):
    """The device waits no longer for the answer to a call; `why` is `timeout` or `disconnected`."""

    device: str
    call: int
    why: str


class Connected(Entry, frozen=True, tag="connected"):
    """A device is connected. `session` counts those that were not recovered: the same number goes on."""

    device: str
    session: int
    recovered: bool


class Admitted(Entry, frozen=True, tag="admitted"):
    """A device has authenticated, or was recovered: from here on it hears the rooms of its user."""

    device: str
    session: int


class Lost(Entry, frozen=True, tag="lost"):
    """A device has lost its connection, for a reason of its library."""

    device: str
    session: int
    reason: str
    wanted: bool = False


class Dismissed(Entry, frozen=True, tag="dismissed"):
    """The server has told a device by `unauthenticated` why it is sent away."""

    device: str
    message: str


class Heard(Entry, frozen=True, tag="heard"):
    """An event came. `number` and `item` are those of the change that it tells of, if it tells of one."""

    device: str
    session: int
    event: str
    room: str = ""
    number: int = 0
    item: str = ""
    value: dict[str, Any] = {}


class Synced(Entry, frozen=True, tag="synced"):
    """A device has read a page of `room:sync`."""

    device: str
    session: int
    room: str
    after: int
    upto: int
    complete: bool


class Follows(Entry, frozen=True, tag="follows"):
    """A device's state of a room begins anew, or it forgets the room (`gone`)."""

    device: str
    room: str
    gone: bool = False


class Uploaded(Entry, frozen=True, tag="uploaded"):
    """A device has uploaded a file, whose bytes have a digest."""

    device: str
    file: str
    digest: str


class Fetched(Entry, frozen=True, tag="fetched"):
    """A device has read a file, at the end."""

    device: str
    file: str
    status: int
    digest: str


# --- the faults ---


class Fault(Entry, frozen=True, tag="fault"):
    """What the nemesis did to which part, from `at` to `until`."""

    until: float
    fault: str
    target: str


# --- what PostgreSQL says ---


class Committed(Entry, frozen=True, tag="committed"):
    """A change of a room's log: of a `message`, a `member` or the `room`. `at` is just before the commit's end."""

    room: str
    number: int
    what: str
    item: str
    value: dict[str, Any]


class Marked(Entry, frozen=True, tag="marked"):
    """A member's read mark was set, at the commit."""

    room: str
    user: str
    mark: int


# --- the end ---


class Calm(Entry, frozen=True, tag="calm"):
    """The last fault is over and everybody has fallen silent; what is still owed has had its time when it `ended`."""

    ended: float


class Stored(Entry, frozen=True, tag="stored"):
    """A room as it is in PostgreSQL. Messages and members are by id, in the form of `changes.message_view` and
    `member_view`, `fields` in that of `room_view`; an earlier release may have told a device of some of them alone."""

    room: str
    last_number: int
    messages: dict[str, Any]
    members: dict[str, Any]
    fields: list[Any] = []


class Viewed(Entry, frozen=True, tag="viewed"):
    """A room as a device has it, in the same form."""

    device: str
    room: str
    applied: int
    messages: dict[str, Any]
    members: dict[str, Any]
    fields: list[Any] = []


class Unread(Entry, frozen=True, tag="unread"):
    """How many messages of a room the server counts as unread for a user."""

    user: str
    room: str
    told: int


class Invitations(Entry, frozen=True, tag="invitations"):
    """The rooms that the server says a user is invited to."""

    user: str
    rooms: list[str]


class PresenceTold(Entry, frozen=True, tag="presence"):
    """A device asked who is online."""

    device: str
    statuses: dict[str, str]


class Online(Entry, frozen=True, tag="online"):
    """Users who have a connected device, and those who have none."""

    online: list[str]
    offline: list[str]


class Leases(Entry, frozen=True, tag="leases"):
    """What Redis has of presence: the instances with a lease, and the users that stand in it. `running` instances
    (processes that serve) should have one each."""

    instances: int
    running: int
    users: list[str]


class Unfinished(Entry, frozen=True, tag="unfinished"):
    """What a device still waits for when all has had its time."""

    device: str
    what: str


class Unforeseen(Entry, frozen=True, tag="unforeseen"):
    """A traceback in an instance's log, or its end that no fault had wanted."""

    instance: str
    text: str


AnyEntry: TypeAlias = (
    Began
    | Called
    | Answered
    | Refused
    | Unanswered
    | Connected
    | Admitted
    | Lost
    | Dismissed
    | Heard
    | Synced
    | Follows
    | Uploaded
    | Fetched
    | Fault
    | Committed
    | Marked
    | Calm
    | Stored
    | Viewed
    | Unread
    | Invitations
    | PresenceTold
    | Online
    | Leases
    | Unfinished
    | Unforeseen
)

History: TypeAlias = Sequence[AnyEntry]

decoder = msgspec.json.Decoder(AnyEntry)


class NoHistory(Exception):
    """A file is no history. The text says where it is wrong."""


def written(history: Iterable[AnyEntry]) -> bytes:
    """A history as lines of JSON."""
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in history)


def read(path: Path) -> list[AnyEntry]:
    """A history from a file. Raises NoHistory, OSError."""
    history: list[AnyEntry] = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            history.append(decoder.decode(line))
        except msgspec.MsgspecError as error:
            raise NoHistory(f"{path}, line {number}: {error}") from None
    return history
