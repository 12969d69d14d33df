"""Names that people choose: what is kept of them, and what would let one pass for another."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Refusal
from app.payloads.accounts.account_requests import SignIn, SignUp
from app.payloads.fields.names import (
    LONGEST,
    check_visible,
    clean_display_name,
    clean_name,
    is_unseen,
    shows,
)
from app.payloads.fields.validation import parse
from app.payloads.requests import CreateRoom, React, SendDirect, SendMessage, Unreact, UpdateRoom

CREDENTIAL = {"scheme": "basic", "value": "password"}

KEPT = {
    "Ann Lee": "Ann Lee",
    "  Ann \u00a0 Lee\n": "Ann Lee",
    "Zoe\u0308": "Zoë",
    "\uff21\uff4e\uff4e": "Ann",  # fullwidth
    "\U0001d400nn": "Ann",  # mathematical bold
    "Đặng Thị Mỹ": "Đặng Thị Mỹ",
    "Анна": "Анна",
    "Αννα and Анна": "Αννα and Анна",  # each word in its own alphabet
    "山田 太郎 Taro": "山田 太郎 Taro",
    "박지민": "박지민",
    "محمد": "محمد",
    "می\u200cخواهم": "می\u200cخواهم",  # Persian, which needs the ZWNJ
    "क्\u200dष": "क्\u200dष",  # Hindi, a ZWJ behind a virama
    "O’Neill-Smith 3rd": "O’Neill-Smith 3rd",
    "Team 👩🏽\u200d💻": "Team 👩🏽\u200d💻",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f": (
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    ),
    "ℹ\ufe0f Help": "ℹ\ufe0f Help",
    "1\ufe0f\u20e3": "1\ufe0f\u20e3",
    "❤\ufe0f\u200d🔥": "❤\ufe0f\u200d🔥",
    "\U0001fae9": "\U0001fae9",  # an emoji newer than some Pythons
}

UNSEEN = {
    "a zero-width space": "Ann\u200b",
    "a soft hyphen": "A\u00adnn",
    "a word joiner": "\u2060Ann",
    "a byte order mark": "\ufeffAnn",
    "a direction override": "\u202ennA",
    "an isolate": "\u2066Ann\u2069",
    "a mark of direction": "Ann\u200f",
    "a line break": "Ann\nLee",
    "a line separator": "Ann\u2028Lee",
    "a tab": "Ann\tLee",
    "an escape": "Ann\x1b[31m",
    "a NUL": "A\0nn",
    "a Hangul filler": "Ann\u3164",
    "a halfwidth filler": "Ann\uffa0",
    "a blank of Braille": "Ann\u2800",
    "a combining grapheme joiner": "A\u034fnn",
    "a variation selector of a letter": "A\ufe0fnn",
    "another variation selector": "Ann\U000e0101",
    "tags": "Ann\U000e0041",
    "a joiner between letters": "A\u200dnn",
    "a joiner at the end": "👩\u200d",
    "a non-joiner between Latin letters": "A\u200cnn",
    "of private use": "Ann\ue000",
    "a noncharacter": "Ann\uffff",
}
BLANK = {"nothing": " ", "blanks of other kinds": "\u3000\u2003", "a mark alone": "\u0301"}
MIXED = {
    "Cyrillic in Latin": "P\u0430ypal",
    "Greek in Latin": "Bοb",
    "Latin in Cyrillic": "Aннa",
    "folded": "\uff21нна",
}


@pytest.mark.parametrize(("text", "name"), KEPT.items())
def test_a_name_is_kept_in_one_form(text: str, name: str) -> None:
    assert clean_name("name", text) == name
    assert clean_name("name", name) == name


@pytest.mark.parametrize("text", UNSEEN.values(), ids=UNSEEN.keys())
def test_what_nobody_sees_is_refused_at_every_door(text: str) -> None:
    for kind, field, payload in (
        (SignUp, "displayName", {"username": "ann", "credential": "password", "displayName": text}),
        (CreateRoom, "name", {"name": text}),
        (UpdateRoom, "name", {"roomId": "r", "name": text}),
        (React, "kind", {"messageId": "m", "kind": text}),
    ):
        with pytest.raises(Refusal, match=f"^{field}: must not contain the invisible character U") as refusal:
            parse(kind, [payload])
        assert (refusal.value.reason, refusal.value.causes[0].code) == ("invalid", "invalid")


@pytest.mark.parametrize("text", BLANK.values(), ids=BLANK.keys())
def test_what_is_blank_is_refused(text: str) -> None:
    for kind, payload in ((CreateRoom, {"name": text}), (React, {"messageId": "m", "kind": text})):
        with pytest.raises(Refusal) as refusal:
            parse(kind, [payload])
        assert refusal.value.causes[0].code == "blank"


@pytest.mark.parametrize(
    "text",
    [
        "\u200b",
        "\u200b \u200d\n",
        "\u3164",
        "\u115f\u1160\uffa0",
        "\u2800\u2800",
        "\ufe0f\ufe0e",
        "\U000e0041\U000e007f",
        "\U000e0100",
        "\x01\x1f\x7f\x85",
        "\u202e\u2066",
        "\u00ad\u034f\u2060\ufeff",
        "\U0001d159",
        "\u3000\u2003\u2028",
    ],
    ids=ascii,
)
def test_a_message_of_what_nobody_sees_is_blank(text: str) -> None:
    assert not shows(text)
    for kind, payload in (
        (SendMessage, {"roomId": "r", "content": text}),
        (SendDirect, {"receiverId": "u", "content": text}),
    ):
        with pytest.raises(Refusal) as refusal:
            parse(kind, [payload])
        assert (refusal.value.causes[0].path, refusal.value.causes[0].code) == ("content", "blank")
    parse(SendMessage, [{"roomId": "r", "content": text, "attachments": ["f"]}])
    for seen in (f"{text}a", f"❤\ufe0f{text}", f"{text}\u0e31", f"\U0001fae9{text}"):
        assert parse(SendMessage, [{"roomId": "r", "content": seen}]).content == seen


@pytest.mark.parametrize("username", ["ann.", "ann-", "ann_", "a.-", "all", "HERE", "an", "a" * 51, "ann\n"])
def test_a_new_username_ends_where_a_sentence_does_not_change_it(username: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse(SignUp, [{"username": username, "credential": "password"}])
    assert refusal.value.causes[0].path == "username"
    for taken in ("ann.b", "_ann", "allan", "here1", "a" * 50):
        assert parse(SignUp, [{"username": taken, "credential": "password"}]).username == taken
    parse(SignIn, [{"identifier": {"scheme": "username", "value": username}, "credential": CREDENTIAL}])


@pytest.mark.parametrize("text", MIXED.values(), ids=MIXED.keys())
def test_a_word_of_several_alphabets_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must not mix letters of several alphabets in a word"):
        clean_name("name", text)


@pytest.mark.parametrize("text", ["Ann @bob", "ann@example.org", "\uff20bob", "\ufe6bbob"])
def test_a_display_name_cannot_show_a_username(text: str) -> None:
    with pytest.raises(ValueError, match="must not contain @"):
        clean_display_name("displayName", text)
    clean_name("name", text)  # of a room


def test_a_name_that_grows_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="must have at most 100 characters"):
        clean_name("name", "\ufdfa" * 10)  # a ligature of 18 characters


@pytest.mark.parametrize(
    "kind", ["👍", "👍🏽", "❤\ufe0f", "+1", "not an emoji", "👨\u200d👩\u200d👧", "ℹ\ufe0f", "a/b"]
)
def test_kinds_of_reactions_are_taken_as_they_are(kind: str) -> None:
    assert parse(React, [{"messageId": "m", "kind": kind}]).kind == kind


def test_a_reaction_of_before_can_be_taken_back() -> None:
    assert parse(Unreact, [{"messageId": "m", "kind": "a\u200b"}]).kind == "a\u200b"


@given(st.text(max_size=30))
def test_a_name_that_is_kept_is_kept_the_same_again_and_can_be_stored(text: str) -> None:
    try:
        name = clean_name("name", text)
    except ValueError:
        return
    assert clean_name("name", name) == name
    assert name == name.strip()
    assert 1 <= len(name) <= LONGEST
    assert not {unicodedata.category(character) for character in name} & {"Cc", "Cs", "Co", "Zl", "Zp"}


@given(st.characters().filter(is_unseen), st.sampled_from(["Ann", "Анна", "太郎"]))
def test_no_unseen_character_hides_in_a_word(character: str, word: str) -> None:
    for text in (
        character + word,
        word + character,
        f"{word} {character} {word}",
        f"{word[0]}{character}{word[1:]}",
    ):
        with pytest.raises(ValueError, match="invisible"):
            check_visible("name", text)
