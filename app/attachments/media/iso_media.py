"""The type of a file in the ISO base media format (ISO/IEC 14496-12): MP4, QuickTime, AVIF, HEIC and their relatives.

Such a file begins with a box `ftyp` (section 4.3), which names a major brand and the compatible ones, four bytes each.
The size of that box depends on how many there are, so it tells nothing of the type.
"""

from collections.abc import Iterator

LARGE_SIZE = 1  # a 64-bit size follows the type of the box
TO_THE_END = 0  # the box has no size: it ends with the file
UNKNOWN = "application/octet-stream"

AVIF = ("avif", "avis")
HEIC = ("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs")  # which few browsers can show
AUDIO = ("M4A ", "M4B ", "M4P ", "F4A ", "F4B ")
VIDEO = (
    *("mp41", "mp42", "mp71", "isom", *(f"iso{version}" for version in range(2, 10))),
    *("avc1", "hvc1", "av01", "M4V ", "M4VH", "M4VP", "f4v ", "F4V ", "F4P ", "MSNV", "mmp4", "dash", "cmfc"),
    *("3gp4", "3gp5", "3gp6", "3gp7", "3gp8", "3gp9", "3gr6", "3gs6", "3g2a", "3g2b", "3g2c"),
)
# Brands that are not here, such as `mif1`, tell how a file is built and not what it is.
TYPES = {
    **dict.fromkeys(AVIF, "image/avif"),
    **dict.fromkeys(HEIC, UNKNOWN),
    **dict.fromkeys(AUDIO, "audio/mp4"),
    **dict.fromkeys(VIDEO, "video/mp4"),
    "qt  ": "video/quicktime",
}


def iso_media_type(head: bytes) -> str | None:
    """The type of what begins like this: that of its major brand, or of the first compatible one that tells.

    None is for what has no such box at its beginning; UNKNOWN for a box that is damaged, or whose brands tell nothing.
    """
    if head[4:8] != b"ftyp":
        return None
    size = int.from_bytes(head[:4])
    start = 8
    if size == LARGE_SIZE:
        size = int.from_bytes(head[8:16])
        start = 16
    end = len(head) if size == TO_THE_END else size
    if end < start + 8 or len(head) < start + 8:  # the major brand and its version
        return UNKNOWN
    return next((TYPES[brand] for brand in brands(head[start:end]) if brand in TYPES), UNKNOWN)


def brands(content: bytes) -> Iterator[str]:
    """The brands in the content of the box: the major one, and behind its version the compatible ones."""
    for at in (0, *range(8, len(content) - 3, 4)):
        yield content[at : at + 4].decode("latin-1")
