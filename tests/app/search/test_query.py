"""How the text of a search is taken apart."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search.query import Filter, ParsedQuery, Term, parse
from app.search.tsquery import asked

WORDS: list[tuple[str, list[Term]]] = [
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
    ("tea - house", [Term("tea"), Term("-"), Term("house", begun=True)]),
    ("-5", [Term("-5", begun=True)]),
    ("-5.5% x", [Term("-5.5%"), Term("x", begun=True)]),
    ("-2026-11", [Term("2026-11", excluded=True, begun=True)]),
    ("-#tag", [Term("#tag", excluded=True, begun=True)]),
    ("tea or milk", [Term("tea"), Term("milk", 1, begun=True)]),
    ("tea OR milk sugar", [Term("tea"), Term("milk", 1), Term("sugar", 1, begun=True)]),
    ("or", [Term("or", begun=True)]),
    ("or tea", [Term("or"), Term("tea", begun=True)]),
    ("tea or", [Term("tea"), Term("or", begun=True)]),
    ("tea or or milk", [Term("tea"), Term("or", 1), Term("milk", 1, begun=True)]),
    ('tea "or" milk', [Term("tea"), Term("or"), Term("milk", begun=True)]),
    ("before:lunch", [Term("before:lunch", begun=True)]),
    ("before:2026-13-01", [Term("before:2026-13-01", begun=True)]),
    ("after:9999-12-31", [Term("after:9999-12-31", begun=True)]),
    ("-before:2026-01-01", [Term("before:2026-01-01", excluded=True, begun=True)]),
    ("has:fun in: from:", [Term("has:fun"), Term("in:"), Term("from:")]),
    ("log.in:main", [Term("log.in:main", begun=True)]),
    ('"from:ann"', [Term("from:ann")]),
]


def day(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


FILTERS: list[tuple[str, ParsedQuery]] = [
    ("from:ann", ParsedQuery(filters=(Filter("from", "ann"),))),
    ("FROM:@ann", ParsedQuery(filters=(Filter("from", "ann"),))),
    ('from:"Ann Lee" in:#tea', ParsedQuery(filters=(Filter("from", "Ann Lee"), Filter("in", "tea")))),
    ("-from:ann", ParsedQuery(filters=(Filter("from", "ann", excluded=True),))),
    (
        "has:files tea has:Link",
        ParsedQuery((Term("tea"),), (Filter("has", "file"), Filter("has", "link"))),
    ),
    (
        "before:2026-11-28 after:2026-11-01",
        ParsedQuery(until=day("2026-11-28"), since=day("2026-11-02")),
    ),
    (
        "before:2026-11-28 before:2026-11-27 after:2026-01-01 after:2026-02-28",
        ParsedQuery(until=day("2026-11-27"), since=day("2026-03-01")),
    ),
]

# What is asked for, of what is taken apart; `=` stands for one filter that messages must fit.
ASKED: list[tuple[str, list[str | None], str | None]] = [
    ("tea", [], "((('tea':*)))"),
    ("tea ", ["'='"], "((('tea'))) & ('=')"),
    ("a -b", [], "((('a') & !('b':*)))"),
    ("a or b ", [], "((('a')) | (('b')))"),
    ("a or -b", [], "((('a')))"),
    ("-a", [], None),
    ("-a ", ["'='"], "((!('a'))) & ('=')"),
    ("?", ["'='"], "('=')"),
    ("a", [None], None),
    ("", [], None),
    ("a.b c", [], "((('a␟b') & ('c':*)))"),
    ('"a.b c"', [], "((('a␟b' <2> 'c')))"),
    ("上海东", [], "((('上海' <1> '海东')))"),
    ("上", [], "((('上':*)))"),
    ("it's", [], "((('it␟s':*)))"),
]

PIECES = st.sampled_from(
    [
        *"-!&|()<>:*'\"\\%_@./?=#",
        "a",
        "tea",
        "or",
        " ",
        "茶",
        "from:",
        "in:ab",
        "has:file",
        "after:2026-01-01",
    ]
)


@pytest.mark.parametrize(("query", "terms"), WORDS)
def test_words_of_a_query(query: str, terms: list[Term]) -> None:
    assert parse(query) == ParsedQuery(tuple(terms))


@pytest.mark.parametrize(("query", "parsed"), FILTERS)
def test_filters_of_a_query(query: str, parsed: ParsedQuery) -> None:
    assert parse(query) == parsed


@pytest.mark.parametrize(("query", "required", "expression"), ASKED)
def test_what_is_asked_for(query: str, required: list[str | None], expression: str | None) -> None:
    assert asked(parse(query), required, ()) == expression


def test_excluded_filters() -> None:
    assert asked(parse("tea "), (), ("'='", None)) == "((('tea'))) & (!('='))"
    assert asked(parse(""), (), ("'='",)) is None


@given(st.lists(PIECES, max_size=30).map("".join))
def test_every_text_is_a_query(query: str) -> None:
    parsed = parse(query)
    for term in parsed.terms:
        assert term.text.strip()
        assert '"' not in term.text
    expression = asked(parsed, (), ())
    assert expression is None or re.search(r"(?:^|[^!])\('", expression)
