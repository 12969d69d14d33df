"""The payloads of the chat's events: the first byte chooses the type, the rest is an event's packet."""

import msgspec

from app.core.errors import STATUS, Refusal
from app.payloads import requests as payloads
from app.payloads.fields.field_types import Received
from app.payloads.fields.validation import parse
from protocol.socketio.packets import Event
from tests.fuzz.draw import Draw
from tests.fuzz.targets.packets import decoded
from tests.fuzz.values import MAX_DEPTH, depth, plain

TYPES = [
    kind
    for _, kind in sorted(vars(payloads).items())
    if isinstance(kind, type) and issubclass(kind, Received) and kind is not Received
]
FIELDS = sorted({field.encode_name for kind in TYPES for field in msgspec.structs.fields(kind)})
WORDS = [f'"{name}":'.encode() for name in FIELDS]
WORDS += [
    b'"\\u0000"',
    b'""',
    b"null",
    b"[]",
    b"{}",
    b"1e20",
    b"-1",
    b"1.5",
    b'{"_placeholder":true,"num":0}',
]


def check(data: bytes) -> None:
    """Only a Refusal is raised, which says what is wrong; a payload that fits can be written and fits again."""
    draw = Draw(data)
    kind = TYPES[draw.below(256) % len(TYPES)]
    packet = decoded(draw.rest())
    if not isinstance(packet, Event) or depth(packet.data) > MAX_DEPTH:
        return
    try:
        payload = parse(kind, packet.data[1:])
    except Refusal as refusal:
        assert refusal.reason in STATUS
        assert refusal.causes
        assert refusal.message
        return
    written = msgspec.to_builtins(payload, builtin_types=(bytes,))
    assert plain(parse(kind, [written])) == plain(payload)
