"""The REST routes of files, which do not fit into the table of operations: their bodies are streams.

A file is served so that nothing in it can run: as a type that a browser shows or plays, or as mere bytes to be saved;
never guessed at, and in a sandbox without scripts if it is opened on its own.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.attachments.attachments import NO_FILE, Files
from app.attachments.byte_ranges import Part, part_of
from app.attachments.media.file_names import disposition
from app.attachments.media.media_types import BINARY, SHOWN
from app.attachments.storage.storage import PIECE, NotStored, NotWhole, Storage, StorageUnavailable, stream
from app.attachments.thumbnails.thumbnail_result import THUMBNAIL_TYPE
from app.attachments.upload_slots import UploadSlots
from app.attachments.uploads import FIELD, Body, PartingResponse, announced_size, received
from app.contract.operation import OtherRoute
from app.core.caller import Caller
from app.core.errors import Refusal
from app.http.requests import Endpoint, ErrorResponse, answering, http_error, json_response
from app.http.streamed_answer import StreamedAnswer
from app.limits.concurrency import UserConcurrency
from app.payloads.fields.validation import is_id
from app.payloads.responses import Attachment
from app.store.log.files import FileRow, ReadFileRow
from protocol import network_of

log = logging.getLogger(__name__)

Identify = Callable[[Request], Awaitable[Caller]]
AllowUpload = Callable[[Caller, int], Awaitable[None]]

UPLOAD_WITHIN = 600.0  # seconds
LOST = "The chat has lost this file"
DOWNLOADS_AT_ONCE = 8  # of a user; each may hold two PIECEs for as long as its reader likes

SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "private, max-age=31536000, immutable",  # what an id stands for never changes
    "vary": "Authorization",
}


class FileRoutes:
    """The routes. `identify` tells whose request it is; `max_size` is the largest file, in bytes.

    `allow` may refuse an upload before it is read; it is told how many bytes come, or may come.
    """

    def __init__(
        self,
        files: Files,
        storage: Storage,
        identify: Identify,
        *,
        max_size: int,
        allow: AllowUpload | None = None,
    ) -> None:
        self._files = files
        self._storage = storage
        self._identify = identify
        self._allow = allow
        self._max_size = max_size
        self._slots = UploadSlots(max_size)
        self._downloads = UserConcurrency(DOWNLOADS_AT_ONCE)

    def routes(self) -> list[Route]:
        """All of them; a GET also answers HEAD."""
        return [
            Route("/chat/files", self.upload, methods=["POST"]),
            Route("/chat/files/{fileId}", answering(reported(self.download)), methods=["GET"]),
            Route("/chat/files/{fileId}/thumbnail", answering(reported(self.thumbnail)), methods=["GET"]),
            Route("/chat/avatars/{fileId}", answering(reported(self.avatar)), methods=["GET"]),
        ]

    def described(self) -> list[OtherRoute]:
        """The descriptions of the routes."""
        return [
            OtherRoute(
                run=self.upload,
                http=("POST", "/chat/files"),
                answers={201: Attachment, 408: ErrorResponse, 415: ErrorResponse},
                upload=FIELD,
            ),
            OtherRoute(
                run=self.download,
                http=("GET", "/chat/files/{fileId}"),
                answers={200: "*/*", 206: "*/*", 304: None, 416: None},
            ),
            OtherRoute(
                run=self.thumbnail,
                http=("GET", "/chat/files/{fileId}/thumbnail"),
                answers={200: THUMBNAIL_TYPE, 304: None},
            ),
            OtherRoute(
                run=self.avatar,
                http=("GET", "/chat/avatars/{fileId}"),
                answers={200: THUMBNAIL_TYPE, 304: None},
            ),
        ]

    async def upload(self, request: Request) -> Response | PartingResponse:
        """Takes a file, which a message can then have as an attachment.

        It comes as the field `file` of a form. Refused: `too_large`, `too_many`.
        """
        body = Body(request.receive)

        async def answer(request: Request) -> Response:
            return await self._upload(request, body)

        try:
            response = await answering(reported(answer))(request)
        except HTTPException as error:
            response = await http_error(request, error)
        return response if body.ended else PartingResponse(response, body)

    async def download(self, request: Request) -> Response:
        """The bytes of a file, or the part of them that a Range header asks for.

        They are for the members of the room whose message has it, and for its owner while none has it.
        """
        caller, row = await self._row(request)
        size = row.size
        headers = headers_of(row)
        if known(request.headers, headers["etag"]):
            return Response(status_code=304, headers=headers)
        part = part_of(request.headers.get("range", ""), size)
        if request.headers.get("if-range", headers["etag"]) != headers["etag"]:
            part = None
        start, stop = part or Part(0, size)
        if start == stop:
            return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
        headers["content-length"] = str(stop - start)
        if part is not None:
            headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
        status = 200 if part is None else 206
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        pieces = stream(self._storage, row.storage_key, start, stop)
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(self._downloads.one(caller.user_id))
            return StreamedAnswer(await begun(pieces), status, headers, turn.pop_all())

    async def thumbnail(self, request: Request) -> Response:
        """A small WebP of a file that is an image."""
        _, row = await self._row(request)
        if row.thumbnail_key is None:
            raise Refusal("not_found", "This file has no thumbnail")
        headers = {**SAFE, "etag": f'"{row.id}"', "content-disposition": "inline"}
        if known(request.headers, headers["etag"]):
            return Response(status_code=304, headers=headers)
        content = await self._storage.read(row.thumbnail_key, 0, PIECE)
        return Response(content, headers=headers, media_type=THUMBNAIL_TYPE)

    async def avatar(self, request: Request) -> Response:
        """A user's avatar, a square WebP of 256 pixels; for every user. A user who changes it has another address."""
        await self._identify(request)
        file_id: str = request.path_params["fileId"]
        if not is_id(file_id):
            raise Refusal("not_found", NO_FILE)
        headers = {**SAFE, "etag": f'"{file_id}"', "content-disposition": "inline"}
        if known(request.headers, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return Response(await self._files.avatar(file_id), headers=headers, media_type=THUMBNAIL_TYPE)

    async def _upload(self, request: Request, body: Body) -> Response:
        caller = await self._identify(request)
        if self._allow is not None:
            announced = announced_size(request.headers)
            await self._allow(caller, self._max_size if announced is None else max(1, announced))
        with self._slots.one(caller.user_id, network_of(caller.address)) as slot:
            await self._files.may_upload(caller.user_id)
            async with received(
                request.headers, body, limit=self._max_size, within=UPLOAD_WITHIN, grow=slot.grow
            ) as upload:
                return json_response(await self._files.add(caller, upload), 201)

    async def _row(self, request: Request) -> tuple[Caller, ReadFileRow]:
        caller = await self._identify(request)
        file_id: str = request.path_params["fileId"]
        if not is_id(file_id):
            raise Refusal("not_found", NO_FILE)
        return caller, await self._files.find(caller, file_id)


def reported(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with a line in the log for what the storage did not do."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except StorageUnavailable as error:
            log.warning("%s", error)
            raise
        except NotStored as error:
            part = "the end of " if isinstance(error, NotWhole) else ""
            log.error("the storage has lost %s%s", part, error)
            raise Refusal("not_found", LOST) from error

    return answer


def headers_of(row: FileRow) -> dict[str, str]:
    """The headers of a file, but for those about a part of it."""
    shown = row.media_type in SHOWN
    return {
        **SAFE,
        "content-type": row.media_type if shown else BINARY,
        "content-disposition": disposition("inline" if shown else "attachment", row.name),
        "accept-ranges": "bytes",
        "etag": f'"{row.id}"',
    }


def known(headers: Headers, etag: str) -> bool:
    """True if the client has what it asks for already."""
    tags = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    return etag in tags or tags == ["*"]


async def begun(pieces: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """The same stream, whose first piece is there: an error shows before a response has begun."""
    first = await anext(pieces)

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_of_them()
