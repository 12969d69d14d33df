"""The form of an upload: the first byte chooses how it is cut, the next ones are its boundary, up to a line's end."""

from contextlib import closing

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from app.attachments.media.file_names import LONGEST_NAME
from app.attachments.uploads import AROUND_THE_FILE, UploadForm, boundary_of
from app.core.errors import Refusal
from tests.fuzz.draw import Draw, cut

LIMIT = 60
WORDS = [
    b"--b\r\n",
    b"\r\n--b--\r\n",
    b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n',
    b'Content-Disposition: form-data; name="other"\r\n',
    b"Content-Type: text/plain\r\n",
    b"\r\n\r\n",
    b"%22",
    b"; filename*=UTF-8''a",
    b"../",
    b"\xe2\x80\xae",
]


def check(data: bytes) -> None:
    """Only the exceptions are raised that are documented; no more is kept than a file may have; a form means the same
    however it is cut."""
    draw = Draw(data)
    seed = draw.below(256)
    boundary, _, body = draw.rest().partition(b"\n")
    headers = Headers(raw=[(b"content-type", b"multipart/form-data; boundary=" + boundary)])
    try:
        found = boundary_of(headers)
    except HTTPException as error:
        assert error.status_code in (400, 415)
        return
    assert outcome(found, list(cut(body, seed))) == outcome(found, [body])


def outcome(boundary: bytes, pieces: list[bytes]) -> tuple[str, bytes] | None:
    """The name and bytes of the file; None if it is refused. Of two faults, the pieces decide which is found first."""
    content = b""
    try:
        with closing(UploadForm(boundary, LIMIT)) as form:
            for piece in pieces:
                form.feed(piece)
                content += form.taken()
                assert len(content) <= LIMIT
            upload = form.upload(None)
    except HTTPException as error:
        assert error.status_code == 400
        return None
    except Refusal as refusal:
        assert refusal.reason in ("too_large", "invalid")
        return None
    assert upload.size == len(content) > 0
    assert len(b"".join(pieces)) <= LIMIT + AROUND_THE_FILE
    assert 0 < len(upload.name) <= LONGEST_NAME
    assert not set(upload.name) & set("/\\\r\n\0\u202e")
    return upload.name, content
