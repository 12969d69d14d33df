"""Thumbnails: what is made of images, and that nothing else becomes one."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from app.attachments.media.media_types import IMAGE_TYPES
from app.attachments.thumbnails import thumbnails
from app.attachments.thumbnails.thumbnail_result import MAX_BYTES, NotAPicture, Picture, max_pixels
from app.attachments.thumbnails.thumbnails import FORMATS
from tests.support.images import camera_jpeg, image, png_claiming

TYPES = {name: media_type for media_type, name in FORMATS.items()}
MODES = {
    "PNG": ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"],
    "JPEG": ["1", "L", "RGB", "CMYK"],
    "GIF": ["1", "L", "P", "LA", "RGB", "RGBA"],
    "WEBP": ["L", "LA", "RGB", "RGBA"],
    "AVIF": ["L", "LA", "RGB", "RGBA"],
}


def picture_of(content: bytes, media_type: str) -> Picture | None:
    """The picture, or None if it is none."""
    try:
        return thumbnails.picture_of(content, media_type)
    except NotAPicture:
        return None


def test_each_type_of_image_has_a_decoder() -> None:
    assert set(FORMATS) == IMAGE_TYPES


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


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("frames", [1, 3])
def test_a_picture_that_moves_is_told(kind: str, frames: int) -> None:
    first, *others = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")[:frames]]
    content = io.BytesIO()
    # The JPEG has several pictures: cameras add views and previews.
    first.save(content, "MPO" if kind == "JPEG" else kind, save_all=bool(others), append_images=others)
    picture = picture_of(content.getvalue(), TYPES[kind])
    assert picture is not None
    assert picture.animated == (kind == "GIF" or (frames > 1 and kind != "JPEG"))


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
    assert max_pixels("image/webp") == max_pixels("image/avif") == 5000 * 5000
    assert picture_of(image("WEBP", (5000, 5000), method=0), "image/webp") is not None
    assert picture_of(image("WEBP", (5000, 5001), method=0), "image/webp") is None


def test_no_more_bytes_than_fit_into_memory() -> None:
    content = image("PNG")
    assert picture_of(content + bytes(MAX_BYTES - len(content)), "image/png") is not None
    assert picture_of(content + bytes(MAX_BYTES - len(content) + 1), "image/png") is None


def test_sixteen_bits_of_grey_keep_their_shades() -> None:
    shades = Image.frombytes("I;16", (100, 50), (b"\0\x40" * 50 + b"\0\xc0" * 50) * 50)
    content = io.BytesIO()
    shades.save(content, "PNG")
    picture = picture_of(content.getvalue(), "image/png")
    assert picture is not None
    for x, shade in ((0.25, 0x40), (0.75, 0xC0)):
        assert colour_at(picture.thumbnail, x, 0.5) == pytest.approx((shade, shade, shade), abs=4)


def test_the_texts_of_an_image_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "x" * 1000, zip=True)
    content = image("PNG", pnginfo=texts)
    assert picture_of(content, "image/png") is not None
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 999)
    assert picture_of(content, "image/png") is None


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


def test_a_square_shows_the_middle_upright_and_nothing_of_the_camera() -> None:
    """A photograph that lies on its side: what is red on its left is above."""
    picture = thumbnails.picture_of(camera_jpeg(6, (800, 400)), "image/jpeg", square=True)
    assert (picture.width, picture.height) == (400, 800)
    assert b"Secret" not in picture.thumbnail
    with Image.open(io.BytesIO(picture.thumbnail)) as shown:
        assert shown.size == (256, 256)
        above, below = (shown.convert("RGB").getpixel((128, y)) for y in (10, 245))
    assert above[0] > 200 > 50 > above[2]
    assert below[2] > 200 > 50 > below[0]
