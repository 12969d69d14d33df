"""Members who lose their connection for a moment: they come back to where they were, if they may."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import fields
from typing import Any, NamedTuple

import httpx
import orjson
import pytest
import socketio

from app import store
from app.accounts.sessions.sign_out import token_held_by
from app.accounts.sessions.tokens import Tokens
from app.announce.announcer import room_channel
from app.client import ChatClient
from app.config.settings import Settings
from app.db.database import Database
from protocol import CloseReason, RedisStore
from protocol.cluster.saved_sessions import decode
from tests.app.rooms.test_membership_sweeper import remove
from tests.support.chat.people import Instance, People, Person, Start
from tests.support.engine_clients import WebSocketClient
from tests.support.returning_client import Guest, key_of
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.over_websocket


class Place(NamedTuple):
    """Where an instance is."""

    port: int
    path: str = "/io/"


class Member(Guest):
    """Somebody's connection, on the level of the wire. `events` is what it has heard of a name."""

    def __init__(self, token: str, stack: AsyncExitStack) -> None:
        super().__init__()
        self.token = token
        self._stack = stack
        self._numbers = 0

    async def enter(self, port: int) -> "Member":
        client = await WebSocketClient.open(Place(port))
        self._stack.push_async_callback(client.close)
        await self.come(client, token=self.token, recovery=True)
        return self

    async def call(self, event: str, payload: object = None) -> Any:
        """An ack; the events that come before it are kept."""
        self._numbers += 1
        await self.client.send(f"2{self._numbers}{orjson.dumps([event, payload]).decode()}")
        head = f"3{self._numbers}["
        while True:
            message = await self.client.receive()
            assert isinstance(message, str)
            if message.startswith(head):
                return orjson.loads(message[len(head) - 1 :])[0]
            self.take(message)

    async def ok(self, event: str, payload: object = None) -> Any:
        answer = await self.call(event, payload)
        assert answer["ok"] is True, answer
        return answer["data"]

    def events(self, name: str) -> list[Any]:
        return [event[1] for event in self.heard if event[0] == name]

    async def until_heard(self, name: str, count: int) -> list[Any]:
        while len(self.events(name)) < count:
            await self.hear()
        return self.events(name)


def cut(instance: Instance, member: Member) -> None:
    instance.server.io.sockets[member.sid]._local.link.fail(CloseReason.TRANSPORT_ERROR, abort=True)


@pytest.fixture
async def pair(
    people: People, stack: AsyncExitStack, instance: Instance
) -> tuple[Person, Person, str, Member]:
    """Ann, who has a room; Bob, who is in it; and Bob's connection."""
    ann, bob = await people(), await people()
    room = await ann.room()
    member = await Member(bob.token, stack).enter(instance.port)
    await member.ok("authenticate")
    await member.ok("room:join", {"roomId": room})
    return ann, bob, room, member


async def say(person: Person, room: str, content: str, url: str | None = None) -> None:
    answer = await person.http.post(
        f"{url or person.url}/chat/rooms/{room}/messages", json={"content": content}
    )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("recovery_for", ["asking", "all"])
async def test_handlers_of_exactly_one_argument(people: People, start: Start, recovery_for: str) -> None:
    """python-socketio calls them with all that an event carries: a client that asks for nothing gets the payload."""
    instance = await start(recovery_for=recovery_for)
    ann, bob = await people(), await people()
    room = await ann.room()
    client = socketio.AsyncClient(handle_sigint=False)
    heard: asyncio.Queue[Any] = asyncio.Queue()

    @client.on("message:new")
    async def hear(*args: Any) -> None:
        heard.put_nowait(args)

    await client.connect(
        instance.url, socketio_path="io", transports=["websocket"], auth={"token": bob.token}
    )
    try:
        assert (await client.call("authenticate"))["ok"]
        assert (await client.call("room:join", {"roomId": room}))["ok"]
        await say(ann, room, "hello", instance.url)
        async with asyncio.timeout(PATIENCE):
            payload, *more = await heard.get()
        assert payload["content"] == "hello"
        assert len(more) == (recovery_for == "all")
    finally:
        await client.disconnect()


async def test_a_moment_away(instance: Instance, pair: tuple[Person, Person, str, Member]) -> None:
    ann, bob, room, member = pair
    await say(ann, room, "heard")
    await member.until_heard("message:new", 1)
    cut(instance, member)
    await say(ann, room, "missed")
    await member.enter(instance.port)
    assert member.recovered
    assert [message["content"] for message in member.events("message:new")] == ["heard", "missed"]
    await member.ok("message:send", {"roomId": room, "content": "back, without a word"})
    await say(ann, room, "live")
    heard = [message["content"] for message in await member.until_heard("message:new", 4)]
    assert heard == ["heard", "missed", "back, without a word", "live"]
    (seen,) = await member.ok("presence:get", {"userIds": [bob.id]})
    assert seen["status"] == "online"
    assert (await member.ok("authenticate"))[
        "userId"
    ] == bob.id  # as clients do that know nothing of recovery
    await member.ok("room:list", {})
    assert len(member.events("authenticated")) == 2


async def test_one_who_was_a_stranger_still_is_one(
    instance: Instance, people: People, stack: AsyncExitStack
) -> None:
    bob = await people()
    member = await Member(bob.token, stack).enter(instance.port)
    cut(instance, member)
    await member.enter(instance.port)
    assert not member.recovered
    assert (await member.call("room:list", {}))["error"]["reason"] == "unauthenticated"


@pytest.mark.parametrize("everywhere", [False, True])
async def test_signed_out_while_away(
    instance: Instance, pair: tuple[Person, Person, str, Member], everywhere: bool
) -> None:
    ann, bob, room, member = pair
    cut(instance, member)
    answer = await bob.http.post("/auth/sign-out", json={"everywhere": everywhere})
    assert answer.status_code < 300
    await say(ann, room, "secret")
    await member.enter(instance.port)
    assert not member.recovered
    assert (await member.call("authenticate"))["error"]["reason"] == "unauthenticated"
    assert member.events("message:new") == []


async def test_revoked_and_nobody_told(
    instance: Instance, pair: tuple[Person, Person, str, Member], db: Database
) -> None:
    ann, bob, room, member = pair
    cut(instance, member)
    await store.tokens.revoke_all(db, bob.id)
    await say(ann, room, "secret")
    await member.enter(instance.port)
    assert not member.recovered
    assert member.events("message:new") == []


async def test_expired_while_away(
    instance: Instance, people: People, settings: Settings, stack: AsyncExitStack, db: Database
) -> None:
    bob = await people()
    token = Tokens(settings.jwt_secret, lifetime=2).issue(bob.id, 0)
    member = await Member(token, stack).enter(instance.port)
    await member.ok("authenticate")
    cut(instance, member)
    member.token = bob.token
    await asyncio.sleep(2.1)
    await member.enter(instance.port)
    assert not member.recovered


async def test_another_user_with_the_same_socket(
    instance: Instance, pair: tuple[Person, Person, str, Member]
) -> None:
    ann, _, _, member = pair
    cut(instance, member)
    member.token = ann.token
    await member.enter(instance.port)
    assert not member.recovered
    assert (await member.ok("authenticate"))["userId"] == ann.id


async def test_kicked_while_away(instance: Instance, pair: tuple[Person, Person, str, Member]) -> None:
    ann, bob, room, member = pair
    cut(instance, member)
    await say(ann, room, "he may hear this")
    answer = await ann.http.delete(f"/chat/rooms/{room}/members/{bob.id}")
    assert answer.status_code < 300
    await say(ann, room, "secret")
    await member.enter(instance.port)
    assert member.recovered
    assert [message["content"] for message in member.events("message:new")] in ([], ["he may hear this"])
    await say(ann, room, "secret, too")
    await member.ok("room:list", {})
    assert "secret" not in str(member.heard)


async def test_removed_and_nobody_told(
    instance: Instance, pair: tuple[Person, Person, str, Member], db: Database
) -> None:
    ann, bob, room, member = pair
    cut(instance, member)
    await remove(db, room, bob.id)
    await say(ann, room, "secret")
    await member.enter(instance.port)
    assert member.recovered
    await say(ann, room, "secret, too")
    await member.ok("room:list", {})
    assert member.events("message:new") == []


async def test_too_many_devices_meanwhile(start: Start, people: People, stack: AsyncExitStack) -> None:
    instance = await start(max_sockets_per_user=1, presence_hold=0)
    bob = await people()
    member = await Member(bob.token, stack).enter(instance.port)
    await member.ok("authenticate")
    cut(instance, member)
    other = await Member(bob.token, stack).enter(instance.port)
    while not (await other.call("authenticate"))["ok"]:  # noqa: ASYNC110 - its place is free soon
        await asyncio.sleep(0.01)
    await member.enter(instance.port)
    assert not member.recovered
    assert (await member.call("authenticate"))["error"]["reason"] == "too_many"


async def test_off(start: Start, people: People, stack: AsyncExitStack) -> None:
    instance = await start(recovery=0)
    client = await WebSocketClient.open(Place(instance.port))
    stack.push_async_callback(client.close)
    await client.join()


async def test_the_client_for_programs(
    instance: Instance, people: People, stack: AsyncExitStack, start: Start
) -> None:
    """It gets what it has missed before it is connected again, once, and without the offsets."""
    ann, bob = await people(), await people()
    room = await ann.room()
    heard: list[str] = []
    async with ChatClient(instance.url, bob.token, reconnection_delay=10, reconnection_delay_max=10) as chat:

        @chat.on("message:new")
        def note(message: dict[str, Any]) -> None:
            heard.append(message["content"])

        await chat.call("room:join", {"roomId": room})
        for number in range(5):
            await say(ann, room, f"{number} before")
            cut_sid = chat._client.id
            assert cut_sid is not None
            instance.server.io.sockets[cut_sid]._local.link.fail(CloseReason.TRANSPORT_ERROR, abort=True)
            await say(ann, room, f"{number} while away")
            await chat.call("room:list", {})
            assert chat._client.recovered
            assert chat._client.id == cut_sid
        async with asyncio.timeout(PATIENCE):
            while len(heard) < 10:  # noqa: ASYNC110 - it comes from elsewhere
                await asyncio.sleep(0.01)
    assert heard == [f"{number} {when}" for number in range(5) for when in ("before", "while away")]


async def test_a_handler_of_a_missed_event_may_call(instance: Instance, people: People) -> None:
    """What was missed comes before the client is authenticated again, which must not wait for its handler."""
    ann, bob = await people(), await people()
    room = await ann.room()
    answers: asyncio.Queue[Any] = asyncio.Queue()
    async with ChatClient(
        instance.url, bob.token, reconnection_delay=500, reconnection_delay_max=500
    ) as chat:

        @chat.on("message:new")
        async def answer(message: dict[str, Any]) -> None:
            answers.put_nowait(await chat.call("room:get", {"roomId": message["roomId"]}))

        await chat.call("room:join", {"roomId": room})
        sid = chat._client.id
        assert sid is not None
        instance.server.io.sockets[sid]._local.link.fail(CloseReason.TRANSPORT_ERROR, abort=True)
        await say(ann, room, "while away")
        async with asyncio.timeout(PATIENCE):
            assert (await answers.get())["id"] == room
        assert chat._client.recovered


# --- real processes ---


class Process:
    """An instance in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


@pytest.fixture
def launch(settings: Settings, stack: AsyncExitStack) -> Callable[[int], Awaitable[Process]]:
    """Starts `parley serve` on a port, on the database and the Redis of the test."""
    hidden = {field.name: getattr(settings, field.name) for field in fields(settings)}
    given = (
        "database_url",
        "redis_url",
        "bus",
        "jwt_secret",
        "data_dir",
        "event_rate",
        "event_burst",
        "address_rate",
    )
    environment = os.environ | {name.upper(): str(hidden[name]) for name in given}

    async def start(port: int) -> Process:
        command = (sys.executable, "-m", "app", "serve")
        process = await asyncio.create_subprocess_exec(*command, env=environment | {"PORT": str(port)})
        stack.push_async_callback(end, process)
        async with httpx.AsyncClient() as http, asyncio.timeout(60):
            while True:
                try:
                    if (await http.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200:
                        return Process(process, port)
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    return start


async def end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        await process.wait()


async def until_saved(settings: Settings, member: Member, channel: str) -> None:
    """Waits until a member is saved as one who hears of a channel, and with the token, which may be saved later."""
    saved = RedisStore(settings.redis_url)
    async with asyncio.timeout(PATIENCE):
        while True:
            text = await saved.get(key_of(str(member.pid)))
            if text is not None and channel in (found := decode(text)).rooms and token_held_by(found.data):
                break
            await asyncio.sleep(0.01)
    await saved.close()


@pytest.mark.begins_early
@pytest.mark.parametrize("how", ["another", "again"])
async def test_its_instance_is_killed(
    launch: Callable[[int], Awaitable[Process]],
    instance: Instance,
    settings: Settings,
    people: People,
    stack: AsyncExitStack,
    free_port: int,
    how: str,
) -> None:
    """With kill -9; the client comes back to another instance, or to the same one, started again."""
    ann, bob = await people(), await people()
    room = await ann.room()
    doomed = await launch(free_port)
    member = await Member(bob.token, stack).enter(doomed.port)
    quiet = await Member(bob.token, stack).enter(doomed.port)
    for each in (member, quiet):
        await each.ok("authenticate")
        await each.ok("room:join", {"roomId": room})
    await say(ann, room, "heard")
    for each in (member, quiet):
        await each.until_heard(
            "message:new", 1
        )  # which has the first offset: without one, nobody is recovered
        await until_saved(settings, each, room_channel(room))
    await doomed.kill()
    await say(ann, room, "missed")
    port = instance.port if how == "another" else (await launch(free_port)).port
    for each in (member, quiet):
        await each.enter(port)
        assert each.recovered
        assert [message["content"] for message in each.events("message:new")] == ["heard", "missed"]
    await say(ann, room, "live")
    assert (await member.until_heard("message:new", 3))[-1]["content"] == "live"
