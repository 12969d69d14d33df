"""Writing records to the inboxes of those who hear of them: the function of Redis finds out who these are.

All records that wait go as one call. A call whose answer was lost is repeated, and Redis knows by the numbers of the
records which of them it has already: each is stored once.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from typing import Any

from protocol.cluster.interest.record_rooms import route_of, words_of
from protocol.cluster.interest.routing_keys import RoutingKeys
from protocol.cluster.stream_records import Record, encode
from protocol.errors import BusUnavailable
from protocol.server.bus.bus import NOT_STARTED, BusFailure
from protocol.server.bus.command_writer import CommandWriter
from protocol.server.bus.stream_writer import STORE_WITHIN
from protocol.server.redis.cancellation import cancel_all
from protocol.server.redis.commands import pack_words, probe_of
from protocol.server.redis.connection import Greeting, RedisConnection, Word, pack
from protocol.server.routing.redis_functions import LOAD, NO_INBOX, call_words, is_loaded_already


class InboxWriter:
    """Writes records, and other commands; see `InterestBus` for the options. `timeout` is in ms."""

    def __init__(self, url: str, keys: RoutingKeys, *, max_len: int, timeout: int, max_waiting: int) -> None:
        self._keys = keys
        self._token = token_hex(8)
        self._max_len = str(max_len)
        self._written = 0  # the number of the last record
        self._writer = CommandWriter(
            RedisConnection(url, keys.last, greeting=Greeting(LOAD, is_loaded_already)),
            probe_of(keys.inbox("")),
            timeout=timeout / 1000,
            max_waiting=max_waiting,
        )
        self._writer.on_failure = self._look_at
        self.on_no_inbox: Callable[[], None] = lambda: (
            None
        )  # called when Redis does not know the inbox any more
        self.write_for("")
        self._task: asyncio.Task[None] | None = None

    def write_for(self, inbox: str) -> None:
        """Bring each record to this inbox, too, from now on; and store none while Redis does not know it."""
        words = (*call_words("publish", self._keys), inbox, self._token, self._max_len)
        self._writer.set_head(words)

    def _look_at(self, failure: Exception) -> None:
        if str(failure).startswith(NO_INBOX):
            self.on_no_inbox()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._writer.run(), name="bus writer")

    def check_started(self) -> None:
        """Raise `BusUnavailable` unless it has begun."""
        if self._task is None:
            raise BusUnavailable(NOT_STARTED)

    @property
    def failure(self) -> BusFailure | None:
        """Why records cannot be stored at present."""
        return self._writer.reason

    @property
    def trouble(self) -> Exception | None:
        """The same, as the error that it is."""
        return self._writer.failure

    @property
    def kept(self) -> int:
        """How many records wait to be stored, of those that are kept until they are."""
        return self._writer.kept

    async def publish(self, record: Record) -> str:
        """Store a record; its id. Raises `BusUnavailable` and `TypeError`."""
        text, words = self._part(record)
        stored = self._writer.ask(text, stores=True, words=words)
        self._written += 1
        offset: str = await stored
        return offset

    def keep(self, record: Record) -> asyncio.Future[str]:
        """Store a record, whenever that is possible; its id. Raises `BusUnavailable` and `TypeError`."""
        text, words = self._part(record)
        stored = self._writer.keep(text, words=words)
        self._written += 1
        return stored

    def _part(self, record: Record) -> tuple[bytes, int]:
        """What a call has of a record, and the number of its words."""
        fields = encode(record, "")
        self.check_started()
        number = str(self._written + 1)  # taken once it is accepted
        words = [number, fields["nsp"], fields["type"], fields["data"], *words_of(route_of(record))]
        return pack_words(words), len(words)

    def ask(self, *words: Word, repeat: bool = True) -> asyncio.Future[Any]:
        """The reply to a command; see `CommandWriter.ask`. It, or this, raises `BusUnavailable`."""
        self.check_started()
        return self._writer.ask(pack(words), repeat=repeat)

    def call(self, function: str, *words: Word) -> asyncio.Future[Any]:
        """The reply of a function."""
        return self.ask(*call_words(function, self._keys), *words)

    async def probe(self) -> None:
        """Return if records can be stored. Raises `BusUnavailable`."""
        self.check_started()
        await self._writer.probe()

    async def store_kept(self) -> None:
        """Return when what is kept is stored, or Redis does not take it in time."""
        if self._task is not None and self.failure is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(STORE_WITHIN):
                    await self._writer.all_stored()

    async def stop(self) -> None:
        """End; callers that still wait get `BusUnavailable`. What is kept is stored before, where Redis takes it."""
        await self.store_kept()
        task, self._task = self._task, None
        if task is not None:
            await cancel_all((task,))
        await self._writer.close()
