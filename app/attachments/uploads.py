"""An upload as it comes in: one file in a multipart/form-data body, which goes to a temporary file while it is read.

Neither memory nor disk ever holds more of an upload than a file may have. The temporary file has no name, so the
system frees it whatever happens.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from anyio import to_thread
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app.attachments.media.file_names import clean_name, sent_name
from app.attachments.storage.storage import unwritten
from app.core.errors import Refusal
from app.payloads.fields.validation import refusal_of_field

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # which is there for the type checker alone

FIELD = "file"
AROUND_THE_FILE = 16 * 1024  # bytes that a body may have besides the file
BUFFER = 64 * 1024  # bytes that are kept in memory before they go to the disk
GRACE = 30.0  # seconds that a body may take to begin, and to stand still
PACE = 8 * 1024  # bytes a second of which it must be ahead after that
LINGER = 2.0  # seconds that a client may go on sending after its upload was refused


class Upload(NamedTuple):
    """A file that has come in whole: what its sender calls it, cleaned; its bytes, and how many they are."""

    name: str
    file: BinaryIO
    size: int


class Body:
    """The body of a request. `ended` is whether the client has nothing more to send."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises HTTPException (400) when the client goes away before the end."""
        while not self.ended:
            message = await self._receive()
            self.ended = not message.get("more_body", False)
            if message["type"] == "http.disconnect":
                raise HTTPException(400, "The upload was cut off")
            yield message.get("body", b"")

    async def linger(self) -> None:
        """Takes and throws away what the client still sends, for a moment."""
        try:
            async with asyncio.timeout(LINGER):
                async for _ in self.chunks():
                    pass
        except (TimeoutError, HTTPException):
            self.ended = True


class PartingResponse:
    """A response to a client that is perhaps still sending, after which the connection ends.

    A connection that is closed on a client in the midst of sending would be reset, and the response lost. So the
    rest is taken for a moment, in which the client can read; no longer, or it could go on for ever.
    """

    def __init__(self, response: Response, body: Body) -> None:
        self._response = response
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def send_unfinished(message: Message) -> None:
            await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

        self._response.headers["connection"] = "close"
        await self._response(scope, receive, send_unfinished)
        await self._body.linger()
        await send({"type": "http.response.body", "body": b""})


def announced_size(headers: Headers) -> int | None:
    """The bytes that a request says its body has; None where it does not."""
    announced = headers.get("content-length", "")
    return int(announced) if announced.isdecimal() else None


@asynccontextmanager
async def received(
    headers: Headers, body: Body, *, limit: int, within: float, grow: Callable[[int], None]
) -> AsyncIterator[Upload]:
    """Takes an upload whose file has at most `limit` bytes, in at most `within` seconds; it is there in the block.

    `grow` is told how many more bytes go to the disk, before they do, and may refuse them.

    Raises Refusal: `too_large`, and `invalid` for a form without the one file or a file without a byte; HTTPException:
    400 for what is no form, 408, 415; and StorageUnavailable where the temporary disk is full.
    """
    boundary = boundary_of(headers)
    announced = announced_size(headers)
    if announced is not None and announced > limit + AROUND_THE_FILE:
        raise too_large(limit)
    with closing(UploadForm(boundary, limit)) as form, temporary_file() as file:
        try:
            await _receive(body, form, file, within, grow)
        except TimeoutError:
            raise HTTPException(408, "The upload took too long") from None
        yield form.upload(file)


async def _receive(
    body: Body, form: "UploadForm", file: BinaryIO, within: float, grow: Callable[[int], None]
) -> None:
    started = asyncio.get_running_loop().time()
    received = 0
    async with asyncio.timeout(time_for(0, within)) as deadline:
        async for chunk in body.chunks():
            received += len(chunk)
            deadline.reschedule(started + time_for(received, within))
            form.feed(chunk)
            if len(form.buffer) >= BUFFER or (body.ended and form.buffer):
                grow(len(form.buffer))
                await to_thread.run_sync(append, file, form.taken())


def time_for(received: int, within: float) -> float:
    """The seconds since its beginning after which a body is too slow of which this many bytes have come."""
    return min(within, GRACE + received / PACE)


def temporary_file() -> BinaryIO:
    """A file without a name. It has no buffer, so that another process can go on where it stands.

    Raises StorageUnavailable.
    """
    try:
        return tempfile.TemporaryFile(buffering=0)
    except OSError as error:
        raise unwritten("cannot make a temporary file", error) from error


def append(file: BinaryIO, content: bytes) -> None:
    """Writes all of the content, of which one write may take a part. Raises StorageUnavailable."""
    rest = memoryview(content)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise unwritten("cannot keep an upload while it comes", error) from error


def boundary_of(headers: Headers) -> bytes:
    """The boundary between the parts of the form. Raises HTTPException (400, 415)."""
    kind, options = parse_options_header(headers.get("content-type"))
    if kind != b"multipart/form-data":
        raise HTTPException(415, "An upload is multipart/form-data")
    if not options.get(b"boundary"):
        raise HTTPException(400, "The form has no boundary")
    return options[b"boundary"]


def too_large(limit: int) -> Refusal:
    """The refusal of a file that has more than `limit` bytes."""
    most = f"{limit} bytes" if limit < 1_000_000 else f"{limit / 1_000_000:g} MB"
    return Refusal("too_large", f"This file is too large: {most} is the most")


class UploadForm:
    """Reads a form with one file, whose bytes gather in `buffer`. Other fields are passed over."""

    def __init__(self, boundary: bytes, limit: int) -> None:
        self.buffer = bytearray()
        self._limit = limit
        self._size = 0
        self._around = 0
        self._name: str | None = None
        self._in_file = False
        self._begun = False
        self._ended = False
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise malformed(error) from None

    def feed(self, chunk: bytes) -> None:
        """Reads on. Raises Refusal and HTTPException as `received` does."""
        before = self._size
        # Line breaks may come first. The parser would pass over what follows them, as far as it comes in one piece.
        form = chunk if self._begun else chunk.lstrip(b"\r\n")
        self._begun = self._begun or bool(form)
        try:
            self._parser.write(form)
        except FormParserError as error:
            raise malformed(error) from None
        self._around += len(chunk) - (self._size - before)
        if self._size > self._limit or self._around > AROUND_THE_FILE:
            raise too_large(self._limit)

    def taken(self) -> bytes:
        """Take the bytes in the buffer, which is empty then."""
        content = bytes(self.buffer)
        self.buffer.clear()
        return content

    def upload(self, file: BinaryIO) -> Upload:
        """The file, now that the body has ended. Raises as `received` does."""
        if not self._ended:
            raise HTTPException(400, "The form ends too early")
        if self._name is None:
            raise refusal_of_field(FIELD, "must be a file", "required")
        if not self._size:
            raise refusal_of_field(FIELD, "must have at least one byte", "empty")
        return Upload(self._name, file, self._size)

    def close(self) -> None:
        """Reads no more. The parser refers to this, so that only the garbage collector would free the two."""
        del self._parser

    def _on_part_begin(self) -> None:
        self._disposition = b""
        self._in_file = False

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        field, name = sent_name(self._disposition)
        if field != FIELD or not name:
            return
        if self._name is not None:
            raise refusal_of_field(FIELD, "must be one file", "too_many")
        self._in_file = True
        self._name = clean_name(name)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._size += end - start
            if self._size <= self._limit:
                self.buffer += data[start:end]

    def _on_end(self) -> None:
        self._ended = True


def malformed(error: FormParserError) -> HTTPException:
    """The answer to what is no form."""
    return HTTPException(400, f"The form cannot be read: {error}")
