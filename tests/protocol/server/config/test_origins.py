"""The forms that `cors_origins` may have, and what it may not be."""

import re
from typing import Any

import pytest

from protocol import EngineServer, Server
from protocol.server.config.origins import allows

PAGE = "https://chat.example"


@pytest.mark.parametrize(
    ("rule", "origin", "allowed"),
    [
        (True, PAGE, True),
        (False, PAGE, False),
        ("*", PAGE, True),
        ("", PAGE, False),
        (PAGE, PAGE, True),
        (PAGE, f"{PAGE}.evil", False),
        ((), PAGE, False),
        ([PAGE], PAGE, True),
        ({PAGE}, "null", False),
        (frozenset({"null"}), "null", True),
        (re.compile(r"chat"), f"{PAGE}.evil", True),
        (re.compile(r"^https://chat\.example$"), f"{PAGE}.evil", False),
        ([re.compile("^http:"), re.compile("^https:")], PAGE, True),
        ([re.compile("^http:"), "https://other.example"], PAGE, False),
    ],
)
def test_allows(rule: Any, origin: str, allowed: bool) -> None:
    assert allows(rule, origin) is allowed
    Server(cors_origins=rule)


@pytest.mark.parametrize(
    "rule",
    [None, 1, 1.5, b"*", bytearray(b"*"), {PAGE: True}, object(), re.compile(b"x"), iter([PAGE])],
)
@pytest.mark.parametrize("kind", [Server, lambda **options: EngineServer(lambda *_: None, **options)])
def test_what_is_no_rule_stops_the_start(rule: Any, kind: Any) -> None:
    with pytest.raises(ValueError, match=r"cors_origins must be .* a function, not"):
        kind(cors_origins=rule)


@pytest.mark.parametrize("part", [None, True, b"x", [PAGE], re.compile(b"x"), lambda _: True])
def test_a_list_has_origins_and_patterns(part: Any) -> None:
    with pytest.raises(ValueError, match="in the list is neither an origin nor a pattern"):
        Server(cors_origins=[PAGE, part])


def test_every_origin_stands_alone() -> None:
    with pytest.raises(ValueError, match="in a list it would be an origin of that name"):
        Server(cors_origins=[PAGE, "*"])


@pytest.mark.parametrize("rule", [True, PAGE, re.compile("x"), lambda _: True])
def test_rules_that_go_with_credentials(rule: Any) -> None:
    assert Server(cors_origins=rule, cors_credentials=True).options.cors_credentials


def test_subprotocols_are_a_list() -> None:
    with pytest.raises(ValueError, match="list of names, not 'v1'"):
        Server(subprotocols="v1")
