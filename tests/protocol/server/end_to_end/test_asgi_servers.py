"""The plain ASGI websocket under the ASGI servers that there are. Where one differs, `DIFFERENCES` says how."""

import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from msgspec import Struct

from scripts.asgi_servers import SERVERS, command
from tests.support.engine_clients import POLLING, PollingClient
from tests.support.paths import ROOT
from tests.support.ports import find_free_port
from tests.support.raw_websocket import WEBSOCKET, Open, Refusal, Served, WebSocket
from tests.support.reference_server import Reference

ATTACHED = '452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'


class Difference(Struct, frozen=True):
    """What a server does in its own way: `empty`, an empty binary message; `codes`, what is added to a close code that
    it does not take; `refusal`, the status of a handshake that is refused."""

    empty: str | bytes = b""
    codes: int = 0
    refusal: int = 400


DIFFERENCES = {"daphne": Difference(empty="b", codes=3000, refusal=403)}


@pytest.fixture(params=SERVERS, scope="module")
def served(request: pytest.FixtureRequest) -> Iterator[Reference]:
    """Where the application is served."""
    place = Reference(find_free_port())
    arguments = command(request.param, "tests.support.asgi_app:app", place.port)
    with subprocess.Popen(arguments, cwd=ROOT, start_new_session=True) as process:
        try:
            wait_for(place)
            yield place
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # with the processes that some of them start


def wait_for(place: Reference) -> None:
    """Return once it answers."""
    with httpx.Client(trust_env=False, verify=False) as http:
        while True:
            try:
                http.get(place.url("EIO=4"))
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return


@pytest.fixture
def difference(request: pytest.FixtureRequest, served: Reference) -> Difference:
    return DIFFERENCES.get(request.node.callspec.params["served"], Difference())


@pytest.fixture
async def open_websocket() -> AsyncIterator[Open]:
    """Opens websockets, without more."""
    opened: list[WebSocket] = []

    async def start(served: Served, *args: Any, **options: Any) -> WebSocket:
        opened.append(await WebSocket.open(served, *args, **options))
        return opened[-1]

    yield start
    for websocket in opened:
        await websocket.close()


async def enter(websocket: WebSocket) -> None:
    websocket.send("40")
    answer = await websocket.receive()
    assert isinstance(answer, str)
    assert answer.startswith("40{"), answer


async def test_a_websocket(served: Reference, difference: Difference, open_websocket: Open) -> None:
    """Text, binary of any size in either form, acknowledgements, and the end, in order."""
    plain = await open_websocket(served, headers=["Sec-WebSocket-Protocol: v1, v2"])
    assert plain.answer.headers["sec-websocket-protocol"] == "v1"
    text = await open_websocket(served, f"{WEBSOCKET}&b64=1")
    for websocket in (plain, text):
        await websocket.receive()
        await enter(websocket)
        for packet in (b"", "b"):
            websocket.send(ATTACHED)
            websocket.send(packet)
            websocket.send(b"\0\1\2")
            assert await websocket.receive() == ATTACHED
            assert await websocket.receive() == ("b" if websocket is text else difference.empty)
            assert await websocket.receive() == ("bAAEC" if websocket is text else b"\0\1\2")
        websocket.send('427["echo","€"]')
        assert [await websocket.receive() for _ in range(2)] == ['42["echo","€"]', '437["€"]']
        websocket.send('42["leave"]')
        assert await websocket.receive() == "41"
        assert (await websocket.until_close()).code == 1000


@pytest.mark.parametrize(("message", "code"), [("4" + "x" * 2000, 1009), ("x", 1002)])
async def test_what_is_not_allowed(
    served: Reference, difference: Difference, open_websocket: Open, message: str, code: int
) -> None:
    """It closes the websocket; a handshake that is refused opens none."""
    websocket = await open_websocket(served)
    websocket.send(message)
    assert (await websocket.until_close()).code == code + difference.codes
    with pytest.raises(Refusal) as refusal:
        await open_websocket(served, "EIO=4&transport=x")
    assert refusal.value.answer.status == difference.refusal


async def test_polling_and_the_upgrade(served: Any, open_websocket: Open) -> None:
    client = await PollingClient.open(served, POLLING)
    try:
        await client.join()
        await client.send('21["echo",1]')
        assert {await client.receive(), await client.receive()} == {'2["echo",1]', "31[1]"}
        websocket = await open_websocket(served, f"{WEBSOCKET}&sid={client.sid}")
        websocket.send("2probe")
        assert await websocket.receive() == "3probe"
        websocket.send("5")
        websocket.send('42["echo",2]')
        assert await websocket.receive() == '42["echo",2]'
    finally:
        await client.close()
