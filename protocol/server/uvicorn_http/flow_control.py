"""How far an HTTP connection has come, and reading from it: stopped while the application does not keep up, and while
what was read is not parsed."""

import asyncio
from collections.abc import Callable
from enum import Enum, auto

from uvicorn.protocols.http.flow_control import FlowControl


class RequestPhase(Enum):
    """The phase of a connection."""

    HEAD = auto()  # or between two requests
    SIZED = auto()  # a body with Content-Length
    CHUNKED = auto()
    ANSWER = auto()  # the request is whole, its answer is not
    OVER = auto()  # refused, closing, or a websocket's: nothing is parsed any more


class Flow(FlowControl):
    """uvicorn's flow control, where what was read and is not parsed comes before what is still to be read.

    `go_on` is called when the application keeps up again and there is something left to parse, which `held` says.
    """

    def __init__(self, transport: asyncio.Transport, go_on: Callable[[], None]) -> None:
        super().__init__(transport)
        self._client = transport
        self._go_on = go_on
        self.held = False

    def pause_reading(self) -> None:
        """The application does not keep up."""
        self._set(True, self.held)

    def resume_reading(self) -> None:
        """The application keeps up again."""
        if self.read_paused:
            self._set(False, self.held)
            if self.held:
                self._go_on()

    def end(self) -> None:
        """Nothing is parsed any more: let go of the connection, which refers to this."""
        self._go_on = _nothing

    def hold(self, held: bool) -> None:
        """Say whether there is something left to parse."""
        if held != self.held:
            self._set(self.read_paused, held)

    def _set(self, paused: bool, held: bool) -> None:
        before, after = self.read_paused or self.held, paused or held
        self.read_paused, self.held = paused, held
        if before != after and not self._client.is_closing():
            if after:
                self._client.pause_reading()
            else:
                self._client.resume_reading()


def _nothing() -> None:
    """Replaces `go_on` once nothing is parsed any more."""
