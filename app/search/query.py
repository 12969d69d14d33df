"""The language of a search: words, "phrases", exclusions, alternatives, and filters such as `from:ann`.

It has no errors. What is no filter, such as `from:` alone or `before:lunch`, is text to look for.
"""

import datetime as dt
import re
from typing import Literal

from msgspec import Struct

FilterKind = Literal["from", "in", "has"]

OR = "or"
# A number with a sign is a word, so `-5` is not everything that has no 5.
_TOKEN = re.compile(
    r'(?P<exclude>(?<![^\s"])-(?=[^\s-])(?![\d.,]+%?(?:\s|$)))?'
    r'(?:(?P<filter>from|in|has|before|after):(?=["\w@#])(?:"(?P<named>[^"]+)"?|(?P<value>[^\s"]+))'
    r'|"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))',
    re.IGNORECASE,
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ATTACHED = {"file": "file", "files": "file", "link": "link", "links": "link"}


class Term(Struct, frozen=True):
    """Words that must follow each other, or must not (`excluded`).

    A message fits a query if it fits all terms of one `alternative`. The last word of a term that is `begun` may be the
    beginning of a longer one.
    """

    text: str
    alternative: int = 0
    excluded: bool = False
    begun: bool = False


class Filter(Struct, frozen=True):
    """What a message must be, or must not (`excluded`): `from` a person, `in` a room, or `has` a file or a link.

    `value` is a name as it was typed, or of `has` one of `file` and `link`.
    """

    kind: FilterKind
    value: str
    excluded: bool = False


class ParsedQuery(Struct, frozen=True):
    """A query, taken apart. Messages were sent at `since` or later, and before `until`."""

    terms: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()
    since: dt.datetime | None = None
    until: dt.datetime | None = None


def parse(query: str) -> ParsedQuery:
    """Takes a query apart.

    - Words must all be there; the last one may be begun. `"…"` is a phrase.
    - `-` before a word, a phrase or a filter excludes it.
    - `or` stands between alternatives; filters are for all of them.
    - `from:name`, `in:room`, `has:file`, `has:link`; a name with spaces is in quotes.
    - `before:2026-11-28` is before that day begins, `after:2026-11-28` after it has ended, in UTC. All count.
    """
    terms: list[Term] = []
    filters: list[Filter] = []
    since = until = None
    alternative = 0
    tokens = list(_TOKEN.finditer(query))
    for place, token in enumerate(tokens):
        excluded = token["exclude"] is not None
        text = token["phrase"] if token["phrase"] is not None else token["word"]
        if text is None:
            kind, value = token["filter"].lower(), token["named"] or token["value"]
            if (day := _day(kind, value)) and not excluded:
                since = max(filter(None, (since, day if kind == "after" else None)), default=None)
                until = min(filter(None, (until, day if kind == "before" else None)), default=None)
                continue
            if found := _filter(kind, value, excluded):
                filters.append(found)
                continue
            text = token[0].removeprefix("-") if excluded else token[0]
        follows = bool(terms) and terms[-1].alternative == alternative
        if (token["word"] or "").lower() == OR and follows and place + 1 < len(tokens):
            alternative += 1
        elif text.strip():
            begun = token.end() == len(query) and query[-1].isalnum()
            terms.append(Term(text, alternative, excluded, begun))
    return ParsedQuery(tuple(terms), tuple(filters), since, until)


def _day(kind: str, value: str) -> dt.datetime | None:
    """The moment that `before` or `after` a day means; None for what is no such filter."""
    if kind not in ("before", "after") or not _DAY.fullmatch(value):
        return None
    try:
        day = dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
        return day + dt.timedelta(days=1) if kind == "after" else day
    except (ValueError, OverflowError):
        return None  # a thirteenth month, or the end of the calendar


def _filter(kind: str, value: str, excluded: bool) -> Filter | None:
    if kind == "has":
        attached = _ATTACHED.get(value.lower())
        return Filter("has", attached, excluded) if attached else None
    if kind == "from":
        return Filter("from", value.removeprefix("@"), excluded) if value.strip("@") else None
    if kind == "in":
        return Filter("in", value.removeprefix("#"), excluded) if value.strip("#") else None
    return None
