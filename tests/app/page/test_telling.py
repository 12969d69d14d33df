"""What the page tells of while nobody looks at it: notifications, the tab's picture, toasts, pushes.

Chromium's headless shell allows no notifications: what it would show is noted in its place.
"""

import json
import re
from typing import Any

from playwright.async_api import Locator, Worker, expect

from tests.app.page.conftest import Visit, Visitor
from tests.support.waiting import until

# Shows notifications by noting them, of which each tag has one.
NOTING = """
    globalThis.shown = [];
    const without = (other) => { globalThis.shown = globalThis.shown.filter((one) => !other(one)); };
    ServiceWorkerRegistration.prototype.showNotification = async (title, options) => {
        without(({ tag }) => tag === options.tag);
        const one = { title, ...options, close: () => without((other) => other === one) };
        globalThis.shown.push(one);
    };
    ServiceWorkerRegistration.prototype.getNotifications = async () => globalThis.shown;
"""
# The permission is granted to whoever asks.
GRANTING = """
    Object.defineProperty(Notification, "permission", { get: () => sessionStorage.getItem("granted") ?? "default" });
    Notification.requestPermission = async () => {
        sessionStorage.setItem("granted", "granted");
        return "granted";
    };
"""
SHOWN = "globalThis.shown.map(({ title, body }) => [title, body])"
PRESS = """() => {
    const notification = globalThis.shown[0];
    dispatchEvent(Object.assign(new ExtendableEvent("notificationclick"), { notification }));
}"""


async def two_of_whom_one_is_told(visit: Visit) -> tuple[Visitor, Visitor]:
    ann, bob = await visit.two_in_a_room()
    await bob.context.add_init_script(f"if (globalThis.ServiceWorkerRegistration) {{ {NOTING} {GRANTING} }}")
    await bob.page.reload()
    await bob.is_in("Garden club")
    return ann, bob


def forgive_private_windows(visitor: Visitor) -> None:
    """Chromium has no pushes in a private window, as those of tests are, and says so."""
    visitor.faults[:] = [fault for fault in visitor.faults if "Push API in incognito" not in fault]


async def come(where: Visitor | Worker, *expected: list[str]) -> None:
    """Waits until exactly these notifications are shown."""
    there = where.page if isinstance(where, Visitor) else where

    async def are_there() -> bool:
        return await there.evaluate(SHOWN) == list(expected)

    await until(are_there)


async def write_direct(sender: Visitor, receiver: Visitor, text: str) -> dict[str, Any]:
    assert receiver.session is not None
    sent: dict[str, Any] = await sender.post(f"/chat/dm/{receiver.session['user']['id']}", {"content": text})
    return sent


async def choose(visitor: Visitor) -> Locator:
    """The dialog in which one chooses what is told."""
    await visitor.page.get_by_role("button", name="Account", exact=True).click()
    await visitor.page.get_by_role("menuitem", name="Notifications").click()
    return visitor.page.get_by_role("dialog", name="Notifications")


async def test_who_looks_away_is_told_once_they_want_it(visit: Visit) -> None:
    ann, bob = await two_of_whom_one_is_told(visit)
    icon = bob.page.locator("link[rel=icon]")
    await expect(icon).to_have_attribute("data-waiting", "0")
    await bob.look_away()
    await write_direct(ann, bob, "Are you there?")
    await expect(icon).to_have_attribute("data-waiting", "1")
    await expect(icon).to_have_attribute("href", re.compile("^data:image/svg"))
    assert await bob.page.evaluate(SHOWN) == []
    await bob.look_back()
    await bob.page.get_by_role("button", name="Turn on").click()

    await bob.look_away()
    messages = f"/chat/rooms/{visit.room}/messages"
    mention = await ann.post(messages, {"content": "@bob, the roses!"})
    await ann.post(messages, {"content": "This is for nobody alone."})
    await write_direct(ann, bob, "Come and look")
    await come(bob, ["ann in Garden club", "@bob, the roses!"], ["ann", "Come and look"])

    # Reading on another device takes away what it was about.
    assert bob.session is not None
    headers = {"authorization": f"Bearer {bob.session['token']}"}
    path = f"/chat/rooms/{visit.room}/read"
    assert (await bob.context.request.put(path, data={"seq": mention["seq"]}, headers=headers)).ok
    await come(bob, ["ann", "Come and look"])
    forgive_private_windows(bob)


async def test_a_push_is_shown_with_no_page_and_leads_to_its_message(visit: Visit) -> None:
    ann, bob = await two_of_whom_one_is_told(visit)
    dialog = await choose(bob)
    await dialog.get_by_role("switch", name="Notifications in this browser").check()
    await expect(dialog.get_by_text("no push service reaches this browser")).to_be_visible()
    assert await bob.serious_faults() == []
    await dialog.get_by_role("button", name="Close").click()
    message = await write_direct(ann, bob, "The gate is open")
    await until(lambda: bool(bob.context.service_workers))
    (worker,) = bob.context.service_workers
    await worker.evaluate(NOTING)

    await bob.page.goto("about:blank")
    wire = await bob.context.new_cdp_session(bob.page)
    registrations: list[str] = []
    wire.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(each["registrationId"] for each in event["registrations"]),
    )
    await wire.send("ServiceWorker.enable")
    await until(lambda: bool(registrations))
    pushed = {
        "messageId": message["id"],
        "roomId": message["roomId"],
        "userId": message["receiverId"],
        "seq": message["seq"],
        "kind": "direct",
        "createdAt": message["createdAt"],
        "sender": {"id": message["senderId"], "name": "Ann"},
        "room": None,
        "text": "The gate is open",
    }
    delivery = {
        "origin": bob.line.url,
        "registrationId": registrations[0],
        "data": json.dumps(pushed),
    }
    await wire.send("ServiceWorker.deliverPushMessage", delivery)
    await come(worker, ["Ann", "The gate is open"])

    await bob.page.goto("/")
    await bob.page.get_by_role("button", name="Account", exact=True).wait_for()
    await bob.page.wait_for_function("navigator.serviceWorker.controller !== null")
    await until(lambda: bob.page.evaluate("navigator.serviceWorker.ready.then(() => true)"))
    await bob.page.get_by_role("link", name=re.compile("^ann")).wait_for()
    await bob.look_away()
    await worker.evaluate(PRESS)
    await bob.is_in("ann")
    await bob.sees("The gate is open")
    await come(worker)
    forgive_private_windows(bob)


async def test_what_is_told_is_chosen(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    dialog = await choose(bob)
    await dialog.get_by_role("radio", name="Every message").check()
    await dialog.get_by_role("radio", name="Who wrote", exact=True).check()
    await dialog.get_by_role("switch", name="Quiet hours").check()
    await dialog.get_by_label("From").fill("21:30")
    await dialog.get_by_role("button", name="For an hour").click()
    await expect(dialog.get_by_role("button", name="Unmute")).to_be_visible()
    await bob.page.reload()
    await choose(bob)
    await expect(dialog.get_by_role("radio", name="Every message")).to_be_checked()
    await expect(dialog.get_by_role("radio", name="Who wrote", exact=True)).to_be_checked()
    await expect(dialog.get_by_role("switch", name="Quiet hours")).to_be_checked()
    await expect(dialog.get_by_label("From")).to_have_value("21:30")
    await dialog.get_by_role("button", name="Unmute").click()
    await expect(dialog.get_by_role("button", name="For an hour")).to_be_visible()
    await dialog.get_by_role("switch", name="Quiet hours").uncheck()
    await dialog.get_by_role("button", name="Close").click()

    # A direct message is seen also where its row is not.
    await write_direct(ann, bob, "Below the fold")
    await bob.page.get_by_text("ann: “Below the fold”").wait_for()
    await bob.page.get_by_role("button", name="Show").click()
    await bob.sees("Below the fold")
