"""Two instances of the chat on the PostgreSQL and the Redis of a row, and two people who talk across them."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from itertools import islice
from typing import Any

import httpx

from app import embedded
from app.client import ChatClient
from app.config.settings import variables
from app.embedded.postgres import running_postgres
from scripts.cluster import UNLIMITED, Instance, free_ports
from scripts.ecosystem.workshop import WHY_LENGTH, Workshop
from tests.support.postgres_servers import FORGETFUL

PATIENCE = 20.0  # seconds
MANY = 60
CHECKS = (
    "sign up",
    "message across instances",
    "retry across instances",
    "many at once",
    "catch up",
    "ready",
)


class Wrong(Exception):
    """A check has failed. The text says how."""


def same(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise Wrong(f"{what} {found!r:.80}, not {expected!r:.80}")


@contextmanager
def postgres(workshop: Workshop) -> Iterator[str]:
    """The URL of the PostgreSQL that Parley starts by itself."""
    with running_postgres(workshop.new_folder("pg") / "data", settings=FORGETFUL) as sockets:
        yield embedded.database_url(sockets)


class Talk:
    """Ann on one instance and Bob on the other."""

    def __init__(self, urls: list[str], stack: AsyncExitStack) -> None:
        self.urls = urls
        self.stack = stack
        self.room = ""
        self.ann: ChatClient
        self.bob: ChatClient
        self.tokens: list[str] = []
        self.heard: asyncio.Queue[Any] = asyncio.Queue()

    async def http(self, place: int) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {self.tokens[place]}"} if self.tokens else {}
        client = httpx.AsyncClient(
            base_url=self.urls[place], headers=headers, trust_env=False, timeout=PATIENCE
        )
        return await self.stack.enter_async_context(client)

    async def sign_up(self) -> None:
        tokens = []
        for place, name in enumerate(("ann", "bob")):
            body = {"username": f"{name}-{secrets.token_hex(4)}", "credential": secrets.token_urlsafe(16)}
            answer = await (await self.http(place)).post("/auth/sign-up", json=body)
            same(answer.status_code, 201, "sign-up has the status")
            tokens.append(answer.json()["token"])
        self.tokens = tokens
        answer = await (await self.http(0)).post("/chat/rooms", json={"name": "compatibility"})
        self.room = answer.json()["id"]
        self.ann, self.bob = (ChatClient(url, token) for url, token in zip(self.urls, tokens, strict=True))
        self.bob.on("message:new")(lambda message, *_: self.heard.put_nowait(message))
        await self.stack.enter_async_context(self.ann)
        await self.stack.enter_async_context(self.bob)
        await self.bob.call("room:join", {"roomId": self.room})

    async def message(self) -> None:
        await self.ann.call("message:send", {"roomId": self.room, "content": "hello"})
        heard = await asyncio.wait_for(self.heard.get(), PATIENCE)
        same(heard["content"], "hello", "Bob heard")

    async def retry(self) -> None:
        body = {"roomId": self.room, "content": "once", "clientId": "the same"}
        first = await self.ann.call("message:send", body)
        async with ChatClient(self.urls[1], self.tokens[0]) as elsewhere:
            again = await elsewhere.call("message:send", body)
        same(again["id"], first["id"], "the retry got the message")

    async def many(self) -> None:
        async def say(number: int) -> Any:
            client = (self.ann, self.bob)[number % 2]
            return await client.call("message:send", {"roomId": self.room, "content": f"number {number}"})

        sent = await asyncio.gather(*(say(number) for number in range(MANY)))
        same(len({message["id"] for message in sent}), MANY, "so many messages were stored:")

    async def catch_up(self) -> None:
        contents, after, more = [], 0, True
        while more:
            page = await self.bob.call("room:sync", {"roomId": self.room, "afterSeq": after})
            contents += [each["message"]["content"] for each in page["changes"] if each["type"] == "message"]
            after, more = page["nextSeq"], page["hasMore"]
        expected = ["hello", "once", *(f"number {number}" for number in range(MANY))]
        same(sorted(contents), sorted(expected), "Bob caught up with")

    async def ready(self) -> None:
        for place in (0, 1):
            answer = await (await self.http(place)).get("/health/ready")
            same(answer.status_code, 200, "readiness has the status")


async def talk(workshop: Workshop, database: str, redis: str) -> dict[str, str]:
    """What came of each check. Raises CannotStart."""
    folder = workshop.new_folder("chat")
    known = {name for name, _ in variables()}
    environment = {name: value for name, value in os.environ.items() if name not in known}
    environment |= {**UNLIMITED, "DATABASE_URL": database, "REDIS_URL": redis, "DATABASE_POOL": "5"}
    environment |= {"JWT_SECRET": secrets.token_hex(32), "FILE_STORAGE": str(folder / "files")}
    environment |= {"PEER_HOST": "127.0.0.1"}
    instances = [
        Instance(f"instance {place}", port, folder / f"instance-{place}", environment)
        for place, port in enumerate(islice(free_ports(0), 2))
    ]
    seen: dict[str, str] = {}
    try:
        for instance in instances:
            instance.start()
            await instance.ready()
        async with AsyncExitStack() as stack:
            one = Talk([instance.url for instance in instances], stack)
            steps = (one.sign_up, one.message, one.retry, one.many, one.catch_up, one.ready)
            for check, step in zip(CHECKS, steps, strict=True):
                seen[check] = await outcome_of(step)
    finally:
        for instance in instances:
            await instance.stop()
    return seen


async def outcome_of(step: Callable[[], Awaitable[None]]) -> str:
    """Empty, or why a check failed."""
    try:
        async with asyncio.timeout(4 * PATIENCE):
            await step()
    except Exception as error:  # noqa: BLE001 - every failure of a check is told
        return f"{type(error).__name__}: {error}"[:WHY_LENGTH]
    return ""


def chat_checks(workshop: Workshop, database: str, redis: str) -> dict[str, str]:
    """The checks with two instances. Raises CannotStart."""
    return asyncio.run(talk(workshop, database, redis))
