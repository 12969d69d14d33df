"""Thumbnails: what is made of images, and that nothing else becomes one."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.attachments.thumbnails import FORMATS, MAX_BYTES, MAX_SCANS, max_pixels, picture_of
from tests.app.images import camera_jpeg, image, png_claiming

TYPES = {name: media_type for media_type, name in FORMATS.items()}
MODES = {
    "PNG": ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"],
    "JPEG": ["1", "L", "RGB", "CMYK"],
    "GIF": ["1", "L", "P", "LA", "RGB", "RGBA"],
    "WEBP": ["L", "LA", "RGB", "RGBA"],
    "AVIF": ["L", "LA", "RGB", "RGBA"],
}


def opened(thumbnail: bytes) -> Image.Image:
    return Image.open(io.BytesIO(thumbnail))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((40, 30), (40, 30)),
        ((480, 480), (480, 480)),
        ((960, 480), (480, 240)),
        ((300, 1200), (120, 480)),
        ((2000, 1), (480, 1)),
        ((1, 1), (1, 1)),
    ],
)
def test_sizes(kind: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = picture_of(image(kind, size), TYPES[kind])
    assert picture is not None
    assert (picture.width, picture.height) == size
    assert opened(picture.thumbnail).size == expected
    assert opened(picture.thumbnail).format == "WEBP"


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_colours(kind: str, mode: str) -> None:
    picture = picture_of(image(kind, (100, 50), mode), TYPES[kind])
    assert picture is not None
    assert opened(picture.thumbnail).size == (100, 50)


def test_transparency_stays() -> None:
    content = io.BytesIO()
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(content, "PNG")
    picture = picture_of(content.getvalue(), "image/png")
    assert picture is not None
    pixel = opened(picture.thumbnail).convert("RGBA").getpixel((5, 5))
    assert isinstance(pixel, tuple)
    assert pixel[3] == 0


def test_an_animation_shows_its_first_frame() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    picture = picture_of(content.getvalue(), "image/gif")
    assert picture is not None
    red, _green, blue = colour_at(picture.thumbnail, 0.5, 0.5)
    assert red > 200 > 50 > blue


@pytest.mark.parametrize(
    ("orientation", "red_is"),
    [
        (1, (0.25, 0.5)),
        (2, (0.75, 0.5)),
        (3, (0.75, 0.5)),
        (4, (0.25, 0.5)),
        (5, (0.5, 0.25)),
        (6, (0.5, 0.25)),
        (7, (0.5, 0.75)),
        (8, (0.5, 0.75)),
    ],
)
def test_photographs_are_upright(orientation: int, red_is: tuple[float, float]) -> None:
    picture = picture_of(camera_jpeg(orientation), "image/jpeg")
    assert picture is not None
    turned = orientation >= 5
    assert (picture.width, picture.height) == ((600, 800) if turned else (800, 600))
    assert opened(picture.thumbnail).size == ((360, 480) if turned else (480, 360))
    red, _green, blue = colour_at(picture.thumbnail, *red_is)
    assert red > 200 > 50 > blue
    red, _green, blue = colour_at(picture.thumbnail, 1 - red_is[0], 1 - red_is[1])
    assert blue > 200 > 50 > red


def colour_at(thumbnail: bytes, x: float, y: float) -> tuple[int, int, int]:
    picture = opened(thumbnail).convert("RGB")
    red, green, blue = picture.getpixel((int(picture.width * x), int(picture.height * y)))  # type: ignore[misc]
    return red, green, blue


def test_a_thumbnail_does_not_tell_where_it_was_taken() -> None:
    content = camera_jpeg(6)
    assert b"Secret Camera" in content
    picture = picture_of(content, "image/jpeg")
    assert picture is not None
    assert b"Secret" not in picture.thumbnail
    thumbnail = opened(picture.thumbnail)
    assert dict(thumbnail.getexif()) == {}
    assert not {"exif", "xmp", "icc_profile", "comment"} & set(thumbnail.info)


@pytest.mark.parametrize(
    ("width", "height"), [(65_535, 65_535), (2**31 - 1, 1), (max_pixels("image/png") + 1, 1), (0, 10)]
)
def test_bombs_are_no_pictures(width: int, height: int) -> None:
    assert picture_of(png_claiming(width, height), "image/png") is None


def test_the_largest_picture() -> None:
    content = image("WEBP", (5000, 5000))
    assert max_pixels("image/webp") == 5000 * 5000
    assert picture_of(content, "image/webp") is not None
    assert picture_of(image("WEBP", (5000, 5001)), "image/webp") is None


def test_no_more_bytes_than_fit_into_memory() -> None:
    content = image("PNG")
    assert picture_of(content + bytes(MAX_BYTES - len(content)), "image/png") is not None
    assert picture_of(content + bytes(MAX_BYTES - len(content) + 1), "image/png") is None


def test_a_jpeg_of_endless_scans_is_no_picture() -> None:
    content = image("JPEG", progressive=True)
    header, scan = content.rsplit(b"\xff\xda", 1)
    scan = b"\xff\xda" + scan.removesuffix(b"\xff\xd9")
    assert picture_of(content, "image/jpeg") is not None
    assert picture_of(header + scan * (MAX_SCANS + 1) + b"\xff\xd9", "image/jpeg") is None


@pytest.mark.parametrize("kind", TYPES)
def test_an_image_of_another_type_is_not_decoded(kind: str) -> None:
    for other, media_type in TYPES.items():
        assert (picture_of(image(kind), media_type) is None) == (other != kind)


@given(kind=st.sampled_from(list(TYPES)), junk=st.binary(max_size=300))
def test_random_bytes_are_no_pictures(kind: str, junk: bytes) -> None:
    assert picture_of(junk, TYPES[kind]) is None


CONTENTS = {kind: image(kind, (64, 48)) for kind in TYPES}


@given(kind=st.sampled_from(list(TYPES)), data=st.data())
def test_damaged_images_are_pictures_or_not(kind: str, data: st.DataObject) -> None:
    content = bytearray(CONTENTS[kind])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    picture = picture_of(bytes(content[:cut]), TYPES[kind])
    if picture is not None:
        assert max(opened(picture.thumbnail).size) <= 480
