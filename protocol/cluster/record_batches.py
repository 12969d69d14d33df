"""A batch of records, taken apart where it is delivered: each record gets an offset of its own.

A client names the offset of the last event that it has handled, and may have been cut off in the midst of a batch. So
the last record has the offset of the entry, and the others have offsets between that of the entry before and it:
`<ms>-<count>-<number>`, where `<ms>-<count>` is the greatest id below the entry's. Redis gives no such ids, and
Node, which knows no such offsets, lets a client that names one begin anew.
"""

from collections.abc import Iterable, Iterator

from protocol.cluster.stream_positions import position_of
from protocol.cluster.stream_records import Record, RecordBatch, SingleRecord

HIGHEST_COUNT = 2**64 - 1  # in the id of a stream's entry


def unfold(record: Record, offset: str, size: int) -> Iterator[tuple[SingleRecord, str, int]]:
    """Single records in the order of their delivery, each with its offset and its part of the size.

    A local record has no offset; neither have its parts.
    """
    if not isinstance(record, RecordBatch):
        yield record, offset, size
        return
    *others, last = record.records
    part = size // len(record.records)
    before = _before(offset)
    for number, other in enumerate(others, 1):
        yield other, before and f"{before}-{number}", part
    yield last, offset, size - part * len(others)


def unfold_all(entries: Iterable[tuple[str, Record, int]]) -> Iterator[tuple[str, SingleRecord, int]]:
    """The same for many records, each behind its offset."""
    for offset, record, size in entries:
        for single, own_offset, own_size in unfold(record, offset, size):
            yield own_offset, single, own_size


def _before(offset: str) -> str:
    """The greatest id that an entry before this one can have."""
    position = position_of(offset)
    if position is None:
        return ""
    ms, count = position[:2]
    return f"{ms}-{count - 1}" if count else f"{ms - 1}-{HIGHEST_COUNT}"
