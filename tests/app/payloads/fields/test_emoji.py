"""One emoji is one kind of reaction, however a keyboard writes it, here and in the database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Refusal
from app.payloads.fields.emoji import TEXT_BY_DEFAULT, reaction_kind
from app.payloads.fields.names import check_visible
from app.payloads.fields.validation import parse
from app.payloads.requests import React, Unreact
from tests.support.postgres_servers import connected

VS15, VS16, ZWJ, KEYCAP = "\ufe0e", "\ufe0f", "\u200d", "\u20e3"

# Each kind with other ways to write it.
SAME = {
    "👍": ["👍" + VS16, "👍" + VS15],
    "❤" + VS16: ["❤", "❤" + VS15],
    "☺" + VS16: ["☺"],
    "™" + VS16: ["™"],
    "ℹ" + VS16: ["ℹ"],
    "☝🏽": ["☝🏽" + VS16],
    "1" + VS16 + KEYCAP: ["1" + KEYCAP],
    "🏳" + VS16 + ZWJ + "🌈": ["🏳" + ZWJ + "🌈"],
    "👁" + VS16 + ZWJ + "🗨" + VS16: ["👁" + ZWJ + "🗨", "👁" + VS16 + ZWJ + "🗨"],
    "⛹🏽" + ZWJ + "♂" + VS16: ["⛹🏽" + ZWJ + "♂"],
    "🙂" + ZWJ + "↔" + VS16: ["🙂" + ZWJ + "↔"],
    "Zo\u00eb": ["Zoe\u0308"],
    "+1": ["+1"],
    "1": ["1"],
    "👍🏽": ["👍🏽"],
}
WAYS = [(way, kind) for kind, ways in SAME.items() for way in (kind, *ways)]
ALPHABET = st.sampled_from(
    [VS15, VS16, ZWJ, KEYCAP, "\u0308", "🏽", "a", "e", "1", "#", "👍", "❤", "♂", "🏳", "ᄀ", "ᅡ"]
)


@pytest.mark.parametrize(("way", "kind"), WAYS)
def test_one_emoji_is_one_kind_at_every_door(way: str, kind: str) -> None:
    assert reaction_kind(way) == kind
    for payload in (React, Unreact):
        assert parse(payload, [{"messageId": "m", "kind": way}]).kind == kind
    check_visible("kind", kind)


@given(st.lists(ALPHABET).map("".join) | st.text())
def test_normalising_twice_is_normalising_once(kind: str) -> None:
    once = reaction_kind(kind)
    assert reaction_kind(once) == once


def test_a_kind_that_grows_too_long_is_refused() -> None:
    with pytest.raises(Refusal, match="at most 32 characters"):
        parse(React, [{"messageId": "m", "kind": "❤" * 17}])


async def test_the_database_normalises_as_the_program_does(database_url: str) -> None:
    characters = [chr(code) for code in range(0x20, 0x20000) if not 0xD800 <= code < 0xE000]
    kinds = [*characters, *(character + VS16 for character in characters[::7]), *(way for way, _ in WAYS)]
    kinds += [f"{character}🏽" for character in characters if character in TEXT_BY_DEFAULT]
    async with connected(database_url) as connection:
        rows = await connection.fetch(
            "select kind, reaction_kind(kind) as normal from unnest($1::text[]) as given (kind)"
            " where kind is distinct from reaction_kind(kind)",
            kinds,
        )
    # PostgreSQL may know another version of Unicode, in which characters that are composed are the same.
    assert {row["kind"]: row["normal"] for row in rows} == {
        kind: reaction_kind(kind) for kind in kinds if kind != reaction_kind(kind)
    }
