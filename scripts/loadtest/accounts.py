"""The accounts and rooms of a load: made once over REST, and kept for the next run with the same prefix.

A file has the tokens, which are secrets, for its owner alone. Who is signed up already and has no good token any more
is signed in again.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from scripts.loadtest.plan import Plan

AT_ONCE = 16
PATIENCE = 10.0  # seconds that a limit is waited for
LIMITED = (
    "{url} limits how much one address may do ({path}: {message}); start it with the limits off as docs/load.md says,"
    " or take fewer --users."
)


class CannotPrepare(Exception):
    """There are no accounts to put load with. The text is one sentence."""


class Kept(Struct):
    """What a file keeps: one password for all, tokens by username, the ids of the rooms in their order."""

    password: str
    tokens: dict[str, str] = {}
    rooms: list[str] = []


class Accounts(Struct, frozen=True):
    """`tokens` has one entry a user; a user is in room `number // room_size` of `rooms`."""

    tokens: list[str]
    rooms: list[str]


async def prepare(plan: Plan, tell: Callable[[str, int, int], None]) -> Accounts:
    """Sees to it that all users and rooms are there, and their members in them. Raises CannotPrepare."""
    url = plan.urls[0]
    place = hashlib.sha256(f"{url} {plan.prefix} {plan.room_size}".encode()).hexdigest()[:16]
    file = plan.accounts / f"{place}.json"
    kept = read(file)
    names = [f"{plan.prefix}-{plan.room_size}-{number}" for number in range(plan.users)]
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        rest = Rest(session, url)
        try:
            await each(names, lambda _, name: rest.enter(kept, name), "accounts", tell)
            tokens = [kept.tokens[name] for name in names]
            owners = tokens[:: plan.room_size]
            await each(
                owners, lambda room, owner: rest.open(kept, room, owner, plan.prefix), "rooms", tell, 1
            )
            rooms = kept.rooms[: plan.rooms]
            await each(
                tokens,
                lambda number, token: rest.join(rooms[number // plan.room_size], token),
                "members",
                tell,
            )
        finally:
            write(file, kept)
    return Accounts(tokens, rooms)


async def each(
    things: Any,
    act: Callable[[int, Any], Awaitable[None]],
    what: str,
    tell: Callable[[str, int, int], None],
    at_once: int = AT_ONCE,
) -> None:
    turns, done = asyncio.Semaphore(at_once), 0

    async def one(number: int, thing: Any) -> None:
        nonlocal done
        async with turns:
            await act(number, thing)
        done += 1
        tell(what, done, len(things))

    async with asyncio.TaskGroup() as group:
        for number, thing in enumerate(things):
            group.create_task(one(number, thing))


class Rest:
    """The routes that are needed."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def enter(self, kept: Kept, name: str) -> None:
        """Have a good token for a username."""
        if name in kept.tokens and (await self.ask("GET", "/auth/who-am-i", kept.tokens[name]))[0] == 200:
            return
        body: dict[str, Any] = {"username": name, "credential": kept.password}
        status, answer = await self.ask("POST", "/auth/sign-up", json=body)
        if status == 409:
            identifier = {"scheme": "username", "value": name}
            body = {"identifier": identifier, "credential": {"scheme": "basic", "value": kept.password}}
            status, answer = await self.ask("POST", "/auth/sign-in", json=body)
        if status not in (200, 201):
            raise CannotPrepare(
                f"{self._url} has an account {name} that was made by somebody else, or by another URL;"
                " --prefix chooses other names."
            )
        kept.tokens[name] = answer["token"]

    async def open(self, kept: Kept, number: int, token: str, prefix: str) -> None:
        """Have a room of that number."""
        if number < len(kept.rooms):
            if (await self.ask("GET", f"/chat/rooms/{kept.rooms[number]}", token))[0] == 200:
                return
            del kept.rooms[number:]
        answer = await self.asked("POST", "/chat/rooms", token, json={"name": f"{prefix} {number + 1}"})
        kept.rooms.append(answer["id"])

    async def join(self, room: str, token: str) -> None:
        """Have a user in a room."""
        await self.asked("POST", f"/chat/rooms/{room}/join", token)

    async def log(self, room: str, token: str, after: int) -> list[dict[str, Any]]:
        """What changed in a room after a number."""
        changes: list[dict[str, Any]] = []
        more = True
        while more:
            page = await self.asked("GET", f"/chat/rooms/{room}/changes?after={after}&limit=100", token)
            changes += page["changes"]
            after, more = page["nextSeq"], page["hasMore"]
        return changes

    async def asked(self, method: str, path: str, token: str | None, **body: Any) -> Any:
        status, answer = await self.ask(method, path, token, **body)
        if status not in (200, 201):
            raise CannotPrepare(f"{self._url} answers {method} {path} with {status}: {answer['message']}")
        return answer

    async def ask(self, method: str, path: str, token: str | None = None, **body: Any) -> tuple[int, Any]:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        waited = 0.0
        while True:
            try:
                async with self._session.request(method, path, headers=headers, **body) as response:
                    answer = await response.json()
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                raise CannotPrepare(f"{self._url} does not answer as the chat does: {error}") from error
            if response.status != 429:
                return response.status, answer
            wait = float(response.headers.get("retry-after", "1"))
            waited += wait
            if waited > PATIENCE:
                raise CannotPrepare(LIMITED.format(url=self._url, path=path, message=answer["message"]))
            await asyncio.sleep(wait)


def read(file: Path) -> Kept:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    except (FileNotFoundError, msgspec.DecodeError):
        return Kept(password=secrets.token_urlsafe(16))


def write(file: Path, kept: Kept) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        output.write(msgspec.json.encode(kept))
