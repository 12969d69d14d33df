"""Bytes of one connection are parsed in turns with the others', so that much of it delays no other."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from protocol.server.uvicorn_http.flow_control import Flow
from protocol.server.uvicorn_http.idle_connections import IdleConnections

LARGE_READ = 16_384  # bytes; after a larger read the connection waits for its turn to read on


class ReadTurns(IdleConnections):
    """One connection, for a subclass that parses. A read has 256 KiB at most, as uvloop has it.

    A large read waits for its turn, and so does a small one where as many of its address have been parsed in this turn
    of the event loop as may, or others of its address wait: connections that come all at once are served one after
    the other, and those of other addresses between them. A new connection of an address that has as many large reads
    waiting is not read before its turn.
    """

    max_large_reads: ClassVar[int] = (
        128  # of one address that wait for their turn; one more ends its connection
    )
    max_parsed: ClassVar[int] = (
        8  # small reads of one address in a turn of the loop; more wait for later turns
    )
    large_reads: ClassVar[Counter[str]] = Counter()  # those that wait, by address
    parsed: ClassVar[Counter[str]] = Counter()  # in this turn, by address
    small_reads: ClassVar[
        dict[str, deque[Callable[[], object]]]
    ] = {}  # that wait, by address, the next one first

    flow: Flow
    _waits = False  # for its turn

    @staticmethod
    def new_lines() -> dict[str, object]:
        """Attributes that the connections of one server share."""
        return {"large_reads": Counter(), "parsed": Counter(), "small_reads": {}}

    @staticmethod
    def arrive() -> None:
        """A client has connected: a hub's method where there is one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        self.arrive()
        if self.large_reads[self._address] >= self.max_parsed:
            # Not now: uvloop begins to read after this call, paused or not.
            self.loop.call_soon(self._wait_for_turn, self._parse)

    def defer(self, work: Callable[[], object], _address: str | None) -> object:
        """Call `work`, which the client at an address causes, in a later turn of the event loop."""
        return self.loop.call_soon(work)

    def _parse(self) -> None:
        """Parse what was read. For the subclass."""
        raise NotImplementedError

    def _parse_in_turn(self, size: int) -> None:
        """Parse a read of so many bytes, now or when it is this connection's turn."""
        if self._waits:
            return  # it is parsed with what was read before
        if size > LARGE_READ:
            self._wait_for_turn(self._parse, large=True)
        elif self._may_parse():
            self._parse()
        else:
            self._wait_in_line()

    def _may_parse(self) -> bool:
        """True if a small read may be parsed now; false: it is parsed in a later turn."""
        parsed, address = self.parsed, self._address
        if address in self.small_reads:
            return False
        if not parsed:
            self.loop.call_soon(parsed.clear)
        parsed[address] += 1
        return parsed[address] <= self.max_parsed

    def _wait_in_line(self) -> None:
        """Read nothing more until this small read is parsed, behind those of its address that came before."""
        self._waits = True
        self.flow.hold(True)
        line = self.small_reads.get(self._address)
        if line is None:
            line = self.small_reads[self._address] = deque()
            self.loop.call_soon(self._parse_line, self.loop, self._address)
        line.append(self._parse)

    @classmethod
    def _parse_line(cls, loop: asyncio.AbstractEventLoop, address: str) -> None:
        """Parse as many small reads of an address that wait as a turn may have."""
        line = cls.small_reads[address]
        for _ in range(min(cls.max_parsed, len(line))):
            loop.call_soon(line.popleft())
        if line:
            loop.call_soon(cls._parse_line, loop, address)
        else:
            del cls.small_reads[address]

    def _wait_for_turn(self, work: Callable[[], object], *, large: bool = False) -> None:
        """Read nothing more until it is this connection's turn, then do `work`; `large`: a large read is kept."""
        self._waits = True
        self.flow.hold(True)
        if not large:
            self.defer(work, self._address)
        elif self.large_reads[self._address] < self.max_large_reads:
            self.large_reads[self._address] += 1
            self.defer(partial(self._take_turn, work), self._address)
        else:
            self.transport.abort()

    def _take_turn(self, work: Callable[[], object]) -> None:
        self.large_reads[self._address] -= 1
        if not self.large_reads[self._address]:
            del self.large_reads[self._address]
        work()
