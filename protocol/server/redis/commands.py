"""Commands as bytes, beside `pack`, and what refusals of them mean."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from protocol.server.redis.connection import RedisRefusal, Word, pack

RefusalReason: TypeAlias = Literal[
    "oom", "readonly", "noreplicas", "misconf", "masterdown", "loading", "refused"
]
REASONS: dict[str, RefusalReason] = {
    "OOM": "oom",
    "READONLY": "readonly",
    "NOREPLICAS": "noreplicas",
    "MISCONF": "misconf",
    "MASTERDOWN": "masterdown",
    "LOADING": "loading",
}


def reason_of(refusal: RedisRefusal) -> RefusalReason:
    """A refusal in a word."""
    return REASONS.get(str(refusal).partition(" ")[0], "refused")


def probe_of(stream: str) -> bytes:
    """A command by which Redis stores nothing and says whether it would: no entry can have the id 0-0, but whether
    writes are allowed at all (memory, replicas, role, permissions) is checked first."""
    return pack(("XADD", stream, "0-0", "probe", ""))


def pack_words(words: Iterable[Word]) -> bytes:
    """Words as they stand within a command."""
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded])


def is_expected(refusal: RedisRefusal) -> bool:
    """True for the answer of a Redis that stores: see `probe_of`."""
    return "greater than 0-0" in str(refusal)
