"""The receiver of a link's messages: the Socket.IO side of a client, or an application of Engine.IO."""

from typing import Protocol

from protocol.engineio.session import CloseReason


class Receiver(Protocol):
    """The receiver of a link's messages."""

    @property
    def deadline(self) -> int | None:
        """When `expire` is to be called, in ms of the hub's clock; None: not at all."""
        ...

    def receive(self, message: str | bytes) -> None:
        """Take a message. Raises `PacketError` for one that ends the session."""
        ...

    def expire(self) -> None:
        """The deadline has come."""
        ...

    def end(self, reason: CloseReason) -> None:
        """The session has ended."""
        ...


class Nobody:
    """The receiver of a link whose session has ended and been told of."""

    deadline = None

    def receive(self, message: str | bytes) -> None:
        """Nothing is received any more."""

    def expire(self) -> None:
        """Nothing is awaited any more."""

    def end(self, reason: CloseReason) -> None:
        """It has ended."""


NOBODY = Nobody()
