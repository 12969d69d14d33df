"""The packet of Engine.IO, as it comes (engine.io-protocol, revision 4)."""

from enum import IntEnum

from msgspec import Struct


class PacketType(IntEnum):
    """The digit that a packet starts with."""

    OPEN = 0
    CLOSE = 1
    PING = 2
    PONG = 3
    MESSAGE = 4
    UPGRADE = 5
    NOOP = 6


class EnginePacket(Struct, frozen=True, gc=False):
    """One packet. `data` is `bytes` only for a binary message."""

    type: PacketType
    data: str | bytes = ""
