"""Fan-out records, and their form in the Redis stream that is shared with `@socket.io/redis-streams-adapter`.

An entry has four string fields, `uid`, `nsp`, `type` and `data`. `data` is compact JSON, or base64 of msgpack
where the payload holds binary: what starts with `{` is JSON. Types 3 to 6 are the records here; the others
are not for those who read the stream.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import orjson
from msgspec import Meta, Struct

from protocol.errors import ProtocolError


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


class Disconnect(Struct, frozen=True):
    """The target's sockets leave the namespace; with `close`, their connection ends.

    With `moved` the clients are not sent away: the target's rooms are ids of sockets whose clients have come back over
    other connections. Node knows no such mark, and takes its sockets for disconnected.
    """

    nsp: str
    target: Target
    close: bool = False
    moved: bool = False


Record: TypeAlias = Broadcast | Join | Leave | Disconnect

BROADCAST, SOCKETS_JOIN, SOCKETS_LEAVE, DISCONNECT_SOCKETS = "3", "4", "5", "6"

# The same forms of dates as in `packets`, so that a value looks alike on every way to a client.
_DUMP_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
_KEPT = (bytes, bytearray, memoryview, datetime)


def encode(record: Record, uid: str) -> dict[str, str]:
    """The four stream fields of a record; `uid` names the sender.

    Raises `TypeError` for a value that cannot be sent, binary aside: what JSON cannot express.
    """
    opts: dict[str, Any] = {"rooms": record.target.rooms, "except": record.target.except_, "flags": {}}
    payload: dict[str, Any]
    match record:
        case Broadcast():
            if record.volatile:
                opts["flags"]["volatile"] = True
            if not record.compress:
                opts["flags"]["compress"] = False
            kind, payload = BROADCAST, {"packet": {"type": 2, "data": record.data}, "opts": opts}
        case Join():
            kind, payload = SOCKETS_JOIN, {"opts": opts, "rooms": record.rooms}
        case Leave():
            kind, payload = SOCKETS_LEAVE, {"opts": opts, "rooms": record.rooms}
        case _:
            kind, payload = DISCONNECT_SOCKETS, {"opts": opts, "close": record.close}
            if record.moved:
                payload["moved"] = True
    return {"uid": uid, "nsp": record.nsp, "type": kind, "data": _dump(payload)}


def _dump(payload: dict[str, Any]) -> str:
    """JSON is tried first even when binary turns up in it: that holds both encodings to the same rules."""
    binary: list[bool] = []
    text = orjson.dumps(payload, partial(_default, binary), _DUMP_OPTIONS)
    if binary:
        return b64encode(msgspec.msgpack.encode(payload)).decode()
    return text.decode()


def _default(binary: list[bool], value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        binary.append(True)
        return None
    if isinstance(value, Struct):
        return msgspec.to_builtins(value, builtin_types=_KEPT)
    raise TypeError(f"{type(value).__name__} cannot be sent")


class _Flags(Struct, frozen=True):
    """JavaScript's flags, by their truth. The others (`broadcast`, `timeout`, …) are the sender's own."""

    volatile: Any = None
    compress: Any = None


_DEFAULT_FLAGS = _Flags()


class _Opts(Struct, frozen=True, rename={"except_": "except"}):
    rooms: tuple[str, ...] | None = None
    except_: tuple[str, ...] | None = None
    flags: _Flags | None = None


class _Packet(Struct, frozen=True):
    type: Literal[2]
    data: Annotated[list[Any], Meta(min_length=1)]


class _Broadcast(Struct, frozen=True):
    packet: _Packet
    opts: _Opts
    requestId: str | None = None  # noqa: N815 - the name on the wire


class _Rooms(Struct, frozen=True):
    opts: _Opts
    rooms: tuple[str, ...]


class _Close(Struct, frozen=True):
    opts: _Opts
    close: Any = None
    moved: Any = None


_Form: TypeAlias = _Broadcast | _Rooms | _Close


def _refuse_extension(code: int, _: memoryview) -> Any:
    raise ProtocolError(f"msgpack extension {code} is unknown")


_FORMS: dict[str, tuple[msgspec.json.Decoder[_Form], msgspec.msgpack.Decoder[_Form]]] = {
    kind: (msgspec.json.Decoder(form), msgspec.msgpack.Decoder(form, ext_hook=_refuse_extension))
    for kind, form in (
        (BROADCAST, _Broadcast),
        (SOCKETS_JOIN, _Rooms),
        (SOCKETS_LEAVE, _Rooms),
        (DISCONNECT_SOCKETS, _Close),
    )
}


def decode(fields: Mapping[str, str]) -> Record | None:
    """The record of an entry's fields; None for a type that is not for us. Raises `ProtocolError`.

    A broadcast with a `requestId` wants answers and belongs on Pub/Sub, so it is none of ours either.
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
    from_json, from_msgpack = _FORMS[kind]
    if not data.startswith("{"):
        return from_msgpack.decode(b64decode(data, validate=True))
    try:
        return from_json.decode(data)
    except ValueError:
        if "\\ud" not in data:
            raise
    # An emoji was cut in half: JavaScript writes the half as an escape, here it becomes U+FFFD.
    halves = json.dumps(json.loads(data), ensure_ascii=False)
    return from_json.decode(halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def _record(nsp: str, kind: str, body: _Form) -> Record | None:
    target = Target(body.opts.rooms or (), body.opts.except_ or ())
    match body:
        case _Broadcast():
            return _broadcast(nsp, target, body)
        case _Rooms():
            return (Join if kind == SOCKETS_JOIN else Leave)(nsp, target, body.rooms)
        case _:
            return Disconnect(nsp, target, bool(body.close), bool(body.moved))


def _broadcast(nsp: str, target: Target, body: _Broadcast) -> Broadcast | None:
    name = body.packet.data[0]
    if isinstance(name, bool) or not isinstance(name, str | int | float):
        raise ValueError("an event's name is a string or a number")
    if body.requestId is not None:
        return None
    flags = body.opts.flags or _DEFAULT_FLAGS
    return Broadcast(nsp, target, body.packet.data, bool(flags.volatile), flags.compress is not False)
