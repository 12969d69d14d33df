"""The chat's client for programs, against a real instance."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from app.client import ChatClient, ChatRefused
from protocol import Disconnected
from tests.support.chat.people import PASSWORD, Instance, Start, names
from tests.support.paths import ROOT
from tests.support.waiting import PATIENCE

Join = Callable[..., Awaitable[ChatClient]]


@pytest.fixture
async def join(instance: Instance, stack: AsyncExitStack) -> AsyncIterator[Join]:
    """Signs somebody up and connects a client of theirs."""

    async def join(**options: Any) -> ChatClient:
        return await stack.enter_async_context(ChatClient(instance.url, await token(instance), **options))

    yield join
    await stack.aclose()


async def token(instance: Instance) -> str:
    async with httpx.AsyncClient(base_url=instance.url) as http:
        body = {"username": f"bot-{next(names)}", "credential": PASSWORD}
        found: str = (await http.post("/auth/sign-up", json=body)).json()["token"]
        return found


async def test_two_programs_talk(join: Join) -> None:
    ann, bob = await join(), await join()
    room = await ann.call("room:create", {"name": "a room"})
    await bob.call("room:join", {"roomId": room["id"]})
    heard: asyncio.Queue[Any] = asyncio.Queue()
    bob.on("message:new")(heard.put)
    sent = await ann.call("message:send", {"roomId": room["id"], "content": "hello"})
    assert ann.connected
    async with asyncio.timeout(PATIENCE):
        assert await heard.get() == sent


async def test_a_refusal_is_an_exception_with_all_that_the_server_said(join: Join) -> None:
    ann = await join()
    with pytest.raises(ChatRefused) as refused:
        await ann.call("room:join", {"roomId": "nowhere"})
    error = refused.value
    assert (error.code, error.reason, error.retry_after) == ("JOIN_FAILED", "not_found", None)
    assert error.message == str(error)
    assert error.request_id


async def test_a_token_that_is_not_taken_ends_the_client(instance: Instance) -> None:
    chat = ChatClient(instance.url, "forged")
    with pytest.raises(ChatRefused) as refused:
        await chat.connect()
    assert refused.value.reason == "unauthenticated"
    with pytest.raises(ChatRefused):
        await chat.call("room:list")
    assert not chat.connected
    await chat.disconnect()


async def test_a_token_may_come_from_a_function_and_its_fault_is_told(instance: Instance) -> None:
    good = await token(instance)

    async def later() -> str:
        return good

    async with ChatClient(instance.url, later) as chat:
        assert await chat.call("room:list") == []

    def broken() -> str:
        raise LookupError("no token today")

    chat = ChatClient(instance.url, broken)
    with pytest.raises(LookupError, match="no token today"):
        await chat.connect()
    await chat.disconnect()


async def test_rooms_are_left_and_joined_by_one_connection(join: Join) -> None:
    ann, bob = await join(), await join()
    room = (await ann.call("room:create", {"name": "a room"}))["id"]
    await bob.call("room:join", {"roomId": room})
    heard: asyncio.Queue[str] = asyncio.Queue()

    @bob.on("message:new")
    async def hear(message: dict[str, Any]) -> None:
        await heard.put(message["content"])

    told = asyncio.Event()
    ann.on("message:new")(lambda *_message: told.set())
    await bob.leave_rooms(room)
    await ann.call("message:send", {"roomId": room, "content": "unheard"})
    async with asyncio.timeout(PATIENCE):
        await told.wait()  # the answer does not wait for the bus, and bob would hear what is still on its way
    await bob.join_rooms(room)
    await ann.call("message:send", {"roomId": room, "content": "heard"})
    async with asyncio.timeout(PATIENCE):
        assert await heard.get() == "heard"
    bob.off("message:new")


async def test_an_event_without_an_ack_is_refused_as_an_error(join: Join) -> None:
    ann = await join()
    refused: asyncio.Queue[Any] = asyncio.Queue()
    ann.on("error")(refused.put)
    await ann.emit("room:join", {"roomId": "nowhere"})
    async with asyncio.timeout(PATIENCE):
        assert (await refused.get())["code"] == "JOIN_FAILED"


async def test_after_a_break_it_authenticates_again_and_calls_wait_for_that(
    instance: Instance, start: Start, join: Join
) -> None:
    ann = await join(reconnection_delay=10, reconnection_delay_max=20)
    room = (await ann.call("room:create", {"name": "a room"}))["id"]
    lost = asyncio.Event()
    ann.on("disconnect")(lambda _reason: None)
    ann.off("disconnect")  # which takes nothing from the client itself
    ann.on("disconnect")(lambda _reason: lost.set())
    await instance.stop()
    async with asyncio.timeout(PATIENCE):
        await lost.wait()
    waiting = asyncio.create_task(ann.call("message:send", {"roomId": room, "content": "after"}))
    again = await start(port=instance.port)
    async with asyncio.timeout(PATIENCE):
        assert (await waiting)["content"] == "after"
    assert ann.connected
    assert again.port == instance.port


async def test_calls_after_the_end_say_so(join: Join) -> None:
    ann = await join()
    await ann.disconnect()
    assert not ann.connected
    with pytest.raises(Disconnected):
        await ann.call("room:list")


async def test_calls_before_the_beginning_say_so_and_nothing_has_to_be_ended() -> None:
    chat = ChatClient("http://127.0.0.1:1", "token")
    for ask in (chat.call("room:list"), chat.emit("room:list"), chat.join_rooms("x")):
        with pytest.raises(Disconnected):
            await ask
    assert not chat.connected
    await chat.disconnect()


async def test_the_sample_of_the_documentation(
    instance: Instance, join: Join, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "chat.md").read_text("utf-8")
    sample = re.search(r"```python\n(.+?)```", text, re.DOTALL)
    assert sample is not None
    names: dict[str, Any] = {}
    exec(sample[1].replace("from parley_chat.", "from "), names)
    ann = await join()
    room = (await ann.call("room:create", {"name": "a room"}))["id"]
    heard: asyncio.Queue[Any] = asyncio.Queue()
    ann.on("message:new")(heard.put)
    await names["greet"](instance.url, await token(instance), room)
    async with asyncio.timeout(PATIENCE):
        assert (await heard.get())["clientId"] == "greeting-1"
    with pytest.raises(ChatRefused):
        await names["greet"](instance.url, await token(instance), "nowhere")
    assert "not_found There is no such room" in capsys.readouterr().out
