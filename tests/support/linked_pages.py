"""A web server with pages to link to, which notes who asks for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

PAGE = '<title>A title</title><meta name="description" content="What it is about">'


def html(text: str, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=text, status=status, headers=headers, content_type="text/html", charset="utf-8")


class LinkedPages:
    """`asked` are the paths that were asked for, in order; `ended` is set once the reader of the endless page went."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.cookies: list[str] = []
        self.encodings: set[str] = set()
        self.ended = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.cookies += request.cookies
        self.encodings.add(request.headers.get("Accept-Encoding", ""))
        kind, _, rest = request.path.strip("/").partition("/")
        match kind:
            case "page":
                return html(PAGE)
            case "redirect":
                left = int(rest) - 1
                return self._redirect(f"/redirect/{left}" if left else "/page")
            case "loop":
                return self._redirect("/loop")
            case "elsewhere":
                return self._redirect("ftp://example.org/")
            case "picture":
                return web.Response(body=PAGE.encode(), content_type="image/png")
            case "packed":
                return html(PAGE, headers={"Content-Encoding": "gzip"})
            case "empty":
                return html("<p>No title</p>")
            case "slow":
                await asyncio.sleep(60)
            case "endless":
                return await self._endless(request)
        return html(PAGE, status=404)

    def _redirect(self, target: str) -> web.Response:
        answer = web.Response(status=302, headers={"Location": target})
        answer.set_cookie("seen", "yes")
        return answer

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/html"})
        await answer.prepare(request)
        await answer.write(PAGE.encode())
        try:
            while True:
                await answer.write(b" " * 65_536)
        except (ConnectionError, asyncio.CancelledError):
            self.ended.set()
            raise


@asynccontextmanager
async def linked_pages() -> AsyncIterator[LinkedPages]:
    """The server, on a port of this machine."""
    pages = LinkedPages()
    app = web.Application()
    app.router.add_get("/{path:.*}", pages.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    pages.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield pages
    finally:
        await runner.cleanup()
