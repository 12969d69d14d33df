"""Mentions of people whose pages are closed: each is pushed to their device, though an instance is killed meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import asyncpg
import uuid_utils
from msgspec import Struct

from app.accounts.sessions.tokens import Tokens
from app.client import AGAIN_AFTER, PASSING, ChatClient, ChatRefused
from app.notifications.notifications import AT_ONCE
from protocol import AckTimeout, Disconnected
from scripts.loadtest.accounts import Rest, each
from scripts.storms.servers import Servers, running_servers
from scripts.storms.weather import Damage, Weather, seconds
from tests.support.push_endpoint import Push, PushEndpoint, push_endpoint
from tests.support.tls import make_certificate

ROOM_SIZE = 100  # people with a closed page
SENDERS = 20
WITHIN = 2_000.0  # ms from when the message was stored until the push has come, at p99
LAST_WITHIN = 60.0  # seconds that the last push may take: others take over what a killed instance had begun
ATTEMPT = 5_000  # ms


class Crowd(Struct, frozen=True):
    """Who sends, who is mentioned, and where: of room `i` the people `[ROOM_SIZE * i, ROOM_SIZE * (i + 1))`."""

    senders: list[str]  # tokens; room `i` has `senders[i % SENDERS]`
    rooms: list[str]
    people: list[str]  # usernames; person `i` has the subscription `i + 1`


class Mention(Struct, frozen=True):
    """A mention that was acknowledged, by its message's id."""

    message_id: str
    subscription: int


async def mentions(weather: Weather) -> Damage:
    """People are mentioned whose pages are closed, and one of two instances is killed in the middle."""
    certificate = make_certificate(weather.folder / "push.pem", "127.0.0.1")
    settings = {
        **weather.settings,
        "PUSH_PRIVATE_ADDRESSES": "true",
        "SSL_CERT_FILE": str(certificate),
        "VAPID_SUBJECT": "mailto:operator@example.org",
    }
    async with (
        push_endpoint(certificate) as endpoint,
        running_servers(weather.folder, settings, 2) as servers,
    ):
        crowd = await gathered(weather, servers.instances[1].url, endpoint)
        made = await mention_all(weather, servers, crowd)
        wanted = {(each.subscription, each.message_id) for each in made}
        missing = await come(endpoint, wanted)
    return judged(weather, made, endpoint.pushes, missing)


def judged(weather: Weather, made: Sequence[Mention], pushes: Sequence[Push], missing: int) -> Damage:
    """What came of it. A push may come again where the killed instance had sent it and not said so: both have one
    topic and one tag, so that it is shown once."""
    came: dict[tuple[int, str], float] = {}
    for push in pushes:
        after = push.at - datetime.fromisoformat(push.content["createdAt"])
        came.setdefault((push.number, push.content["messageId"]), after / timedelta(milliseconds=1))
    wanted = {(each.subscription, each.message_id) for each in made}
    took = sorted(ms for key, ms in came.items() if key in wanted)
    repeated, foreign = len(pushes) - len(came), len(came.keys() - wanted)
    p50, p99, most = (took[int(share * (len(took) - 1))] if took else 0.0 for share in (0.5, 0.99, 1))
    people = f"{len(made):,} mentions of {weather.clients:,} people, {len(took):,} pushed, {missing:,} not,"
    told = [
        f"{people} {repeated:,} pushed again and shown once",
        f"pushed after p50 {seconds(p50)}, p99 {seconds(p99)}, all {seconds(most)}",
    ]
    wrong = []
    if not made:
        wrong.append("nobody was mentioned")
    if missing:
        wrong.append(f"{missing:,} mentions were never pushed")
    if repeated > AT_ONCE:
        wrong.append(
            f"{repeated:,} pushes came again, and the killed instance had {AT_ONCE} under way at most"
        )
    if foreign:
        wrong.append(f"{foreign:,} pushes were of no mention, or for somebody else")
    if weather.ratio is not None and p99 > WITHIN:
        wrong.append(f"the p99 was {seconds(p99)}, and not {seconds(WITHIN)}")
    return Damage(told, wrong)


async def gathered(weather: Weather, url: str, endpoint: PushEndpoint) -> Crowd:
    """People, rooms and subscriptions. What a sign-up costs is left out: accounts are made in the database."""
    tokens = Tokens(weather.settings["JWT_SECRET"])
    people, senders = names("person", weather.clients), names("sender", SENDERS)
    ids = await with_accounts(weather.settings["DATABASE_URL"], [*people, *senders])
    signed = [tokens.issue(user_id, 0) for user_id in ids]
    theirs, ours = signed[: len(people)], signed[len(people) :]
    async with aiohttp.ClientSession(url) as session:
        rest = Rest(session, url)
        endpoint.vapid_key = (await rest.asked("GET", "/chat/push", ours[0]))["vapidPublicKey"]
        rooms = [
            (await rest.asked("POST", "/chat/rooms", ours[at % SENDERS], json={"name": f"storm {at}"}))["id"]
            for at in range(-(-len(people) // ROOM_SIZE))
        ]
        subscriptions = [endpoint.subscription() for _ in people]

        async def settle(number: int, token: str) -> None:
            await rest.join(rooms[number // ROOM_SIZE], token)
            await rest.asked("POST", "/chat/push", token, json=subscriptions[number])

        await each(theirs, settle, "people", lambda *_: None)
    return Crowd(ours, rooms, people)


def names(kind: str, number: int) -> list[str]:
    return [f"storm-{kind}-{at}" for at in range(number)]


async def with_accounts(database_url: str, usernames: Sequence[str]) -> list[str]:
    """Have accounts that nobody signs in to; their ids."""
    ids = [str(uuid_utils.uuid7()) for _ in usernames]
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "insert into users (id, username, credential)"
            " select id, name, '' from unnest($1::text[], $2::text[]) as given (id, name)",
            ids,
            list(usernames),
        )
    finally:
        await connection.close()
    return ids


async def mention_all(weather: Weather, servers: Servers, crowd: Crowd) -> list[Mention]:
    """So many mentions a second, each at its time whatever became of those before; the first instance is killed after
    half of them."""
    loop, total = asyncio.get_running_loop(), round(weather.seconds * weather.rate)
    async with devices(servers.proxy.url, crowd.senders) as clients, asyncio.TaskGroup() as group:
        begin, sends = loop.time(), []
        for number in range(total):
            await asyncio.sleep(begin + number / weather.rate - loop.time())
            if number == total // 2:
                await kill_first(servers)
            sends.append(group.create_task(mention(clients, crowd, number)))
    return [each.result() for each in sends]


async def kill_first(servers: Servers) -> None:
    process = servers.instances[0].process
    process.kill()
    servers.proxy.targets = [other.address for other in servers.instances[1:]]
    await asyncio.to_thread(process.wait)


@asynccontextmanager
async def devices(url: str, tokens: Sequence[str]) -> AsyncIterator[list[ChatClient]]:
    """A client of each token's user."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(ChatClient(url, token)) for token in tokens]


async def mention(clients: Sequence[ChatClient], crowd: Crowd, number: int) -> Mention:
    """Mention somebody, and again until it is acknowledged."""
    room = number % len(crowd.rooms)
    members = range(len(crowd.people))[room * ROOM_SIZE : (room + 1) * ROOM_SIZE]
    person = members[number // len(crowd.rooms) % len(members)]
    payload: dict[str, Any] = {
        "roomId": crowd.rooms[room],
        "content": f"@{crowd.people[person]} {number}",
        "clientId": str(uuid_utils.uuid4()),
    }
    attempts = 0
    while True:
        try:
            answer = await clients[room % SENDERS].call("message:send", payload, timeout=ATTEMPT)
        except (AckTimeout, Disconnected):
            pass
        except ChatRefused as refused:
            if refused.reason not in PASSING:
                raise
        else:
            return Mention(answer["id"], person + 1)
        await asyncio.sleep(AGAIN_AFTER / 1000 * min(1, attempts / 4))
        attempts += 1


async def come(endpoint: PushEndpoint, wanted: set[tuple[int, str]]) -> int:
    """Wait for pushes; how many did not come."""
    loop = asyncio.get_running_loop()
    until = loop.time() + LAST_WITHIN
    while missing := wanted - {(push.number, push.content["messageId"]) for push in endpoint.pushes}:
        if loop.time() > until:
            break
        await asyncio.sleep(0.1)
    return len(missing)
