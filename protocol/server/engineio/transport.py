"""The interface of a transport: the few methods that the polling endpoint and both websocket shells share."""

from typing import ClassVar, Protocol

from protocol.engineio.packets import Encoded
from protocol.errors import CloseCode


class Transport(Protocol):
    """One way to a client. Nothing here waits; what cannot be written now is buffered and counted.

    `name` is "polling" or "websocket".
    """

    name: ClassVar[str]

    @property
    def buffered(self) -> int:
        """Bytes that were sent and have not left this process."""
        ...

    def send(self, items: list[Encoded]) -> int:
        """Write now, in order, in one piece where the transport can. Returns what was `buffered` before."""
        ...

    def close(self, code: CloseCode, reason: str = "", /) -> None:
        """End it in order, after what was sent; a websocket is told why. Nothing is received from it any more."""
        ...

    def abort(self) -> None:
        """End it at once; what is buffered is thrown away."""
        ...

    def allow(self, max_payload: int, /) -> None:
        """Take messages of up to so many bytes from now on."""
        ...

    def pause(self) -> None:
        """Stop reading from the client, until `resume`."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...
