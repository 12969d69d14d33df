"""The default encoding of Socket.IO packets: JSON with binary attachments (socket.io-protocol, revision 5).

A packet with attachments decodes to a `Partial` first; `attach` makes the packet of it once all its binary messages
are there. `Decoder` does that for one connection, with any encoding.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from protocol.engineio.packets import Encoded
from protocol.errors import BadValue, PacketError
from protocol.socketio.json_values import SHORT, parse_json
from protocol.socketio.packet_limits import OF_CLIENTS, PacketLimits
from protocol.socketio.packets import (
    ACK,
    CONNECT,
    EVENT,
    MAX_SAFE_INTEGER,
    RESERVED_EVENTS,
    Ack,
    Connect,
    ConnectError,
    Disconnect,
    Event,
    Packet,
    Parser,
    Partial,
    Rejected,
)

_HEADER = re.compile(r"(?:([56])(\d{1,5})-|([0-4]))(?:(/[^,]*),?)?(\d+)?", re.ASCII)
_FIRST_VALUE = re.compile(
    r"""[ \t\n\r]*\[[ \t\n\r]*("(?:[^"\\]|\\.){0,1000}"|[-+.0-9eE]{1,30})[ \t\n\r]*[],]""", re.ASCII
)
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


def decode(data: str | bytes, limits: PacketLimits = OF_CLIENTS) -> Packet | Partial | Rejected:
    """A text message as a packet, or as the part of one that has attachments. Raises `PacketError`."""
    if isinstance(data, bytes):
        raise PacketError("a binary message belongs to no packet")
    if data[:1] == "2":  # an event; most have at most an ack id before their list, and need no pattern
        start = data.find("[", 1, _HEAD_MOST)
        head = data[1:start]
        if not head or (start > 0 and head.isascii() and head.isdigit()):
            number, body = (_ack_id(head), data[start:]) if head else (None, data[1:])
            if len(body) < SHORT:
                try:
                    return _event(orjson.loads(body), "/", number)
                except orjson.JSONDecodeError:
                    pass  # JavaScript may read it, or `_packet` tells what is wrong
            return _packet(EVENT, "/", number, body, limits)
    match = _HEADER.match(data)
    if match is None:
        raise PacketError("not a Socket.IO packet")
    binary, count, plain, nsp, ack_id = match.groups()
    number = None if ack_id is None else _ack_id(ack_id)
    body = data[match.end() :]
    if binary is None:
        return _packet(int(plain), nsp or "/", number, body, limits)
    attachments = int(count)
    if not 0 < attachments <= limits.attachments:
        raise PacketError(f"{attachments} attachments, where 1 to {limits.attachments} are allowed")
    packet = _packet(EVENT if binary == "5" else ACK, nsp or "/", number, body, limits)
    assert isinstance(packet, Event | Ack | Rejected)
    return Partial(packet, attachments)


def _packet(kind: int, nsp: str, id: int | None, body: str, limits: PacketLimits) -> Packet | Rejected:
    """The packet of a header's parts and the JSON behind it. Raises `PacketError`."""
    if not body:
        return packet_of(kind, nsp, id, None)
    try:
        if kind == CONNECT and len(body.encode("utf-8", "replace")) > limits.auth:
            raise BadValue(f"more than {limits.auth} bytes to connect with")
        value = parse_json(body, limits.depth, limits.auth_values if kind == CONNECT else limits.values)
    except BadValue as error:
        return rejected(kind, nsp, id, _beginning(body), error)
    except ValueError as error:
        raise PacketError("a payload is not JSON") from error
    if value is None:
        raise PacketError("null is no payload")
    return packet_of(kind, nsp, id, value)


def rejected(kind: int, nsp: str, id: int | None, beginning: list[Any], error: BadValue) -> Rejected:
    """The rest of a packet whose payload cannot be carried; `beginning` has an event's name, if it can be told.

    Raises `PacketError` for a packet that would be wrong with any payload.
    """
    error = BadValue(str(error))  # without the traceback, whose frames hold the payload
    match kind:
        case 0:
            return Rejected(Connect(nsp), error)
        case 2:
            return Rejected(_event(beginning[:1], nsp, id), error)
        case 3:
            return Rejected(_ack([], nsp, id), error)
        case _:
            raise PacketError(f"a payload cannot be carried: {error}")


def _beginning(text: str) -> list[Any]:
    """The first value of the list that a text begins with, where that is a text or a number of ordinary length."""
    match = _FIRST_VALUE.match(text)
    if match is None:
        return []
    try:
        return [parse_json(match[1])]
    except (ValueError, BadValue):
        return []


def attach(partial: Partial, buffers: list[bytes]) -> Event | Ack | Rejected:
    """The packet of a partial one and its binary messages, in the order they came. Raises `PacketError`."""
    packet = partial.packet
    if isinstance(packet, Rejected):
        return packet
    data = _fill(packet.data, buffers)
    if isinstance(packet, Event):
        return Event(data, packet.nsp, packet.id)
    return Ack(data, packet.id, packet.nsp)


def _fill(data: list[Any], buffers: list[bytes]) -> list[Any]:
    """`data` with each placeholder replaced. Walks with a stack, since the remote end decides how deep the data is.

    No two may name one attachment, as no encoder writes them: forwarding the data would send it as often.
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
    """A packet of the parts that the remote end sent, held to the rules of its type. Raises `PacketError`."""
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


JSON = Parser(encode, decode)
"""The default encoding of packets: JSON text, with binary attachments as separate messages."""


class Decoder:
    """The decoding side of one connection, in either role; `limits` are those of one packet."""

    __slots__ = ("_buffers", "_parser", "_partial", "limits")

    def __init__(self, parser: Parser, limits: PacketLimits = OF_CLIENTS) -> None:
        self._parser = parser
        self.limits = limits
        self._partial: Partial | None = None
        self._buffers: list[bytes] | None = None

    def receive(self, message: str | bytes) -> Packet | Rejected | None:
        """Take one message; return the packet that it completes. Raises `PacketError`."""
        if self._partial is None:
            decoded = self._parser.decode(message, self.limits)
            if not isinstance(decoded, Partial):
                return decoded
            self._partial, self._buffers = decoded, []
            return None
        assert self._buffers is not None
        if isinstance(message, str):
            raise PacketError("text, where an attachment is due")
        self._buffers.append(message)
        if len(self._buffers) < self._partial.attachments:
            return None
        packet = attach(self._partial, self._buffers)
        self._partial = self._buffers = None
        return packet
