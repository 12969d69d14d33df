"""Payloads as texts and bytes: JSON, or msgpack where binary is in them."""

from base64 import b64encode
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import orjson
from msgspec import Struct

# The same forms of dates as in `packets`, so that a value looks alike on every way to a client.
_DUMP_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
_KEPT = (bytes, bytearray, memoryview, datetime)


def pack(payload: Any) -> bytes:
    """The msgpack of a payload. Raises `TypeError` for what JSON cannot express, binary aside: one rule for all."""
    orjson.dumps(payload, partial(_default, []), _DUMP_OPTIONS)
    return msgspec.msgpack.encode(payload)


def dump(payload: dict[str, Any]) -> str:
    """The text of a payload. JSON is tried first even when binary turns up in it: one rule for all, as above."""
    binary: list[bool] = []
    text = orjson.dumps(payload, partial(_default, binary), _DUMP_OPTIONS)
    if binary:
        return b64encode(msgspec.msgpack.encode(payload)).decode()
    return text.decode()


def _default(binary: list[bool], value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        binary.append(True)
        return None
    if isinstance(value, Struct):
        return msgspec.to_builtins(value, builtin_types=_KEPT)
    raise TypeError(f"{type(value).__name__} cannot be sent")
