"""Settings of users and rooms, and the devices that take pushes, at each of their doors."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.db.database import Database
from tests.support.chat.people import PASSWORD, People, Person
from tests.support.push_endpoint import BrowserKeys

pytestmark = pytest.mark.one_chat

DEFAULTS = {
    "level": "mentions",
    "content": "text",
    "quiet": False,
    "quietFrom": "22:00",
    "quietTo": "07:00",
    "timeZone": "UTC",
    "mutedUntil": None,
}
KEYS = BrowserKeys()


def subscription(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {"endpoint": f"https://push.example.org/{number}", **KEYS.public, **changes}


async def subscribe(person: Person, number: int = 1, **changes: Any) -> dict[str, Any]:
    answer = await person.http.post("/chat/push", json=subscription(number, **changes))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def devices(person: Person) -> list[str]:
    found = (await person.http.get("/chat/push")).json()["subscriptions"]
    return [each["id"] for each in found]


async def test_settings_are_changed_one_by_one_and_told_to_the_other_devices(people: People) -> None:
    ann = await people()
    device, tablet = await ann.device(), await ann.device()
    assert await device.ok("notifications:get") == DEFAULTS
    expected = dict(DEFAULTS)
    for change in (
        {"level": "all"},
        {"content": "none"},
        {"quiet": True, "quietFrom": "23:30", "timeZone": "Asia/Kolkata"},
        {"quietTo": "06:15", "quiet": None},
    ):
        expected |= {name: value for name, value in change.items() if value is not None}
        assert await device.ok("notifications:set", change) == expected
        assert await tablet.expect("notifications:updated") == expected
    assert (await ann.http.get("/chat/notifications")).json() == expected


async def test_a_mute_of_everything_ends(people: People, db: Database) -> None:
    ann = await people()
    answer = (await ann.http.patch("/chat/notifications", json={"muteSeconds": 3600})).json()
    left = datetime.fromisoformat(answer["mutedUntil"]) - datetime.now(UTC)
    assert timedelta(minutes=30) < left < timedelta(minutes=90)
    changed = (await ann.http.patch("/chat/notifications", json={"level": "all"})).json()
    assert changed["mutedUntil"] == answer["mutedUntil"]
    assert (await ann.http.patch("/chat/notifications", json={"muteSeconds": 0})).json()["mutedUntil"] is None


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"level": None},
        {"level": "some"},
        {"content": "all"},
        {"quiet": "yes"},
        {"quietFrom": "24:00"},
        {"quietTo": "7:00"},
        {"quietTo": "07:00\n"},
        {"timeZone": "Nowhere/Gone"},
        {"timeZone": "../../etc/passwd"},
        {"muteSeconds": -1},
        {"muteSeconds": 366 * 86_400 + 1},
    ],
)
async def test_settings_that_are_refused(people: People, payload: dict[str, Any]) -> None:
    ann = await people()
    device = await ann.device()
    assert (await device.refused("notifications:set", payload))["reason"] == "invalid"
    assert (await ann.http.patch("/chat/notifications", json=payload)).status_code == 422
    assert await device.ok("notifications:get") == DEFAULTS


async def test_the_level_of_a_room_is_its_members_own_until_they_leave(people: People) -> None:
    ann, bob = await people(), await people()
    device, tablet, his = await ann.device(), await ann.device(), await bob.device()
    room = await ann.room()
    await his.ok("room:join", {"roomId": room})
    chosen = {"roomId": room, "level": "nothing"}
    assert await device.ok("room:set-notifications", chosen) == chosen
    assert await tablet.expect("room:notifications-updated") == chosen
    assert await tablet.ok("room:notifications", {"roomId": room}) == chosen
    assert await his.ok("room:notifications", {"roomId": room}) == {"roomId": room, "level": "default"}
    url = f"/chat/rooms/{room}/notifications"
    assert (await bob.http.put(url, json={"level": "all"})).json()["level"] == "all"
    assert (await ann.http.get(url)).json() == chosen
    await his.ok("room:leave", {"roomId": room})
    await his.ok("room:join", {"roomId": room})
    assert (await bob.http.get(url)).json()["level"] == "default"
    assert (await ann.http.put(url, json={"level": "default"})).json()["level"] == "default"


async def test_levels_that_are_refused(people: People) -> None:
    ann, bob = await people(), await people()
    device = await ann.device()
    theirs = await bob.room()
    for event in ("room:notifications", "room:set-notifications"):
        for room, reason in ((theirs, "not_a_member"), ("unknown", "not_found")):
            error = await device.refused(event, {"roomId": room, "level": "all"})
            assert (error["code"], error["reason"]) == ("NOTIFICATIONS_FAILED", reason)
    assert (await device.refused("room:set-notifications", {"roomId": theirs, "level": "some"}))[
        "reason"
    ] == "invalid"
    assert (
        await ann.http.put(f"/chat/rooms/{theirs}/notifications", json={"level": "all"})
    ).status_code == 403


async def test_a_device_subscribes_and_unsubscribes(people: People) -> None:
    ann, bob = await people(), await people()
    found = (await ann.http.get("/chat/push")).json()
    assert len(base64.urlsafe_b64decode(found["vapidPublicKey"] + "=")) == 65
    assert found["subscriptions"] == []
    first = await subscribe(ann, 1, device="  Firefox  on Linux ")
    assert first["device"] == "Firefox on Linux"
    second = await subscribe(ann, 2)
    assert second["device"] is None
    again = await subscribe(ann, 1)
    assert again["id"] == first["id"]
    assert await devices(ann) == [first["id"], second["id"]]
    assert (await bob.http.delete(f"/chat/push/{first['id']}")).status_code == 404
    assert (await ann.http.delete(f"/chat/push/{first['id']}")).status_code == 204
    assert (await ann.http.delete(f"/chat/push/{first['id']}")).status_code == 404
    assert await devices(ann) == [second["id"]]


async def test_a_browser_of_several_users_belongs_to_the_last(people: People) -> None:
    ann, bob = await people(), await people()
    first = await subscribe(ann)
    second = await subscribe(bob)
    assert first["id"] != second["id"]
    assert await devices(ann) == []
    assert await devices(bob) == [second["id"]]


async def test_a_user_has_twenty_devices_at_most(people: People) -> None:
    ann = await people()
    made = [(await subscribe(ann, number))["id"] for number in range(20)]
    await subscribe(ann, 0)  # renewed, so the second is the oldest
    last = await subscribe(ann, 20)
    assert set(await devices(ann)) == {last["id"], *made} - {made[1]}
    assert len(await devices(ann)) == 20


async def test_signing_out_ends_the_pushes_to_that_device(people: People) -> None:
    ann = await people()
    here = await subscribe(ann, 1)
    signed_in = await ann.http.post(
        "/auth/sign-in",
        json={
            "identifier": {"scheme": "username", "value": ann.user["username"]},
            "credential": {"scheme": "basic", "value": PASSWORD},
        },
    )
    headers = {"authorization": f"Bearer {signed_in.json()['token']}"}
    assert (await ann.http.post("/chat/push", json=subscription(2), headers=headers)).status_code == 201
    assert len(await devices(ann)) == 2
    assert (await ann.http.post("/auth/sign-out", headers=headers)).status_code == 204
    assert await devices(ann) == [here["id"]]


@pytest.mark.own_chat
async def test_signing_out_everywhere_ends_all_pushes(people: People, db: Database) -> None:
    ann = await people()
    await subscribe(ann, 1)
    await subscribe(ann, 2)
    assert (await ann.http.post("/auth/sign-out", json={"everywhere": True})).status_code == 204
    assert await db.value("select count(*) from push_subscriptions") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": None},
        {"endpoint": "http://push.example.org/1"},
        {"endpoint": "https://"},
        {"endpoint": "https://a:b@push.example.org/"},
        {"endpoint": "https://push.example.org/ x"},
        {"endpoint": "https://push.example.org/" + "x" * 2_000},
        {"endpoint": "https://127.0.0.1/"},
        {"endpoint": "https://[::1]/"},
        {"endpoint": "https://[::ffff:10.0.0.1]:8443/"},
        {"endpoint": "https://169.254.169.254/latest/meta-data"},
        {"endpoint": "https://localhost/"},
        {"p256dh": "A" * 87},
        {"p256dh": KEYS.public["p256dh"][:-1]},
        {"auth": "short"},
        {"device": "a\u202eb"},
    ],
)
async def test_subscriptions_that_are_refused(people: People, change: dict[str, Any]) -> None:
    ann = await people()
    answer = await ann.http.post("/chat/push", json=subscription(**change))
    assert answer.status_code == 422, answer.text
    assert next(iter(change)) in answer.text
    assert await devices(ann) == []


async def test_rooms_notify_from_when_a_member_has_a_device(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    before, never = await ann.room(), await bob.room()
    theirs = await bob.room()
    notify = "select notifies from rooms where id = :room"
    assert await db.value(notify, room=before) is False
    await subscribe(ann)
    assert await db.value(notify, room=before) is True
    assert await db.value(notify, room=theirs) is False
    await ann.http.post(f"/chat/rooms/{theirs}/join")
    assert await db.value(notify, room=theirs) is True
    assert await db.value(notify, room=never) is False
