"""Engine.IO messages → Socket.IO packets: keeps a packet whose attachments are still to come."""

from protocol.errors import PacketError
from protocol.socketio.packet_limits import OF_CLIENTS, PacketLimits
from protocol.socketio.packets import Packet, Parser, Partial, Rejected, attach


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
