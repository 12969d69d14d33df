"""What a file is by its first bytes, what it may be called, and which of its bytes are asked for.

The first byte chooses which of the three.
"""

import re

from app.attachments.byte_ranges import part_of
from app.attachments.media.file_names import LONGEST_NAME, clean_name, disposition
from app.attachments.media.media_types import (
    BINARY,
    HEAD,
    KNOWN,
    SHOWN,
    TEXT,
    sniffed,
)
from tests.fuzz.draw import Draw

TYPES = {*KNOWN.values(), TEXT, BINARY, *SHOWN}
RUNNABLE = re.compile(r"html|xml|svg|script|css")
WORDS = [
    b"bytes=",
    b"-",
    b"\xe2\x80\xae",
    b".tar.gz",
    b"<html>",
    b"<svg",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF",
    b"WEBP",
    b"%PDF-",
]


def check(data: bytes) -> None:
    """Nothing is raised; a type is one of those that are told, and none that runs; a name is short, visible and no
    path; a part lies within the file."""
    draw = Draw(data)
    (check_type, check_name, check_range)[draw.below(3)](draw)


def check_type(draw: Draw) -> None:
    head = draw.rest()[:HEAD]
    media_type = sniffed(head)
    assert media_type in TYPES
    assert not RUNNABLE.search(media_type)
    assert sniffed(head) == media_type
    if media_type == TEXT:
        assert b"\0" not in head


def check_name(draw: Draw) -> None:
    name = clean_name(draw.rest().decode(errors="replace"))
    assert 0 < len(name) <= LONGEST_NAME
    assert name.isprintable() or set("\u200c\u200d") & set(name)
    assert not set(name) & set("/\\")
    assert clean_name(name) == name
    for kind in ("inline", "attachment"):
        header = disposition(kind, name)
        assert re.fullmatch(r"""[a-z]+; filename="[ -!#-~]*"; filename\*=UTF-8''[!-~]*""", header)


def check_range(draw: Draw) -> None:
    size = draw.below(200)
    header = draw.rest().decode("latin-1")
    part = part_of(header, size)
    if part is None:
        return
    assert 0 <= part.start <= part.stop <= size
    first, last = re.fullmatch(r"[ \t]*bytes=(\d*)-(\d*)[ \t]*", header, re.ASCII | re.IGNORECASE).groups()
    if first:
        wanted = range(size)[int(first) : int(last) + 1 if last else None]
    else:
        wanted = range(size)[max(0, size - int(last)) :]
    assert [*wanted] == [*range(part.start, part.stop)]
