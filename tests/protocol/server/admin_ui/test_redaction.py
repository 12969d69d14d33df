"""No secret is shown, and nothing that cannot be sent or is more than a page can take."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.server.admin_ui.redaction import (
    CUT,
    HIDDEN,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_TEXT,
    MAX_VALUES,
    is_secret,
    shown,
    shown_text,
)
from protocol.socketio.json_parser import JSON
from protocol.socketio.packets import Event

SECRETS = (
    *("token", "accessToken", "x-access-token", "password", "Passwd", "pwd", "secret", "client_secret"),
    *("authorization", "Proxy-Authorization", "cookie", "set-cookie", "sessionId", "sid", "auth", "x-auth"),
    *(
        "api_key",
        "X-API-Key",
        "apikey",
        "private-key",
        "jwt",
        "credential",
        "credentials",
        "otp",
        "signature",
    ),
)
HARMLESS = ("author", "name", "text", "host", "user-agent", "monkey", "keyboard", "side", "authentic", "room")


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_known_by_their_names(name: str) -> None:
    assert is_secret(name)
    assert shown({"a": [{name: "s3cr3t"}]}) == {"a": [{name: HIDDEN}]}
    assert shown_text(f"/socket.io/?a=1&{name}=s3cr3t#end") == f"/socket.io/?a=1&{name}={HIDDEN}#end"


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_secret_is_shown(name: str) -> None:
    assert shown({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", HIDDEN),
        ("is eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln it", f"is {HIDDEN} it"),
        ("Bearer abc.def", f"Bearer {HIDDEN}"),
        ("basic dXNlcjpwYXNz, x", f"basic {HIDDEN}, x"),
        ("https://ada:love@host/path", f"https://{HIDDEN}@host/path"),
        ("half \ud800 a pair", "half ? a pair"),
        ("x" * (MAX_TEXT + 1), "x" * MAX_TEXT + CUT),
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        ("you & me; ok = fine?", "you & me; ok = fine?"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert shown_text(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"12345", "<5 bytes>"),
        (2**53 - 1, 2**53 - 1),
        (float("inf"), None),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (object(), "<object>"),
        ((1, "a"), [1, "a"]),
        ({1: 2}, {"1": 2}),
        (list(range(MAX_ITEMS + 5)), [*range(MAX_ITEMS), CUT]),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert shown(value) == expected


def test_what_is_deep_or_much_is_cut() -> None:
    deep: Any = "bottom"
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    assert "bottom" not in str(shown(deep))
    assert CUT in str(shown(deep))
    much = [[list(range(MAX_ITEMS))] * MAX_ITEMS] * MAX_ITEMS
    assert str(shown(much)).count(",") < 2 * MAX_VALUES


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)) | st.integers(), inner)
    ),
    max_leaves=30,
)


@given(VALUES)
def test_whatever_is_shown_can_be_sent(value: Any) -> None:
    JSON.encode(Event(["shown", shown(value)], "/"))
