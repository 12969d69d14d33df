"""Where a text in Markdown has code, in which nobody is mentioned.

It is CommonMark 0.31 as the page reads it: fenced code (§4.5) and code spans (§6.1), in block quotes and lists as well.
Indentation alone makes no code, and there are no headings, rules, HTML or link definitions. One pass, in time that
grows with the length of the text: containers nest at most 20 deep, and what is deeper is text.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from typing import Literal, NamedTuple

MAX_DEPTH = 20
TAB = 4  # columns
ANY = 1 << 30  # columns
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
LIST_MARKER = re.compile(r"(?:[-+*]|([0-9]{1,9})[.)])(?=[ \t]|$)")
# Where an inline scan stops: an escape, backticks, and links, which may have backticks in them.
INLINE = re.compile(
    r"\\[!-/:-@\[-`{-~]|`+"
    r"|<[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>\x00-\x1f]*>|<[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}>"
    r"|(?<![A-Za-z])https?://[^\s<]+|(?:(?<=[\s(*_\[\]~])|^)www\.[^\s<]+",
    re.IGNORECASE,
)

Range = tuple[int, int]


class Fence(NamedTuple):
    """An open fence: where it begins, and what closes it."""

    start: int
    marker: str
    length: int


class Item:
    """A list item, and by how many columns its lines are indented. What begins with two blank lines is empty."""

    __slots__ = ("began_blank", "indent", "is_empty")

    def __init__(self, indent: int, *, began_blank: bool) -> None:
        self.indent = indent
        self.began_blank = began_blank
        self.is_empty = False


class Line:
    """A line of a text, read from the left up to `end`; `spaces` are what is left of a tab."""

    __slots__ = ("at", "column", "end", "spaces", "text")

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.at = start
        self.end = end
        self.column = 0
        self.spaces = 0

    @property
    def place(self) -> tuple[int, int, int]:
        """To come back to by `go_back`."""
        return self.at, self.column, self.spaces

    def go_back(self, place: tuple[int, int, int]) -> None:
        """Is again at an earlier place."""
        self.at, self.column, self.spaces = place

    @property
    def is_blank(self) -> bool:
        """True if nothing but spaces and tabs follow."""
        return not self.text[self.at : self.end].strip(" \t")

    def skip(self, most: int = ANY) -> int:
        """Passes up to so many columns of spaces and tabs; returns how many."""
        passed = min(self.spaces, most)
        self.spaces -= passed
        while passed < most and self.at < self.end and self.text[self.at] in " \t":
            width = TAB - self.column % TAB if self.text[self.at] == "\t" else 1
            self.at += 1
            self.column += width
            step = min(width, most - passed)
            self.spaces = width - step
            passed += step
        return passed

    def take(self, length: int) -> None:
        """Passes so many characters that are no tabs."""
        self.at += length
        self.column += length

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What a pattern finds here."""
        return pattern.match(self.text, self.at, self.end)


def code_ranges(text: str) -> list[Range]:
    """The places of a text, from and to, that are code, in order."""
    return Blocks(text).read() if "`" in text or "~~~" in text else []


class Blocks:
    """The blocks of a text that decide what is code, read line by line (CommonMark, appendix: phase 1)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._containers: list[Item | None] = []  # None is a block quote
        self._fence: Fence | None = None
        self._paragraph: list[Range] = []
        self._found: list[Range] = []

    def read(self) -> list[Range]:
        """The ranges of code."""
        blanks = 0  # in a row; after two of them, another changes nothing
        for match in LINE.finditer(self._text):
            blanks = 0 if match[0].strip(" \t\r\n") else blanks + 1
            if blanks <= 2:
                self._line(Line(self._text, match.start(), match.start() + len(match[0].rstrip("\r\n"))))
        self._end_fence(len(self._text))
        self._end_paragraph()
        return self._found

    def _line(self, line: Line) -> None:
        start = line.at
        matched = self._match(line)
        all_match = matched == len(self._containers)
        if self._fence is not None:
            if all_match:
                self._in_fence(self._fence, line)
                return
            self._end_fence(start)
        if not self._open_containers(line, matched) and not all_match:
            if self._is_lazy(line):
                self._paragraph.append((line.at, line.end))
                return
            self._close(matched)
        self._leaf(line)

    def _match(self, line: Line) -> int:
        """Passes the marks by which a line belongs to open containers; returns to how many it does."""
        for depth, container in enumerate(self._containers):
            place = line.place
            if not (_in_quote(line) if container is None else _in_item(container, line)):
                line.go_back(place)
                return depth
        return len(self._containers)

    def _open_containers(self, line: Line, matched: int) -> bool:
        """Begins the block quotes and list items that a line begins; false where it begins none."""
        opened = False
        # As the page's parser has it, for all that begins on the line.
        interrupting = self._paragraph != [] and matched == len(self._containers)
        while True:
            place = line.place
            container = _begun(line, interrupting=interrupting)
            if container is False or len(self._containers) >= MAX_DEPTH:
                line.go_back(place)
                return opened
            if not opened:
                self._close(matched)
            self._containers.append(container)
            opened = True

    def _is_lazy(self, line: Line) -> bool:
        """True if a line goes on with a paragraph without the marks of its containers (§5.1, "laziness")."""
        return self._paragraph != [] and not line.is_blank and _fence_of(line) is None

    def _leaf(self, line: Line) -> None:
        if line.is_blank:
            self._end_paragraph()
        elif (fence := _fence_of(line)) is not None:
            self._end_paragraph()
            self._fence = fence
        else:
            line.skip()
            self._paragraph.append((line.at, line.end))

    def _in_fence(self, fence: Fence, line: Line) -> None:
        line.skip()
        rest = self._text[line.at : line.end].rstrip(" \t")
        if len(rest) >= fence.length and rest == fence.marker * len(rest):
            self._end_fence(line.end)

    def _close(self, depth: int) -> None:
        self._end_paragraph()
        del self._containers[depth:]

    def _end_fence(self, end: int) -> None:
        if self._fence is not None:
            self._found.append((self._fence.start, end))
            self._fence = None

    def _end_paragraph(self) -> None:
        if self._paragraph:
            self._found += _code_spans(self._text, self._paragraph)
            self._paragraph = []


def _in_quote(line: Line) -> bool:
    line.skip()
    if line.at >= line.end or line.text[line.at] != ">":
        return False
    line.take(1)
    line.skip(1)
    return True


def _in_item(item: Item, line: Line) -> bool:
    if line.is_blank:
        item.is_empty = item.is_empty or item.began_blank
        line.skip(item.indent)
        return True
    is_empty, item.is_empty, item.began_blank = item.is_empty, False, False
    return not is_empty and line.skip(item.indent) == item.indent


def _begun(line: Line, *, interrupting: bool) -> Item | Literal[False] | None:
    """The container that a line begins here, None for a block quote, False for none.

    Only an item with text, and of numbered ones number 1, can interrupt a paragraph (§5.3).
    """
    indent = line.skip()
    if line.at < line.end and line.text[line.at] == ">":
        line.take(1)
        line.skip(1)
        return None
    marker = line.match(LIST_MARKER)
    if marker is None or (interrupting and marker[1] not in (None, "1")):
        return False
    line.take(len(marker[0]))
    if line.is_blank:
        return False if interrupting else Item(indent + len(marker[0]) + 1, began_blank=True)
    return Item(indent + len(marker[0]) + line.skip(), began_blank=False)


def _fence_of(line: Line) -> Fence | None:
    """The fence that a line begins."""
    place = line.place
    line.skip()
    found = line.match(FENCE)
    if found is None:
        line.go_back(place)
        return None
    run = found[1] or found[2]
    return Fence(line.at, run[0], len(run))


def _code_spans(text: str, lines: list[Range]) -> list[Range]:
    """The code spans of a paragraph, which has these lines of a text."""
    joined = "\n".join(text[start:end] for start, end in lines)
    if joined.count("`") < 2:
        return []
    runs: defaultdict[int, list[int]] = defaultdict(list)
    for run in re.finditer("`+", joined):
        runs[len(run[0])].append(run.start())
    starts, place = [], 0  # of the lines, in what is joined
    for start, end in lines:
        starts.append(place)
        place += end - start + 1

    def of_text(place: int) -> int:
        number = bisect_left(starts, place + 1) - 1
        return lines[number][0] + place - starts[number]

    found: list[Range] = []
    at = 0
    while (stop := INLINE.search(joined, at)) is not None:
        at = stop.end()
        if stop[0][0] == "`":
            length = len(stop[0])
            closing = bisect_left(runs[length], at)
            if closing < len(runs[length]):
                at = runs[length][closing] + length
                found.append((of_text(stop.start()), of_text(at - 1) + 1))
    return found
