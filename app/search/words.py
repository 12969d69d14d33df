"""The words of a text: one rule for what is searched and for what is asked for.

A word is a run of letters, marks and digits. So words end where UAX #29 ends them, and also at the full stops,
apostrophes and underscores that UAX #29 leaves inside: `src/app/main.py` has four words. Each takes a position. There,
these lexemes stand for it, all of them folded (`app.search.folding`):

- the word, at most `MAX_WORD` characters of it;
- its parts, where case or digits tell them: `http` and `httpurl` for `parseHttpUrl`, `1` for `v1`;
- the word with the symbols before and after it that people mean: `c++`, `c#`, `.net`, `50%`, `-5`, `:wave:`;
- its pair with the next word, where there is no space between: `main␟py`. A query for several words without spaces
  asks for their pairs, so that `11-28` finds neither `11 28` nor `28-11`.

Scripts that are written without spaces have no words here. Each of their characters takes a position, where its pair
with the next one stands for it, and the last one by itself. So any part of such a text is found. An emoji is a word.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import regex

from app.search.folding import without_accents

MAX_LEXEMES = 10_000  # of a message, counted at each position; what is behind is not found
MAX_POSITIONS = 16_000  # PostgreSQL takes 16,383
MAX_WORD = 64  # characters; longer words are told apart by their beginnings
MAX_PARTS = 6  # of a word; one that has more is random, and has no parts
PAIR = "\u241f"  # between the words of a pair; the symbol for a unit separator

_UNSPACED = r"[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{lb=SA}]&&[\p{L}\p{M}\p{N}]]"
_SHORTCODE = r"(?<![\w:]):(?P<code>[\w+-]{1,40}):(?!\w)"
_TOKEN = regex.compile(
    rf"(?V1)(?P<run>{_UNSPACED}+)|(?P<word>[[\p{{L}}\p{{M}}\p{{N}}]--{_UNSPACED}]+)"
    r"|(?P<emoji>\p{Extended_Pictographic}|\p{RI}{2})"
)
_ASCII_TOKEN = re.compile(r"(?P<word>[A-Za-z0-9]+)")
_CODE = regex.compile(_SHORTCODE)
_PARTS = regex.compile(r"\p{Lu}?[\p{Ll}\p{M}]+|\p{Lu}+(?!\p{Ll})|\p{N}+|[^\p{Lu}\p{Ll}\p{N}]+")
_AFTER = re.compile(r"\+\+|[+#%](?!\w)")
_LINK = re.compile(r"\b(?:https?://|www\.)[^\s<>]", re.IGNORECASE)
_CLOSING = ".,!?;:"
_BEFORE = "#@$€£¥₹₽₩₺"


class TextToken(NamedTuple):
    """A word, an emoji, or a run of an unspaced script.

    `text` is not folded yet. `position` is that of its first character's, counted from 1. `follows` tells that there
    is a word right before it, with no space between. `symbols` are the forms with symbols, folded.
    """

    text: str
    position: int
    is_run: bool = False
    follows: bool = False
    symbols: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many positions it takes."""
        return len(self.text) if self.is_run else 1

    @property
    def word(self) -> str:
        """The lexeme of a word."""
        return self.text.casefold()[:MAX_WORD]


def tokens_of(text: str) -> Iterator[TextToken]:
    """The tokens of a text, in their order."""
    position = 1
    for chunk in without_accents(text).split():
        for token in _tokens_of_chunk(chunk, position):
            yield token
            position += token.width


def _tokens_of_chunk(chunk: str, position: int) -> Iterator[TextToken]:
    pattern = _ASCII_TOKEN if chunk.isascii() else _TOKEN
    codes = {found.start("code"): found[0].casefold() for found in _CODE.finditer(chunk)}
    follows = False
    for found in pattern.finditer(chunk):
        start, end = found.span()
        is_run = found.lastgroup == "run"
        symbols = () if is_run else tuple(_with_symbols(chunk, start, end, codes))
        token = TextToken(found[0], position, is_run, follows, symbols)
        yield token
        position += token.width
        follows = not is_run


def _with_symbols(text: str, start: int, end: int, codes: dict[int, str]) -> Iterator[str]:
    if codes and (code := codes.get(start) or codes.get(start - 1)):
        yield code
    if start and _belongs(text, start):
        yield text[start - 1 : end].casefold()[:MAX_WORD]
    if after := _AFTER.match(text, end):
        yield text[start:end].casefold()[:MAX_WORD] + after[0]


def _belongs(text: str, start: int) -> bool:
    """True if people mean the symbol before a word: `.net`, `#tag`, `@ann`, `€20`, `-5`."""
    symbol = text[start - 1]
    if symbol in _BEFORE:
        return True
    is_free = start < 2 or not text[start - 2].isalnum()
    if symbol == ".":
        return is_free or not text[start].isdigit()
    return symbol in "+-" and is_free and text[start].isdigit()


def parts_of(word: str) -> list[str]:
    """The parts of a word that is not folded, if it has some; they are not folded either."""
    if (word.isalpha() and (word.islower() or word[1:].islower() or word.isupper())) or word.isdigit():
        return []
    parts = _PARTS.findall(word)
    return parts if 1 < len(parts) <= MAX_PARTS else []


def words_of(*texts: str) -> dict[str, list[int]]:
    """The lexemes of some texts, with their positions; at most about `MAX_LEXEMES`, those of the beginning.

    Phrases do not reach from one text into the next.
    """
    lexemes: dict[str, list[int]] = {}
    count, at = 0, 1
    for text in texts:
        for chunk in without_accents(text).split():
            if count > MAX_LEXEMES or at > MAX_POSITIONS:
                return lexemes
            bare = chunk.rstrip(_CLOSING)
            if bare.isascii() and bare.islower() and bare.isalpha():  # as most are, so they go the short way
                lexemes.setdefault(bare[:MAX_WORD], []).append(at)
                count, at = count + 1, at + 1
            else:
                found, at = _lexemes_of_chunk(chunk, at, MAX_LEXEMES - count)
                for lexeme, place in found:
                    lexemes.setdefault(lexeme, []).append(place)
                count += len(found)
        at += 1
    return lexemes


def _lexemes_of_chunk(chunk: str, at: int, most: int) -> tuple[list[tuple[str, int]], int]:
    """The lexemes of a text without spaces, with their positions, and the position after them."""
    found: list[tuple[str, int]] = []
    before: tuple[str, ...] = ()
    for token in _tokens_of_chunk(chunk, at):
        at = token.position + token.width
        if token.is_run:
            found += [(pair, token.position + place) for place, pair in enumerate(pairs_of(token.text))]
            before = ()
        else:
            of_word, before = _lexemes_of(token, before)
            found += of_word
        if len(found) > most or at > MAX_POSITIONS:
            break
    return found, at


def pairs_of(run: str) -> list[str]:
    """The pairs of the characters of a run, and the last character."""
    folded = run.casefold()
    return [folded[place : place + 2] for place in range(len(folded))]


def _lexemes_of(token: TextToken, before: tuple[str, ...]) -> tuple[list[tuple[str, int]], tuple[str, ...]]:
    """The lexemes of a word with their positions, and those with which it ends, for the pairs with the next one."""
    word, at = token.word, token.position
    parts = parts_of(token.text)
    if not (parts or before or token.symbols):
        return [(word, at)], (word,)
    folded = [part.casefold()[:MAX_WORD] for part in parts]
    tails = ["".join(folded[place:])[:MAX_WORD] for place in range(1, len(folded))]
    begins, ends = (word, *folded[:1]), (word, *folded[-1:])
    found = [(form, at) for form in dict.fromkeys((word, *token.symbols, *folded, *tails))]
    found += [(first + PAIR + second, at - 1) for first in before for second in begins]
    return found, ends


def has_link(text: str) -> bool:
    """True if a text has an address of the web."""
    return _LINK.search(text) is not None
