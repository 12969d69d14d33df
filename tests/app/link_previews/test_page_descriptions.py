"""What a page says of itself, whatever it is made of."""

import pytest

from app.link_previews.page_descriptions import PageDescription, describe

PLAIN = PageDescription("A title", None, None)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        pytest.param("<title>A title</title>", PLAIN, id="a title"),
        pytest.param("<html><head><TITLE\n lang=en>\n A   title\n</TITLE>", PLAIN, id="in one line"),
        pytest.param(
            "<title>&lt;b&gt; &amp; &eacute;</title>", PageDescription("<b> & é", None, None), id="entities"
        ),
        pytest.param(
            '<title>Other</title><meta property="og:title" content="A title">'
            "<meta content='It > that' name=description><meta property=og:site_name content=Site>",
            PageDescription("A title", "It > that", "Site"),
            id="open graph",
        ),
        pytest.param(
            '<meta name="description" content="plain"><meta property="og:description" content="graph">'
            "<title>A title",
            PageDescription("A title", "graph", None),
            id="the better description",
        ),
        pytest.param("<!-- <title>No</title> --><title>A title</title>", PLAIN, id="not in comments"),
        pytest.param("<script>'<title>No'</script><title>A title</title>", PLAIN, id="not in scripts"),
        pytest.param("<svg><title>No</title></svg><title>A title</title>", PLAIN, id="not in pictures"),
        pytest.param("<body><title>No</title>", None, id="not in the body"),
        pytest.param("<title> \n\u200b</title>", None, id="nothing to see"),
        pytest.param("<title>A\u202e\x00 title</title>", PLAIN, id="nothing unseen"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_what_a_page_says(page: str, said: PageDescription | None) -> None:
    assert describe(page.encode(), None) == said


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<title>Été</title>".encode(), None),
        ("<title>Été</title>".encode("latin-1"), "iso-8859-1"),
        ('<meta charset="windows-1252"><title>Été</title>'.encode("cp1252"), None),
        ("\ufeff<title>Été</title>".encode(), "latin-1"),
        ("<title>Été</title>".encode(), "no-such-thing"),
        ("<title>Été</title>".encode(), "base64"),
    ],
)
def test_its_encoding(body: bytes, charset: str | None) -> None:
    assert describe(body, charset) == PageDescription("Été", None, None)


def test_long_texts_are_cut() -> None:
    said = describe(f"<title>{'long ' * 1000}</title>".encode(), None)
    assert said is not None
    assert len(said.title) <= 200
    assert said.title.endswith("long…")


HOSTILE = [
    '<meta "', "<meta '\"", "<meta a=", "<title", "<!--", "<script", "<", "<meta content=\"'", "&amp",
    "<meta \"<meta '\"a'",
]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_pages_are_read_in_one_go(part: str) -> None:
    """In milliseconds; a page of this length whose parts are looked at again and again takes longer than a test may."""
    assert describe((part * 2_000_000)[:2_000_000].encode(), None) is None
