"""Socket.IO v5 packets and their default encoding: JSON with binary attachments (socket.io-protocol, revision 5).

An encoding is two functions: `encode` gives Engine.IO messages, `decode` takes one. A JSON packet with
attachments decodes to a `Partial` first; `attach` makes the packet of it once all its binary messages are
there. The other encoding is in `packets_msgpack`.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec
import orjson
from msgspec import Struct

from protocol.engine import Encoded
from protocol.errors import PacketError

# Event names that socket.io's own lifecycle uses; a peer that sends one breaks the protocol.
RESERVED_EVENTS = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
MAX_ATTACHMENTS = 10
MAX_SAFE_INTEGER = 2**53 - 1  # ack ids are JavaScript numbers


class Connect(Struct, frozen=True):
    """Client: asks to join a namespace, `data` is its auth payload. Server: joined, `data` holds `sid`."""

    nsp: str = "/"
    data: dict[str, Any] | None = None


class Disconnect(Struct, frozen=True):
    """Leaves a namespace."""

    nsp: str = "/"


class Event(Struct, frozen=True, gc=False):
    """An event: `data` is its name and arguments. With an `id` the peer acknowledges it."""

    data: list[Any]
    nsp: str = "/"
    id: int | None = None


class Ack(Struct, frozen=True, gc=False):
    """The answer to the event with this `id`; `data` is a list of values."""

    data: list[Any]
    id: int
    nsp: str = "/"


class ConnectError(Struct, frozen=True):
    """The server refuses a namespace: `data` holds `message` and perhaps `data`."""

    data: dict[str, Any]
    nsp: str = "/"


Packet: TypeAlias = Connect | Disconnect | Event | Ack | ConnectError

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)


class Partial(Struct, frozen=True):
    """A packet whose `attachments` binary messages are still to come."""

    packet: Event | Ack
    attachments: int


class Parser(NamedTuple):
    """An encoding of packets. `decode` gets one Engine.IO message and the limit of attachments a packet."""

    encode: Callable[[Packet], Encoded]
    decode: Callable[[str | bytes, int], Packet | Partial]


_HEADER = re.compile(r"(?:([56])(\d{1,5})-|([0-4]))(?:(/[^,]*),?)?(\d+)?", re.ASCII)
_HEAD_MOST = 20  # where the list of an event with an ack id begins at the latest
_DUMP_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
_KEPT = (bytes, bytearray, memoryview, datetime)


def encode(packet: Packet) -> Encoded:
    """A packet as text and attachments. Raises `TypeError` for a value that JSON cannot express."""
    if type(packet) is Event:
        number = b"" if packet.id is None else b"%d" % packet.id
        return _encode_data(EVENT, _prefix(packet.nsp) + number, packet.data)
    if type(packet) is Ack:
        return _encode_data(ACK, _prefix(packet.nsp) + b"%d" % packet.id, packet.data)
    match packet:
        case Connect(nsp=nsp, data=None):
            return Encoded(b"40" + _prefix(nsp))
        case Connect(nsp=nsp, data=auth):
            return Encoded(b"40" + _prefix(nsp) + orjson.dumps(auth, _plain, _DUMP_OPTIONS))
        case ConnectError(nsp=nsp, data=error):
            return Encoded(b"44" + _prefix(nsp) + orjson.dumps(error, _plain, _DUMP_OPTIONS))
        case _:
            return Encoded(b"41" + _prefix(packet.nsp))


def _prefix(nsp: str) -> bytes:
    return b"" if nsp == "/" else nsp.encode() + b","


def _encode_data(kind: int, head: bytes, data: list[Any]) -> Encoded:
    start = b"42" if kind == EVENT else b"43"
    try:
        return Encoded(start + head + orjson.dumps(data, option=_DUMP_OPTIONS))
    except TypeError:  # something in it is not JSON by itself; most events have nothing of the kind
        body, binary = _dumps(data)
    if not binary:
        return Encoded(start + head + body)
    return Encoded(b"4%d%d-%b%b" % (kind + 3, len(binary), head, body), tuple(binary))


def _dumps(data: list[Any]) -> tuple[bytes, list[bytes]]:
    """JSON of an event's or an ack's data, and the binary for which placeholders stand in it."""
    binary: list[bytes] = []

    def default(value: Any) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            binary.append(bytes(value))
            return {"_placeholder": True, "num": len(binary) - 1}
        return _plain(value)

    return orjson.dumps(data, default, _DUMP_OPTIONS), binary


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return msgspec.to_builtins(value, builtin_types=_KEPT)
    raise TypeError(f"{type(value).__name__} cannot be sent")


def decode(data: str | bytes, max_attachments: int = MAX_ATTACHMENTS) -> Packet | Partial:
    """A text message as a packet, or as the part of one that has attachments. Raises `PacketError`."""
    if isinstance(data, bytes):
        raise PacketError("a binary message belongs to no packet")
    if data[:1] == "2":  # an event; most have at most an ack id before their list, and need no pattern
        start = data.find("[", 1, _HEAD_MOST)
        head = data[1:start]
        if not head:
            return _event(_loads(data[1:]), "/", None)
        if start > 0 and head.isascii() and head.isdigit():
            return _event(_loads(data[start:]), "/", _ack_id(head))
    match = _HEADER.match(data)
    if match is None:
        raise PacketError("not a Socket.IO packet")
    binary, count, plain, nsp, ack_id = match.groups()
    body = data[match.end() :]
    value = _loads(body) if body else None
    if body and value is None:
        raise PacketError("null is no payload")
    number = None if ack_id is None else _ack_id(ack_id)
    if binary is None:
        return packet_of(int(plain), nsp or "/", number, value)
    attachments = int(count)
    if not 0 < attachments <= max_attachments:
        raise PacketError(f"{attachments} attachments, where 1 to {max_attachments} are allowed")
    make = _event if binary == "5" else _ack
    return Partial(make(value, nsp or "/", number), attachments)


def attach(partial: Partial, buffers: list[bytes]) -> Event | Ack:
    """The packet of a partial one and its binary messages, in the order they came. Raises `PacketError`."""
    packet = partial.packet
    data = _fill(packet.data, buffers)
    if isinstance(packet, Event):
        return Event(data, packet.nsp, packet.id)
    return Ack(data, packet.id, packet.nsp)


def _fill(data: list[Any], buffers: list[bytes]) -> list[Any]:
    """`data` with each placeholder replaced. Walks with a stack, since a peer decides how deep the data is.

    No two may name one attachment, as no encoder writes them: whoever sends the data on would send that as often.
    """
    left: list[bytes | None] = list(buffers)
    open_containers: list[Any] = [data]
    while open_containers:
        container = open_containers.pop()
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in list(items):
            if isinstance(value, dict) and value.get("_placeholder") is True:
                container[key] = _take(value, left)
            elif isinstance(value, dict | list):
                open_containers.append(value)
    return data


def _take(placeholder: Mapping[str, Any], left: list[bytes | None]) -> bytes:
    number = placeholder.get("num")
    if type(number) is not int or not 0 <= number < len(left):
        raise PacketError("a placeholder names no attachment")
    buffer, left[number] = left[number], None
    if buffer is None:
        raise PacketError("two placeholders name one attachment")
    return buffer


def _ack_id(digits: str) -> int:
    number = int(digits) if len(digits) <= 16 else MAX_SAFE_INTEGER + 1
    if number > MAX_SAFE_INTEGER:
        raise PacketError("an ack id is too large")
    return number


def packet_of(kind: int, nsp: str, id: int | None, value: Any) -> Packet:
    """A packet of the parts that a peer sent, held to the rules of its type. Raises `PacketError`."""
    match kind:
        case 2:
            return _event(value, nsp, id)
        case 3:
            return _ack(value, nsp, id)
        case 0:
            if value is not None and not isinstance(value, dict):
                raise PacketError("a connect payload is an object")
            return Connect(nsp, value)
        case 1:
            if value is not None:
                raise PacketError("a disconnect has no payload")
            return Disconnect(nsp)
        case 4:
            if not isinstance(value, dict):
                raise PacketError("a connect error is an object")
            return ConnectError(value, nsp)
        case _:
            raise PacketError("unknown Socket.IO packet type")


def _event(value: Any, nsp: str, id: int | None) -> Event:
    if not isinstance(value, list) or not value:
        raise PacketError("an event is a list that is not empty")
    name = value[0]
    if isinstance(name, str):
        if name in RESERVED_EVENTS:
            raise PacketError("a reserved event name")
    elif isinstance(name, bool) or not isinstance(name, int | float):
        raise PacketError("an event's name is a string or a number")
    return Event(value, nsp, id)


def _ack(value: Any, nsp: str, id: int | None) -> Ack:
    if not isinstance(value, list) or id is None:
        raise PacketError("an ack is an id and a list")
    return Ack(value, id, nsp)


def _loads(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "\\ud" in text or "\\uD" in text:
            return _loads_surrogates(text)
        raise PacketError("a payload is not JSON") from error


def _loads_surrogates(text: str) -> Any:
    """JSON in which an emoji was cut in half: JavaScript sends the half as an escape, here it becomes U+FFFD."""
    try:
        whole = json.dumps(json.loads(text), ensure_ascii=False)
        return orjson.loads(whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    except (ValueError, RecursionError) as error:
        raise PacketError("a payload is not JSON") from error


JSON = Parser(encode, decode)
