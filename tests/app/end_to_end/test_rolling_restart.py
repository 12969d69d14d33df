"""A conversation that goes on while all workers are replaced: each member has all that was acknowledged, once."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.client import ChatClient, ChatRefused
from app.config.settings import Settings
from protocol import AckTimeout, Disconnected
from tests.support.chat.people import PASSWORD
from tests.support.chat.served import Served
from tests.support.paths import node_client
from tests.support.waiting import PATIENCE

WAYS = (
    "websocket",
    "polling,websocket",
    "polling",
    "polling",
    None,
    None,
)  # of the official client, or our own
EVERY = 0.05  # seconds from one message of a member to the next

pytestmark = pytest.mark.begins_early


class Heard:
    """What a member was acknowledged, has of the room, and has heard more than once."""

    def __init__(self) -> None:
        self.acked: list[str] = []
        self.has: list[str] = []
        self.twice: list[str] = []


class OfficialMember(Heard):
    """A member on the official client (tests/clients/member.mjs)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__()
        self._process = process
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, *arguments: str) -> "OfficialMember":
        """Its arguments are those of member.mjs."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *node_client("member.mjs"), *arguments, stdin=pipe, stdout=pipe
        )
        return cls(process)

    async def say_no_more(self) -> None:
        """Nothing after what is being said."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"enough\n")

    async def leave(self) -> None:
        """End it."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            kind, content = json.loads(line)
            getattr(self, kind).append(content)


class PythonMember(Heard):
    """A member on the project's own client, which does the same."""

    def __init__(self, url: str, token: str, room_id: str, name: str) -> None:
        super().__init__()
        self._room_id = room_id
        self._name = name
        self._live: set[str] = set()
        self._known: set[str] = set()
        self._synced = 0
        self._enough = False
        self._chat = ChatClient(url, token, reconnection_delay=100)
        self._chat.on("message:new")(self._hear)
        self._chat.on("authenticated")(self._catch_up)

    async def start(self) -> "PythonMember":
        """Connect, and begin to speak."""
        await self._chat.connect()
        self._speaking = asyncio.create_task(self._speak())
        return self

    async def say_no_more(self) -> None:
        """Nothing after what is being said."""
        self._enough = True
        await self._speaking

    async def leave(self) -> None:
        """End it."""
        await self._chat.disconnect()

    async def _speak(self) -> None:
        number = 0
        while not self._enough:
            content = f"{self._name}-{number}"
            payload = {"roomId": self._room_id, "content": content, "clientId": content}
            try:
                await self._chat.call("message:send", payload, timeout=3_000)
            except (AckTimeout, ChatRefused, Disconnected):
                await asyncio.sleep(EVERY)
                continue
            self.acked.append(content)
            number += 1
            await asyncio.sleep(EVERY)

    async def _catch_up(self, _welcome: Any) -> None:
        more = True
        while more:
            asked = {"roomId": self._room_id, "afterSeq": self._synced}
            try:
                page = await self._chat.call("room:sync", asked)
            except (AckTimeout, Disconnected):
                return  # the next connection begins anew
            for change in page["changes"]:
                if change["type"] == "message":
                    self._keep(change["message"])
            self._synced, more = page["nextSeq"], page["hasMore"]

    def _hear(self, message: dict[str, Any]) -> None:
        if message["id"] in self._live:
            self.twice.append(message["content"])
        self._live.add(message["id"])
        self._keep(message)

    def _keep(self, message: dict[str, Any]) -> None:
        if message["id"] not in self._known:
            self._known.add(message["id"])
            self.has.append(message["content"])


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Served]:
    """Two workers."""
    served = await Served.start("--workers", "2", settings=settings)
    try:
        yield await served.ready()
    finally:
        await served.stop()


async def tokens_of_members(url: str, count: int) -> tuple[str, list[str]]:
    """The id of a new room, and the tokens of those who are in it."""
    tokens = []
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as http:
        room_id = ""
        for number in range(count):
            account = {"username": f"member-{number}", "credential": PASSWORD}
            token = (await http.post("/auth/sign-up", json=account)).json()["token"]
            headers = {"authorization": f"Bearer {token}"}
            if room_id:
                assert (await http.post(f"/chat/rooms/{room_id}/join", headers=headers)).status_code == 200
            else:
                made = await http.post("/chat/rooms", json={"name": "a room"}, headers=headers)
                room_id = made.json()["id"]
            tokens.append(token)
    return room_id, tokens


async def test_a_conversation_outlives_the_replacement_of_all_workers(served: Served) -> None:
    room_id, tokens = await tokens_of_members(served.url, len(WAYS))
    members: list[OfficialMember | PythonMember] = []
    try:
        for number, (token, way) in enumerate(zip(tokens, WAYS, strict=True)):
            name = f"member{number}"
            if way is None:
                members.append(await PythonMember(served.url, token, room_id, name).start())
            else:
                members.append(await OfficialMember.start(served.url, token, room_id, way, name))
        async with asyncio.timeout(60):
            await say_more(members)
            served.process.send_signal(signal.SIGHUP)
            await served.logged("all workers are replaced", within=60)
            await say_more(members)
            for member in members:
                await member.say_no_more()
            await all_have_all(members)
    finally:
        for member in members:
            await member.leave()
    acked = [content for member in members for content in member.acked]
    for member in members:
        has = Counter(member.has)
        assert {content: has[content] for content in acked} == dict.fromkeys(acked, 1)
        assert member.twice == []


async def say_more(members: list[OfficialMember | PythonMember]) -> None:
    """Waits until each has been acknowledged some more messages."""
    for member in members:
        before = len(member.acked)
        while len(member.acked) < before + 10:  # noqa: ASYNC110 - it is another process that says so
            await asyncio.sleep(EVERY)


async def all_have_all(members: list[OfficialMember | PythonMember]) -> None:
    """Waits until each has what was acknowledged to any."""
    for member in members:
        for other in members:
            while not set(other.acked) <= set(member.has):  # noqa: ASYNC110 - as above
                await asyncio.sleep(EVERY)
