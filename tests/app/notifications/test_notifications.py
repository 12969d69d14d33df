"""Messages reach devices and webhooks: by a push service that the test runs, through one instance and two."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from app.config.settings import Settings
from app.db.database import Database
from tests.support.chat.other_process import other_process
from tests.support.chat.people import People, Person, Start
from tests.support.push_endpoint import Push, PushEndpoint, push_endpoint
from tests.support.tls import make_certificate
from tests.support.waiting import PATIENCE, until

SUBJECT = "mailto:operator@example.org"
OTHER = "mailto:other@example.org"
HOOK_KEY = b"a key of twenty-four bytes or more"
QUEUE, LATER = "{parley}:notify:queue", "{parley}:notify:later"

pytestmark = pytest.mark.over_websocket


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = make_certificate(tmp_path / "push.pem", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


@pytest.fixture
async def endpoint(certificate: Path) -> AsyncIterator[PushEndpoint]:
    async with push_endpoint(certificate) as endpoint:
        yield endpoint


@pytest.fixture
def changes() -> dict[str, Any]:
    return {}


@pytest.fixture
def settings(settings: Settings, certificate: Path, changes: dict[str, Any]) -> Settings:
    more = {"notification_hold": 3_600_000, **changes}
    return replace(settings, push_private_addresses=True, vapid_subject=SUBJECT, **more)


async def with_device(endpoint: PushEndpoint, person: Person) -> str:
    """Subscribes a browser of the person's."""
    endpoint.vapid_key = (await person.http.get("/chat/push")).json()["vapidPublicKey"]
    answer = await person.http.post("/chat/push", json=endpoint.subscription())
    assert answer.status_code == 201, answer.text
    subscription: str = answer.json()["id"]
    return subscription


async def room_of(ann: Person, *others: Person) -> str:
    room = await ann.room()
    for person in others:
        assert (await person.http.post(f"/chat/rooms/{room}/join")).status_code == 200
    return room


async def say(person: Person, room: str, text: str, **fields: Any) -> dict[str, Any]:
    answer = await person.http.post(f"/chat/rooms/{room}/messages", json={"content": text, **fields})
    assert answer.status_code == 201, answer.text
    message: dict[str, Any] = answer.json()
    return message


def texts(pushes: list[Push]) -> list[str]:
    return [push.content["text"] for push in pushes]


async def test_a_mention_is_pushed_once_to_each_device_of_a_user_who_is_away(
    people: People, endpoint: PushEndpoint, db: Database
) -> None:
    ann, bob = await people(), await people()
    await with_device(endpoint, bob)
    await with_device(endpoint, bob)
    await with_device(endpoint, ann)
    room = await room_of(ann, bob)
    await say(ann, room, "nothing that concerns him")
    message = await say(ann, room, f"**@{bob.user['username']}** come [here](https://example.org)")
    await endpoint.until(lambda: len(endpoint.pushes) == 2)
    for push in endpoint.pushes:
        assert push.content == {
            "messageId": message["id"],
            "roomId": room,
            "userId": bob.id,
            "seq": message["seq"],
            "kind": "mention",
            "createdAt": message["createdAt"],
            "sender": {"id": ann.id, "name": ann.user["username"]},
            "room": (await ann.http.get(f"/chat/rooms/{room}")).json()["name"],
            "text": f"@{bob.user['username']} come here",
        }
        assert push.headers["Urgency"] == "high"
    assert {push.number for push in endpoint.pushes} == {1, 2}
    await until(lambda: no_more_due(db))


async def no_more_due(db: Database) -> bool:
    return bool(await db.value("select count(*) from notifications_due") == 0)


async def test_what_reaches_whom(people: People, endpoint: PushEndpoint) -> None:
    ann, bob, eve = await people(), await people(), await people()
    await with_device(endpoint, bob)
    room = await room_of(ann, bob, eve)
    quiet = await room_of(ann, bob)
    his = await say(bob, room, "first")
    bobs = f"@{bob.user['username']}"
    assert (await bob.http.put(f"/chat/rooms/{quiet}/mute")).status_code == 200
    await say(ann, quiet, f"{bobs} muted")
    await say(eve, room, "any other")
    await say(eve, room, "reply", replyTo=his["id"])
    await say(eve, room, "in the thread", replyTo=his["id"], alsoToRoom=False)
    await say(ann, room, "@all group")
    await bob.http.put(f"/chat/rooms/{room}/notifications", json={"level": "all"})
    every = await say(eve, room, "every")
    await say(ann, room, "not in the room", replyTo=every["id"], alsoToRoom=False)
    await bob.http.put(f"/chat/blocks/{eve.id}")
    await say(eve, room, f"{bobs} blocked")
    await bob.http.put(f"/chat/rooms/{room}/notifications", json={"level": "nothing"})
    await say(ann, room, f"{bobs} nothing")
    await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "direct"})
    await endpoint.until(lambda: len(endpoint.pushes) >= 5)
    assert {push.content["text"]: push.content["kind"] for push in endpoint.pushes} == {
        "reply": "reply",
        "in the thread": "reply",
        "@all group": "group_mention",
        "every": "message",
        "direct": "direct",
    }


@pytest.mark.parametrize(
    ("content", "shown"),
    [("none", set()), ("sender", {"sender", "room"}), ("text", {"sender", "room", "text"})],
)
async def test_a_push_has_as_much_as_its_user_lets_it(
    people: People, endpoint: PushEndpoint, content: str, shown: set[str]
) -> None:
    ann, bob = await people(), await people()
    await with_device(endpoint, bob)
    await bob.http.patch("/chat/notifications", json={"content": content})
    await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "\U0001f600" * 9_000})
    await endpoint.until(lambda: len(endpoint.pushes) == 1)
    (push,) = endpoint.pushes
    assert push.content.keys() & {"sender", "room", "text"} == shown
    assert len(push.content.get("text", "")) <= 500


async def test_a_connected_device_has_its_time_and_reading_anywhere_is_enough(
    people: People, endpoint: PushEndpoint, redis_url: str
) -> None:
    ann, bob = await people(), await people()
    await with_device(endpoint, bob)
    device = await bob.device()
    room = await room_of(ann, bob)
    bobs = f"@{bob.user['username']}"
    read, unread = await say(ann, room, f"{bobs} read"), await say(ann, room, f"{bobs} unread")
    with redis.Redis.from_url(redis_url) as client:
        await until(lambda: client.zcard(LATER) == 2)
        assert endpoint.attempts == 0
        await device.ok("room:read", {"roomId": room, "seq": read["seq"]})
        client.zadd(LATER, dict.fromkeys(client.zrange(LATER, 0, -1), 1))  # its time is over
        await endpoint.until(lambda: len(endpoint.pushes) == 1)
        await until(lambda: client.xlen(QUEUE) == 0 and client.zcard(LATER) == 0)
    assert [push.content["messageId"] for push in endpoint.pushes] == [unread["id"]]


async def test_a_failed_push_is_tried_again_and_a_gone_device_never(
    people: People, endpoint: PushEndpoint, db: Database
) -> None:
    ann, bob = await people(), await people()
    await with_device(endpoint, bob)
    stays = await with_device(endpoint, bob)
    asked: Counter[int] = Counter()

    def answer(number: int) -> tuple[int, dict[str, str]]:
        asked[number] += 1
        if number == 1:
            return 410, {}
        return (503, {"Retry-After": "0"}) if asked[number] == 1 else (201, {})

    endpoint.answer = answer
    await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "once"})
    await endpoint.until(lambda: len(endpoint.pushes) == 1)
    assert asked == {1: 1, 2: 2}
    assert await db.column(str, "select id from push_subscriptions") == [stays]
    await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "again"})
    await endpoint.until(lambda: len(endpoint.pushes) == 2)
    assert asked == {1: 1, 2: 3}


async def test_a_refused_push_is_given_up(
    people: People, endpoint: PushEndpoint, redis_url: str, db: Database
) -> None:
    ann, bob = await people(), await people()
    await with_device(endpoint, bob)
    endpoint.answer = lambda _: (403, {})
    await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "once"})
    await endpoint.until(lambda: endpoint.finished == 1)
    with redis.Redis.from_url(redis_url) as client:
        await until(lambda: client.xlen(QUEUE) == 0 and client.zcard(LATER) == 0)
    assert endpoint.attempts == 1
    assert await db.value("select count(*) from push_subscriptions") == 1


async def test_a_message_that_never_came_into_the_queue_is_told_all_the_same(
    people: People, endpoint: PushEndpoint, db: Database
) -> None:
    ann, bob = await people(), await people()
    answer = await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "lost"})
    await with_device(endpoint, bob)
    # As an instance leaves it that is killed after the commit.
    await db.value(
        "insert into notifications_due (message_id, put_at) values (:id, now() - interval '1 minute')",
        id=answer.json()["id"],
    )
    await endpoint.until(lambda: len(endpoint.pushes) == 1)
    assert texts(endpoint.pushes) == ["lost"]
    await until(lambda: no_more_due(db))


async def test_of_two_instances_one_is_killed_and_none_is_lost_or_told_twice(
    people: People, endpoint: PushEndpoint, settings: Settings, free_port: int, redis_url: str
) -> None:
    ann, bob = await people(), await people()
    await with_device(endpoint, bob)
    await bob.http.patch("/chat/notifications", json={"level": "all"})
    room = await room_of(ann, bob)
    endpoint.unanswered = OTHER
    more = {"PUSH_PRIVATE_ADDRESSES": "true", "VAPID_SUBJECT": OTHER}
    async with other_process(settings, free_port, **more) as other:
        said = []
        for number in range(30):
            url = other.url if number % 2 else ann.url
            path = f"{url}/chat/rooms/{room}/messages"
            answer = await ann.http.post(path, json={"content": str(number)})
            assert answer.status_code == 201
            said.append(str(number))
        # Up to sixteen are on their way from the other instance, which takes no more until they end.
        await endpoint.until(
            lambda: endpoint.held and {*texts(endpoint.held), *texts(endpoint.pushes)} == {*said}
        )
        other.kill()
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:

        async def left_by_the_other() -> list[str]:
            """The entries that stay with nobody: nothing is to be taken any more, and what this instance has taken is
            finished. Some may have been given up by the other one before its end, and are this one's now."""
            before: list[str] | None = None
            while True:
                ids = [each["message_id"] for each in client.xpending_range(QUEUE, "senders", "-", "+", 100)]
                rests = client.zcard(LATER) == 0 and client.xlen(QUEUE) == len(ids)
                known = len(ids) == len(said) - len(endpoint.pushes)
                now = ids if rests and known and endpoint.attempts == endpoint.finished else None
                if now is not None and now == before:
                    return now
                before = now
                await asyncio.sleep(0.2)

        async with asyncio.timeout(PATIENCE):
            ids = await left_by_the_other()
        if ids:
            client.xclaim(QUEUE, "senders", "instances", 0, ids, idle=60_000)  # as after that time
        await endpoint.until(lambda: len(endpoint.pushes) == 30)
        await until(lambda: client.xlen(QUEUE) == 0)
    assert Counter(texts(endpoint.pushes)) == Counter(said)


@pytest.fixture
def hooked(endpoint: PushEndpoint, changes: dict[str, Any]) -> PushEndpoint:
    changes["webhook_url"] = f"{endpoint.origin}/hook"
    changes["webhook_secret"] = "whsec_" + base64.b64encode(HOOK_KEY).decode()
    return endpoint


async def test_a_webhook_gets_every_notification_signed_and_again_until_it_takes_it(
    hooked: PushEndpoint, start: Start, people: People
) -> None:
    ann, bob = await people(), await people()
    hooked.hook_answer = 500
    answer = await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "to mail"})
    await hooked.until(lambda: len(hooked.hooks) == 1)
    hooked.hook_answer = 204
    await hooked.until(lambda: len(hooked.hooks) == 2)
    for headers, body in hooked.hooks:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.digest(HOOK_KEY, signed, hashlib.sha256)).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
    (first, body), (second, _) = hooked.hooks
    assert first["webhook-id"] == second["webhook-id"] == f"{answer.json()['id']}-{bob.id}"
    event = json.loads(body)
    assert event["type"] == "message.notified"
    assert (event["data"]["userId"], event["data"]["text"], event["data"]["kind"]) == (
        bob.id,
        "to mail",
        "direct",
    )


async def test_a_forgotten_password_is_set_by_a_link_of_the_webhook(
    hooked: PushEndpoint, start: Start, people: People, http: httpx.AsyncClient
) -> None:
    """The answers do not tell whether there is such a user, and a user gets one link in some minutes."""
    ann = await people("ann")
    for name in ("nobody", "ANN", "ann", "a lone \ud800"):
        answer = await http.post("/auth/forgot-password", content=json.dumps({"username": name}))
        assert (answer.status_code, answer.content) == (204, b"")
    await hooked.until(lambda: len(hooked.hooks) == 1)
    headers, body = hooked.hooks[0]
    assert headers["webhook-signature"].startswith("v1,")
    event = json.loads(body)
    assert (event["type"], event["data"]["userId"], event["data"]["username"]) == (
        "password.reset",
        ann.id,
        "ann",
    )
    new = {"token": event["data"]["token"], "credential": "a better battery staple"}
    assert [(await http.post("/auth/reset-password", json=new)).status_code for _ in range(2)] == [200, 403]
    assert (await http.post("/auth/forgot-password", json={"username": "ann"})).status_code == 204
    await hooked.until(lambda: len(hooked.hooks) == 2)


@pytest.mark.parametrize("changes", [{}])
async def test_without_a_webhook_an_administrator_helps(people: People) -> None:
    answer = await (await people()).http.post("/auth/forgot-password", json={"username": "ann"})
    assert (answer.status_code, answer.json()["details"]["reason"]) == (403, "forbidden")
