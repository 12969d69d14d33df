"""Which links of a text get a preview."""

import pytest

from app.link_previews.links import links_in


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://example.org/a?b=c#d.", ["https://example.org/a?b=c"]),
        ("HTTPS://Example.ORG", ["https://example.org/"]),
        ("(https://example.org/a_(b)), or [so](https://example.com/x)", ["https://example.org/a_(b)", "https://example.com/x"]),
        ("**https://example.org/a**", ["https://example.org/a"]),
        ("<https://example.org/a>", ["https://example.org/a"]),
        ("http://a.example http://a.example/#x", ["http://a.example/"]),
        ("http://1.a http://2.a http://3.a http://4.a", ["http://1.a/", "http://2.a/", "http://3.a/"]),
        ("`https://example.org` and\n\n```\nhttps://example.org\n```", []),
        ("https://ann:secret@example.org ftp://example.org https:// xhttps://example.org https://[::1", []),
        ("https://example.org:99999/ https://example.org:0/", []),
        (f"https://example.org/{'a' * 2000}", []),
        ("nothing", []),
    ],
)  # fmt: skip
def test_links(text: str, links: list[str]) -> None:
    assert links_in(text) == links
