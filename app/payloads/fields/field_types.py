"""The types of payloads of clients: fields with their limits, and rules as JSON Schema says them."""

import datetime as dt
from itertools import combinations
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from app.payloads.fields.validation import CHANNEL, ID, NEW_USERNAME, USERNAME

Rules = dict[str, Any]  # a part of a JSON Schema

MAX_CONTENT = 10_000  # characters
MAX_ATTACHMENTS = 10  # of a message
MAX_KIND = 32  # characters of a kind of reaction

# What `check_text` sees to, as JSON Schema says it.
STORABLE: Rules = {"not": {"pattern": r"\u0000"}}
SAYING: Rules = {"pattern": r"\S", **STORABLE}


Id = Annotated[str, Meta(pattern=ID)]
Cursor = Annotated[str, Meta(max_length=200)]  # an id; one that stands for nothing is not found
RoomChannel = Annotated[str, Meta(pattern=CHANNEL)]
RoomName = Annotated[str, Meta(min_length=1, max_length=100, extra_json_schema=SAYING)]
Description = Annotated[str, Meta(max_length=1000, extra_json_schema=STORABLE)]
ClientId = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema=SAYING)]
Content = Annotated[str, Meta(max_length=MAX_CONTENT, extra_json_schema=STORABLE)]
Username = Annotated[str, Meta(pattern=USERNAME)]
NewUsername = Annotated[str, Meta(pattern=NEW_USERNAME)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=100, extra_json_schema=SAYING)]
Password = Annotated[str, Meta(min_length=8, max_length=256)]
Query = Annotated[str, Meta(min_length=1, max_length=200)]
ReactionKind = Annotated[str, Meta(min_length=1, max_length=MAX_KIND, extra_json_schema=SAYING)]
FileIds = Annotated[list[Id], Meta(max_length=MAX_ATTACHMENTS, extra_json_schema={"uniqueItems": True})]
Moment = Annotated[dt.datetime, Meta(tz=True)]  # RFC 3339
Attached = Literal["file", "link"]
Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
PageSize = Annotated[int, Meta(ge=1, le=100)]
SyncSize = Annotated[int, Meta(ge=1, le=500)]
SendableType = Literal["text", "image", "file", "audio", "video"]  # "system" is the server's
MessageType = Literal[SendableType, "system"]
Role = Literal["admin", "member"]
MemberState = Literal["member", "invited", "left", "removed", "banned"]
RoomKind = Literal["public", "private", "direct"]
Audience = Literal["everyone", "shared_rooms", "nobody"]


class Received(Struct, frozen=True, kw_only=True, rename="camel"):
    """A payload of a client: a field that may be absent may also be null.

    `RULES` is what a type asks of its fields together, as JSON Schema says it.
    """

    RULES: ClassVar[Rules] = {}


CONTENT_OR_FILES: Rules = {
    "anyOf": [
        {"properties": {"content": SAYING}},
        {"properties": {"attachments": {"type": "array", "minItems": 1}}, "required": ["attachments"]},
    ]
}


def at_least_one(*names: str) -> Rules:
    """That an object has one of these fields, or more; null is as good as absent, here and below."""
    return {"anyOf": [_given(name) for name in names]}


def exactly_one(*names: str) -> Rules:
    """That an object has one of these fields and no other."""
    return {"oneOf": [_given(name) for name in names]}


def at_most_one(*names: str) -> Rules:
    """That an object has not two of these fields."""
    return {
        "not": {"anyOf": [{"allOf": [_given(one), _given(other)]} for one, other in combinations(names, 2)]}
    }


def _given(name: str) -> Rules:
    return {"properties": {name: {"not": {"type": "null"}}}, "required": [name]}
