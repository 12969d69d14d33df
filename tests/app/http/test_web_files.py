"""The files of the page: headers, caching, compression, and that nothing else of the machine can be had."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from app.api.rest_routes import rest
from app.http.budgets import Budgets
from app.http.requests import InFlight
from app.http.slow_refusals import RefusalPace
from app.http.web_files import WebFiles
from tests.support.chat.people import Instance

pytestmark = pytest.mark.over_websocket

SCRIPT = b"console.log('hello')\n" * 100
COMPRESSED = gzip.compress(SCRIPT)
FILES = {
    "dist/index.html": b"<!doctype html><title>Parley</title>",
    "dist/admin.html": b"<!doctype html><title>Administration</title>",
    "dist/favicon.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "dist/assets/index-abc123.js": SCRIPT,
    "dist/assets/index-abc123.js.br": b"(brotli)",
    "dist/assets/index-abc123.js.gz": COMPRESSED,
    "dist/client/parley.js": SCRIPT,
    "dist/client/parley.d.ts": b"export {};",
    "dist/docs/index.html": b"<!doctype html><title>REST</title>",
    "dist/docs/docs.css": b"body { margin: 0 }",
    "secret.txt": b"secret",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        file = tmp_path / "page" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "page" / "dist"


def site(dist: Path) -> Starlette:
    async def allow(address: str) -> None:
        """Any address may."""

    files = WebFiles(dist)
    return rest(
        files.routes(),
        (),
        InFlight(),
        allow,
        Budgets({}),
        RefusalPace(0, 0),
        lambda *_: None,
        files.unknown,
    )


@pytest.fixture
async def page(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that serves the files above and nothing else; it asks for no compression."""
    transport = httpx.ASGITransport(site(folder))
    headers = {"accept-encoding": "identity"}
    async with httpx.AsyncClient(transport=transport, base_url="http://chat", headers=headers) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/index.html", "index.html", "text/html; charset=utf-8"),
        ("/favicon.svg", "favicon.svg", "image/svg+xml"),
        ("/assets/index-abc123.js", "assets/index-abc123.js", "text/javascript; charset=utf-8"),
        ("/client/parley.js", "client/parley.js", "text/javascript; charset=utf-8"),
        ("/client/parley.d.ts", "client/parley.d.ts", "application/typescript; charset=utf-8"),
        ("/admin", "admin.html", "text/html; charset=utf-8"),
        ("/docs", "docs/index.html", "text/html; charset=utf-8"),
        ("/docs/docs.css", "docs/docs.css", "text/css; charset=utf-8"),
    ],
)
async def test_files_and_their_headers(page: httpx.AsyncClient, path: str, name: str, kind: str) -> None:
    answer = await page.get(path)
    content = FILES[f"dist/{name}"]
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-length"] == str(len(content))
    forever = "public, max-age=31536000, immutable"
    assert answer.headers["cache-control"] == (forever if path.startswith("/assets/") else "no-cache")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    head = await page.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) | {"x-request-id": ""} == dict(answer.headers) | {"x-request-id": ""}


@pytest.mark.parametrize("path", ["/no-such-page", "/no/such/page", "/no-such-page.html"])
async def test_a_browser_at_an_unknown_path_gets_the_page(page: httpx.AsyncClient, path: str) -> None:
    seen = (await page.get("/")).headers["etag"]
    navigation = {
        "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
        "if-none-match": seen,
        "range": "bytes=0-1",
    }
    answer = await page.get(path, headers=navigation)
    assert (answer.status_code, answer.content) == (404, FILES["dist/index.html"])
    assert answer.headers["content-security-policy"]
    for other in (await page.get(path), await page.get("/assets/gone.js", headers={"accept": "*/*"})):
        assert (other.status_code, other.json()["statusCode"]) == (404, 404)


async def test_nothing_runs_that_is_not_ours(page: httpx.AsyncClient) -> None:
    policy = (await page.get("/")).headers["content-security-policy"]
    directives = {name: sources for name, *sources in (part.split() for part in policy.split(";"))}
    assert directives["default-src"] == directives["script-src"] == directives["style-src"] == ["'self'"]
    assert directives["connect-src"] == ["'self'", "ws:", "wss:"]
    assert directives["object-src"] == directives["base-uri"] == directives["frame-ancestors"] == ["'none'"]
    assert "unsafe" not in policy
    assert "https:" not in policy


@pytest.mark.parametrize("path", ["/", "/assets/index-abc123.js"])
async def test_what_a_browser_has_is_not_sent_again(page: httpx.AsyncClient, path: str) -> None:
    first = await page.get(path)
    again = await page.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert (await page.get(path, headers={"if-none-match": '"another"'})).status_code == 200


async def test_a_new_build_is_another_page(page: httpx.AsyncClient, folder: Path) -> None:
    etag = (await page.get("/")).headers["etag"]
    (folder / "index.html").write_bytes(b"<!doctype html><title>Parley, anew</title>")
    answer = await page.get("/", headers={"if-none-match": etag})
    assert (answer.status_code, answer.text) == (200, "<!doctype html><title>Parley, anew</title>")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5, br;q=0", "gzip"),
        ("br;q=1.0", "br"),
        ("br;q=0.0, gzip;q=0", None),
        ("identity", None),
        ("brr, xgzip", None),
        ("", None),
    ],
)
async def test_compressed_where_it_is_understood(
    page: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    path = "/assets/index-abc123.js"
    async with page.stream("GET", path, headers={"accept-encoding": accepted}) as answer:
        sent = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == encoding
    assert sent == {"br": b"(brotli)", "gzip": COMPRESSED, None: SCRIPT}[encoding]
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "Accept-Encoding" in answer.headers["vary"].split(", ")
    plain = await page.get(path)
    assert (answer.headers["etag"] == plain.headers["etag"]) == (encoding is None)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/docs/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/%2fetc%2fpasswd",
        "/assets/%2fetc%2fpasswd",
        "/assets",
        "/%00",
        f"/{'x' * 5000}",
        "/nothing.html",
    ],
)
async def test_nothing_else_can_be_had(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(httpx.URL("http://chat").copy_with(raw_path=path.encode()))
    assert answer.status_code == 404
    assert answer.json()["statusCode"] == 404


async def test_a_link_does_not_lead_out(page: httpx.AsyncClient, folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    assert (await page.get("/link.txt")).status_code == 404


async def test_a_page_takes_nothing(page: httpx.AsyncClient) -> None:
    for path in ("/", "/docs", "/favicon.svg", "/assets/index-abc123.js"):
        answer = await page.post(path)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_a_page_that_was_not_built_says_so(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(site(tmp_path / "nowhere"))
    async with httpx.AsyncClient(transport=transport, base_url="http://chat") as client:
        for path in ("/", "/docs"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert answer.json()["message"] == "The page has not been built: run scripts/web"
        assert (await client.get("/favicon.svg")).status_code == 404


async def test_what_is_built_is_served(instance: Instance, http: httpx.AsyncClient) -> None:
    """The files of scripts/web, which scripts/test runs before."""
    for path in ("/", "/docs"):
        page = await http.get(path)
        assert page.status_code == 200, page.text
        linked = [word.split('"')[1] for word in page.text.split() if word.startswith(("src=", "href="))]
        assert linked
        for link in linked:
            assert (await http.get(link)).status_code == 200, link
    answer = await http.get("/docs/swagger-ui-bundle.js", headers={"accept-encoding": "br"})
    assert answer.headers["content-encoding"] == "br"
