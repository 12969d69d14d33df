"""Small pictures of large ones, for the types of images that every browser shows.

Only what Pillow can decode counts as an image, so a page can trust a `mediaType` of `image/…`; what it cannot, and what
would take too much to decode, is kept as a file like any other. The thumbnail is made anew from the pixels: upright,
and without the place, time and device that a camera writes into its pictures. The original stays as it was uploaded.

This is run by `app.attachments.thumbnails.thumbnail_process`, which bounds the time that a decoder takes, and the
memory.
"""

import io

from PIL import AvifImagePlugin, Image, ImageOps, PngImagePlugin

from app.attachments.thumbnails.thumbnail_result import MAX_BYTES, NotAPicture, Picture, max_pixels

# Pillow's name of each format that is decoded; its many others, some of them old and odd, are never tried.
FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
}
# Of the others, the header tells whether there are several frames. Those of a GIF stand one behind the other; and those
# of a JPEG are views of one moment.
MOVES, STANDS_STILL = "image/gif", "image/jpeg"
LONGEST_SIDE = 480  # pixels
SQUARE_SIDE = 256  # pixels
QUALITY = 80
MAX_METADATA = 4 * 1024 * 1024  # bytes of all the texts in a PNG, unpacked

ORIENTATION = 0x0112  # the EXIF tag
ON_THEIR_SIDE = (5, 6, 7, 8)  # orientations that swap width and height

# Pillow's own bounds, behind those of this module: it warns of more pixels than this, and decodes no twice as many.
Image.MAX_IMAGE_PIXELS = max(map(max_pixels, FORMATS))
PngImagePlugin.MAX_TEXT_MEMORY = MAX_METADATA
AvifImagePlugin.DEFAULT_MAX_THREADS = (
    1  # or each processor would get a thread, and each thread a picture's memory
)


def picture_of(content: bytes, media_type: str, *, square: bool = False) -> Picture:
    """The picture of an image of one of the types in FORMATS, or with `square` of its middle. Raises NotAPicture."""
    if len(content) > MAX_BYTES:
        raise NotAPicture(f"it has more than {MAX_BYTES} bytes")
    try:
        with Image.open(io.BytesIO(content), formats=[FORMATS[media_type]]) as image:
            # The size is known from the header: nothing is decoded yet.
            if image.width * image.height > max_pixels(media_type):
                raise NotAPicture(f"it has {image.width} x {image.height} pixels")
            return _picture(image, media_type, square=square)
    except NotAPicture:
        raise
    except Exception as error:  # decoders of hostile bytes raise whatever they come upon
        raise NotAPicture(repr(error)) from error


def _picture(image: Image.Image, media_type: str, *, square: bool) -> Picture:
    """Decodes the first frame, which is all that is ever looked at of an animation."""
    animated = media_type == MOVES or (media_type != STANDS_STILL and getattr(image, "is_animated", False))
    width, height = image.size
    if image.getexif().get(ORIENTATION) in ON_THEIR_SIDE:
        width, height = height, width
    shown: Image.Image = image
    if square:
        shown = ImageOps.fit(image, (SQUARE_SIDE, SQUARE_SIDE))
    else:
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    upright = _in_eight_bits(ImageOps.exif_transpose(shown))
    upright.info.clear()
    encoded = io.BytesIO()
    upright.save(encoded, "WEBP", quality=QUALITY)
    return Picture(width, height, encoded.getvalue(), animated)


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """The image with colours of 8 bits, as WebP has them; Pillow alone would make white of 16 bits of grey."""
    if image.mode.startswith("I;16"):
        return image.point(lambda level: level / 256).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
