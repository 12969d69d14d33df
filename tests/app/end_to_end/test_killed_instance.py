"""What an instance leaves to the others when it is killed: limits, sign-outs, and who was typing."""

from collections.abc import AsyncIterator

import httpx
import pytest
import redis

from app.config.settings import Settings
from tests.support.chat.other_process import OtherProcess, other_process
from tests.support.chat.people import Connect, Instance, People, Person, Start

SLOWLY = {"event_rate": 1, "event_burst": 200}  # which no test waits to be filled again

pytestmark = pytest.mark.over_websocket


@pytest.fixture
async def instance(start: Start) -> Instance:
    return await start(**SLOWLY)


@pytest.fixture
async def other(settings: Settings, free_port: int) -> AsyncIterator[OtherProcess]:
    limits = {name.upper(): value for name, value in SLOWLY.items()}
    async with other_process(settings, free_port, **limits) as process:
        yield process


async def is_refused(person: Person, url: str) -> bool:
    """Whether an instance says that the person does too much."""
    return (await person.http.get(f"{url}/chat/rooms")).status_code == 429


async def test_what_was_done_at_an_instance_that_was_killed_counts(
    people: People, other: OtherProcess
) -> None:
    ann = await people()
    for _ in range(1_000):
        if await is_refused(ann, other.url):
            break
    other.kill()
    # What other users may do is for each of them; of hers there is but what a second or two brought back.
    assert [await is_refused(ann, ann.url) for _ in range(60)].count(True) > 30
    assert not await is_refused(await people(), ann.url)


async def test_a_redis_that_has_lost_everything_begins_the_limits_anew(
    people: People, redis_url: str
) -> None:
    ann = await people()
    for _ in range(1_000):
        if await is_refused(ann, ann.url):
            break
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    for _ in range(1_000):  # a refusal is believed for a second
        if not await is_refused(ann, ann.url):
            break
    assert [await is_refused(ann, ann.url) for _ in range(1_000)].count(True) > 500


async def test_a_token_signed_out_at_an_instance_that_was_killed_is_none(
    people: People, other: OtherProcess, connect: Connect, http: httpx.AsyncClient
) -> None:
    ann = await people()
    here = await ann.device()
    await ann.device(other.url)
    headers = {"authorization": f"Bearer {ann.token}"}
    async with httpx.AsyncClient(base_url=other.url, trust_env=False) as there:
        assert (await there.post("/auth/sign-out", headers=headers)).status_code == 204
    other.kill()
    await here.expect("unauthenticated")
    await here.expect("disconnect")
    assert (await http.get("/auth/who-am-i", headers=headers)).status_code == 401
    stranger = await connect(ann.token)
    assert (await stranger.refused("authenticate"))["reason"] == "unauthenticated"


async def test_who_typed_at_an_instance_that_was_killed_stops_elsewhere(
    people: People, other: OtherProcess
) -> None:
    ann, bob = await people(), await people()
    room = {"roomId": await ann.room()}
    assert (await bob.http.post(f"/chat/rooms/{room['roomId']}/join")).status_code == 200
    phone, laptop, his = await ann.device(), await ann.device(other.url), await bob.device()
    await laptop.ok("typing:start", room)
    first = await his.expect("typing:update")
    assert first["isTyping"]
    assert first["expiresAt"] is not None  # which is all that is said, should nobody else know of it
    other.kill()
    # What the phone begins now lasts longer than what the dead instance has noted.
    await phone.ok("typing:start", room)
    assert (await his.expect("typing:update"))["isTyping"]
    while (update := await his.expect("typing:update"))["isTyping"]:
        pass
    assert update["userId"] == ann.id
