"""What a file is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attachments.media.media_types import (
    HEAD,
    IMAGE_TYPES,
    SHOWN,
    sniffed,
    undecoded,
)
from app.attachments.thumbnails.thumbnail_result import NotAPicture
from app.attachments.thumbnails.thumbnails import picture_of
from tests.support.images import HTML, SAMPLES, SVG


def type_of(content: bytes) -> str:
    """The type of a file, as an upload of it is told."""
    head = content[:HEAD]
    media_type = sniffed(head)
    if media_type in IMAGE_TYPES:
        try:
            picture_of(content, media_type)
        except NotAPicture:
            return undecoded(head)
    return media_type


@pytest.mark.parametrize(("content", "media_type"), SAMPLES.values(), ids=SAMPLES)
def test_types(content: bytes, media_type: str) -> None:
    assert type_of(content) == media_type


@pytest.mark.parametrize("blanks", [0, 1, HEAD - 2, HEAD, HEAD + 1])
@pytest.mark.parametrize("content", [HTML, SVG, "text that ends within a character: é".encode()])
def test_what_a_browser_could_run_is_text(content: bytes, blanks: int) -> None:
    content = b" " * blanks + content
    assert type_of(content) == "text/plain"


@given(st.binary(max_size=200))
def test_any_bytes_have_a_type_that_nothing_runs(content: bytes) -> None:
    assert type_of(content) in {known for _, known in SAMPLES.values()}


@given(st.sampled_from(sorted(content[:30] for content, _ in SAMPLES.values())), st.binary(max_size=50))
def test_any_end_of_a_known_beginning(beginning: bytes, end: bytes) -> None:
    assert sniffed(beginning + end) in {known for _, known in SAMPLES.values()}


def test_nothing_that_is_shown_is_a_document() -> None:
    assert {media_type.partition("/")[0] for media_type in SHOWN} == {"image", "audio", "video"}
    assert "image/svg+xml" not in SHOWN
