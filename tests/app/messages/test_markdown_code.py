"""What of a text in Markdown is code: as the page's parser has it, whose answers are in markdown_code.json.

`app/web/tests/markdown.test.ts` holds that parser to the same file.
"""

import json
from pathlib import Path

import pytest

from app.messages.markdown_code import code_ranges

ROWS: list[tuple[str, str]] = json.loads((Path(__file__).parent / "markdown_code.json").read_text("utf-8"))

PIECES = {
    "no code": [],
    "`a` b ``c ` d``": ["`a`", "``c ` d``"],
    r"\`a` b`": ["` b`"],
    "`a\nb`": ["`a\nb`"],
    "`a\n\nb`": [],
    "a\n```py\nb\n\nc\n```\nd": ["```py\nb\n\nc\n```"],
    "~~~\na\n```\nb": ["~~~\na\n```\nb"],
    "> ```\n> a\nb": ["```\n> a\n"],
    "- a\n  ```\n  b\n  ```\n  c": ["```\n  b\n  ```"],
    "    ```\n    a\n    ```": ["```\n    a\n    ```"],
    "<https://example.org/`> `a`": ["`a`"],
    "https://example.org/` `a`": ["`a`"],
    "``` a ` b": [],
    "`a\r\nb` `c\rd`": ["`a\r\nb`", "`c\rd`"],
}


def test_the_code_is_that_of_the_page() -> None:
    assert len(ROWS) >= 300
    for text, marks in ROWS:
        ranges = code_ranges(text)
        found = [
            "x" if any(start <= at < end for start, end in ranges) else "."
            for at, character in enumerate(text)
            if character == "@"
        ]
        assert "".join(found) == marks, text


@pytest.mark.parametrize(("text", "code"), PIECES.items())
def test_code_spans_and_fences_are_code(text: str, code: list[str]) -> None:
    assert [text[start:end] for start, end in code_ranges(text)] == code
