"""The name of a file: what its sender calls it, what it is kept as, and how an answer tells it."""

import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

from python_multipart.multipart import parse_options_header

LONGEST_NAME = 255  # characters
LONGEST_EXTENSION = 20  # characters, with the dot
NAMELESS = "file"
JOINERS = "\u200c\u200d"  # which some scripts and emoji need, unlike all other invisible characters

# RFC 5987: filename*=charset'language'percent-encoded
_EXTENDED = re.compile(
    rb";[ \t]*filename\*[ \t]*=[ \t]*\"?(utf-8|iso-8859-1)'[\w-]*'([^;\"\s]+)", re.IGNORECASE
)
_NOT_ASCII = re.compile(r"%[89A-Fa-f][0-9A-Fa-f]")


def sent_name(content_disposition: bytes) -> tuple[str, str]:
    """The name of a form's field and of the file that a part of it has (RFC 7578); each is empty where there is none.

    RFC 7578 forbids `filename*`, which some clients send all the same: it counts where `filename` is missing.
    """
    _, options = parse_options_header(content_disposition)
    field = options.get(b"name", b"").decode("utf-8", "replace")
    plain = options.get(b"filename", b"")
    if plain:
        return field, _decoded(plain.decode("utf-8", "replace"))
    extended = _EXTENDED.search(content_disposition)
    if extended is None:
        return field, ""
    return field, unquote_to_bytes(extended[2]).decode(extended[1].decode(), "replace")


def _decoded(name: str) -> str:
    """A name without the escapes of its sender.

    Browsers escape three characters and no percent sign. Other clients percent-encode all of a name that is not ASCII:
    such a name is decoded whole, if that gives UTF-8, since nobody calls a file `%E4%BD%A0`.
    """
    if name.isascii() and _NOT_ASCII.search(name):
        try:
            return unquote_to_bytes(name).decode()
        except UnicodeDecodeError:
            pass  # the percent signs mean something else
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def clean_name(name: str) -> str:
    """A name that any system and any line of text can hold: no path, nothing invisible, at most 255 characters."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = " ".join("".join(char if _visible(char) else " " for char in name).split()).rstrip(". ")
    if len(name) > LONGEST_NAME:
        stem, dot, extension = name.rpartition(".")
        kept = dot + extension if stem and len(extension) < LONGEST_EXTENSION else ""
        name = name[: LONGEST_NAME - len(kept)].rstrip(". ") + kept
    return name if name.strip(JOINERS) else NAMELESS


def _visible(char: str) -> bool:
    return char in JOINERS or unicodedata.category(char)[0] not in "CZ"


def disposition(kind: str, name: str) -> str:
    """A Content-Disposition (RFC 6266): `kind` is `inline` or `attachment`; any name fits into it."""
    plain = "".join(char if char.isascii() and char not in '"\\%' else "_" for char in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
