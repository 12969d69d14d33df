"""What a file may be called."""

import unicodedata
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attachments.media.file_names import clean_name, disposition, sent_name

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

SENT = [  # the parameters of a part's Content-Disposition, and the file's name
    ('filename="a.txt"', "a.txt"),
    ('filename="你好.txt"', "你好.txt"),
    ("filename*=UTF-8''na%C3%AFve%20plan.txt", "naïve plan.txt"),
    ("filename*=utf-8'en'%e4%bd%a0.txt", "你.txt"),
    ("filename*=ISO-8859-1''caf%E9.txt", "café.txt"),
    ("filename*=\"UTF-8''caf%C3%A9.txt\"", "café.txt"),
    ("filename=\"plain.txt\"; filename*=UTF-8''other.txt", "plain.txt"),
    ("filename=\"\"; filename*=UTF-8''other.txt", "other.txt"),
    ("filename*=UTF-8''%FF.txt", "\ufffd.txt"),
    ("filename*=koi8-r''%C1.txt", ""),
    ("filename*=", ""),
    ("filename*=UTF-8''", ""),
    ('filename=""', ""),
    ("", ""),
    ('filename="%22quoted%22.txt"', '"quoted".txt'),
    ('filename="a%0D%0Ab.txt"', "a\r\nb.txt"),
    ('filename="%E4%BD%A0%E5%A5%BD%20%28v2%29.txt"', "你好 (v2).txt"),
    ('filename="caf%E9.txt"', "caf%E9.txt"),  # no UTF-8
    ('filename="50%25 off.txt"', "50%25 off.txt"),  # a browser's percent sign is one
    ('filename="你%E4%BD%A0.txt"', "你%E4%BD%A0.txt"),
]


@pytest.mark.parametrize(("parameters", "name"), SENT)
def test_the_name_that_a_client_sends(parameters: str, name: str) -> None:
    assert sent_name(f'form-data; name="file"; {parameters}'.encode()) == ("file", name)


@given(st.binary())
def test_any_bytes_of_a_header_have_names(disposition: bytes) -> None:
    field, name = sent_name(disposition)
    assert clean_name(name)
    assert isinstance(field, str)


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
