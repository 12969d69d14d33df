"""What a web page says of itself in its head: its title, a description, and the name of its site.

Whole parsers of HTML are not for what strangers choose: that of Python 3.11, and a pure one of HTML5, take seconds for
32 KB that were made for it, and one in C has the process at stake. Here each match takes all that it has looked at, so
the time grows with the length of the page, and nothing but the head is read.
"""

import html
import re
import unicodedata
from typing import NamedTuple

MOST_TITLE = 200  # characters
MOST_DESCRIPTION = 400
MOST_SITE = 100
MOST_META = 5_000  # of a tag
BYTES_WITH_CHARSET = 1024  # in which a page has to name its encoding

CHARSET = re.compile(
    rb"<meta\b[^<>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE
)
# What has no tags of the head in it is passed over: comments, scripts. The body is not read.
TOKEN = re.compile(
    r"<!--.*?(?:-->|$)"
    r"|<(?P<raw>script|style|noscript|template|svg)\b.*?(?:</(?P=raw)|$)"
    r"|<title\b[^<>]*+>?(?P<title>[^<]*+)"
    r"|<meta\b(?P<meta>(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>?"
    r"|(?P<end></head|<body\b)",
    re.IGNORECASE | re.DOTALL,
)
ATTRIBUTE = re.compile(
    r"([a-z:_-]{1,40}+)\s{0,9}+=\s{0,9}+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))", re.IGNORECASE
)

# The names under which a page says it, the better first.
TITLES = ("og:title", "twitter:title")
DESCRIPTIONS = ("og:description", "twitter:description", "description")
SITES = ("og:site_name", "application-name")


class PageDescription(NamedTuple):
    """What a page says of itself."""

    title: str
    description: str | None
    site_name: str | None


def describe(body: bytes, charset: str | None) -> PageDescription | None:
    """What the beginning of a page says; None where it has no title. `charset` is what its `Content-Type` names."""
    said: dict[str, str] = {}
    title = ""
    for token in TOKEN.finditer(_decoded(body, charset)):
        if token["end"]:
            break
        if token["title"] and not title:
            title = token["title"]
        elif token["meta"]:
            fields = {
                name.lower(): a or b or c for name, a, b, c in ATTRIBUTE.findall(token["meta"][:MOST_META])
            }
            name = (fields.get("property") or fields.get("name") or "").lower()
            said.setdefault(name, fields.get("content", ""))
    shown = _first(said, TITLES, MOST_TITLE) or _plain(title, MOST_TITLE)
    if not shown:
        return None
    return PageDescription(
        shown, _first(said, DESCRIPTIONS, MOST_DESCRIPTION), _first(said, SITES, MOST_SITE)
    )


def _decoded(body: bytes, charset: str | None) -> str:
    if body.startswith(b"\xef\xbb\xbf"):
        charset = "utf-8"
    elif charset is None and (named := CHARSET.search(body[:BYTES_WITH_CHARSET])):
        charset = named[1].decode("ascii")
    try:
        return body.decode(charset or "utf-8", "replace")
    except (LookupError, UnicodeError):  # an encoding that is none, or not one of texts
        return body.decode("utf-8", "replace")


def _first(said: dict[str, str], names: tuple[str, ...], most: int) -> str | None:
    return next((text for name in names if (text := _plain(said.get(name, ""), most))), None)


def _plain(text: str, most: int) -> str:
    """A text in one line, without what cannot be seen; cut where it is too long."""
    unescaped = html.unescape(text).replace("\x00", "")
    visible = "".join(
        " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
        for character in unescaped[: 4 * most]
        if unicodedata.category(character) not in ("Cf", "Cs", "Co", "Cn")
    )
    words = " ".join(visible.split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"
