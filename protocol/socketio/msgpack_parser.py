"""The msgpack encoding of Socket.IO packets (socket.io-msgpack-parser 3): one binary message a packet.

The message is a map `{type, nsp, data, id?}`; types 0 to 4 only, since binary needs no attachments here.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgpack
import msgspec
from msgspec import Struct

from protocol.engineio.packets import Encoded
from protocol.errors import BadValue, PacketError
from protocol.socketio.json_parser import packet_of, rejected
from protocol.socketio.json_values import is_beyond
from protocol.socketio.packet_limits import OF_CLIENTS, PacketLimits
from protocol.socketio.packets import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    MAX_SAFE_INTEGER,
    Ack,
    Connect,
    ConnectError,
    Event,
    Packet,
    Parser,
    Rejected,
)

_SHORT = 256  # bytes, too few to promise much
_LONGEST_NAME = 2_000  # bytes in which an event's name is looked for, where its arguments cannot be taken
_LONGEST_TAIL = 500  # bytes
_CONTAINER = re.compile(rb"[\x80-\x9f\xdc-\xdf]")
_NO_CONTAINERS = bytes({*range(256)} - {*range(0x80, 0xA0), *range(0xDC, 0xE0)})
_INFINITE = re.compile(rb"\xca[\x7f\xff][\x80-\xff]|\xcb[\x7f\xff][\xf0-\xff]")  # NaN, too; or within a text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FIXEXT_1, _FIXEXT_8 = 0xD4, 0xD7
_EXTENSIONS = {0xC7, 0xC8, 0xC9, *range(0xD4, 0xD9)}


def _sizes() -> Iterator[tuple[int, int]]:
    """By its first byte: how long a value is, containers without what they hold, and how many bytes behind the first
    one say how much longer it is (msgpack's specification, "Formats")."""
    sized = {0xC4: 2, 0xC5: 3, 0xC6: 5, 0xC7: 3, 0xC8: 4, 0xC9: 6, 0xD9: 2, 0xDA: 3, 0xDB: 5}
    whole = {0xCA: 5, 0xCB: 9, 0xDC: 3, 0xDD: 5, 0xDE: 3, 0xDF: 5}
    whole |= {0xCC + power: 1 + 2**power for power in range(4)} | {
        0xD0 + power: 1 + 2**power for power in range(4)
    }
    whole |= {0xD4 + power: 2 + 2**power for power in range(5)}
    for first in range(256):
        if first in sized:
            yield sized[first], sized[first] - (2 if first in _EXTENSIONS else 1)
        elif 0xA0 <= first < 0xC0:
            yield first - 0x9F, 0
        else:
            yield whole.get(first, 1), 0


_SIZES = tuple(_sizes())


def encode(packet: Packet) -> Encoded:
    """A packet as one binary message. Raises `TypeError` for a value that msgpack cannot express."""
    match packet:
        case Event(data=data, nsp=nsp, id=id):
            fields = {"type": EVENT, "data": data, "nsp": nsp} | ({} if id is None else {"id": id})
        case Ack(data=data, nsp=nsp, id=id):
            fields = {"type": ACK, "data": data, "nsp": nsp, "id": id}
        case Connect(nsp=nsp, data=auth):
            fields = {"type": CONNECT, "nsp": nsp} | ({} if auth is None else {"data": auth})
        case ConnectError(nsp=nsp, data=error):
            fields = {"type": CONNECT_ERROR, "data": error, "nsp": nsp}
        case _:
            fields = {"type": DISCONNECT, "nsp": packet.nsp}
    try:
        return Encoded(b"", (msgpack.packb(fields, default=_default),))
    except (ValueError, OverflowError) as error:  # half an emoji, data too deep, an integer beyond 64 bits
        raise TypeError(f"a packet cannot be sent: {error}") from error


def _default(value: Any) -> Any:
    """Dates go as notepack's extension 0: milliseconds in a signed 64-bit integer."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return msgpack.ExtType(
            0, ((aware - _EPOCH) // timedelta(milliseconds=1)).to_bytes(8, "big", signed=True)
        )
    if isinstance(value, Struct):
        return msgspec.to_builtins(value, builtin_types=(bytes, bytearray, memoryview, datetime))
    raise TypeError(f"{type(value).__name__} cannot be sent")


class _Extensions:
    """Takes each extension of a message, in order. notepack's extension 0 is three things, told apart by the header
    alone: undefined (fixext 1), a date (fixext 8), and an ArrayBuffer or a typed array of any size (ext 8, 16, 32)."""

    __slots__ = ("_data", "_headers")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._headers: Iterator[int] | None = None

    def __call__(self, code: int, content: bytes) -> Any:
        if code != 0:
            raise ValueError(f"msgpack extension {code} is unknown")
        if self._headers is None:
            self._headers = _headers_of_extensions(self._data)
        header = next(self._headers)
        if header == _FIXEXT_1:
            return None
        if header != _FIXEXT_8:
            return content
        try:
            return _EPOCH + timedelta(milliseconds=int.from_bytes(content, "big", signed=True))
        except OverflowError:
            raise BadValue("a date before the year 1 or after 9999") from None


def _headers_of_extensions(data: bytes) -> Iterator[int]:
    """The first byte of each extension 0, in order, which msgpack keeps to itself.

    What a container holds follows it, so the message is a row of headers, each with as much content as it says. msgpack
    has read what comes before an extension, so nothing here is cut short.
    """
    at = 0
    while True:
        first = data[at]
        size, width = _SIZES[first]
        if width:
            size += int.from_bytes(data[at + 1 : at + 1 + width], "big")
        if first in _EXTENSIONS and data[at + 1 + width] == 0:
            yield first
        at += size


def decode(data: str | bytes, limits: PacketLimits = OF_CLIENTS) -> Packet | Rejected:
    """A binary message as a packet. Raises `PacketError`. There are no attachments to limit."""
    if isinstance(data, str):
        raise PacketError("a text message, where the parser is msgpack")
    try:
        fields = _unpack(data, limits)
        error = _excess(data, fields, limits)
    except BadValue as too_many:
        fields, error = _envelope(data), too_many
    match fields:
        case {"type": int(kind), "nsp": str(nsp), **rest} if not isinstance(kind, bool):
            number = rest.get("id")
            if number is not None and (type(number) is not int or not 0 <= number <= MAX_SAFE_INTEGER):
                raise PacketError("an ack id is a number")
            payload = rest.get("data")
            if error is None:
                return packet_of(kind, nsp, number, payload)
            return rejected(kind, nsp, number, payload if isinstance(payload, list) else [], error)
    raise PacketError("a packet has a type and a namespace")


def _unpack(data: bytes, limits: PacketLimits) -> Any:
    """Raises `BadValue` for more values than are allowed, before all are there, and for what is too deep to read."""
    hooks: dict[str, Any] = {}
    if len(data) > _SHORT:
        _skip(data)
    if len(data) > limits.values:  # a value has at least one byte
        count = _Count(limits.values)
        hooks = {"list_hook": count, "object_hook": count}
    try:
        # timestamp=3: an extension -1 is a datetime too, where msgpack's own type would be of no use to handlers
        return msgpack.unpackb(
            data, ext_hook=_Extensions(data), timestamp=3, unicode_errors="replace", **hooks
        )
    except BadValue:
        raise
    except Exception as error:  # a mixed bag: ValueError, UnpackException, OverflowError, TypeError
        raise PacketError("a message is not msgpack") from error


def _skip(data: bytes) -> None:
    """Go once through a message without building anything, to see that all of it is there.

    A list has room made for all its values before the first is read, and each list within it too: a short message can
    promise many long lists. Raises `BadValue` for what is too deep to read.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=len(data))
    unpacker.feed(data)
    try:
        unpacker.skip()
    except msgpack.StackError:
        raise BadValue("nested too deep") from None
    except (ValueError, msgpack.UnpackException) as error:
        raise PacketError("a message is not msgpack") from error


class _Count:
    """Takes each list and map of a message when it is complete, and counts what is in them."""

    __slots__ = ("_most", "_seen")

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen = 0

    def __call__(self, container: Any) -> Any:
        self._seen += 1 + len(container)
        if self._seen > self._most:
            raise BadValue(f"more than {self._most} values")
        return container


def _excess(data: bytes, fields: Any, limits: PacketLimits) -> BadValue | None:
    """The part of a packet's payload that cannot be carried."""
    if not isinstance(fields, dict):
        return None
    most = limits.values
    if fields.get("type") == CONNECT:
        most = limits.auth_values
        if len(data) > limits.auth:
            return BadValue(f"more than {limits.auth} bytes to connect with")
    elif not _INFINITE.search(data) and len(data.translate(None, _NO_CONTAINERS)) <= limits.depth:
        return None  # as nearly always
    fault = is_beyond(fields.get("data"), limits.depth, most)
    return None if fault is None else BadValue(fault)


def _envelope(data: bytes) -> dict[Any, Any]:
    """The fields of a packet of whose payload there is but an event's name: the rest is skipped, and not built.

    Raises `PacketError`.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=len(data), unicode_errors="replace")
    unpacker.feed(data)
    fields: dict[Any, Any] = {}
    try:
        for _ in range(unpacker.read_map_header()):
            name = unpacker.unpack()
            if name in ("type", "nsp", "id"):
                fields[name] = unpacker.unpack()
                continue
            if name == "data":
                fields[name] = _beginning(data[unpacker.tell() :][:_LONGEST_NAME])
            unpacker.skip()
    except msgpack.StackError:  # deeper than can be skipped
        return fields | _tail(data)
    except Exception as error:  # as above
        raise PacketError("a message is not msgpack") from error
    return fields


def _beginning(data: bytes) -> list[Any]:
    """The first value of a list that is a text or a number."""
    unpacker = msgpack.Unpacker(unicode_errors="replace")
    unpacker.feed(data)
    try:
        if unpacker.read_array_header() and not _CONTAINER.match(data, unpacker.tell()):
            return [unpacker.unpack()]
    except (ValueError, msgpack.UnpackException):
        return []
    return []


def _tail(data: bytes) -> dict[Any, Any]:
    """The fields behind a packet's payload, as socket.io-msgpack-parser orders them: options, id, nsp."""
    end = data[-_LONGEST_TAIL:]
    for name in (b"\xa7options", b"\xa2id", b"\xa3nsp"):
        unpacker = msgpack.Unpacker(unicode_errors="replace")
        unpacker.feed(end[end.rfind(name) :] if name in end else b"")
        try:
            parts = list(unpacker)
            return dict(zip(parts[::2], parts[1::2], strict=True))
        except (ValueError, TypeError, msgpack.UnpackException):
            continue
    return {}


MSGPACK = Parser(encode, decode)
"""Each packet as one binary msgpack message, for clients with `socket.io-msgpack-parser`: `Server(parser=MSGPACK)`."""
