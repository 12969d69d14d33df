"""The page of the admin UI, as an application that mounts it serves it."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from protocol import AdminPage, Server
from protocol.server.admin_ui import page as module
from tests.support.engine_clients import http_client
from tests.support.running import RAW, Running


@pytest.fixture
async def origin(stack: Any) -> str:
    """Where the page is served, under /ops/ui."""
    io = Server()
    page = Mount("/ops/ui", app=AdminPage("/a path/", "/ops"))
    app = Starlette(routes=[page, Mount("/socket.io", app=io)], lifespan=io.lifespan)
    running = await Running(io, RAW).start(app=app)
    stack.push_async_callback(running.stop)
    return f"{running.origin}/ops/ui"


async def test_the_page_and_all_that_it_needs(origin: str) -> None:
    """It refers to nothing elsewhere, and may not run what is not its own."""
    async with http_client() as http:
        answer = await http.get(f"{origin}/")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe-eval" not in policy
        assert "://" not in answer.text
        named = set(re.findall(r'(?:href|src)="([^"]+)"', answer.text))
        assert len(named) > 5
        font = "fonts/materialdesignicons-webfont.woff2"
        for name in {*named, font}:
            found = await http.get(f"{origin}/{name}")
            assert (found.status_code, bool(found.content)) == (200, True), name
            assert found.headers["x-content-type-options"] == "nosniff"
        assert "content-encoding" not in found.headers or name != font
        again = await http.get(str(answer.url), headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304


async def test_what_the_page_suggests(origin: str) -> None:
    async with http_client() as http:
        script = (await http.get(f"{origin}/defaults.js")).text
        assert '{"path": "/a path", "namespace": "/ops"}' in script
        head = await http.head(f"{origin}/defaults.js")
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "name",
    [
        "no.html",
        "LICENSE.js",
        "js/../page.py",
        "js/%2e%2e/%2e%2e/page.py",
        "css/index.html",
        ".installed",
        "js/.js",
    ],
)
async def test_no_other_file_is_served(origin: str, name: str) -> None:
    async with http_client() as http:
        assert (await http.get(f"{origin}/{name}")).status_code == 404


async def test_other_methods_are_refused(origin: str) -> None:
    async with http_client() as http:
        assert (await http.post(f"{origin}/")).status_code == 405


async def test_a_websocket_is_closed() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await AdminPage()({"type": "websocket", "path": "/ops/ui/"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1000, "reason": ""}]


async def test_without_a_slash_it_leads_to_the_page(origin: str) -> None:
    async with http_client() as http:
        answer = await http.get(f"{origin}/nested")
        assert (answer.status_code, answer.headers["location"]) == (308, "nested/")


async def test_files_that_are_not_installed(
    origin: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FOLDER", tmp_path / "nothing")
    async with http_client() as http:
        assert (await http.get(f"{origin}/")).status_code == 404
    assert "scripts/web installs it" in caplog.text
