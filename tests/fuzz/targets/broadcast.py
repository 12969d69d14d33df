"""Records of the stream: an entry's type, namespace and data with 0x1e between them.

The data of entries in msgpack is base64; where the type has an `m` in front, it is made of the bytes here, since chance
seldom finds base64.
"""

from base64 import b64encode

from msgspec import Struct, structs

from protocol.cluster.stream_records import Broadcast, decode, encode
from protocol.errors import ProtocolError
from protocol.socketio.json_parser import JSON
from protocol.socketio.packets import Event
from tests.fuzz.values import MAX_DEPTH, depth, plain

KEYS = ["packet", "opts", "rooms", "except", "flags", "data", "type", "close", "moved", "requestId"]
WORDS = [f'"{key}":'.encode() for key in KEYS]
WORDS += [b"\x1e", b'"\\ud83d"', b"null", b"true", b"1e5", b"[]", b"{}"]


def check(data: bytes) -> None:
    """Only `ProtocolError` is raised; a record that is read can be written and read again, and its event be sent on."""
    kind, nsp, body = [*data.split(b"\x1e", 2), b"", b""][:3]
    text = b64encode(body).decode() if kind[:1] == b"m" else body.decode(errors="replace")
    fields = {
        "uid": "uid",
        "type": kind.removeprefix(b"m").decode(errors="replace"),
        "nsp": nsp.decode(errors="replace"),
        "data": text,
    }
    try:
        record = decode(fields)
    except ProtocolError:
        return
    if record is None:
        return
    try:
        again = decode(encode(record, "uid"))
        if isinstance(record, Broadcast):
            JSON.encode(Event(record.data, record.nsp))
    except TypeError:
        assert depth(record) > MAX_DEPTH or not speakable_value(structs.astuple(record))
        return
    # In JSON, NaN and the infinities are null.
    assert plain(again, nan=None) == plain(record, nan=None)


def speakable_value(value: object) -> bool:
    """Whether JSON can express a value that came in msgpack: the keys of objects are texts."""
    match value:
        case list() | tuple():
            return all(map(speakable_value, value))
        case dict():
            return all(isinstance(key, str) and speakable_value(item) for key, item in value.items())
        case Struct():
            return speakable_value(structs.astuple(value))
    return True
