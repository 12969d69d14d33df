"""A thumbnail as the server knows it: what the work on a picture may cost, and how the result is handed over.

Pillow is not loaded here: a process of its own decodes (`app.attachments.thumbnails.thumbnail_process`), and this
module is what the server and that process have in common.
"""

import struct
from typing import NamedTuple

THUMBNAIL_TYPE = "image/webp"
WHOLE, SQUARE = "whole", "square"  # what a thumbnail shows: all of the picture, or its middle

MAX_BYTES = 50_000_000  # of a file that is decoded
MAX_MEMORY = 400_000_000  # bytes that the pixels of one picture may take while it is decoded
BYTES_OF_A_PIXEL = 8  # of that, as measured
BYTES_OF_A_LARGE_PIXEL = 16  # of the types whose decoders keep planes, alpha and a copy of all pixels
LARGE_PIXELS = frozenset({"image/webp", "image/avif"})
MAX_THUMBNAIL = 1024 * 1024  # bytes

HEADER = struct.Struct(">III?")  # ms of processor time, width, height, whether it moves; 0 x 0 is no picture


class Bounds(NamedTuple):
    """The bounds of one picture: seconds of processor time, seconds, and bytes of memory of the whole process."""

    cpu: float = 5.0
    wall: float = 10.0
    memory: int = MAX_MEMORY + 64 * 1024 * 1024


class Picture(NamedTuple):
    """An image's size in pixels, as it is shown, its thumbnail as WebP, which stands still, and whether it moves."""

    width: int
    height: int
    thumbnail: bytes
    animated: bool = False


class NotAPicture(Exception):
    """The file cannot be decoded, or not within the bounds. The text says why."""


class Result(NamedTuple):
    """The answer of a process: the seconds of processor time it took, and a picture or the reason why there is none."""

    cpu: float
    outcome: Picture | NotAPicture


def max_pixels(media_type: str) -> int:
    """How many pixels an image of this type may have to be decoded."""
    return MAX_MEMORY // (BYTES_OF_A_LARGE_PIXEL if media_type in LARGE_PIXELS else BYTES_OF_A_PIXEL)


def packed(result: Result) -> bytes:
    """A result as bytes."""
    cpu = int(result.cpu * 1000)
    match result.outcome:
        case Picture(width, height, thumbnail, animated):
            return HEADER.pack(cpu, width, height, animated) + thumbnail
        case reason:
            return HEADER.pack(cpu, 0, 0, False) + str(reason).encode("utf-8", "replace")


def unpacked(content: bytes) -> Result:
    """The result in these bytes, which a decoder that was led astray may have written. Raises ValueError."""
    if len(content) < HEADER.size:
        raise ValueError("the result is cut off")
    cpu, width, height, animated = HEADER.unpack_from(content)
    rest = content[HEADER.size :]
    if not width * height:
        return Result(cpu / 1000, NotAPicture(rest.decode("utf-8", "replace")))
    if width * height > MAX_MEMORY // BYTES_OF_A_PIXEL or len(rest) > MAX_THUMBNAIL:
        raise ValueError("the result is too large")
    if rest[:4] != b"RIFF" or rest[8:12] != b"WEBP":
        raise ValueError("the thumbnail is no WebP")
    return Result(cpu / 1000, Picture(width, height, rest, animated))
