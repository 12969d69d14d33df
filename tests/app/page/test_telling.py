"""What the page tells of while nobody looks at it: notifications, the tab's picture, toasts, pushes."""

import json
from typing import Any

from playwright.async_api import expect

from tests.app.page.conftest import Visit, Visitor
from tests.support.waiting import until

SHOWN = """async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    const shown = registration ? await registration.getNotifications() : [];
    return shown.map(({ title, body }) => [title, body]);
}"""
PRESS = """async () => {
    const [notification] = await registration.getNotifications();
    dispatchEvent(new NotificationEvent("notificationclick", { notification }));
}"""


async def shown(visitor: Visitor) -> list[list[str]]:
    found: list[list[str]] = await visitor.page.evaluate(SHOWN)
    return found


async def show_come(visitor: Visitor, *expected: list[str]) -> None:
    async def there() -> bool:
        return await shown(visitor) == list(expected)

    await until(there)


async def write_direct(sender: Visitor, receiver: Visitor, text: str) -> dict[str, Any]:
    assert receiver.session is not None
    body = {"content": text}
    sent: dict[str, Any] = await sender.post(f"/chat/dm/{receiver.session['user']['id']}/messages", body)
    return sent


async def test_who_looks_away_is_told_once_they_want_it(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.context.grant_permissions(["notifications"], origin=bob.line.url)
    await bob.page.reload()
    icon = bob.page.locator("link[rel=icon]")
    await bob.is_in("Garden club")
    await expect(icon).to_have_attribute("data-waiting", "0")
    await bob.look_away()
    await write_direct(ann, bob, "Are you there?")
    await expect(icon).to_have_attribute("data-waiting", "1")
    await expect(icon).to_have_attribute("href", "data:image/svg+xml")
    assert await shown(bob) == []
    await bob.look_back()
    await bob.page.get_by_role("button", name="Turn on").click()

    await bob.look_away()
    await ann.say("@bob, the roses!")
    await ann.say("This is for nobody alone.")
    await write_direct(ann, bob, "Come and look")
    await show_come(bob, ["ann in Garden club", "@bob, the roses!"], ["ann", "Come and look"])

    # Reading on another device takes away what it was about.
    assert bob.session is not None
    headers = {"authorization": f"Bearer {bob.session['token']}"}
    path = f"/chat/rooms/{visit.room}/read"
    assert (await bob.context.request.put(path, data={"seq": 2}, headers=headers)).ok
    await show_come(bob, ["ann", "Come and look"])


async def test_a_push_comes_to_a_page_in_the_background_and_leads_to_its_message(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.context.grant_permissions(["notifications"], origin=bob.line.url)
    await bob.page.get_by_role("button", name="Account", exact=True).click()
    await bob.page.get_by_role("menuitem", name="Notifications").click()
    dialog = bob.page.get_by_role("dialog", name="Notifications")
    await dialog.get_by_role("switch", name="Notifications in this browser").check()
    await expect(dialog.get_by_text("no push service reaches this browser")).to_be_visible()
    assert await bob.serious_faults() == []
    await dialog.get_by_role("button", name="Close").click()

    message = await write_direct(ann, bob, "The gate is open")
    pushed = {
        **{name: message[wire] for name, wire in (("messageId", "id"), ("roomId", "roomId"), ("seq", "seq"))},
        "kind": "direct",
        "createdAt": message["createdAt"],
        "sender": {"id": message["senderId"], "name": "Ann"},
        "room": None,
        "text": "The gate is open",
    }
    await bob.page.goto("about:blank")
    wire = await bob.context.new_cdp_session(bob.page)
    registrations: list[dict[str, Any]] = []
    wire.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(event["registrations"]),
    )
    await wire.send("ServiceWorker.enable")
    await until(lambda: bool(registrations))
    await wire.send(
        "ServiceWorker.deliverPushMessage",
        {
            "origin": bob.line.url,
            "registrationId": registrations[0]["registrationId"],
            "data": json.dumps(pushed),
        },
    )
    (worker,) = bob.context.service_workers
    titles = "async () => (await registration.getNotifications()).map(({ title, body }) => [title, body])"

    async def pushed_is_shown() -> bool:
        return await worker.evaluate(titles) == [["Ann", "The gate is open"]]

    await until(pushed_is_shown)
    await bob.page.goto("/")
    await bob.look_away()
    await worker.evaluate(PRESS)
    await bob.is_in("ann")
    await bob.sees("The gate is open")
    assert await worker.evaluate(titles) == []


async def test_what_is_told_is_chosen(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.page.get_by_role("button", name="Account", exact=True).click()
    await bob.page.get_by_role("menuitem", name="Notifications").click()
    dialog = bob.page.get_by_role("dialog", name="Notifications")
    await dialog.get_by_role("radio", name="Every message").check()
    await dialog.get_by_role("radio", name="Who wrote", exact=True).check()
    await dialog.get_by_role("switch", name="Quiet hours").check()
    await dialog.get_by_label("From").fill("21:30")
    await dialog.get_by_role("button", name="For an hour").click()
    await expect(dialog.get_by_role("button", name="Unmute")).to_be_visible()
    await bob.page.reload()
    await bob.page.get_by_role("button", name="Account", exact=True).click()
    await bob.page.get_by_role("menuitem", name="Notifications").click()
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
