"""The listeners of one connection: of its packets, its upgrade and its end.

It stands before the receiver of the link's messages, so that a link without listeners does nothing for them."""

import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from protocol.engineio.engine_packet import EnginePacket
from protocol.engineio.session import CloseReason
from protocol.server.engineio.receiver import Receiver

log = logging.getLogger(__name__)

PacketListener: TypeAlias = Callable[[str, str | bytes], object]
UpgradeListener: TypeAlias = Callable[[str], object]
EndListener: TypeAlias = Callable[[str], object]


class ConnectionListeners:
    """The listeners of a link. `on_packet` get the type and the data, `on_upgrade` the name of the transport, `on_end`
    the reason."""

    def __init__(self, receiver: Receiver) -> None:
        self.on_packet: list[PacketListener] = []
        self.on_upgrade: list[UpgradeListener] = []
        self.on_end: list[EndListener] = []
        self._receiver = receiver

    def tell_packet(self, packet: EnginePacket) -> None:
        """A packet that is no message has come."""
        _call(self.on_packet, packet.type.name.lower(), packet.data)

    def tell_upgrade(self, transport: str) -> None:
        """Another transport carries the session."""
        _call(self.on_upgrade, transport)

    # --- Receiver: what the link calls ---

    @property
    def deadline(self) -> int | None:
        """The receiver's."""
        return self._receiver.deadline

    def receive(self, message: str | bytes) -> None:
        """Tell of a message, and pass it on."""
        _call(self.on_packet, "message", message)
        self._receiver.receive(message)

    def expire(self) -> None:
        """Pass it on."""
        self._receiver.expire()

    def end(self, reason: CloseReason) -> None:
        """Tell of it, and pass it on."""
        _call(self.on_end, reason.value)
        self._receiver.end(reason)


def _call(listeners: list[Any], *args: Any) -> None:
    for listener in listeners:
        try:
            listener(*args)
        except Exception:
            log.exception("a listener of a connection failed")
