"""What servers ask each other and answer."""

import msgpack
from msgspec import structs

from protocol.cluster.requests import AskClients, ClusterMessage, Sockets, decode, encode
from protocol.errors import ProtocolError
from tests.fuzz.targets.broadcast import speakable_value
from tests.fuzz.values import MAX_DEPTH, depth, plain

KEYS = ["type", "uid", "nsp", "data", "packet", "opts", "rooms", "except", "flags", "requestId", "sockets"]
KEYS += ["handshake", "clientCount", "timeout"]
WORDS = [msgpack.packb(word) for word in (*KEYS, 3, 7, 8, 9, 10, 11, 12, None, [], {}, 1.5, 2**64 - 1)]


def check(data: bytes) -> None:
    """Only `ProtocolError` is raised; a message that is read can be written and read again."""
    try:
        decoded = decode(data)
    except ProtocolError:
        return
    if decoded is None:
        return
    uid, message = decoded
    if isinstance(message, Sockets):  # an instance writes its own sockets alone, whose times it knows
        message = timed(message)
    try:
        written = encode(message, uid)
    except TypeError:
        assert depth(message) > MAX_DEPTH or not speakable_value(structs.astuple(message))
        return
    assert plain(decode(written)) == plain((uid, message))
    if isinstance(message, AskClients):
        assert message.timeout is None or message.timeout > 0


def timed(message: Sockets) -> ClusterMessage:
    sockets = [
        structs.replace(socket, handshake=structs.replace(socket.handshake, issued=1_700_000_000_000))
        for socket in message.sockets
    ]
    return structs.replace(message, sockets=tuple(sockets))
