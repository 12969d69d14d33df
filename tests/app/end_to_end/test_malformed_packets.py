"""Packets that are malformed, and polling at another instance than where the session is."""

import asyncio
import json

import httpx
import pytest
import websockets

from tests.support.chat.people import Instance, People, Start
from tests.support.waiting import PATIENCE

MALFORMED = [
    "",
    "9",
    "4",
    "42",
    "42[",
    "42{}",
    "42[]",
    "42[null]",
    "42[{}]",
    '42["disconnect"]',
    "42" + "[" * 100_000,
    '421e9["room:list"]',
    '451-["room:list",{"_placeholder":true,"num":9}]',
    "4\ud7ff",
    "43[]",
    "44{}",
    "40/nowhere,",
    "2probe",
    b"\x00\xff",
]


@pytest.mark.over_websocket
async def test_a_malformed_packet_harms_no_other_client(instance: Instance, people: People) -> None:
    ann = await people()
    neighbour = await ann.device()
    url = instance.url.replace("http", "ws") + "/io/?EIO=4&transport=websocket"
    for packet in MALFORMED:
        async with asyncio.timeout(PATIENCE), websockets.connect(url) as socket:
            await socket.recv()
            await socket.send("40")
            await socket.recv()
            await socket.send(packet)
            await socket.close()
        assert await neighbour.ok("room:list") == []
    assert neighbour.received["disconnect"] == []


async def test_a_polling_session_is_served_by_another_instance(
    instance: Instance, start: Start, http: httpx.AsyncClient
) -> None:
    other = await start()
    opened = await http.get("/io/", params={"EIO": "4", "transport": "polling"})
    sid = json.loads(opened.text[1:])["sid"]
    async with httpx.AsyncClient(base_url=other.url) as elsewhere:
        query = {"EIO": "4", "transport": "polling", "sid": sid}
        assert (await elsewhere.post("/io/", params=query, content="40")).status_code == 200
