"""Payloads that clients send: what is taken, what is refused, and in which words."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Cause, Refusal
from app.payloads import requests as payloads
from app.payloads.accounts import account_requests as account_payloads
from app.payloads.accounts.account_requests import Authenticate, SignIn, SignUp
from app.payloads.fields.field_types import Received
from app.payloads.fields.metadata import MAX_METADATA, metadata_json
from app.payloads.fields.validation import parse
from app.payloads.requests import CreateRoom, RoomRef, SendMessage, Subscription, SyncRoom, UpdateRoom

ROOM = "0198-room"
GOOD = {"roomId": ROOM, "content": "hi"}
RECEIVED = [
    kind
    for kind in {**vars(payloads), **vars(account_payloads)}.values()
    if isinstance(kind, type) and issubclass(kind, Received)
]

REFUSED: list[tuple[Any, Any, str, str, str]] = [
    (RoomRef, None, "invalid", "roomId", "required"),
    (RoomRef, "room", "invalid", "", "invalid_type"),
    (RoomRef, [], "invalid", "", "invalid_type"),
    (RoomRef, {}, "invalid", "roomId", "required"),
    (RoomRef, {"roomId": 7}, "invalid", "roomId", "invalid_type"),
    (RoomRef, {"roomId": None}, "invalid", "roomId", "invalid_type"),
    (RoomRef, {"roomId": ""}, "invalid", "roomId", "pattern"),
    (RoomRef, {"roomId": "a b"}, "invalid", "roomId", "pattern"),
    (RoomRef, {"roomId": "a\n"}, "invalid", "roomId", "pattern"),
    (RoomRef, {"roomId": "a" * 65}, "invalid", "roomId", "pattern"),
    (SendMessage, {"roomId": ROOM}, "invalid", "content", "required"),
    (SendMessage, GOOD | {"content": ""}, "invalid", "content", "blank"),
    (SendMessage, GOOD | {"content": " \n\t\u3000"}, "invalid", "content", "blank"),
    (SendMessage, GOOD | {"content": "a\0b"}, "invalid", "content", "invalid"),
    (SendMessage, GOOD | {"content": "x" * 10_001}, "too_long", "content", "too_long"),
    (SendMessage, GOOD | {"content": ["x"]}, "invalid", "content", "invalid_type"),
    (SendMessage, GOOD | {"content": b"x"}, "invalid", "content", "invalid_type"),
    (SendMessage, GOOD | {"type": "system"}, "invalid", "type", "not_allowed"),
    (SendMessage, GOOD | {"type": 1}, "invalid", "type", "invalid_type"),
    (SendMessage, GOOD | {"clientId": ""}, "invalid", "clientId", "too_short"),
    (SendMessage, GOOD | {"clientId": "x" * 65}, "too_long", "clientId", "too_long"),
    (SendMessage, GOOD | {"clientId": "a\0"}, "invalid", "clientId", "invalid"),
    (SendMessage, GOOD | {"metadata": []}, "invalid", "metadata", "invalid_type"),
    (SendMessage, GOOD | {"metadata": "{}"}, "invalid", "metadata", "invalid_type"),
    (CreateRoom, {"name": ""}, "invalid", "name", "too_short"),
    (CreateRoom, {"name": "  "}, "invalid", "name", "blank"),
    (CreateRoom, {"name": "x" * 101}, "too_long", "name", "too_long"),
    (CreateRoom, {"name": "a", "description": "x" * 1001}, "too_long", "description", "too_long"),
    (CreateRoom, {"name": "a", "description": "\0"}, "invalid", "description", "invalid"),
    (CreateRoom, {"name": "a", "isPrivate": "yes"}, "invalid", "isPrivate", "invalid_type"),
    (Subscription, {"rooms": "room:1"}, "invalid", "rooms", "invalid_type"),
    (Subscription, {"rooms": ["room:1", 2]}, "invalid", "rooms[1]", "invalid_type"),
    (Subscription, {"rooms": ["room:\0"]}, "invalid", "rooms[0]", "pattern"),
    (Subscription, {"rooms": ["room:1"] * 1001}, "too_long", "rooms", "too_long"),
    (Authenticate, {"token": 5}, "invalid", "token", "invalid_type"),
    (SignUp, {"username": "ab", "credential": "password"}, "invalid", "username", "pattern"),
    (SignUp, {"username": "x" * 51, "credential": "password"}, "invalid", "username", "pattern"),
    (SignUp, {"username": "ann lee", "credential": "password"}, "invalid", "username", "pattern"),
    (SignUp, {"username": "änn", "credential": "password"}, "invalid", "username", "pattern"),
    (SignUp, {"username": "ann", "credential": "1234567"}, "invalid", "credential", "too_short"),
    (SignUp, {"username": "ann", "credential": "x" * 257}, "too_long", "credential", "too_long"),
    (
        SignUp,
        {"username": "ann", "credential": "password", "displayName": " "},
        "invalid",
        "displayName",
        "blank",
    ),
    (SignIn, {"identifier": {"scheme": "email"}}, "invalid", "identifier.scheme", "not_allowed"),
    (SignIn, {"identifier": {"scheme": "username", "value": "a"}}, "invalid", "credential", "required"),
]


@pytest.mark.parametrize(("kind", "payload", "reason", "path", "code"), REFUSED)
def test_what_does_not_fit_is_refused(kind: Any, payload: Any, reason: str, path: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse(kind, [payload])
    (cause,) = refusal.value.causes
    assert (refusal.value.reason, cause.path, cause.code) == (reason, path, code)
    assert refusal.value.message == f"{path or 'payload'}: {cause.message}"


def test_what_fits_is_taken() -> None:
    sent = parse(
        SendMessage, [GOOD | {"type": "image", "clientId": "c", "metadata": {"a": 1}, "userId": "forged"}]
    )
    assert (sent.room_id, sent.content, sent.type, sent.client_id) == (ROOM, "hi", "image", "c")
    assert sent.metadata_json == '{"a":1}'
    assert (
        parse(SendMessage, [GOOD | {"type": None, "clientId": None, "metadata": None}]).metadata_json is None
    )
    assert parse(SendMessage, [GOOD | {"content": "👋" * 10_000}]).content == "👋" * 10_000
    assert parse(Authenticate, []).token is None


IN_WORDS: list[tuple[Any, Any, str]] = [
    (RoomRef, {}, "roomId: is required"),
    (RoomRef, {"roomId": "a b"}, "roomId: must be an id"),
    (RoomRef, 7, "payload: must be an object"),
    (SignUp, {"username": "ann", "credential": "1234567"}, "credential: must have at least 8 characters"),
    (
        SignUp,
        {"username": "a", "credential": "password"},
        "username: must be 3 to 50 letters A-Z or a-z, digits, or _ . -, a letter or digit at the end, not all or here",
    ),
    (
        SignIn,
        {"identifier": {"scheme": "e", "value": "a"}},
        "identifier.scheme: must be one of the values that are allowed",
    ),
    (CreateRoom, {"name": ""}, "name: must not be empty"),
    (CreateRoom, {"name": " "}, "name: must not be blank"),
    (CreateRoom, {"name": "a", "description": "\0"}, "description: must not contain the character U+0000"),
    (CreateRoom, {"name": "a", "isPrivate": 1}, "isPrivate: must be true or false"),
    (UpdateRoom, {"roomId": ROOM}, "name: must be given, or `description` or `isPrivate`"),
    (SendMessage, GOOD | {"content": "x" * 10_001}, "content: must have at most 10000 characters"),
    (SendMessage, GOOD | {"content": 5}, "content: must be text"),
    (SendMessage, GOOD | {"clientId": 5}, "clientId: must be text"),
    (SendMessage, GOOD | {"metadata": []}, "metadata: must be an object"),
    (SendMessage, GOOD | {"metadata": {1: 2}}, "metadata: must be text"),
    (SendMessage, GOOD | {"attachments": "a"}, "attachments: must be a list"),
    (SendMessage, GOOD | {"attachments": ["a"] * 11}, "attachments: must have at most 10 items"),
    (SendMessage, GOOD | {"attachments": ["a", "a"]}, "attachments: must not name a file twice"),
    (SendMessage, GOOD | {"attachments": ["a", 5]}, "attachments[1]: must be text"),
    (SendMessage, GOOD | {"type": "x - at `$.y`"}, "type: must be one of the values that are allowed"),
    (SyncRoom, {"roomId": ROOM, "afterSeq": -1}, "afterSeq: must be at least 0"),
    (SyncRoom, {"roomId": ROOM, "afterSeq": 0, "limit": 501}, "limit: must be at most 500"),
    (SyncRoom, {"roomId": ROOM, "afterSeq": "0"}, "afterSeq: must be a whole number"),
]


@pytest.mark.parametrize(("kind", "payload", "message"), IN_WORDS)
def test_a_refusal_says_in_words_for_people_what_is_wrong(kind: Any, payload: Any, message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse(kind, [payload])
    assert refusal.value.message == message


@given(st.sampled_from(RECEIVED), st.data())
def test_no_refusal_speaks_of_types_of_the_program(kind: Any, data: st.DataObject) -> None:
    fields = {
        field.encode_name: data.draw(
            st.none() | st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2)
        )
        for field in msgspec.structs.fields(kind)
    }
    told = ""
    try:
        parse(kind, [fields])
    except Refusal as refusal:
        told = refusal.message
    assert "Expected" not in told
    assert "`str" not in told


def test_a_field_that_is_too_long_tells_so_once() -> None:
    with pytest.raises(Refusal) as refusal:
        parse(SendMessage, [GOOD | {"content": "x" * 10_001}])
    assert refusal.value.causes == (Cause("content", "must have at most 10000 characters", "too_long"),)


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"a": b"binary"}, "invalid_type"),
        ({"a": {1: 2}}, "invalid_type"),
        ({"a": 2**64}, "invalid_type"),
        ({"a": "b\0"}, "invalid"),
        ({"a\0": "b"}, "invalid"),
        ({"a": "\\\0"}, "invalid"),
        ({"a": "x" * MAX_METADATA}, "too_long"),
    ],
)
def test_metadata_that_is_no_json_or_too_much_is_refused(metadata: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        metadata_json(metadata)
    assert refusal.value.causes[0].code == code


def test_metadata_up_to_the_limit_is_taken_and_an_escaped_backslash_is_no_nul() -> None:
    assert len(metadata_json({"a": "x" * (MAX_METADATA - 8)})) == MAX_METADATA
    assert metadata_json({"a": "\\u0000"}) == r'{"a":"\\u0000"}'


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(), st.lists)
)
@pytest.mark.parametrize(
    "kind", [RoomRef, SendMessage, CreateRoom, Subscription, Authenticate, SignUp, SignIn]
)
def test_no_payload_raises_anything_but_a_refusal(kind: Any, payload: Any) -> None:
    fields = ("roomId", "content", "type", "clientId", "metadata", "name", "rooms", "token", "username")
    for given_payload in (payload, dict.fromkeys(fields, payload)):
        with suppress(Refusal):
            parse(kind, [given_payload])
