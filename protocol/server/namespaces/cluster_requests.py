"""Requests of this instance to all servers of a namespace, and the wait for their answers."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeAlias

from protocol.cluster.requests import (
    AskClients,
    AskServers,
    ClientAnswer,
    ClientCount,
    ClusterAnswer,
    FetchSockets,
    ServerAnswer,
    SocketDetails,
    Sockets,
)
from protocol.cluster.stream_records import Broadcast, Target
from protocol.errors import AckTimeout, BusUnavailable
from protocol.server.bus.bus import Bus

NAMING_TIMEOUT = 1.0  # s to find out which servers have not answered


class Own(NamedTuple):
    """A request has come back to this instance, whose answer to itself is what applications see of its sockets."""

    id: str
    sockets: Sequence[Any] = ()


class ClientLeft(NamedTuple):
    """A client of this instance has left before it answered."""

    id: str


Heard: TypeAlias = ClusterAnswer | Own | ClientLeft
_Ask: TypeAlias = FetchSockets | AskServers | AskClients
_Answers: TypeAlias = "asyncio.Queue[tuple[str, Heard]]"


class Asker:
    """Asks, and collects what is answered in time; `timeout` is in ms. What comes late, or was never asked for, is
    ignored, and so is what comes twice."""

    def __init__(self, bus: Bus, timeout: int) -> None:
        self._bus = bus
        self._timeout = timeout
        self._asked: dict[str, _Answers] = {}

    def take(self, uid: str, answer: Heard) -> None:
        """The server `uid` has answered."""
        answers = self._asked.get(answer.id)
        if answers is not None:
            answers.put_nowait((uid, answer))

    async def fetch_sockets(
        self, nsp: str, target: Target, within: int | None, remote: Callable[[SocketDetails], Any]
    ) -> list[Any]:
        """The sockets of a target, on all servers, as applications see them; `remote` makes one of a socket elsewhere.
        Raises `BusUnavailable` and `AckTimeout`."""
        found: list[Any] = []
        heard: set[str] = set()
        limit = within or self._timeout
        async with self._asking(FetchSockets(nsp, _new_id(), target)) as (servers, answers):
            try:
                async with asyncio.timeout(limit / 1000):
                    while not self._complete(heard, servers):
                        uid, answer = await answers.get()
                        if uid in heard:
                            continue
                        heard.add(uid)
                        match answer:
                            case Own(sockets=sockets):
                                found += sockets
                            case Sockets(sockets=details):
                                found += map(remote, details)
            except TimeoutError as error:
                raise AckTimeout(await self._without(nsp, heard, limit), found) from error
        return found

    async def ask_servers(self, nsp: str, data: list[Any], within: int | None) -> list[Any]:
        """The answers of the other servers to an event. Raises `BusUnavailable` and `AckTimeout`."""
        found: list[Any] = []
        heard: set[str] = set()
        limit = within or self._timeout
        async with self._asking(AskServers(nsp, _new_id(), data)) as (servers, answers):
            try:
                async with asyncio.timeout(limit / 1000):
                    while not self._complete(heard, servers):
                        uid, answer = await answers.get()
                        if isinstance(answer, ServerAnswer) and uid not in heard:
                            found.append(answer.value)
                        heard.add(uid)
            except TimeoutError as error:
                raise AckTimeout(await self._without(nsp, heard, limit), found) from error
        return found

    async def ask_clients(self, broadcast: Broadcast, within: int | None) -> list[Any]:
        """The answers of the clients that get a broadcast. Raises `BusUnavailable` and `AckTimeout`."""
        heard: set[str] = set()
        responses: list[Any] = []
        expected = left = 0
        limit = within or self._timeout
        async with self._asking(AskClients(_new_id(), broadcast, limit)) as (servers, answers):
            try:
                async with asyncio.timeout(limit / 1000):
                    while not self._complete(heard, servers) or len(responses) + left < expected:
                        uid, answer = await answers.get()
                        match answer:
                            case ClientCount(count=count) if uid not in heard:
                                heard.add(uid)
                                expected += count
                            case ClientAnswer(value=value):
                                responses.append(value)
                            case ClientLeft():
                                left += 1
            except TimeoutError as error:
                message = (
                    f"{expected - len(responses)} of {expected} clients did not answer within {limit} ms"
                )
                if not self._complete(heard, servers):
                    message = await self._without(broadcast.nsp, heard, limit)
                raise AckTimeout(message, responses) from error
        if left:
            raise AckTimeout(f"{left} clients left before they answered", responses)
        return responses

    def _complete(self, heard: set[str], servers: int) -> bool:
        """True once all servers have answered, this one too: it was not counted if it had lost its connection."""
        return len(heard) >= servers and self._bus.uid in heard

    @asynccontextmanager
    async def _asking(self, request: _Ask) -> AsyncIterator[tuple[int, _Answers]]:
        """How many servers have been asked, and what they say."""
        answers: _Answers = asyncio.Queue()
        self._asked[request.id] = answers
        # The namespace may have gone with its last client, and be asked about all the same.
        self._bus.listen(request.nsp)
        try:
            yield await self._bus.request(request), answers
        finally:
            self._bus.unlisten(request.nsp)
            del self._asked[request.id]

    async def _without(self, nsp: str, heard: set[str], limit: int) -> str:
        """A sentence that names the servers without an answer."""
        try:
            async with asyncio.timeout(NAMING_TIMEOUT):
                silent = sorted(await self._bus.listeners(nsp) - heard)
        except (BusUnavailable, TimeoutError):
            silent = []
        names = ", ".join(silent) or "some that are not there any more"
        return f"no answer within {limit} ms from the servers: {names}"


def _new_id() -> str:
    return secrets.token_hex(8)
