"""Names that people choose (display names, names of rooms) and kinds of reactions: what one can see, and nothing else.

A character that is invisible, breaks the line or turns the direction of what follows would let one name pass for
another, or spoil what stands beside it. Those that belong to an emoji or to the spelling of a word are taken: variation
selectors, joiners and tags where UTS #51 has them, and ZWJ and ZWNJ where RFC 5892 (appendix A) has them.
"""

import re
import unicodedata

import idna

LONGEST = 100  # characters
EMOJI_STYLE, ZWNJ, ZWJ = "\ufe0f", "\u200c", "\u200d"
KEYCAP = "\u20e3"
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # categories
# Default_Ignorable_Code_Point and noncharacters that are in none of these categories, and
# characters without a form: the blank of Braille, the filler of Khitan, the null notehead.
BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\ufffe\uffff\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)
FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")  # of a region
# Alphabets that have many letters which look like those of another one.
ALPHABETS = {"LATIN", "CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "CHEROKEE", "LISU"}
WORDS = re.compile(r"\w+")


def clean_name(field: str, text: str) -> str:
    """A name as it is kept: in Unicode's form NFKC, without blanks at the ends or several in a row.

    Raises ValueError, which msgspec reports with the path.
    """
    normal = nfkc(text.strip())
    check_visible(field, normal)
    name = " ".join(normal.split())
    if len(name) > LONGEST:
        raise ValueError(f"field `{field}` must have at most {LONGEST} characters")
    for word in WORDS.findall(name):
        if len({alphabet for letter in word if (alphabet := alphabet_of(letter))}) > 1:
            raise ValueError(f"field `{field}` must not mix letters of several alphabets in a word")
    return name


def clean_display_name(field: str, text: str) -> str:
    """See `clean_name`. An `@` stands for a username, beside which display names are shown."""
    name = clean_name(field, text)
    if "@" in name:
        raise ValueError(f"field `{field}` must not contain @, which stands for usernames")
    return name


def check_visible(field: str, text: str) -> None:
    """Raises ValueError for text that has characters one cannot see, or nothing that one can."""
    seen = FLAG.sub("\U0001f3f4", text)
    for at, character in enumerate(seen):
        if is_unseen(character) and not belongs(seen, at):
            raise ValueError(
                f"field `{field}` must not contain the invisible character U+{ord(character):04X}"
            )
    if all(is_unseen(character) or unicodedata.category(character)[0] in "ZM" for character in seen):
        raise ValueError(f"field `{field}` must not be blank")


def shows(text: str) -> bool:
    """True if a text has something to see: not only blanks, and characters that are invisible or have no form."""
    if "!" <= text[:1] <= "~":  # as most texts begin
        return True
    return any(not is_unseen(character) and unicodedata.category(character)[0] != "Z" for character in text)


def is_unseen(character: str) -> bool:
    return unicodedata.category(character) in UNSEEN or BLANK.match(character) is not None


def belongs(text: str, at: int) -> bool:
    """True if an invisible character is a part of an emoji or of the spelling of a word."""
    character, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if character == EMOJI_STYLE:
        is_key = before != "" and before in "0123456789#*" and after == KEYCAP
        return is_key or (before != "" and (before == "ℹ" or unicodedata.category(before)[0] in "SP"))
    if character == ZWJ and is_symbol(after):
        return is_symbol(before) or before == EMOJI_STYLE
    return character in (ZWNJ, ZWJ) and after != "" and before != "" and idna.valid_contextj(text, at)


def is_symbol(character: str) -> bool:
    """True if a character is one of those that emojis are made of; newer ones are not in Python's tables."""
    return character != "" and unicodedata.category(character) in ("So", "Sk", "Sm", "Cn")


def alphabet_of(letter: str) -> str | None:
    """The alphabet of a letter, if it is one of ALPHABETS; the names of their characters begin with it."""
    alphabet = unicodedata.name(letter, "").partition(" ")[0]
    return alphabet if alphabet in ALPHABETS and letter.isalpha() else None


def nfkc(text: str) -> str:
    """NFKC, which makes letters out of emojis such as ℹ️: characters that are to look like emojis stay."""
    parts = re.split(f"(.{EMOJI_STYLE})", text)
    return "".join(
        part if part.endswith(EMOJI_STYLE) else unicodedata.normalize("NFKC", part) for part in parts
    )
