"""Whom texts mention: a row for each way in which people write names, and for what looks like one and is none."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.messages.mentions import MAX_MENTIONS, MAX_READINGS, groups_in, names_in

# Text and the names that may be meant, each place's longest first.
MEANT = {
    "@ann": [["ann"]],
    "Hi @ann, @Bob!": [["ann"], ["bob"]],
    "_@ann_": [["ann_", "ann"]],
    "__@ann__": [["ann__", "ann_", "ann"]],
    "**@ann** ~~@bob~~ *@eve*": [["ann"], ["bob"], ["eve"]],
    "@ann.Thanks": [["ann.thanks", "ann"]],
    "Thanks @ann.": [["ann.", "ann"]],
    "@ann-san": [["ann-san", "ann"]],
    "@ann's @bob’s": [["ann"], ["bob"]],
    "\uff20ann": [["ann"]],
    "\ufe6bann": [["ann"]],
    "(@ann) [@bob] {@eve}": [["ann"], ["bob"], ["eve"]],
    "cc:@ann,@bob;@eve": [["ann"], ["bob"], ["eve"]],
    "> @ann wrote": [["ann"]],
    "- @ann\n- @bob": [["ann"], ["bob"]],
    "ok `code` @ann": [["ann"]],
    "`code @ann": [["ann"]],
    "```\ncode\n```\n@ann": [["ann"]],
    "我@ann说": [["ann"]],
    "@annさん": [["ann"]],
    "@ann님": [["ann"]],
    "@ann/@bob": [["ann"], ["bob"]],
    "@ann.@bob": [["ann.", "ann"], ["bob"]],
    "see https://example.org @ann": [["ann"]],
    "@ann_bot": [["ann_bot"]],
    "@ann @ANN @ann": [["ann"]],
    "@here and @all": [["here"], ["all"]],
    "@" + "x" * 50: [["x" * 50]],
}
NOT_MEANT = [
    "",
    "ann",
    "@",
    "@ab",
    "https://medium.com/@ann/x",
    "medium.com/@ann",
    "https://example.org/?u=@ann",
    "?u=@ann",
    "www.example.org/a,@ann",
    "HTTPS://EXAMPLE.ORG/(@ann)",
    "`@ann`",
    "`` ` @ann ``",
    "```\n@ann\n```",
    "~~~text\n@ann",
    "> ```\n> @ann\n> ```",
    "- ```\n  @ann",
    "josé@ann",
    "ann@example.org",
    "bob@ann",
    "foo_@ann",
    "@@ann",
    "@ann@mastodon.social",
    "@ann/pkg",
    "npm i @ann/pkg-two",
    "@anné",
    "@ann\u0301",
    "\\@ann",
    "@" + "y" * 51,
]


# Texts, the members of a room, and who of them is mentioned: app/web/tests/markdown.test.ts has them shown so.
AS_SHOWN: list[tuple[str, list[str], list[str]]] = json.loads(
    Path(__file__).with_name("mentions.json").read_text("utf-8")
)


@pytest.mark.parametrize(("text", "members", "mentioned"), AS_SHOWN)
def test_who_is_mentioned_is_whom_the_page_shows(text: str, members: list[str], mentioned: list[str]) -> None:
    meant = [next(filter(members.__contains__, readings), None) for readings in names_in(text)]
    assert list(dict.fromkeys(filter(None, meant))) == mentioned


@pytest.mark.parametrize(("text", "names"), MEANT.items())
def test_a_name_that_is_meant_is_found(text: str, names: list[list[str]]) -> None:
    assert names_in(text) == names


@pytest.mark.parametrize("text", NOT_MEANT)
def test_what_only_looks_like_a_name_is_none(text: str) -> None:
    assert names_in(text) == []


def test_the_groups_are_told_from_names() -> None:
    assert groups_in(names_in("@All, @ann and @here.")) == ["all", "here"]
    assert groups_in(names_in("@allan `@all`")) == []


def test_no_more_is_looked_at_than_the_limits_say() -> None:
    assert len(names_in(" ".join(f"@name{n}" for n in range(100)))) == MAX_MENTIONS
    many = names_in(" ".join("@" + ".".join(f"a{n}{m}x" for m in range(9)) for n in range(100)))
    assert MAX_READINGS - 9 <= sum(map(len, many)) <= MAX_READINGS


@given(st.text(alphabet="@＠ab_.-/ \n`~>\\1é\u0301", max_size=40))
def test_every_reading_is_in_the_text_and_a_username(text: str) -> None:
    for readings in names_in(text):
        assert readings == sorted(set(readings), key=len, reverse=True)
        for name in readings:
            assert 3 <= len(name) <= 50
            assert f"@{name}" in text.lower().replace("＠", "@")
