"""How a search text is taken apart, and that PostgreSQL takes whatever comes of it."""

import asyncio
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import store
from app.db.database import Database
from app.store.log.search_terms import Term, columns_of, terms_of

READ: list[tuple[str, list[Term]]] = [
    ("", []),
    ("tea", [Term("tea", begun=True)]),
    ("tea ", [Term("tea")]),
    ("green tea", [Term("green"), Term("tea", begun=True)]),
    ('"green tea"', [Term("green tea")]),
    ('"green te', [Term("green te", begun=True)]),
    ('a"b c"d', [Term("a"), Term("b c"), Term("d", begun=True)]),
    ("tea -milk", [Term("tea"), Term("milk", excluded=True, begun=True)]),
    ('tea -"cold milk"', [Term("tea"), Term("cold milk", excluded=True)]),
    ("tea-house", [Term("tea-house", begun=True)]),
    ("tea - house", [Term("tea"), Term("house", begun=True)]),
    ("--tea", [Term("tea", begun=True)]),
    ("tea ---milk", [Term("tea"), Term("milk", begun=True)]),
    ("-milk", []),
    ('-"milk" -a', []),
    ("-", []),
    ("---", []),
    ('"', []),
    ("!!! & | <-> :* ()", []),
    ("tea or milk", [Term("tea"), Term("milk", 1, begun=True)]),
    ("tea OR milk sugar", [Term("tea"), Term("milk", 1), Term("sugar", 1, begun=True)]),
    ("tea or -milk", [Term("tea")]),
    ("-tea or milk", [Term("milk", 1, begun=True)]),
    ("or", [Term("or", begun=True)]),
    ("or tea", [Term("or"), Term("tea", begun=True)]),
    ("tea or", [Term("tea"), Term("or", begun=True)]),
    ("tea or or milk", [Term("tea"), Term("or", 1), Term("milk", 1, begun=True)]),
    ('tea "or" milk', [Term("tea"), Term("or"), Term("milk", begun=True)]),
    ("tea:*", [Term("tea:*")]),
]

PIECES = st.sampled_from(
    [*"-!&|()<>:*'\"\\%_@./?=#+~^$[]{},;", "a", "tea", "or", "ü", " ", "茶", "🍵", "https://"]
)
QUERIES = st.lists(PIECES, max_size=30).map("".join)


@pytest.mark.parametrize(("query", "terms"), READ)
def test_terms_of_a_query(query: str, terms: list[Term]) -> None:
    assert terms_of(query) == terms


@given(QUERIES)
def test_what_is_asked_for_are_words_and_something_is_asked_for(query: str) -> None:
    terms = terms_of(query)
    for term in terms:
        assert re.search(r"\w", term.text)
        assert '"' not in term.text
        assert not term.text.startswith("-")
    asked = {term.alternative for term in terms if not term.excluded}
    assert {term.alternative for term in terms} == asked


async def test_no_text_is_too_much_for_postgresql(db: Database) -> None:
    loop = asyncio.get_running_loop()

    async def words_of(terms: list[Term]) -> str | None:
        asked = f"with {store.room_log.ASKED} select querytree(words) from asked"  # what an index can be asked for
        words: str | None = await db.value(asked, **columns_of(terms), schemes=store.room_log.SCHEMES)
        return words

    @given(QUERIES)
    @settings(deadline=None, max_examples=200)
    def ask(query: str) -> None:
        words = asyncio.run_coroutine_threadsafe(words_of(terms_of(query)), loop).result()
        assert words not in ("", "T")  # which stand for whatever there is

    await asyncio.to_thread(ask)
