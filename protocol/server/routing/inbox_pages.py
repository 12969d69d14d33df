"""Reading what an inbox holds, page by page from its end: for clients of an instance that come to another."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from protocol.cluster.stream_positions import position
from protocol.cluster.stream_records import Record, decode
from protocol.errors import ProtocolError
from protocol.server.bus.bus import Past
from protocol.server.bus.skip_log import SkipLog
from protocol.server.bus.stream_reader import PAST_BATCH

log = logging.getLogger(__name__)

_skipped = SkipLog(log)


async def read_inbox(
    ask: Callable[..., Awaitable[Any]], stream: str, after: str, limit: int, max_size: int
) -> Past:
    """What is there after an offset: see `Routing.read`. Its floor is that offset, unless not all is there; empty where
    there is no inbox."""
    found: list[tuple[str, Record, int]] = []
    size, end, last, floor = 0, "+", "", ""
    while len(found) < limit and size < max_size:
        page = await ask("XREVRANGE", stream, end, f"({after}" if after else "-", "COUNT", str(PAST_BATCH))
        for last, fields in page:
            entry = dict(zip(fields[::2], fields[1::2], strict=True))
            length = len(entry.get("data", ""))
            size += length
            record = _record(last, entry)
            if record is not None:
                found.append((last, record, length))
        if len(page) < PAST_BATCH:
            floor = after
            break
        end = f"({last}"
    # Looked up at the end, since it may be trimmed meanwhile. What was before it is unknown, so it counts as missing.
    oldest = await ask("XRANGE", stream, "-", "+", "COUNT", "1")
    if not oldest:
        return Past([], "")
    return Past(found[::-1], max(floor or last, oldest[0][0], key=position))


def _record(offset: str, entry: dict[str, str]) -> Record | None:
    try:
        return decode(entry)
    except ProtocolError as error:
        _skipped.warn("entry %s of an inbox is skipped: %s", offset, error)
        return None
