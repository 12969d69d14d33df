"""The types of MP4, QuickTime, AVIF and their relatives, by the box that they begin with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attachments.media.iso_media import TYPES, UNKNOWN, iso_media_type
from app.attachments.media.media_types import sniffed
from tests.support.images import image

BRANDS = {
    "image/avif": ["avif", "avis"],
    "audio/mp4": ["M4A ", "M4B ", "M4P "],
    "video/mp4": [
        "mp41",
        "mp42",
        "isom",
        "iso2",
        "iso6",
        "avc1",
        "M4V ",
        "3gp4",
        "3gp5",
        "3g2a",
        "dash",
        "MSNV",
    ],
    "video/quicktime": ["qt  "],
    UNKNOWN: ["heic", "heix", "hevc", "mif1", "msf1", "jp2 ", "crx ", "zzzz", "\xff\xff\xff\xff"],
}
CASES = [(brand, media_type) for media_type, brands in BRANDS.items() for brand in brands]
WITHOUT_MEANING = ["mif1", "miaf", "MA1B", "zzzz"]


def box(major: str, *compatible: str, size: int | None = None, large: bool = False) -> bytes:
    """A box of file types, and the beginning of the next one. `size` is said instead of the true one."""
    content = major.encode("latin-1") + b"\0\0\0\1" + "".join(compatible).encode("latin-1")
    length = (16 if large else 8) + len(content) if size is None else size
    head = b"\0\0\0\1ftyp" + length.to_bytes(8) if large else length.to_bytes(4) + b"ftyp"
    return head + content + b"\0\0\1\0meta" + bytes(300)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("others", range(6))
@pytest.mark.parametrize(("brand", "media_type"), CASES)
def test_the_major_brand_tells_whatever_the_size_of_the_box(
    brand: str, media_type: str, others: int, large: bool
) -> None:
    assert iso_media_type(box(brand, *["mif1"] * others, large=large)) == media_type


@pytest.mark.parametrize(("brand", "media_type"), CASES)
def test_of_a_major_brand_that_tells_nothing_the_first_compatible_one_that_does_counts(
    brand: str, media_type: str
) -> None:
    for major in WITHOUT_MEANING:
        assert iso_media_type(box(major, *WITHOUT_MEANING, brand)) == media_type
        if brand in TYPES:
            assert iso_media_type(box(major, brand, "isom", "avif", "qt  ")) == media_type


@pytest.mark.parametrize(("brand", "media_type"), CASES)
def test_a_box_without_a_size_ends_with_the_file(brand: str, media_type: str) -> None:
    assert iso_media_type(box("mif1", brand, size=0)) == media_type


@pytest.mark.parametrize("size", [2, 8, 12, 15])
def test_a_box_too_small_for_a_brand_tells_nothing(size: int) -> None:
    assert iso_media_type(box("isom", "isom", size=size)) == UNKNOWN


def test_a_brand_is_in_the_box_and_not_behind_it() -> None:
    assert iso_media_type(box("mif1", "avif", size=16)) == UNKNOWN
    assert iso_media_type(box("mif1", "avif", size=19)) == UNKNOWN
    assert iso_media_type(box("mif1", "avif", size=20)) == "image/avif"


def test_a_short_file_with_a_longer_box_is_what_it_has() -> None:
    content = box("mif1", "avif", size=4_000_000_000)
    assert [iso_media_type(content[:length]) for length in (7, 8, 15, 16, 19, 20)] == [
        *(None, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, "image/avif")
    ]


def test_another_box_at_the_beginning_is_not_this_format() -> None:
    for content in (b"", b"ftyp", b"\0\0\0\x10moov" + bytes(100), b"ftypisom" + bytes(100)):
        assert iso_media_type(content) is None


@given(st.binary(max_size=80))
def test_any_box_has_one_of_the_types(content: bytes) -> None:
    assert iso_media_type(b"ftyp".join((content[:4], content[4:]))) in {None, UNKNOWN, *TYPES.values()}


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=80))
def test_any_file_that_begins_with_the_box_is_told_by_it_alone(size: bytes, content: bytes) -> None:
    told = iso_media_type(size + b"ftyp" + content)
    assert sniffed(size + b"ftyp" + content) in ({UNKNOWN, "text/plain"} if told == UNKNOWN else {told})


def test_an_avif_is_one_also_with_another_number_of_brands() -> None:
    content = image("AVIF")
    size = int.from_bytes(content[:4])
    assert content[4:8] == b"ftyp"
    for brands in range(5):
        length = 16 + 4 * brands
        again = length.to_bytes(4) + b"ftypavif\0\0\0\0" + b"avif" * brands + content[size:]
        assert sniffed(again) == "image/avif"
