"""Commands as bytes, beside `pack`."""

from collections.abc import Iterable

from protocol.server.redis.connection import RedisRefusal, Word, pack


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
