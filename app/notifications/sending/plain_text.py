"""The beginning of a message's text without its marks of Markdown, as a notification shows it.

It is the Markdown of the page (`app/web/src/markdown/parse.ts`): CommonMark with strikethrough and bare addresses,
without headings, rules, images, HTML, link definitions, and code by indentation. No more than `MOST_READ` characters
are read, and markdown-it compares no more than `MOST_MARKS` marks with each other, and looks for the ends of no more
than `MOST_BRACKETS` links, so the time is bounded whatever is written.
"""

import functools
import re
from bisect import bisect_right
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

MOST_READ = 1000  # characters; a link may have an address that is longer than its words
MOST_MARKS = 200  # of emphasis; of a text that has more, code, quotes and lists alone are read
MOST_BRACKETS = 20  # so of links
DEEPEST = 60  # blocks, one in the other
REMEMBERED = 256  # texts: all who are told of a message have the same
NEVER = (
    "code", "heading", "lheading", "hr", "html_block", "html_inline", "reference", "image", "entity",
)  # fmt: skip
PAIRED = ("emphasis", "strikethrough", "link")
MAY_HAVE_MARKUP = re.compile(r"[*_~`>\[\\]|^[ \t]*(?:[-+]|\d+[.)])[ \t]", re.MULTILINE)
ADDRESS = re.compile(r"(?<![a-z])https?://[^\s<>\]`]+|(?:(?<=[\s(*_\[\]~])|^)www\.[^\s<>\]`]+", re.IGNORECASE)
AFTER_ADDRESS = "?!.,:;*_~\"'"  # ends no address
SAFE = re.compile(r"(?:https?://|mailto:)\S", re.IGNORECASE)


class Block(NamedTuple):
    """A block that is being read: a quote, a list, or one of its items."""

    opening: Token
    lines: list[str]


def plain_text(text: str) -> str:
    """A text as it looks: of links the words, before items their numbers, before quotes a `>`; lines stay lines.

    What has marks alone is as it was typed. Of a longer text it is the beginning, with an ellipsis.
    """
    cut = text[:MOST_READ]
    plain = _rendered(cut) if MAY_HAVE_MARKUP.search(cut) else cut
    return plain if len(text) <= MOST_READ else plain.rstrip() + "…"


@functools.lru_cache(REMEMBERED)
def _rendered(text: str) -> str:
    source = re.split(r"\r\n?|\n", text)  # as markdown-it counts lines
    blocks = [Block(Token("root", "", 0), [])]
    too_many = sum(map(text.count, "*_~")) > MOST_MARKS or text.count("[") > MOST_BRACKETS
    markdown = FLAT if too_many else MARKDOWN
    letters = ""
    for token in markdown.parse(text, {}):
        if token.type in ("inline", "fence"):
            words = (
                token.content.removesuffix("\n") if token.type == "fence" else _inline(token.children or [])
            )
            blocks[-1].lines.append(words)
            letters += words
        elif token.nesting > 0 and token.type != "paragraph_open":
            blocks.append(Block(token, []))
        elif token.nesting < 0 and token.type != "paragraph_close":
            block = blocks.pop()
            blocks[-1].lines.append(_closed(block, blocks[-1], source))
    return "\n".join(blocks[0].lines).strip() if _is_visible(letters) else text.strip()


def _closed(block: Block, around: Block, source: list[str]) -> str:
    opening, lines = block
    content = "\n".join(lines)
    match opening.type:
        case "blockquote_open":
            return re.sub("^", "> ", content, flags=re.MULTILINE)
        case "list_item_open":
            return f"{_mark(around)} {content}"
        case _ if opening.level == 0 and opening.map is not None and not re.search(r"[^\W_]", content):
            return "\n".join(source[slice(*opening.map)]).rstrip()  # a line across, such as "* * *"
        case _:
            return content


def _mark(items: Block) -> str:
    """What stands before the next item of a list."""
    if items.opening.type == "bullet_list_open":
        return "•"
    return f"{int(items.opening.attrGet('start') or 1) + len(items.lines)}."


def _inline(tokens: list[Token]) -> str:
    parts: list[str] = []
    links: list[tuple[str, int]] = []  # where those that are open lead to, and where their words begin
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif token.type == "link_open":
            links.append((str(token.attrGet("href")), len(parts)))
        elif token.type == "link_close":
            url, start = links.pop()
            parts[start:] = [_link("".join(parts[start:]), url)]
        else:
            parts.append(token.content)
    return "".join(parts)


def _link(words: str, url: str) -> str:
    """What a link shows. One whose words are another address than that it leads to is as it was typed."""
    if not _is_visible(words):
        return url
    named = re.sub(r"^www\.", "https://www.", words.strip(), flags=re.IGNORECASE)
    if re.match("https?://", named, re.IGNORECASE) and _site(named) != _site(url):
        return f"[{words}]({url})"
    return words


def _site(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower().removeprefix("www.")
    except ValueError:  # it is none
        return url


def _is_visible(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


def _address(state: StateInline, silent: bool) -> bool:
    """An inline rule: no mark within an address is one."""
    known: dict[str, list[tuple[int, int]]] = state.env.setdefault("addresses", {})
    ranges = known.get(state.src)
    if ranges is None:
        ranges = known[state.src] = [
            (found.start(), found.start() + len(found[0].rstrip(AFTER_ADDRESS)))
            for found in ADDRESS.finditer(state.src)
        ]
    place = bisect_right(ranges, (state.pos, len(state.src))) - 1
    if place < 0 or state.pos >= ranges[place][1]:
        return False
    if not silent:
        state.pending += state.src[state.pos : ranges[place][1]]
    state.pos = ranges[place][1]
    return True


def _markdown(*without: str) -> MarkdownIt:
    options: Any = {"maxNesting": DEEPEST}
    markdown = MarkdownIt("commonmark", options).enable("strikethrough").disable([*NEVER, *without])
    markdown.inline.ruler.before("escape", "address", _address)
    markdown.validateLink = lambda url: SAFE.match(url) is not None  # type: ignore[method-assign]
    return markdown


MARKDOWN = _markdown()
FLAT = _markdown(*PAIRED)
