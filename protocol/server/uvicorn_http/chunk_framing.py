"""The framing of a chunked HTTP/1.1 body: sizes, extensions and trailers, which a client may send without end."""

from http import HTTPStatus

from protocol.server.uvicorn_http.request_head import RequestRefused


class Framing:
    """Counts what of one body is not content."""

    __slots__ = ("_idle", "_total", "content")

    def __init__(self) -> None:
        self.content = 0  # bytes so far
        self._total = 0  # bytes that were none
        self._idle = 0  # those since the last content

    def count(self, size: int, content: int, most_idle: int, most_a_byte: int) -> None:
        """Count a piece of `size` bytes of which `content` were content; if there were some, all of its framing counts
        as after them.

        There may be `most_idle` bytes without content, and in all that and `most_a_byte` for each byte of content.
        Raises `RequestRefused`.
        """
        self._total += size - content
        self._idle = size - content + (0 if content else self._idle)
        if self._idle > most_idle or self._total > most_idle + most_a_byte * self.content:
            raise RequestRefused(
                HTTPStatus.BAD_REQUEST, "The framing of the chunks, or the trailers, are too large"
            )
