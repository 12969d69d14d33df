"""The type of a file, by its bytes and never by its sender's word.

puremagic knows the bytes that hundreds of formats begin with, and `app.attachments.media.iso_media` one family that
puremagic mixes up. Only those listed here keep their name: a `mediaType` is never one that a browser could run. HTML,
SVG and scripts are `text/plain`; an unknown type is `application/octet-stream`. An image is one only if it can be
decoded.
"""

import codecs
import unicodedata

import puremagic

from app.attachments.media.iso_media import UNKNOWN, iso_media_type

# The only types of image that are decoded, which are those that every browser shows.
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})

HEAD = 4096  # bytes that tell what a file is
BINARY = "application/octet-stream"
TEXT = "text/plain"

# The types that are told, each by the names that puremagic has for it.
KNOWN = {
    **{media_type: media_type for media_type in IMAGE_TYPES},
    "audio/flac": "audio/flac",
    "audio/mpeg": "audio/mpeg",
    "application/ogg": "audio/ogg",
    "audio/wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "video/quicktime": "video/quicktime",
    "video/webm": "video/webm",
    "video/x-matroska": "video/x-matroska",
    "application/pdf": "application/pdf",
    "application/x-gzip": "application/gzip",
    "application/zip": "application/zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "application/zip",
}

# What a browser shows or plays without running anything: the only types that a file is served as.
SHOWN = {
    *IMAGE_TYPES,
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "video/mp4",
    "video/webm",
}


def sniffed(head: bytes) -> str:
    """The type of what begins like this; an image may still turn out to be none, and is `undecoded` then."""
    iso_type = iso_media_type(head)
    if iso_type is not None:
        return undecoded(head) if iso_type == UNKNOWN else iso_type
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):  # nothing known; nothing at all
        matches = []
    known = (KNOWN[match.mime_type] for match in matches if match.mime_type in KNOWN)
    return next(known, undecoded(head))


def undecoded(head: bytes) -> str:
    """The type of what is in no known format: `text/plain` for UTF-8 without control characters but those of layout."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # the end may cut a character in two
    except UnicodeDecodeError:
        return BINARY
    controls = any(unicodedata.category(char) == "Cc" and char not in "\t\n\f\r\x1b" for char in text)
    return BINARY if controls else TEXT
