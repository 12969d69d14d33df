"""The msgpack encoding of Socket.IO packets (socket.io-msgpack-parser 3): one binary message a packet.

The message is a map `{type, nsp, data, id?}`; types 0 to 4 only, since binary needs no attachments here.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgpack
import msgspec
from msgspec import Struct

from protocol.engine import Encoded
from protocol.errors import PacketError
from protocol.packets import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    MAX_ATTACHMENTS,
    MAX_SAFE_INTEGER,
    Ack,
    Connect,
    ConnectError,
    Event,
    Packet,
    Parser,
    packet_of,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    except ValueError as error:  # half an emoji, or data too deep
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


def _extension(code: int, data: bytes) -> Any:
    """notepack's extension 0 is three things: undefined, a date, and an ArrayBuffer or a typed array of any size."""
    if code != 0:
        raise ValueError(f"msgpack extension {code} is unknown")
    if data == b"\0":
        return None
    if len(data) == 8:
        try:
            return _EPOCH + timedelta(milliseconds=int.from_bytes(data, "big", signed=True))
        except OverflowError:  # before the year 1 or after 9999: these bytes are no date
            return data
    return data


def decode(data: str | bytes, _max_attachments: int = MAX_ATTACHMENTS) -> Packet:
    """A binary message as a packet. Raises `PacketError`. There are no attachments to limit."""
    if isinstance(data, str):
        raise PacketError("a text message, where the parser is msgpack")
    try:
        # timestamp=3: an extension -1 is a datetime too, where msgpack's own type would be of no use to anybody
        fields = msgpack.unpackb(data, ext_hook=_extension, timestamp=3, unicode_errors="replace")
    except Exception as error:  # a mixed bag: ValueError, UnpackException, OverflowError, TypeError
        raise PacketError("a message is not msgpack") from error
    match fields:
        case {"type": int(kind), "nsp": str(nsp), **rest} if not isinstance(kind, bool):
            number = rest.get("id")
            if number is not None and (type(number) is not int or not 0 <= number <= MAX_SAFE_INTEGER):
                raise PacketError("an ack id is a number")
            return packet_of(kind, nsp, number, rest.get("data"))
    raise PacketError("a packet has a type and a namespace")


MSGPACK = Parser(encode, decode)
