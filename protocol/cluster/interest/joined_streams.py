"""Two streams whose ids are one order: the inbox of an instance, and the stream that all instances read.

A record stands in one of them. Where one call of Redis wrote to both, each entry that came behind one of the other
stream says so (`MIXED`): a Redis of before 7.2 ends a read that waited with the entries of one stream alone.
"""

from collections.abc import Sequence
from typing import TypeAlias

from protocol.cluster.stream_positions import position

Entry: TypeAlias = tuple[str, list[str]]
"""An id, and fields with their values."""

MIXED = "mixed"  # a field


def may_lack(pages: Sequence[Sequence[Entry]]) -> bool:
    """True if one page alone has entries, and there may be earlier ones for another."""
    found = [page for page in pages if page]
    return len(found) == 1 < len(pages) and any(MIXED in fields[::2] for _, fields in found[0])


def joined(pages: Sequence[Sequence[Entry]], most: int) -> list[tuple[int, Entry]]:
    """The entries of all pages in their order, each with the number of its page.

    Behind a page of `most` entries there may be more: later ones of other pages are left out, and to be read again.
    """
    found = [(number, entry) for number, page in enumerate(pages) for entry in page]
    if sum(map(bool, pages)) < 2:
        return found
    ends = [position(page[-1][0]) for page in pages if len(page) >= most]
    if ends:
        end = min(ends)
        found = [(number, entry) for number, entry in found if position(entry[0]) <= end]
    return sorted(found, key=lambda one: position(one[1][0]))
