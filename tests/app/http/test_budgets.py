"""Answers that a client does not take, and requests that it does not end: they hold little, and not for ever."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.api import user_sockets
from app.config.settings import Settings
from app.core.errors import Refusal
from app.http import budgets as budgets_module
from app.http.budgets import PIECE, SMALL, WITH_IT, Budgeted, BudgetKind, Budgets, Most, budgets_of
from protocol.server.uvicorn_http.untaken_answers import AnswersTaken
from tests.support.chat.people import Instance, People, Person, Start
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.over_websocket

LARGE = {"content": "x" * 10_000, "metadata": {"large": "y" * 60_000}}


@contextmanager
def deaf(instance: Instance, *requests: bytes) -> Iterator[socket.socket]:
    """A client that sends and does not read."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", instance.port))
        client.sendall(b"".join(requests))
        yield client


def request(person: Person | None, path: str, method: str = "GET", head: str = "") -> bytes:
    token = "" if person is None else f"Authorization: Bearer {person.token}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: chat\r\n{token}{head}\r\n".encode()


async def room_of_large_messages(person: Person, number: int = 8) -> str:
    room = await person.room()
    for _ in range(number):
        answer = await person.http.post(f"/chat/rooms/{room}/messages", json=LARGE)
        assert answer.status_code == 201
    return room


# A time to take an answer


@pytest.mark.parametrize("what", ["a file", "pages of messages", "descriptions"])
async def test_the_connection_of_whoever_takes_nothing_ends(
    instance: Instance, people: People, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(AnswersTaken, "answer_within", 0.2)
    ann = await people()
    if what == "a file":
        uploaded = await ann.http.post("/chat/files", files={"file": ("big.bin", bytes(20_000_000))})
        requests = [request(ann, uploaded.json()["url"])]
    elif what == "pages of messages":
        room = await room_of_large_messages(ann)
        requests = [request(ann, f"/chat/rooms/{room}/messages")] * 40
    else:
        requests = [request(None, "/openapi.json")] * 200
    await ann.http.aclose()
    connections = instance.server.server_state.connections
    with deaf(instance, *requests) as client:
        await until(lambda: len(connections) > 0)
        await until(lambda: client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0)  # it was reset
        await until(
            lambda: all(client.getsockname() != getattr(other, "client", None) for other in connections)
        )


async def test_whoever_takes_it_piece_by_piece_gets_it_whole(
    instance: Instance, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AnswersTaken, "min_taken", 1)
    ann = await people()
    room = await room_of_large_messages(ann)
    path = f"/chat/rooms/{room}/messages"
    whole = (await ann.http.get(path)).content
    assert len(whole) > 7 * PIECE
    with deaf(instance, request(ann, path, head="Connection: close\r\n")) as client:
        client.setblocking(False)
        loop, taken = asyncio.get_running_loop(), b""
        async with asyncio.timeout(PATIENCE):
            while piece := await loop.sock_recv(client, 3000):
                taken += piece
    assert taken.partition(b"\r\n\r\n")[2] == whole


# How many requests and answers


def limited(monkeypatch: pytest.MonkeyPatch, kind: BudgetKind, number: int) -> dict[str, int]:
    """A bound for a test, and rates that switch it on."""
    monkeypatch.setitem(budgets_module.MOST, kind, Most(number, f"too much: {kind}"))
    return {"event_rate": 1000, "event_burst": 1000, "address_rate": 1000, "address_burst": 4000}


SLOW = "Content-Length: 10\r\nExpect: 100-continue\r\n"


async def awaited(client: socket.socket) -> None:
    """The server waits for the body."""
    client.setblocking(False)
    async with asyncio.timeout(PATIENCE):
        assert b"100 Continue" in await asyncio.get_running_loop().sock_recv(client, 1000)


async def test_requests_of_one_user_at_once(
    start: Start, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = await start(**limited(monkeypatch, "user", 2))
    ann, bob = await people(), await people()
    url = f"{instance.url}/auth/who-am-i"
    slow = request(ann, "/chat/rooms", "POST", SLOW)
    with deaf(instance, slow) as first, deaf(instance, slow) as second:
        await awaited(first)
        await awaited(second)
        answer = await ann.http.get(url)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert answer.json()["message"] == "too much: user"
        assert (await bob.http.get(url)).status_code == 200
        second.sendall(b'{"name":1}')
        await asyncio.get_running_loop().sock_recv(second, 1000)
        async with asyncio.timeout(PATIENCE):
            while (await ann.http.get(url)).status_code == 429:
                pass


@pytest.mark.parametrize("kind", ["stranger", "body"])
async def test_requests_of_one_network_at_once(
    start: Start, people: People, monkeypatch: pytest.MonkeyPatch, kind: BudgetKind
) -> None:
    instance = await start(**limited(monkeypatch, kind, 1))
    ann = await people()
    body = {
        "identifier": {"scheme": "username", "value": "x"},
        "credential": {"scheme": "basic", "value": "x"},
    }
    with deaf(instance, request(None, "/auth/sign-in", "POST", SLOW)) as slow:
        await awaited(slow)
        answer = await ann.http.post(f"{instance.url}/auth/sign-in", json=body)
        assert (answer.status_code, answer.json()["message"]) == (429, f"too much: {kind}")
        assert (await ann.http.get(f"{instance.url}/auth/who-am-i")).status_code == 200


@pytest.mark.parametrize("kind", ["user_answers", "network_answers"])
async def test_answers_that_wait(
    start: Start, people: People, monkeypatch: pytest.MonkeyPatch, kind: BudgetKind
) -> None:
    instance = await start(**limited(monkeypatch, kind, 1_000_000))
    ann, bob = await people(), await people()
    room = await room_of_large_messages(ann)
    path = f"/chat/rooms/{room}/messages"
    with deaf(instance, *[request(ann, path)] * 40):
        async with asyncio.timeout(PATIENCE):
            while (answer := await ann.http.get(f"{instance.url}{path}")).status_code == 200:
                pass
        assert (answer.status_code, answer.json()["message"]) == (429, f"too much: {kind}")
        bobs = await bob.http.get(f"{instance.url}/openapi.json")
        assert bobs.status_code == 200
    async with asyncio.timeout(PATIENCE):
        while (await ann.http.get(f"{instance.url}{path}")).status_code == 429:
            pass


@pytest.mark.parametrize(
    ("event_rate", "address_rate", "bounded"),
    [(0, 0, set()), (0, 1, {"network_answers"}), (1, 0, {"user"}), (1, 1, {"user", "network_answers"})],
)
def test_who_switches_the_rates_off_means_these_counts_as_well(
    settings: Settings, event_rate: int, address_rate: int, bounded: set[BudgetKind]
) -> None:
    budgets = budgets_of(replace(settings, event_rate=event_rate, address_rate=address_rate))
    kinds: tuple[BudgetKind, ...] = ("user", "network_answers")
    for kind in kinds:
        with pytest.raises(Refusal) if kind in bounded else nullcontext():
            budgets.check(kind, "x", 2**40)


# Pieces


class Taker:
    """What a server does with an answer: it has a piece taken before the next one comes."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.go_on = asyncio.Semaphore(0)

    async def send(self, message: Any) -> None:
        self.messages.append(dict(message))
        await self.go_on.acquire()


async def nothing() -> Any:
    raise AssertionError("nothing is received")


def answering(*bodies: bytes) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for place, body in enumerate(bodies):
            more = place + 1 < len(bodies)
            await send({"type": "http.response.body", "body": body, "more_body": more})

    return app


def scope(method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "method": method, "client": ("10.0.0.1", 1), "path": "/", "headers": []}


@pytest.mark.parametrize(
    ("bodies", "pieces"),
    [
        ([b""], 1),
        ([b"x" * SMALL], 1),
        ([b"x" * (SMALL + 1)], 2),
        ([b"x" * PIECE], 2),
        ([b"x" * (3 * PIECE + 1)], 5),
        ([b"x" * PIECE, b"y" * 10], 3),
    ],
)
async def test_a_large_answer_leaves_in_pieces_and_counts_until_the_last(
    bodies: list[bytes], pieces: int
) -> None:
    budgets, taker = Budgets({}), Taker()
    sending = asyncio.create_task(Budgeted(answering(*bodies), budgets)(scope(), nothing, taker.send))
    counted = []
    while not sending.done():
        await asyncio.sleep(0)
        counted.append(len(budgets))
        taker.go_on.release()
    await sending
    start, *parts = taker.messages
    assert start["type"] == "http.response.start"
    assert b"".join(part["body"] for part in parts) == b"".join(bodies)
    assert all(len(part["body"]) <= PIECE for part in parts)
    assert [part["more_body"] for part in parts] == [True] * (pieces - 1) + [False]
    assert (max(counted) == 1) is any(len(body) > SMALL for body in bodies)
    assert len(budgets) == 0


async def test_an_answer_that_is_too_much_is_refused_where_nothing_was_done() -> None:
    budgets = Budgets({"network_answers": Most(2 * (SMALL + 1 + WITH_IT), "too much")})
    app, takers, tasks = Budgeted(answering(b"x" * (SMALL + 1)), budgets), list[Taker](), []
    for method in ("GET", "POST", "POST", "GET"):
        taker = Taker()
        taker.go_on.release()  # it takes the head, and no more for now
        tasks.append(asyncio.create_task(app(scope(method), nothing, taker.send)))
        takers.append(taker)
        for _ in range(5):
            await asyncio.sleep(0)
    assert [taker.messages[0]["status"] for taker in takers] == [200, 200, 200, 429]
    for taker in takers:
        for _ in range(10):
            taker.go_on.release()
    await asyncio.gather(*tasks)
    assert len(budgets) == 0


# Sockets


async def test_a_user_who_does_not_read_on_one_device_is_answered_on_none(
    instance: Instance, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_sockets, "MOST_UNREAD", 0)
    ann, bob = await people(), await people()
    room = await room_of_large_messages(ann)
    device, other = await ann.device(), await bob.device()
    silent = Poller(instance.url)
    await silent.begin(ann)
    await silent.send(f'42["message:history",{{"roomId":"{room}"}}]')
    await silent.send(f'421["message:history",{{"roomId":"{room}"}}]')
    async with asyncio.timeout(PATIENCE):
        while (answer := await device.call("room:get", {"roomId": room}))["ok"]:
            pass
    assert answer["error"]["reason"] == "rate_limited"
    assert answer["error"]["message"] == "Read first what you have been sent"
    assert await other.ok("room:list") == []
    assert len(instance.server.io.sockets) == 3
    monkeypatch.setattr(user_sockets, "MOST_WAITING", 0)
    await until(lambda: len(instance.server.io.sockets) == 2)  # the silent one was closed
    assert (await device.ok("room:get", {"roomId": room}))["id"] == room
    await silent.http.aclose()


class Poller:
    """A polling client that asks for what has come when it wants to."""

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url)
        self.query = {"EIO": "4", "transport": "polling"}

    async def begin(self, person: Person) -> None:
        opening = await self.fetch()
        self.query["sid"] = json.loads(opening[1:])["sid"]
        await self.send(f'40{{"token":"{person.token}"}}')
        await self.send('420["authenticate"]')
        while "430[" not in await self.fetch():
            pass

    async def fetch(self) -> str:
        return (await self.http.get("/io/", params=self.query)).text

    async def send(self, packet: str) -> None:
        assert (await self.http.post("/io/", params=self.query, content=packet)).text == "ok"
