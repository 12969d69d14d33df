"""Images for tests, and what files of other kinds begin with."""

import io
import struct
import wave
import zipfile
import zlib
from typing import Any

from PIL import Image


def image(kind: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    """An image whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0] // 2, size[1]))
    encoded = io.BytesIO()
    picture.convert(mode).save(encoded, kind, **options)
    return encoded.getvalue()


def camera_jpeg(orientation: int, size: tuple[int, int] = (800, 600)) -> bytes:
    """A photograph as a telephone stores it, with where and by what it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Secret Camera"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    return image("JPEG", size, exif=exif, comment="Secret Comment")


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of few bytes whose header tells of many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def sound() -> bytes:
    encoded = io.BytesIO()
    with wave.open(encoded, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1000))
    return encoded.getvalue()


def archive() -> bytes:
    encoded = io.BytesIO()
    with zipfile.ZipFile(encoded, "w") as file:
        file.writestr("name.txt", "content")
    return encoded.getvalue()


HTML = b"<!doctype html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MATROSKA = b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82"

# What files are, by their bytes.
SAMPLES = {
    "png": (image("PNG"), "image/png"),
    "jpeg": (image("JPEG"), "image/jpeg"),
    "gif": (image("GIF"), "image/gif"),
    "webp": (image("WEBP"), "image/webp"),
    "avif": (image("AVIF"), "image/avif"),
    "bmp": (image("BMP"), "application/octet-stream"),
    "tiff": (image("TIFF"), "application/octet-stream"),
    "ico": (image("ICO"), "application/octet-stream"),
    "mp4": (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + bytes(100), "video/mp4"),
    "mp4 of version 2": (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(100), "video/mp4"),
    "m4a": (b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom" + bytes(100), "audio/mp4"),
    "mov": (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(100), "video/quicktime"),
    "webm": (MATROSKA + b"\x84webmB\x87\x81\x04B\x85\x81\x02" + bytes(100), "video/webm"),
    "mkv": (MATROSKA + b"\x88matroskaB\x87\x81\x04B\x85\x81\x02" + bytes(100), "video/x-matroska"),
    "mp3 with tags": (b"ID3\x04\0\0\0\0\0\x10" + bytes(200), "audio/mpeg"),
    "mp3": (b"\xff\xfb\x90\x64" + bytes(500), "audio/mpeg"),
    "ogg": (b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis" + bytes(100), "audio/ogg"),
    "wav": (sound(), "audio/wav"),
    "flac": (b"fLaC" + bytes(100), "audio/flac"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n<<>>\n%%EOF", "application/pdf"),
    "zip": (archive(), "application/zip"),
    "gzip": (b"\x1f\x8b\x08" + bytes(30), "application/gzip"),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(60), "application/octet-stream"),
    "text": ("Grüße, 你好\n".encode(), "text/plain"),
    "one letter": (b"a", "text/plain"),
    "latin-1": ("Grüße".encode("latin-1"), "application/octet-stream"),
    "zero bytes": (b"text\0text", "application/octet-stream"),
    "html": (HTML, "text/plain"),
    "html after blanks": (b" \n" + HTML, "text/plain"),
    "svg": (SVG, "text/plain"),
    "svg as xml": (b'<?xml version="1.0"?>' + SVG, "text/plain"),
    "json": (b'{"a": 1}', "text/plain"),
    "python": (b"import os\nprint(1)\n", "text/plain"),
    "html that begins as gif": (b"GIF89a" + HTML, "text/plain"),
    "script that begins as gif": (b"GIF89a=1;alert(1)//", "text/plain"),
    "html in the place of a jpeg": (b"\xff\xd8\xff\xe0" + HTML, "application/octet-stream"),
    "png cut off": (image("PNG", (400, 400))[:60], "application/octet-stream"),
    "image and html": (image("PNG") + HTML, "image/png"),
    "image and zip": (image("JPEG") + archive(), "image/jpeg"),
}
