"""The web links of a text, as its readers see them: none of code."""

import re
from urllib.parse import urlsplit, urlunsplit

from app.messages.markdown_code import code_ranges

MOST_LINKS = 3  # of a message that get a preview
MOST_CHARACTERS = 2000  # of a link

LINK = re.compile(r"(?<![A-Za-z])https?://[^\s<>\"`|\\^{}\x00-\x1f]+", re.IGNORECASE)
ENDING = ".,;:!?'*_~]"  # of the sentence, and not of the link


def links_in(text: str) -> list[str]:
    """The first links of a text that can have a preview, each once: without user, password and fragment."""
    if "://" not in text:
        return []
    found: dict[str, None] = {}
    for match in LINK.finditer(_without_code(text)):
        if (link := _link_of(match[0])) is not None:
            found[link] = None
        if len(found) == MOST_LINKS:
            break
    return list(found)


def _without_code(text: str) -> str:
    parts, end = [], 0
    for start, stop in code_ranges(text):
        parts.append(text[end:start])
        end = stop
    return " ".join([*parts, text[end:]])


def _link_of(text: str) -> str | None:
    """A link in one form; None for what is none, or is not to be asked for."""
    while text and (text[-1] in ENDING or (text[-1] == ")" and text.count("(") < text.count(")"))):
        text = text[:-1]
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return None
    link = urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", parts.query, ""))
    return link if usable and len(link) <= MOST_CHARACTERS else None
