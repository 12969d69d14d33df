"""The bodies of HTTP requests, as an ASGI server hands them on: the first byte chooses how they are cut and end."""

import json
from contextlib import suppress
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from app.core.errors import Refusal
from app.http.requests import read_json
from protocol import BadValue
from protocol.server.http.asgi import AsgiMessage, Receive, read_body
from tests.fuzz.draw import Draw, cut
from tests.fuzz.loop import run
from tests.fuzz.values import plain

LIMIT = 100
WORDS = [
    b'"a":',
    b"1e300",
    b"1.0",
    b"null",
    b"[{}]",
    b'"\\ud83d"',
    b"\xf0\x9f\x98\x80",
    b"123456789012345678901",
]


def check(data: bytes) -> None:
    """Only the exceptions are raised that are documented; no more is kept than allowed; a body means the same however
    it is cut, and what it means can be written and read again."""
    draw = Draw(data)
    choice = draw.below(256)
    body = draw.rest()
    pieces = list(cut(body, choice))
    run(check_body(body, pieces))
    run(check_json(body, pieces, gone=choice % 16 == 15))


async def check_body(body: bytes, pieces: list[bytes]) -> None:
    kept = await read_body(receiving(pieces), LIMIT)
    assert kept is not None
    assert len(kept) <= LIMIT + max(map(len, pieces), default=0)
    assert body.startswith(kept)
    assert kept == body or len(kept) > LIMIT


async def check_json(body: bytes, pieces: list[bytes], *, gone: bool) -> None:
    outcome = await json_of(pieces)
    assert plain(outcome) == plain(await json_of([body]))
    if gone:
        with suppress(ClientDisconnect):
            await read_json(request_of(pieces, gone=True))
            raise AssertionError("half a body is none")
    if isinstance(outcome, dict):
        assert plain(await json_of([json.dumps(outcome).encode()])) == plain(outcome)


async def json_of(pieces: list[bytes]) -> Any:
    """The object of a body, or the status with which it is refused."""
    try:
        return await read_json(request_of(pieces))
    except BadValue as error:
        return str(error)
    except (Refusal, HTTPException) as refusal:
        return refusal.reason if isinstance(refusal, Refusal) else refusal.status_code


def request_of(pieces: list[bytes], *, gone: bool = False) -> Request:
    return Request({"type": "http", "method": "POST", "headers": []}, receiving(pieces, gone=gone))


def receiving(pieces: list[bytes], *, gone: bool = False) -> Receive:
    """A body in pieces; at its end the client is gone, or it has been whole."""
    messages: list[AsgiMessage] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request"})
    messages.reverse()

    async def receive() -> AsgiMessage:
        return messages.pop()

    return receive
