"""Schemathesis asks REST for all that its description allows, and for much that it does not."""

import asyncio
import sys
from pathlib import Path
from string import Template

import pytest

from tests.support.chat.people import People, Start
from tests.support.images import image
from tests.support.tries import tries

pytestmark = pytest.mark.over_websocket

CONFIG = Path(__file__).with_name("schemathesis.toml")
MANY = 1_000_000
UNLIMITED = {
    "event_rate": MANY,
    "event_burst": MANY,
    "address_rate": MANY,
    "address_burst": MANY,
    "sign_in_rate": MANY,
    "sign_in_rate_of_name": MANY,
    "sign_up_rate": MANY,
    "upload_rate": MANY,
}


@pytest.mark.begins_early
@pytest.mark.timeout(900)
async def test_rest_is_as_described(start: Start, people: People, tmp_path: Path) -> None:
    instance = await start(**UNLIMITED)
    config = Template(CONFIG.read_text("utf-8")).substitute(await a_talk(people), EXAMPLES=tries(25))
    (tmp_path / CONFIG.name).write_text(config, "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{instance.url}/openapi.json"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def a_talk(people: People) -> dict[str, str]:
    """People who talk, by the names that the configuration has for them and what is theirs."""
    ann, friend, stranger, leaving, outsider = [await people() for _ in range(5)]
    room, room_to_end = await ann.room(isPrivate=True), await ann.room()
    await ann.http.post(f"/chat/rooms/{room}/invitations", json={"userId": friend.id})
    for joined in (room, room_to_end):
        await friend.http.post(f"/chat/rooms/{joined}/join")
    messages = [
        (
            await ann.http.post(
                f"/chat/rooms/{room}/messages", json={"content": f"@{friend.user['username']}!"}
            )
        ).json()
        for _ in range(2)
    ]
    await ann.http.post(f"/chat/dm/{friend.id}", json={"content": "hello"})
    file = await ann.http.post("/chat/files", files={"file": ("a.png", image())})
    avatar = await stranger.http.post("/chat/files", files={"file": ("b.png", image())})
    await stranger.http.patch("/chat/profile", json={"avatar": avatar.json()["id"]})
    return {
        "TOKEN": ann.token,
        "LEAVING_TOKEN": leaving.token,
        "ROOM": room,
        "ROOM_TO_END": room_to_end,
        "ROOM_TO_DELETE": await stranger.room(),
        "PUBLIC_ROOM": await stranger.room(),
        "FRIEND": friend.id,
        "STRANGER": stranger.id,
        "OUTSIDER": outsider.id,
        "MESSAGE": messages[0]["id"],
        "OTHER_MESSAGE": messages[1]["id"],
        "FILE": file.json()["id"],
        "AVATAR": avatar.json()["id"],
    }
