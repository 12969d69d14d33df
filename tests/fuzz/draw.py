"""How the targets take apart the bytes that they are given. Every input means something: there are no invalid ones."""

import random
from collections.abc import Iterator


class Draw:
    """Bytes that are used up from the front; once they are gone, every choice is the first one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def __bool__(self) -> bool:
        return self._position < len(self._data)

    def below(self, count: int) -> int:
        """A number from 0 to below `count`, which is at most 256; made of one byte."""
        return next(iter(self.take(1)), 0) % count

    def take(self, count: int) -> bytes:
        """The next bytes, `count` at most."""
        found = self._data[self._position : self._position + count]
        self._position += len(found)
        return found

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.take(len(self._data))


def cut(data: bytes, seed: int) -> Iterator[bytes]:
    """`data` in pieces, none of them empty: single bytes for seed 0, else of random sizes."""
    chance = random.Random(seed)
    position = 0
    while position < len(data):
        size = chance.choice((1, 2, 3, 5, 8, 30, 200)) if seed else 1
        yield data[position : position + size]
        position += size
