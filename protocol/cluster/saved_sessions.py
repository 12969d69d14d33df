"""Connection state recovery, its pure part (docs/protocol.md §2): what is saved of a client, and where it stopped.

What it has missed since, `protocol.cluster.missed_events` tells.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from protocol.cluster.stream_positions import NOWHERE, Position, position_of
from protocol.cluster.stream_records import refuse_extension
from protocol.engineio.session import CloseReason
from protocol.errors import ProtocolError

RECOVERABLE = frozenset(
    {
        CloseReason.TRANSPORT_ERROR,
        CloseReason.TRANSPORT_CLOSE,
        CloseReason.FORCED_CLOSE,
        CloseReason.PING_TIMEOUT,
        CloseReason.TOO_SLOW,
        CloseReason.SERVER_SHUTTING_DOWN,
        CloseReason.FORCED_SERVER_CLOSE,
    }
)

Trail: TypeAlias = tuple[tuple[str, str], ...]
"""Names of inboxes, each with an offset."""

# --- what is saved of a client ---


class Saved(Struct, frozen=True, kw_only=True):
    """A client in one namespace, as its instance knew it when it had delivered all records up to `offset`.

    `since` is the position at which its rooms last changed; `sent` the offset of the last event that was sent to it,
    and `before` of the last one up to `since`. From `since` to `offset` it was in `rooms`, so what was for it can be
    computed; before, it cannot be. The other two are for clients to whom little is sent, whose last event may be older
    than all records that are kept: one that has `sent` lacks nothing up to `offset`, one that has `before` nothing up
    to `since`.

    `trail` is there where instances route by interest: the inboxes that have what was for it, the last one last, each
    with the offset from which on it has all.

    The fields from `nsp` on are ours: what Node has saved lacks them, and may thus be asked for in any namespace.
    """

    sid: str
    pid: str
    rooms: frozenset[str]
    data: dict[Any, Any]
    nsp: str | None = None
    live: bool = False  # it was connected when it was saved
    offset: str | None = None
    since: str | None = None
    sent: str | None = None
    before: str | None = None
    trail: Trail | UnsetType = UNSET


def encode(saved: Saved) -> str:
    """The text to save. Raises `TypeError` for a value of `data` that msgpack cannot express."""
    return b64encode(msgspec.msgpack.encode(saved)).decode()


def packable(data: Mapping[Any, Any]) -> dict[Any, Any]:
    """The items of `data` that `encode` takes."""
    kept: dict[Any, Any] = {}
    for key, value in data.items():
        try:
            msgspec.msgpack.encode({key: value})
        except (TypeError, ValueError, OverflowError, RecursionError):
            continue
        kept[key] = value
    return kept


_SAVED = msgspec.msgpack.Decoder(Saved, ext_hook=refuse_extension)


def decode(text: str) -> Saved:
    """A session that Parley or Node saved. Raises `ProtocolError`."""
    try:
        return _SAVED.decode(b64decode(text, validate=True))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a saved session does not decode: {error}") from error


def start_of(saved: Saved, offset: object) -> Position | None:
    """The position up to which a client has got everything, if `offset` (or None) is the last that it has handled.

    None where that cannot be told: it lacks an event from before its rooms changed, so it is unknown in which
    rooms it was when that was sent; or its offset is none.
    """
    claimed = NOWHERE if offset is None else position_of(offset)
    if claimed is None or saved.offset is None:
        return claimed if offset is not None else None
    since = position_of(saved.since) or NOWHERE
    if claimed >= (position_of(saved.sent) or NOWHERE):
        return max(claimed, position_of(saved.offset) or NOWHERE)
    if claimed >= since:
        return claimed
    return since if claimed >= (position_of(saved.before) or NOWHERE) else None


# --- what was sent ---
