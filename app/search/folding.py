"""Texts made alike that people take for the same: in case, accents, width, ligatures, and what cannot be seen.

The order is that of Unicode's caseless matching (Unicode Standard §3.13, D145 to D147), with accents dropped:

1. NFKC (UAX #15), so that full-width letters, ligatures and decomposed letters become the usual ones.
2. What is ignorable is dropped: soft hyphens, joiners, zero-width spaces, variation selectors.
3. Of the scripts whose marks are accents or optional vowels, the marks are dropped. Those of all others, such as Thai,
   Devanagari or Kana, make other letters.
"""

import unicodedata

import regex

MAX_TEXT = 20_000  # characters after NFKC, which may make 18 of one; no message of ordinary text has more

_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_MARKS = regex.compile(r"([\p{Latin}\p{Greek}\p{Cyrillic}\p{Hebrew}\p{Arabic}])\p{Mn}+")
# Letters that have no decomposition, as people type them without their keys; and the apostrophes of typographers.
_ALIKE = str.maketrans(
    {
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ħ": "h", "Ħ": "H", "ı": "i",
        "þ": "th", "Þ": "Th", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "’": "'", "‘": "'", "ʼ": "'",
    }
)  # fmt: skip


def without_accents(text: str) -> str:
    """A text in its usual letters, without accents, and with nothing that cannot be seen; its case is as it was.

    Of a text that is longer than `MAX_TEXT` then, the beginning.
    """
    if text.isascii():
        return text[:MAX_TEXT]
    usual = _IGNORABLE.sub("", unicodedata.normalize("NFKC", text)[:MAX_TEXT])
    bare = _MARKS.sub(r"\1", unicodedata.normalize("NFD", usual))
    return unicodedata.normalize("NFC", bare).translate(_ALIKE)


def fold(text: str) -> str:
    """A text as `without_accents`, in one case."""
    return without_accents(text).casefold()
