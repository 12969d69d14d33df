"""Names of people and rooms, which are found by any part of them, in any case and accent.

The index has each word of a name from each of its characters on, so that what begins with a part has the part.
"""

from app.search.folding import fold
from app.search.tsquery import quoted

MAX_TAIL = 32  # characters

_AROUND = "!\"%&'()*,/:;<=>?[\\]^`{|}~"  # words, which is no part of them


def name_vector(*names: str | None) -> str:
    """The `tsvector` of all parts of some names."""
    tails = {
        word[place : place + MAX_TAIL]
        for name in names
        for word in fold(name or "").split()
        for place in range(len(word))
    }
    return " ".join(map(quoted, sorted(tails)))


def name_asked(query: str) -> str | None:
    """The `tsquery` for names that have all words of a query as parts; None where it has none."""
    words = (word.strip(_AROUND)[:MAX_TAIL] for word in fold(query).split())
    return " & ".join(f"{quoted(word)}:*" for word in dict.fromkeys(words) if word) or None
