"""The limits of one packet from the remote end, whichever parser reads it."""

from msgspec import Struct
from msgspec.structs import replace

from protocol.socketio.json_values import DEEPEST, MAX_DEPTH, MAX_VALUES

MAX_ATTACHMENTS = 10
MAX_AUTH = 16_384
MAX_AUTH_VALUES = 1_000


class PacketLimits(Struct, frozen=True):
    """The limits of one packet from the remote end.

    `attachments` are counted, beyond them the packet is an error. What breaks another limit is `Rejected`: `depth` in
    levels and `values` (see `parse_json`) of any payload; `auth` in bytes and `auth_values` of a CONNECT's, which is
    kept as long as its socket.
    """

    attachments: int = MAX_ATTACHMENTS
    values: int = MAX_VALUES
    auth: int = MAX_AUTH
    auth_values: int = MAX_AUTH_VALUES
    depth: int = MAX_DEPTH

    def of_strangers(self) -> "PacketLimits":
        """The same, with no more values in any payload than in that of a CONNECT."""
        return replace(self, values=min(self.values, self.auth_values))


OF_CLIENTS = PacketLimits()
OF_SERVERS = PacketLimits(values=2**31, depth=DEEPEST)
"""For a client: what it connects to is trusted with its memory, and may send whatever a server can write."""
