"""Whom a text mentions: @username, and @all and @here for the members of its room.

A mention is one to a reader of the text as the page shows it: not in code, in a URL, in an e-mail address, in a name of
the fediverse (`@ann@example.social`) or of a package (`@ann/pkg`). Where a name ends the text alone cannot say, for a
username may have dots: see `readings_of`.
"""

import re
import unicodedata
from collections.abc import Sequence

from app.messages.markdown_code import code_ranges
from app.store.log.mentions import Group

MAX_MENTIONS = 50  # different names of one message that are looked at
MAX_READINGS = 200  # of all of them
GROUPS: tuple[Group, ...] = (
    "all",
    "here",
)  # names that stand for members of the room, and for those who are online

# The target of a link with words, which ends at its parenthesis; and URLs, which end at a space.
_LINK = re.compile(
    r"\]\([a-z][a-z0-9+.-]*://[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*\)"
    r"|(?<![A-Za-z0-9+.-])[a-z][a-z0-9+.-]*://[^\s<>]*|(?<!\w)www\.[^\s<>]*",
    re.IGNORECASE,
)
_NAME = re.compile("[@\uff20\ufe6b]([A-Za-z0-9_.-]{3,})")
_AT = "@\uff20\ufe6b"
_NOT_BEFORE = _AT + "/\\="
# Scripts that have no spaces between words, or in which endings follow a name at once.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3031-\u30ff\u3130-\u318f\u31f0-\u31ff"
    "\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)


def names_in(text: str) -> list[list[str]]:
    """For each of the first 50 different names that the text mentions, what may be meant, longest first.

    A name is in lower case. "@ann.Thanks" may be `ann.thanks`, and else `ann`, at the end of a sentence.
    """
    if "@" not in text and "\uff20" not in text and "\ufe6b" not in text:
        return []
    found: dict[tuple[str, ...], None] = {}
    count, end = 0, -1
    visible = _visible(text)
    for match in _NAME.finditer(visible):
        if _begins(visible, match.start(), end):
            readings = tuple(readings_of(match[1], visible[match.end() :][:2]))
            if readings:
                end = match.end()
            if readings and readings not in found:
                count += len(readings)
                if len(found) == MAX_MENTIONS or count > MAX_READINGS:
                    break
                found[readings] = None
    return [list(readings) for readings in found]


def readings_of(written: str, after: str) -> list[str]:
    """The usernames that may be meant by what is written after an @, longest first; `after` is what follows it.

    They end where it does, or before a dot or a hyphen, or before underscores that no letter or digit follows.
    """
    ends = [place for place in range(3, min(len(written), 50) + 1) if _can_end(written, place, after)]
    return list(dict.fromkeys(written[:place].lower() for place in reversed(ends)))


def groups_in(names: Sequence[Sequence[str]]) -> list[Group]:
    """The groups, `all` and `here`, that may be meant by these names."""
    found = {name for readings in names for name in readings}
    return [group for group in GROUPS if group in found]


def _visible(text: str) -> str:
    """The text without code and URLs."""
    parts, end = [], 0
    for start, stop in code_ranges(text):
        parts.append(text[end:start])
        end = stop
    return _LINK.sub(" ", " ".join([*parts, text[end:]]))


def _begins(text: str, at: int, end: int) -> bool:
    """True if an @ begins a mention: it is no part of a word, an address or a path. "@ann/@bob" are two."""
    before = text[:at].rstrip("_")[-1:] if text[at - 1 : at] == "_" else text[at - 1 : at] if at else ""
    return (
        before == ""
        or (before == "/" and end == at - 1)
        or not (before in _NOT_BEFORE or _is_of_word(before))
    )


def _can_end(written: str, place: int, after: str) -> bool:
    if place < len(written):
        rest = written[place:]
        return rest[0] in ".-" or (rest[0] == "_" and not rest.lstrip("_")[:1].isalnum())
    following, next_ = after[:1], after[1:]
    if following == "" or not (following in _AT or following == "/" or _is_of_word(following)):
        return True
    # A name of the fediverse, or a path; in "@ann.@bob" the dot ends a sentence.
    return not (_is_of_word(following) or (next_.isalnum() and written[-1].isalnum()))


def _is_of_word(character: str) -> bool:
    """True for a letter, digit or mark that stands in one word with the letters beside it."""
    return unicodedata.category(character)[0] in "LMN" and _UNSPACED.match(character) is None
