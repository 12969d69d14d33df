"""JSON at every door of the chat: what cannot be carried is refused there, and what is stored can always be read."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest

from app.db.database import Database
from protocol import JSON, Client
from protocol.engineio.packets import Encoded
from protocol.socketio.packets import Packet, Parser
from tests.support.chat.people import Instance, People, Start

pytestmark = pytest.mark.one_chat

OUT_OF_RANGE = "1e400"
DEEP = '{"x":' * 100 + "1" + "}" * 100
WITHIN = {"x": {"y": [1e308, 2**53 + 1, -0.0, 1e-300, {"z": [[[[]]]]}]}}


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


def depth(value: Any) -> int:
    return 1 + max(map(depth, value.values()), default=0) if isinstance(value, dict) else 0


def messages_of(changes: Any) -> list[Any]:
    """The messages in a page of a room's changes."""
    return [change["message"] for change in changes["changes"] if "message" in change]


def writer(text: str) -> Parser:
    """The parser of a client that writes `text` where its data says "here", as JavaScript and others can."""

    def encode(packet: Packet) -> Encoded:
        return Encoded(JSON.encode(packet).text.replace(b'"here"', text.encode()))

    return Parser(encode, JSON.decode)


@pytest.mark.parametrize("text", [OUT_OF_RANGE, DEEP, '"' + "[" * 1500 + '",' + "[" * 1500 + "]" * 1500])
async def test_an_event_is_refused_and_the_session_goes_on(
    instance: Instance, people: People, text: str
) -> None:
    bob = await people()
    room = await bob.room()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    async with Client(instance.url, path="/io/", auth={"token": bob.token}, parser=writer(text)) as client:
        client.on("error")(heard.put)
        stranger = await client.emit_with_ack("message:send", "here")
        assert stranger["error"]["reason"] == "unauthenticated"
        await client.emit_with_ack("authenticate")
        payload = {"roomId": room, "content": "x", "metadata": {"a": "here"}}
        refused = await client.emit_with_ack("message:send", payload)
        assert refused["ok"] is False
        assert (refused["error"]["code"], refused["error"]["reason"]) == ("SEND_FAILED", "invalid")
        await client.emit("message:send", payload)
        error = await asyncio.wait_for(heard.get(), 30)
        assert (error["code"], error["reason"], error["message"]) == (
            "SEND_FAILED",
            "invalid",
            refused["error"]["message"],
        )
        unknown = await client.emit_with_ack("no:such", "here")
        assert (unknown["error"]["code"], unknown["error"]["reason"]) == ("UNKNOWN_EVENT", "invalid")
        sent = await client.emit_with_ack("message:send", {"roomId": room, "content": "still here"})
        assert sent["data"]["content"] == "still here"


async def test_refused_events_are_counted(start: Start, people: People) -> None:
    """A flood of them is limited like any other."""
    limited = await start(event_rate=1, event_burst=3)
    bob = await people()
    async with Client(
        limited.url, path="/io/", auth={"token": bob.token}, parser=writer(OUT_OF_RANGE)
    ) as client:
        await client.emit_with_ack("authenticate")
        answers = [await client.emit_with_ack("message:send", "here") for _ in range(8)]
    reasons = {answer["error"]["reason"] for answer in answers}
    assert reasons == {"invalid", "rate_limited"}


class TestMetadata:
    """The same at both doors of both kinds of message."""

    @pytest.fixture(params=["message:send", "dm:send", "REST", "REST to a person"])
    async def send(self, request: pytest.FixtureRequest, people: People) -> Callable[[str], Awaitable[Any]]:
        """Sends a message with metadata, given as JSON; returns the message, or the reason of the refusal."""
        bob = await people()
        to_room, to_self = {"roomId": await bob.room()}, {"receiverId": bob.id}
        if request.param in ("message:send", "dm:send"):
            device = await bob.device()
            place = to_room if request.param == "message:send" else to_self

            async def emit(metadata: str) -> Any:
                payload = {"content": "x", "metadata": orjson.loads(metadata), **place}
                answer = await device.call(request.param, payload)
                return answer["data"] if answer["ok"] else answer["error"]["reason"]

            return emit
        path = (
            f"/chat/rooms/{to_room['roomId']}/messages" if request.param == "REST" else f"/chat/dm/{bob.id}"
        )

        async def post(metadata: str) -> Any:
            answer = await bob.http.post(path, content=f'{{"content":"x","metadata":{metadata}}}')
            if answer.status_code == 201:
                return answer.json()
            assert answer.status_code == 422
            return answer.json()["details"]["reason"]

        return post

    async def test_limits(self, send: Callable[[str], Awaitable[Any]]) -> None:
        sent = await send(orjson.dumps(WITHIN).decode())
        assert sent["metadata"] == WITHIN
        assert await send(orjson.dumps(nested(70)).decode()) == "invalid"
        assert await send(orjson.dumps(nested(250)).decode()) == "invalid"
        deepest = await send(orjson.dumps(nested(60)).decode())
        assert deepest["metadata"] == nested(60)
        assert await send('{"n":[' + "1e308," * 300 + "1]}") == "too_long"


class TestRest:
    @pytest.mark.parametrize("text", [OUT_OF_RANGE, DEEP, "9" * 400, "[" * 2000 + "]" * 2000])
    async def test_a_body_that_cannot_be_carried(self, people: People, text: str) -> None:
        bob = await people()
        answer = await bob.http.post("/chat/rooms", content=f'{{"name":"x","more":{text}}}')
        assert (answer.status_code, answer.json()["details"]["reason"]) == (422, "invalid")
        assert answer.json()["message"].startswith("payload: cannot be taken: ")

    async def test_too_many_values(self, people: People) -> None:
        bob = await people()
        answer = await bob.http.post("/chat/rooms", content='{"name":"x","more":[' + "[]," * 30_000 + "1]}")
        assert (answer.status_code, answer.json()["details"]["reason"]) == (422, "invalid")

    async def test_half_a_character_and_large_integers(self, people: People) -> None:
        """As they come over Socket.IO."""
        bob = await people()
        path = f"/chat/rooms/{await bob.room()}/messages"
        body = '{"content":"a\\ud83d","metadata":{"n":[18446744073709551616,1.0,9007199254740993]}}'
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {bob.token}"}) as http:
            sent = (await http.post(bob.url + path, content=body)).json()
        assert sent["content"] == "a�"
        assert sent["metadata"] == {"n": [2**64, 1, 9007199254740993]}

    async def test_a_whole_number_with_a_point(self, people: People) -> None:
        bob = await people()
        room = await bob.room()
        answer = await bob.http.put(f"/chat/rooms/{room}/read", content='{"seq":0.0}')
        assert answer.status_code == 200, answer.text
        device = await bob.device()
        assert await device.ok("room:sync", {"roomId": room, "afterSeq": 0.0, "limit": 5.0})


@pytest.mark.parametrize(
    "metadata", [nested(250), {"n": [1e308] * 300 + [1e-300]}], ids=["deep", "long numbers"]
)
async def test_what_was_stored_before_there_were_limits_can_be_read(
    db: Database, people: People, metadata: dict[str, Any]
) -> None:
    """By every member, at every door; and it can be edited, reacted to and deleted."""
    ann, bob = await people(), await people()
    room = await ann.room()
    hers, his = await ann.device(), await bob.device()
    await his.ok("room:join", {"roomId": room})
    in_room = await his.ok("message:send", {"roomId": room, "content": "needle"})
    direct = await his.ok("dm:send", {"receiverId": ann.id, "content": "needle"})
    for sent in (in_room, direct):
        text = orjson.dumps(metadata).decode()
        await db.value(
            "update messages set metadata = cast(cast(:m as text) as jsonb) where id = :id",
            m=text,
            id=sent["id"],
        )

    def check(found: Any) -> None:
        shown = found["metadata"]
        assert shown == (metadata if "n" in metadata else nested(64) | shown)
        assert depth(shown) <= 64

    for device in (hers, his):
        for message in (
            *messages_of(await device.ok("room:sync", {"roomId": room, "afterSeq": 0})),
            *await device.ok("message:history", {"roomId": room}),
            *await device.ok("message:search", {"query": "needle"}),
            await device.ok("message:get", {"messageId": in_room["id"]}),
            await device.ok("message:get", {"messageId": direct["id"]}),
            *await device.ok("dm:history", {"userId": (bob if device is hers else ann).id}),
            *[c["lastMessage"] for c in (await device.ok("conversation:list", {}))["conversations"]],
        ):
            check(message)
    for path in (
        *(
            f"/chat/rooms/{room}/messages",
            f"/chat/rooms/{room}/changes?after=0",
            f"/chat/messages/{in_room['id']}",
        ),
        *(f"/chat/dm/{bob.id}", "/chat/conversations", "/chat/search?query=needle"),
    ):
        answer = await ann.http.get(path)
        assert answer.status_code == 200, path
        assert b'"metadata":{' in answer.content, path
    await his.ok("message:edit", {"messageId": in_room["id"], "content": "edited"})
    check(await hers.expect("message:edited"))
    await hers.ok("reaction:add", {"messageId": in_room["id"], "kind": "👍"})
    await his.ok("message:delete", {"messageId": in_room["id"]})
    assert (await hers.ok("message:get", {"messageId": in_room["id"]}))["metadata"] is None
