"""Fan-out records, and their form in the Redis stream that is shared with `@socket.io/redis-streams-adapter`.

An entry has four string fields, `uid`, `nsp`, `type` and `data`. `data` is compact JSON, or base64 of msgpack
where the payload holds binary: what starts with `{` is JSON. Types 3 to 6 and 9 are the records here; the others
are not for readers of the stream (see `requests`).

An entry may hold several records: the first as if it were alone, the others in its `then`, which Node does not know.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, cast

import msgspec
import orjson
from msgspec import Meta, Struct

from protocol.cluster.payloads import dump
from protocol.errors import ProtocolError
from protocol.socketio.json_values import replace_halves


class Target(Struct, frozen=True):
    """The sockets a record is for: in any of `rooms` (all where that is empty) and in none of `except_`."""

    rooms: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()


class Broadcast(Struct, frozen=True):
    """An event for the target. `data` is the event's name and its arguments, binary allowed."""

    nsp: str
    target: Target
    data: list[Any]
    volatile: bool = False
    compress: bool = True


class Join(Struct, frozen=True):
    """The target's sockets join `rooms`."""

    nsp: str
    target: Target
    rooms: tuple[str, ...]


class Leave(Struct, frozen=True):
    """The target's sockets leave `rooms`."""

    nsp: str
    target: Target
    rooms: tuple[str, ...]


class DisconnectSockets(Struct, frozen=True):
    """The target's sockets leave the namespace; with `close`, their connection ends.

    With `moved` the clients are not sent away: the target's rooms are ids of sockets whose clients have come back over
    other connections. Node knows no such mark, and takes its sockets for disconnected.
    """

    nsp: str
    target: Target
    close: bool = False
    moved: bool = False


class ServerSideEmit(Struct, frozen=True):
    """An event for the servers themselves. `data` is its name and its arguments, binary allowed."""

    nsp: str
    data: list[Any]


ForSockets: TypeAlias = Broadcast | Join | Leave | DisconnectSockets
SingleRecord: TypeAlias = ForSockets | ServerSideEmit


class RecordBatch(Struct, frozen=True):
    """Records of one namespace that are one entry: all are stored or none, and they are delivered one after the other
    with no other between (`protocol.cluster.record_batches`). Node does what the first says, and nothing more.
    """

    nsp: str
    records: tuple[ForSockets, ...]  # 1 to MOST_IN_BATCH


Record: TypeAlias = SingleRecord | RecordBatch

MOST_IN_BATCH = 100

BROADCAST, SOCKETS_JOIN, SOCKETS_LEAVE, DISCONNECT_SOCKETS, SERVER_SIDE_EMIT = "3", "4", "5", "6", "9"


def encode(record: Record, uid: str) -> dict[str, str]:
    """The four stream fields of a record; `uid` names the sender.

    Raises `TypeError` for a value that cannot be sent, binary aside: what JSON cannot express.
    """
    if isinstance(record, RecordBatch):
        (kind, payload), *others = map(_type_and_payload, record.records)
        payload["then"] = [{"type": kind, "data": payload} for kind, payload in others]
    else:
        kind, payload = _type_and_payload(record)
    return {"uid": uid, "nsp": record.nsp, "type": kind, "data": dump(payload)}


def _type_and_payload(record: SingleRecord) -> tuple[str, dict[str, Any]]:
    match record:
        case Broadcast():
            return BROADCAST, broadcast_payload(record)
        case Join(target=target, rooms=rooms):
            return SOCKETS_JOIN, {"opts": options(target), "rooms": rooms}
        case Leave(target=target, rooms=rooms):
            return SOCKETS_LEAVE, {"opts": options(target), "rooms": rooms}
        case DisconnectSockets(target=target, close=close, moved=moved):
            return DISCONNECT_SOCKETS, {"opts": options(target), "close": close} | (
                {"moved": True} if moved else {}
            )
        case _:
            return SERVER_SIDE_EMIT, {"packet": record.data}


def options(target: Target, **flags: Any) -> dict[str, Any]:
    """A target as it is written."""
    return {"rooms": target.rooms, "except": target.except_, "flags": flags}


def broadcast_payload(record: Broadcast, **flags: Any) -> dict[str, Any]:
    """A broadcast as it is written, with more flags than its own."""
    if record.volatile:
        flags["volatile"] = True
    if not record.compress:
        flags["compress"] = False
    return {"packet": {"type": 2, "data": record.data}, "opts": options(record.target, **flags)}


class _Flags(Struct, frozen=True):
    """JavaScript's flags, by their truth; `timeout` is for the servers that answer. The others (`broadcast`, …) are the
    sender's own."""

    volatile: Any = None
    compress: Any = None
    timeout: Any = None


_DEFAULT_FLAGS = _Flags()

EventData: TypeAlias = Annotated[list[Any], Meta(min_length=1)]


AnyRoom: TypeAlias = str | int | float
"""A room in JavaScript, where programs also give them numbers for names. None of ours is in such a room."""


class _Opts(Struct, frozen=True, rename={"except_": "except"}):
    rooms: tuple[AnyRoom, ...] | None = None
    except_: tuple[AnyRoom, ...] | None = None
    flags: _Flags | None = None


class _Packet(Struct, frozen=True):
    type: Literal[2]
    data: EventData


class _Part(Struct, frozen=True):
    type: str
    data: Any


class TargetForm(Struct, frozen=True, kw_only=True):
    """The form of a record for some sockets, with the records after it in a batch."""

    opts: _Opts
    then: Annotated[tuple[_Part, ...], Meta(max_length=MOST_IN_BATCH - 1)] = ()

    @property
    def target(self) -> Target:
        """The sockets it is for."""
        opts = self.opts
        return Target(cast("tuple[str, ...]", opts.rooms or ()), cast("tuple[str, ...]", opts.except_ or ()))


class BroadcastForm(TargetForm, frozen=True):
    """A broadcast as it is written."""

    packet: _Packet
    requestId: str | None = None  # noqa: N815 - the name on the wire

    def record(self, nsp: str) -> Broadcast:
        """The record. Raises `ValueError`."""
        check_name(self.packet.data)
        flags = self.opts.flags or _DEFAULT_FLAGS
        return Broadcast(
            nsp, self.target, self.packet.data, bool(flags.volatile), flags.compress is not False
        )


class ServerSideEmitForm(Struct, frozen=True):
    """An event for servers as it is written."""

    packet: EventData
    requestId: str | None = None  # noqa: N815 - the name on the wire

    def record(self, nsp: str) -> ServerSideEmit:
        """The record. Raises `ValueError`."""
        check_name(self.packet)
        return ServerSideEmit(nsp, self.packet)


class _Rooms(TargetForm, frozen=True):
    rooms: tuple[str, ...]


class _Close(TargetForm, frozen=True):
    close: Any = None
    moved: Any = None


_Form: TypeAlias = BroadcastForm | ServerSideEmitForm | _Rooms | _Close


def check_name(data: list[Any]) -> None:
    """Raise `ValueError` for the data of an event that has no name."""
    if isinstance(data[0], bool) or not isinstance(data[0], str | int | float):
        raise ValueError("an event's name is a string or a number")


def refuse_extension(code: int, _: memoryview | bytes) -> Any:
    """An `ext_hook` of msgpack: Node's adapters write no extension but the time. Raises `ProtocolError`."""
    raise ProtocolError(f"msgpack extension {code} is unknown")


_FORMS: dict[str, tuple[type[_Form], msgspec.msgpack.Decoder[_Form]]] = {
    kind: (form, msgspec.msgpack.Decoder(form, ext_hook=refuse_extension))
    for kind, form in (
        (BROADCAST, BroadcastForm),
        (SOCKETS_JOIN, _Rooms),
        (SOCKETS_LEAVE, _Rooms),
        (DISCONNECT_SOCKETS, _Close),
        (SERVER_SIDE_EMIT, ServerSideEmitForm),
    )
}


def decode(fields: Mapping[str, str]) -> Record | None:
    """The record of an entry's fields; None for a type that is not for us. Raises `ProtocolError`.

    What has a `requestId` wants answers and belongs on Pub/Sub, so it is none of ours either.
    """
    try:
        nsp, kind = fields["nsp"], fields["type"]
        if kind not in _FORMS:
            return None
        return _record(nsp, kind, _load(kind, fields["data"]))
    except KeyError as error:
        raise ProtocolError(f"a stream entry has no field {error}") from error
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a stream entry of type {kind} does not decode: {error}") from error


def _load(kind: str, data: str) -> _Form:
    form, from_msgpack = _FORMS[kind]
    if not data.startswith("{"):
        return from_msgpack.decode(b64decode(data, validate=True))
    try:
        # By orjson, for which a whole number beyond 64 bits (JavaScript writes some) is a float, which can be sent on.
        return msgspec.convert(orjson.loads(data), form)
    except ValueError:
        if "\\ud" not in data:
            raise
    # An emoji was cut in half: JavaScript writes the half as an escape.
    return msgspec.convert(replace_halves(json.loads(data)), form)


def _record(nsp: str, kind: str, body: _Form) -> Record | None:
    record = _single(nsp, kind, body)
    if record is None or isinstance(body, ServerSideEmitForm) or not body.then:
        return record
    return RecordBatch(nsp, (cast("ForSockets", record), *(_part(nsp, part) for part in body.then)))


def _part(nsp: str, part: _Part) -> ForSockets:
    if part.type not in (BROADCAST, SOCKETS_JOIN, SOCKETS_LEAVE, DISCONNECT_SOCKETS):
        raise ValueError(f"a record of type {part.type!r} cannot be part of a batch")
    body = msgspec.convert(part.data, _FORMS[part.type][0])
    record = _single(nsp, part.type, body)
    if record is None or cast("TargetForm", body).then:
        raise ValueError("a part of a batch neither asks for answers nor has parts")
    return cast("ForSockets", record)


def _single(nsp: str, kind: str, body: _Form) -> SingleRecord | None:
    match body:
        case BroadcastForm() | ServerSideEmitForm():
            record = body.record(nsp)
            return record if body.requestId is None else None
        case _Rooms(rooms=rooms):
            return (Join if kind == SOCKETS_JOIN else Leave)(nsp, body.target, rooms)
        case _:
            return DisconnectSockets(nsp, body.target, bool(body.close), bool(body.moved))
