"""Reading what was for an instance, from its end: for clients of that instance that come to another."""

import logging

from protocol.cluster.interest.routing_keys import RoutingKeys
from protocol.cluster.stream_positions import position
from protocol.cluster.stream_records import Record, decode
from protocol.errors import ProtocolError
from protocol.server.bus.bus import Past
from protocol.server.bus.skip_log import SkipLog
from protocol.server.bus.stream_reader import PAST_BATCH, AskRedis

log = logging.getLogger(__name__)

NOTHING = Past([], "")

_skipped = SkipLog(log)


async def read_inbox(
    ask: AskRedis, keys: RoutingKeys, inbox: str, after: str, limit: int, max_size: int
) -> Past:
    """What was for an instance after an offset, in its inbox and in the common stream: see `Routing.read`. Its floor is
    that offset, unless not all is there; empty where there is no inbox. `limit` and `max_size` bound each stream."""
    end = await ask("GET", keys.last)  # what comes while one is read after the other is left out of both
    if end is None:
        return NOTHING
    own = await _read(ask, keys.inbox(inbox), after, end, limit, max_size)
    common = await _read(ask, keys.common, own.floor, end, limit, max_size) if own.floor else NOTHING
    if not common.floor:
        return NOTHING
    floor = position(common.floor)
    entries = [entry for entry in own.entries if position(entry[0]) >= floor]
    return Past(sorted(entries + common.entries, key=lambda entry: position(entry[0])), common.floor)


async def _read(ask: AskRedis, stream: str, after: str, end: str, limit: int, max_size: int) -> Past:
    """What a stream has after one offset, up to another; without a floor where it is not there."""
    found: list[tuple[str, Record, int]] = []
    size, last, floor = 0, "", ""
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
        return NOTHING
    return Past(found[::-1], max(floor or last, oldest[0][0], key=position))


def _record(offset: str, entry: dict[str, str]) -> Record | None:
    try:
        return decode(entry)
    except ProtocolError as error:
        _skipped.warn("entry %s of an inbox is skipped: %s", offset, error)
        return None
