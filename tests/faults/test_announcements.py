"""What an instance has acknowledged is heard also in a quiet room, whatever became of Redis, or of the instance.

And it is counted which numbers come late.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from app.client import ChatClient
from tests.faults.conftest import Cluster, sign_up
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.begins_early

MANY = 40  # messages that each says while something is wrong, and as many before and after


class Listener:
    """A member of the room at one instance, with all that it hears, in order."""

    def __init__(self, url: str, session: dict[str, Any], room_id: str) -> None:
        self.user_id: str = session["user"]["id"]
        self.chat = ChatClient(url, session["token"])
        self.messages: list[dict[str, Any]] = []
        self.sync_needed: list[dict[str, Any]] = []
        self._room_id = room_id
        self._said = 0
        self.chat.on("message:new")(self.messages.append)
        self.chat.on("room:sync-needed")(self.sync_needed.append)

    async def say(self, times: int = 1) -> None:
        """Send messages one after the other, each acknowledged."""
        for _ in range(times):
            self._said += 1
            await self.chat.call("message:send", {"roomId": self._room_id, "content": str(self._said)})

    async def hears(self, many: int) -> None:
        """Wait until so many messages have come."""
        async with asyncio.timeout(PATIENCE):
            while len(self.messages) < many:  # noqa: ASYNC110 - of a list that the client fills
                await asyncio.sleep(0.05)

    def late(self, first: int) -> int:
        """How many numbers came after a higher one, from the message at a place on."""
        numbers = [message["changeSeq"] for message in self.messages]
        return sum(
            number < max(numbers[:place], default=0) for place, number in enumerate(numbers) if place >= first
        )

    def assert_each_once(self, speakers: "list[Listener]") -> None:
        """Each message came once, and those of one speaker, who is at one instance, in order."""
        numbers = [message["changeSeq"] for message in self.messages]
        assert len(set(numbers)) == len(numbers)
        for speaker in speakers:
            said = [message["content"] for message in self.messages if message["senderId"] == speaker.user_id]
            assert said == [str(number) for number in range(1, len(said) + 1)]


@pytest.fixture
async def listeners(cluster: Cluster) -> AsyncIterator[list[Listener]]:
    """Two members of a room, one at each instance."""
    async with AsyncExitStack() as stack:
        url = cluster.instances[1].url
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE)
        )
        sessions = [await sign_up(http) for _ in cluster.instances]
        ann, bob = ({"authorization": f"Bearer {session['token']}"} for session in sessions)
        room = (
            (await http.post("/chat/rooms", json={"name": "a room"}, headers=ann)).raise_for_status().json()
        )
        (await http.post(f"/chat/rooms/{room['id']}/join", headers=bob)).raise_for_status()
        found = []
        for instance, session in zip(cluster.instances, sessions, strict=True):
            listener = Listener(instance.url, session, room["id"])
            await listener.chat.connect()
            stack.push_async_callback(listener.chat.disconnect)
            found.append(listener)
        yield found


async def test_a_quiet_room_hears_after_redis_is_back(cluster: Cluster, listeners: list[Listener]) -> None:
    ann, bob = listeners
    for link in cluster.redis:
        link.refuse()
    await cluster.tells("ready", 503)
    await ann.say()
    assert bob.messages == []
    for link in cluster.redis:
        await link.resume()
    await bob.hears(1)
    bob.assert_each_once(listeners)
    cluster.assert_alive()


async def test_a_quiet_room_is_told_to_sync_what_a_killed_instance_could_not_announce(
    cluster: Cluster, listeners: list[Listener]
) -> None:
    ann, bob = listeners
    doomed = cluster.instances[0]
    await ann.say()
    await bob.hears(1)
    known = bob.messages[0]["changeSeq"]
    cluster.redis[0].stall()
    await ann.say()
    doomed.process.kill()
    async with asyncio.timeout(PATIENCE):
        while not bob.sync_needed:  # noqa: ASYNC110 - of a list that the client fills
            await asyncio.sleep(0.05)
    (needed,) = bob.sync_needed
    assert needed["lastSeq"] == known + 1
    page = await bob.chat.call("room:sync", {"roomId": needed["roomId"], "afterSeq": known})
    assert [change["message"]["content"] for change in page["changes"]] == ["2"]
    assert len(bob.messages) == 1
    await asyncio.to_thread(doomed.process.wait)
    await cluster.redis[0].resume()
    doomed.start()
    await cluster.tells("ready", 200)
    cluster.assert_alive()


async def test_a_quiet_room_is_told_at_once_what_a_stopped_instance_could_not_announce(
    cluster: Cluster, listeners: list[Listener]
) -> None:
    """An instance that stops while Redis is away lets the next who looks not wait for the time of a look."""
    ann, bob = listeners
    stopping = cluster.instances[0]
    await ann.say()
    await bob.hears(1)
    for link in cluster.redis:
        link.refuse()
    await cluster.tells("ready", 503)
    await ann.say()
    await stopping.stop()
    assert await cluster.ask("select looked_at = '-infinity' from announced_changes") is True
    for link in cluster.redis:
        await link.resume()
    async with asyncio.timeout(PATIENCE):
        while not bob.sync_needed:  # noqa: ASYNC110 - of a list that the client fills
            await asyncio.sleep(0.05)
    (needed,) = bob.sync_needed
    assert needed["lastSeq"] == bob.messages[0]["changeSeq"] + 1
    stopping.start()
    await cluster.tells("ready", 200)
    cluster.assert_alive()


async def test_each_number_comes_once_and_only_those_of_different_instances_are_late(
    cluster: Cluster, listeners: list[Listener], record_property: Any
) -> None:
    """Both say something all the time: while all is well, while Redis is away for both, and afterwards."""
    ann, bob = listeners

    async def both_say(state: str) -> None:
        first = len(ann.messages)
        await asyncio.gather(*(each.say(MANY) for each in listeners))
        if state == "Redis away":
            assert first == len(ann.messages)
            for link in cluster.redis:
                await link.resume()
        for each in listeners:
            await each.hears(first + 2 * MANY)
            each.assert_each_once(listeners)
        record_property(f"late numbers, {state}", ann.late(first))

    await both_say("all well")
    for link in cluster.redis:
        link.refuse()
    await cluster.tells("ready", 503)
    await both_say("Redis away")
    await cluster.tells("ready", 200)
    await both_say("Redis back")
    assert [message["changeSeq"] for message in ann.messages] == [
        message["changeSeq"] for message in bob.messages
    ]
    assert ann.sync_needed == bob.sync_needed == []
    cluster.assert_alive()


async def test_no_number_is_late_where_one_instance_makes_the_changes(
    cluster: Cluster, listeners: list[Listener]
) -> None:
    ann = listeners[0]
    await ann.say(MANY)
    for link in cluster.redis:
        link.refuse()
    await cluster.tells("ready", 503)
    await ann.say(MANY)
    for link in cluster.redis:
        await link.resume()
    await ann.say(MANY)
    for each in listeners:
        await each.hears(3 * MANY)
        each.assert_each_once(listeners)
        assert each.late(0) == 0
    cluster.assert_alive()
