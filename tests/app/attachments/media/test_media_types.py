"""What a file is, and what it may be called."""

import unicodedata
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attachments.media.media_types import (
    HEAD,
    IMAGE_TYPES,
    SHOWN,
    clean_name,
    disposition,
    sniffed,
    undecoded,
)
from app.attachments.thumbnails.thumbnail_result import NotAPicture
from app.attachments.thumbnails.thumbnails import picture_of
from tests.support.images import HTML, SAMPLES, SVG

NAMES = [
    ("picture.png", "picture.png"),
    ("Grüße 你好 🎉.txt", "Grüße 你好 🎉.txt"),
    ("../../etc/passwd", "passwd"),
    ("..\\..\\windows\\system.ini", "system.ini"),
    ("C:\\fakepath\\photo.jpg", "photo.jpg"),
    ("/absolute/path/", "file"),
    ("..", "file"),
    (".", "file"),
    ("", "file"),
    ("  ", "file"),
    (".bashrc", ".bashrc"),
    ("trailing dots...", "trailing dots"),
    ("a\r\nContent-Type: text/html\r\n\r\n<script>.txt", "html <script>.txt"),
    ("a\nb\tc\0d.txt", "a b c d.txt"),
    ("line\u2028separator", "line separator"),
    ("exe\u202egpj.exe", "exe gpj.exe"),
    ("\ufeffmark.txt", "mark.txt"),
    ("e\u0301t\u00e9.txt", "été.txt"),
    ("👩\u200d💻.png", "👩\u200d💻.png"),
    ("x" * 300, "x" * 255),
    ("x" * 300 + ".png", "x" * 251 + ".png"),
    ("x." + "y" * 300, "x." + "y" * 253),
    ("x" * 254 + " y", "x" * 254),  # the cut leaves no blank and no dot at the end either
    ("x" * 249 + " . y.png", "x" * 249 + ".png"),
    ("\u200c\u200d", "file"),
]


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


@pytest.mark.parametrize(("given_name", "name"), NAMES)
def test_names(given_name: str, name: str) -> None:
    assert clean_name(given_name) == name


@given(st.text())
def test_any_name_is_cleaned_for_good(text: str) -> None:
    name = clean_name(text)
    assert 1 <= len(name) <= 255
    assert not any(char in "/\\" or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in name)
    assert clean_name(name) == name
    name.encode()


@given(st.text().map(clean_name))
def test_any_name_comes_through_a_header(name: str) -> None:
    header = disposition("attachment", name)
    assert header.isascii()
    assert header.isprintable()
    parsed = Message()
    parsed["Content-Disposition"] = header.split("; filename=")[0] + ";" + header.rsplit(";", 1)[1]
    assert parsed.get_content_disposition() == "attachment"
    assert parsed.get_filename() == name


def test_a_name_cannot_leave_its_quotes() -> None:
    assert disposition("inline", 'a"; evil="%41.txt') == (
        "inline; filename=\"a_; evil=__41.txt\"; filename*=UTF-8''a%22%3B%20evil%3D%22%2541.txt"
    )
