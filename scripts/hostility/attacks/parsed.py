"""JSON that costs more once it is parsed, stored or read again than it does on the wire."""

import asyncio
from functools import partial
from typing import Any

import orjson

from scripts.hostility.attack import Attack, Outcome, Target
from scripts.hostility.attacks.http import request
from scripts.hostility.wire import connected, crowd, event, text_frame, websocket

MANY = 50  # connections; as many as a user may have
LISTS = 330_000  # of `[],`, which is nearly 1 MB
DEPTH = 240
NUMBERS = 9_300
EVERY = 0.02  # seconds; what a user may go on with

EMPTY_LISTS = b'{"x":[' + b"[]," * (LISTS - 1) + b"[]]}"
NESTED = orjson.loads(b'{"x":' + b"[" * DEPTH + b"]" * DEPTH + b"}")
LARGE_NUMBERS = {"x": [1e308] * NUMBERS}
NOT_CARRIED = (
    b'["message:send",{"metadata":{"x":1e400}}]',
    b'["message:send",' + b"[" * 500 + b"]" * 500 + b"]",
)


async def held_auth(target: Target, outcome: Outcome, _: Any) -> None:
    """Websockets that join with a large auth, and stay."""

    async def act() -> None:
        async with websocket(target, outcome, joins=False) as session:
            await session.send(b"40" + EMPTY_LISTS)
            await session.connection.ended()

    await crowd(MANY, outcome, act)


async def large_arguments(target: Target, outcome: Outcome, _: Any) -> None:
    """Events with large arguments, one after the other on each of many websockets."""
    frame = text_frame(b'42["authenticate",' + EMPTY_LISTS + b"]")

    async def act() -> None:
        async with websocket(target, outcome) as session:
            while True:
                await session.connection.send(frame)

    await crowd(MANY, outcome, act)


async def large_bodies(target: Target, outcome: Outcome, _: Any) -> None:
    """REST requests with large bodies."""
    body = request("POST", "/auth/sign-in", body=EMPTY_LISTS)

    async def act() -> None:
        async with connected(target, outcome, listens=True) as connection:
            while True:
                await connection.send(body)

    await crowd(MANY, outcome, act)


async def metadata(value: Any, target: Target, outcome: Outcome, _: Any) -> None:
    """Messages with metadata to the ordinary clients, in their room and to one of them directly."""

    async def act() -> None:
        async with websocket(target, outcome, target.guest.token) as session:
            message = {"content": "a message", "metadata": value}
            to_room = text_frame(event("message:send", {**message, "roomId": target.guest.room}, 1))
            to_user = text_frame(event("dm:send", {**message, "receiverId": target.victim.user_id}, 2))
            while True:
                await session.connection.send(to_room)
                await asyncio.sleep(EVERY)
                await session.connection.send(to_user)
                await asyncio.sleep(EVERY)

    await crowd(1, outcome, act)


async def not_carried(target: Target, outcome: Outcome, _: Any) -> None:
    """Events with values that cannot be sent on, each of which waits for an acknowledgement."""

    async def act() -> None:
        async with websocket(target, outcome, target.attacker.token) as session:
            while True:
                for text in NOT_CARRIED:
                    await session.send(b"421" + text)
                    await asyncio.sleep(EVERY)

    await crowd(1, outcome, act)


ATTACKS = [
    Attack("held-auth", "50 websockets that join with 1 MB of empty lists", held_auth),
    Attack("large-arguments", "the same as the argument of events", large_arguments),
    Attack("large-bodies", "the same as bodies of REST requests", large_bodies),
    Attack(
        "nested-metadata", "messages with metadata of 240 levels", partial(metadata, NESTED), account=True
    ),
    Attack(
        "large-numbers",
        "messages with metadata of 9,300 large numbers",
        partial(metadata, LARGE_NUMBERS),
        account=True,
    ),
    Attack("not-carried", "events with values that cannot be sent on", not_carried, account=True),
]
