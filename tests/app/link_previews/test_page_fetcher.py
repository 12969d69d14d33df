"""Pages are fetched within bounds, and from public addresses alone."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from app.link_previews import page_fetcher
from app.link_previews.page_descriptions import PageDescription
from app.link_previews.page_fetcher import PageFetcher
from tests.support.linked_pages import LinkedPages, linked_pages

SAID = PageDescription("A title", "What it is about", None)


@pytest.fixture
async def pages() -> AsyncIterator[LinkedPages]:
    async with linked_pages() as pages:
        yield pages


@pytest.fixture
async def anywhere() -> AsyncIterator[PageFetcher]:
    """Fetches from private networks, too."""
    fetcher = PageFetcher(ssl.create_default_context(), allow_private=True)
    yield fetcher
    await fetcher.close()


@pytest.fixture
async def public() -> AsyncIterator[PageFetcher]:
    fetcher = PageFetcher(ssl.create_default_context(), allow_private=False)
    yield fetcher
    await fetcher.close()


async def test_a_page_is_had_also_by_redirects_and_without_cookies(
    pages: LinkedPages, anywhere: PageFetcher
) -> None:
    for path in ("/page", "/redirect/3"):
        assert await anywhere.fetch(pages.url + path) == SAID
    assert pages.cookies == []  # though each redirect sets one
    assert pages.encodings == {"identity"}


@pytest.mark.parametrize(
    "path", ["/redirect/4", "/loop", "/elsewhere", "/missing", "/picture", "/packed", "/empty"]
)
async def test_what_has_no_preview(pages: LinkedPages, anywhere: PageFetcher, path: str) -> None:
    assert await anywhere.fetch(pages.url + path) is None


async def test_no_more_is_read_than_the_beginning(pages: LinkedPages, anywhere: PageFetcher) -> None:
    assert await anywhere.fetch(f"{pages.url}/endless") == SAID
    await asyncio.wait_for(pages.ended.wait(), 30)


async def test_a_slow_page_is_given_up(
    pages: LinkedPages, anywhere: PageFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_fetcher, "WITHIN", 0.2)
    assert await anywhere.fetch(f"{pages.url}/slow") is None
    assert await anywhere.fetch("http://127.0.0.1:1/") is None  # nobody is there


async def test_private_addresses_are_not_asked(pages: LinkedPages, public: PageFetcher) -> None:
    for link in (f"{pages.url}/page", "http://localhost/", "http://127.1/", "http://2130706433/"):
        assert await public.fetch(link) is None
    assert pages.asked == []


@pytest.mark.parametrize(
    ("target", "may"),
    [
        ("https://example.org/", True),
        ("http://93.184.215.14/", True),
        ("http://example.org:8080/", False),
        ("http://example.org:443/", False),
        ("https://ann:secret@example.org/", False),
        ("ftp://example.org/", False),
        ("file:///etc/passwd", False),
        ("http://127.0.0.1/", False),
        ("http://10.0.0.1/", False),
        ("http://169.254.169.254/latest/meta-data/", False),
        ("http://[::1]/", False),
        ("http://[::ffff:127.0.0.1]/", False),
        ("http://[fe80::1]/", False),
        ("http://[64:ff9b::7f00:1]/", False),
        ("http://0.0.0.0/", False),
    ],
)
async def test_what_may_be_asked_for_also_after_a_redirect(
    public: PageFetcher, target: str, may: bool
) -> None:
    assert public._may_ask(URL(target)) is may
