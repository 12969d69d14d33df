"""Members of a room who keep talking through whatever happens, and follow the room as docs/chat.md tells clients to."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import orjson

from app.client import ChatClient, ChatRefused
from protocol import AckTimeout, Disconnected
from tests.support.chat.follower import NUMBERS, Follower
from tests.support.paths import node_client

GAP = 0.25  # seconds that a missing number may still come by itself
PAUSE = 0.2  # seconds from one message to the next
ANSWER_WITHIN = 4_000  # ms; then the same message is sent again


class Member(ABC):
    """Somebody in a room. What is `tried` may be in the room's log, what is `acked` must be, at that number."""

    def __init__(self, url: str, session: dict[str, Any], room_id: str) -> None:
        self.url = url
        self.token: str = session["token"]
        self.user_id: str = session["user"]["id"]
        self.name: str = session["user"]["username"]
        self.room_id = room_id
        self.tried: set[str] = set()
        self.acked: dict[str, int] = {}
        self.refusals: set[str] = set()  # the reasons

    @abstractmethod
    async def start(self) -> None:
        """Connect and begin to talk."""

    @abstractmethod
    def assert_well(self) -> None:
        """Nothing has failed that may not."""

    @abstractmethod
    async def fall_silent(self) -> None:
        """Say no more; what was begun is said until it is acknowledged."""

    @abstractmethod
    async def seen(self) -> list[tuple[int, str]]:
        """The messages that were shown so far, with their numbers, in their order."""

    @abstractmethod
    async def stop(self) -> None:
        """Disconnect."""


class PythonMember(Member):
    """With the chat's own client."""

    def __init__(self, url: str, session: dict[str, Any], room_id: str) -> None:
        super().__init__(url, session, room_id)
        options: dict[str, Any] = {
            "reconnection_delay": 100,
            "reconnection_delay_max": 500,
            "connect_timeout": 3000,
        }
        self._chat = ChatClient(url, self.token, **options)
        self._follower = Follower({"changeSeq": 0})
        self._behind = asyncio.Event()
        self._silent = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for event in NUMBERS:
            self._chat.on(event)(self._hearing(event))
        self._chat.on("room:sync-needed")(self._hear_sync_needed)
        self._chat.on("disconnect")(lambda _reason: self._follower.go_away())
        self._chat.on("authenticated")(lambda _welcome: self._behind.set())
        await self._chat.connect()
        self._tasks = [asyncio.create_task(self._talk()), asyncio.create_task(self._follow())]

    def assert_well(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()

    async def fall_silent(self) -> None:
        self._silent.set()
        await self._tasks[0]

    async def seen(self) -> list[tuple[int, str]]:
        self.assert_well()
        messages = self._follower.state["messages"].values()
        return [(message["seq"], message["content"]) for message in messages]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._chat.disconnect()

    def _hearing(self, event: str) -> Any:
        def hear(payload: dict[str, Any]) -> None:
            if payload["roomId"] == self.room_id:
                self._follower.hear(event, payload)
                if self._follower.waiting:
                    self._behind.set()

        return hear

    def _hear_sync_needed(self, needed: dict[str, Any]) -> None:
        if needed["roomId"] == self.room_id and needed["lastSeq"] > self._follower.applied:
            self._follower.complete = False
            self._behind.set()

    async def _talk(self) -> None:
        for content in said_by(self.name):
            if self._silent.is_set():
                return
            self.tried.add(content)
            message = {"roomId": self.room_id, "content": content, "clientId": content}
            self.acked[content] = (await self._insist("message:send", message))["seq"]
            await asyncio.sleep(PAUSE)

    async def _follow(self) -> None:
        while True:
            await self._behind.wait()
            await asyncio.sleep(GAP)
            self._behind.clear()
            follower = self._follower
            if follower.complete and not follower.waiting:
                continue
            follower.complete = False
            while not follower.complete:
                asked = {"roomId": self.room_id, "afterSeq": follower.applied}
                follower.take(await self._insist("room:sync", asked))

    async def _insist(self, event: str, payload: dict[str, Any]) -> Any:
        while True:
            try:
                return await self._chat.call(event, payload, timeout=ANSWER_WITHIN)
            except ChatRefused as refused:
                self.refusals.add(refused.reason)
                await asyncio.sleep((refused.retry_after or 100) / 1000)
            except (AckTimeout, Disconnected):
                await asyncio.sleep(0.1)


class NodeMember(Member):
    """With the official client, in a process of Node."""

    _process: asyncio.subprocess.Process

    async def start(self) -> None:
        self._views: asyncio.Queue[list[tuple[int, str]]] = asyncio.Queue()
        self._fell_silent = asyncio.Event()
        self._process = await asyncio.create_subprocess_exec(
            *node_client("follower.mjs"),
            *(self.url, self.token, self.room_id, self.name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        self._reading = asyncio.create_task(self._read())

    def assert_well(self) -> None:
        assert self._process.returncode is None
        if self._reading.done():
            self._reading.result()

    async def fall_silent(self) -> None:
        self._ask("fall silent")
        await self._fell_silent.wait()

    async def seen(self) -> list[tuple[int, str]]:
        self.assert_well()
        self._ask("seen")
        return await self._views.get()

    async def stop(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading

    def _ask(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n".encode())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            match orjson.loads(line):
                case ["tries", content]:
                    self.tried.add(content)
                case ["acked", content, number]:
                    self.acked[content] = number
                case ["refused", reason]:
                    self.refusals.add(reason)
                case ["silent"]:
                    self._fell_silent.set()
                case ["seen", messages]:
                    self._views.put_nowait([(number, content) for number, content in messages])


def said_by(name: str) -> Iterator[str]:
    """Everything that somebody says, no two alike."""
    return (f"{name} says {number}" for number in count(1))
