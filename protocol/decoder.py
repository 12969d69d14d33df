"""Engine.IO messages → Socket.IO packets: keeps a packet whose attachments are still to come."""

from protocol.errors import PacketError
from protocol.packets import MAX_ATTACHMENTS, Packet, Parser, Partial, attach


class Decoder:
    """The decoding side of one connection, in either role; `max_attachments` is the limit for one packet."""

    __slots__ = ("_buffers", "_max_attachments", "_parser", "_partial")

    def __init__(self, parser: Parser, max_attachments: int = MAX_ATTACHMENTS) -> None:
        self._parser = parser
        self._max_attachments = max_attachments
        self._partial: Partial | None = None
        self._buffers: list[bytes] | None = None

    def receive(self, message: str | bytes) -> Packet | None:
        """Take one message; return the packet that it completes. Raises `PacketError`."""
        if self._partial is None:
            decoded = self._parser.decode(message, self._max_attachments)
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
