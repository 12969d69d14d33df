"""Small pictures of large ones, for the types of images that every browser shows.

Only what Pillow can decode counts as an image, so a page can trust a `mediaType` of `image/…`; what it cannot, and what
would take too much to decode, is kept as a file like any other. The thumbnail is made anew from the pixels: upright,
and without the place, time and device that a camera writes into its pictures. The original stays as it was uploaded.
"""

import io
import logging
from typing import NamedTuple

from PIL import Image, ImageOps

log = logging.getLogger(__name__)

# Pillow's name of each format that is decoded; its many others, some of them old and odd, are never tried.
FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
}
THUMBNAIL_TYPE = "image/webp"
LONGEST_SIDE = 480  # pixels
QUALITY = 80

MAX_BYTES = 50_000_000
MAX_MEMORY = 400_000_000  # bytes that decoding may take
BYTES_OF_A_PIXEL = 8  # of that, as measured
BYTES_OF_A_WEBP_PIXEL = 16
MAX_SCANS = 500  # of a progressive JPEG: each costs a pass over all pixels, and may be a few bytes long
START_OF_SCAN = b"\xff\xda"

ORIENTATION = 0x0112  # the EXIF tag
ON_THEIR_SIDE = (5, 6, 7, 8)  # orientations that swap width and height


class Picture(NamedTuple):
    """An image's size in pixels, as it is shown, and its thumbnail as WebP."""

    width: int
    height: int
    thumbnail: bytes


def picture_of(content: bytes, media_type: str) -> Picture | None:
    """What an image of one of the types in FORMATS shows; None for what is no such image, or too large a one.

    It takes up to a second of one core, so it is called in a thread.
    """
    if len(content) > MAX_BYTES or (media_type == "image/jpeg" and content.count(START_OF_SCAN) > MAX_SCANS):
        return None
    try:
        with Image.open(io.BytesIO(content), formats=[FORMATS[media_type]]) as image:
            # The size is known from the header: nothing is decoded yet.
            return _picture(image) if image.width * image.height <= max_pixels(media_type) else None
    except Exception as error:  # noqa: BLE001 - decoders of hostile bytes raise whatever they come upon
        log.info("a file that begins as %s is no image: %r", media_type, error)
        return None


def max_pixels(media_type: str) -> int:
    """How many pixels an image of this type may have to be decoded."""
    return MAX_MEMORY // (BYTES_OF_A_WEBP_PIXEL if media_type == "image/webp" else BYTES_OF_A_PIXEL)


def _picture(image: Image.Image) -> Picture:
    width, height = image.size
    if image.getexif().get(ORIENTATION) in ON_THEIR_SIDE:
        width, height = height, width
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    upright = ImageOps.exif_transpose(image).convert("RGBA" if image.has_transparency_data else "RGB")
    upright.info.clear()
    encoded = io.BytesIO()
    upright.save(encoded, "WEBP", quality=QUALITY)
    return Picture(width, height, encoded.getvalue())
