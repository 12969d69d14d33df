"""Texts without their marks; `plain_text.json` holds the page to the same (app/web/tests/markdown.test.ts)."""

import json
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.sending.plain_text import DEEPEST, MOST_BRACKETS, MOST_MARKS, MOST_READ, plain_text

ROWS: dict[str, str] = json.loads(Path(__file__).with_name("plain_text.json").read_text("utf-8"))
HOSTILE = [
    *("*", "_*", "**a ", "*a _b ", "~~a ", "[", "[a](", "![", "![[](", "> ", ">-", "- ", "1. ", "`", "\\", "<a:"),
    "".join("`" * count + " " for count in range(40)),
]  # fmt: skip

Written: TypeAlias = tuple[str, str]  # with its marks, and without


@pytest.mark.parametrize(("text", "plain"), ROWS.items())
def test_a_text_without_its_marks(text: str, plain: str) -> None:
    assert plain_text(text) == plain


def test_lines_are_those_of_markdown() -> None:
    assert plain_text("one\u2028still one\r\n\r\n* * *\r\n\r\n*two*") == "one\u2028still one\n* * *\ntwo"


def nested(inner: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    marked = st.tuples(inner, st.sampled_from(["**{}**", "*{}*", "~~{}~~", "[{}](https://example.org/a_b)"]))
    return marked.map(lambda given: (given[1].format(given[0][0]), given[0][1]))


WORD = st.text("abcdefghijklmnopqrstuvwxyzäß", min_size=1, max_size=8)
PIECE = st.one_of(
    WORD.map(lambda word: (word, word)),
    WORD.map(lambda word: (f"`{word} *{word}*`", f"{word} *{word}*")),
    WORD.map(lambda word: (f"https://{word}.example/*{word}*", f"https://{word}.example/*{word}*")),
    *(nested(WORD.map(lambda word: (word, word))) for _ in range(2)),
)
LINE = st.lists(PIECE, min_size=1, max_size=6).map(
    lambda pieces: (" ".join(marked for marked, _ in pieces), " ".join(plain for _, plain in pieces))
)
BLOCK = st.one_of(
    LINE,
    LINE.map(lambda line: (f"> {line[0]}", f"> {line[1]}")),
    st.lists(LINE, min_size=1, max_size=4).map(
        lambda items: (
            "\n".join(f"- {marked}" for marked, _ in items),
            "\n".join(f"• {plain}" for _, plain in items),
        )
    ),
    WORD.map(lambda word: (f"```\n*{word}*\n```", f"*{word}*")),
)


@given(st.lists(BLOCK, min_size=1, max_size=4))
def test_all_that_is_written_is_there_and_no_mark_around_it(blocks: list[Written]) -> None:
    text = "\n\n".join(marked for marked, _ in blocks)
    plain = "\n".join(plain for _, plain in blocks)
    few_marks = sum(map(text.count, "*~")) <= MOST_MARKS and text.count("[") <= MOST_BRACKETS
    if len(text) <= MOST_READ and few_marks:
        assert plain_text(text).replace("\n\n", "\n") == plain  # without any marks, it is as it was typed


@given(st.one_of(st.text(max_size=200), st.text("*_~`[]()<>!\\-1. \n\tahttps:/@", max_size=200)))
def test_whatever_is_written_no_letter_is_lost_but_of_addresses(text: str) -> None:
    plain = plain_text(text)
    assert plain_text(text) == plain
    if not set(text) & set("[`~"):  # which have addresses, and languages of code
        assert [letter for letter in plain if letter.isalpha()] == [
            letter for letter in text if letter.isalpha()
        ]


@pytest.mark.parametrize("marks", HOSTILE)
def test_a_text_of_marks_alone_is_read_to_its_bound(marks: str) -> None:
    text = (marks * MOST_READ)[:MOST_READ]
    plain = plain_text(f"{text}{'*' * 8000} the end")
    assert plain == plain_text(text).rstrip() + "…"
    assert len(plain) <= DEEPEST * MOST_READ


@pytest.mark.parametrize("marks", ["**" * MOST_MARKS, "[" * (MOST_BRACKETS + 1)])
def test_of_too_many_marks_code_and_lists_alone_are_read(marks: str) -> None:
    assert plain_text(f"- *a*\n- `b`\n- {marks}").startswith("• *a*\n• b\n• ")
    assert plain_text(f"- *a*\n- `b`\n- {marks[:MOST_BRACKETS]}").startswith("• a\n• b\n• ")
