"""Behind a load balancer without memory: any instance takes any request of any session, and nobody notices."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from app.api import socket_handlers
from tests.support.chat.people import PASSWORD, Start
from tests.support.forwarding_cluster import round_robin
from tests.support.paths import node_client
from tests.support.tries import tries

ROOMS, PEOPLE, DEVICES = 10, 5, tries(4)  # in each room, of each person: 200 clients
MESSAGES = 3


async def crowd(url: str, **what: Any) -> Any:
    """What members of rooms, each with a client of its own, say of how they fared."""
    process = await asyncio.create_subprocess_exec(
        *node_client("crowd.mjs"), url, orjson.dumps(what), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return orjson.loads(output)


async def rooms_full_of_people(url: str) -> dict[str, list[str]]:
    """Rooms by id; in each, the token of a person for each of its devices."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:

        async def sign_up(number: int) -> dict[str, str]:
            account = {"username": f"person-{number}", "credential": PASSWORD}
            token = (await http.post("/auth/sign-up", json=account)).json()["token"]
            return {"authorization": f"Bearer {token}"}

        people = [await sign_up(number) for number in range(ROOMS * PEOPLE)]
        rooms = {}
        for number in range(ROOMS):
            members = people[number::ROOMS]
            room = (await http.post("/chat/rooms", json={"name": "a room"}, headers=members[0])).json()["id"]
            for member in members[1:]:
                assert (await http.post(f"/chat/rooms/{room}/join", headers=member)).status_code < 300
            rooms[room] = [member["authorization"].removeprefix("Bearer ") for member in members * DEVICES]
    return rooms


@pytest.mark.begins_early
@pytest.mark.parametrize(
    ("options", "transport"),
    [({}, "websocket"), ({"transports": ["polling"]}, "polling")],
    ids=["with an upgrade", "polling only"],
)
async def test_many_clients_behind_a_round_robin(
    start: Start, options: dict[str, Any], transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the last of many may need longer to say who they are.
    monkeypatch.setattr(socket_handlers, "AUTHENTICATE_WITHIN", 120.0)
    instances = [await start() for _ in range(3)]
    rooms = await rooms_full_of_people(instances[0].url)
    async with round_robin(*(instance.url for instance in instances)) as url:
        said = await crowd(url, options=options, transport=transport, messages=MESSAGES, rooms=rooms)
    assert said == {"clients": ROOMS * PEOPLE * DEVICES, "faults": []}
