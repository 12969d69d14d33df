"""Where one is: addresses, the browser's history, links to rooms, searching, and what lies beside a room."""

import re

from playwright.async_api import expect

from tests.app.page.conftest import NARROW, Visit
from tests.app.page.test_attachments import TRANSFER


async def test_back_goes_to_the_place_before_and_not_to_a_panel(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    await ann.create_room("Somewhere else")
    await ann.open_room("Garden club")
    for panel in ("Members", "Room settings", "Members"):
        await ann.page.get_by_role("button", name=panel, exact=True).click()
        await expect(ann.page.get_by_role("complementary", name=panel)).to_be_visible()
    await ann.page.go_back()
    await ann.is_in("Somewhere else")


async def test_an_address_that_leads_nowhere_says_so(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    for address in ("/#/no/such/page", "/no/such/page"):
        await ann.page.goto(address)
        await expect(ann.page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    assert await ann.serious_faults() == []
    await ann.page.get_by_role("link", name="All rooms and conversations").click()
    await expect(ann.page.get_by_role("heading", name="Pick up a conversation")).to_be_visible()
    ann.faults = [fault for fault in ann.faults if "404" not in fault]  # the browser's own word on the status


async def test_a_link_to_a_public_room_offers_to_join_it(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    tea = await ann.post("/chat/rooms", {"name": "Tea", "description": "Green and black"})
    secret = await ann.post("/chat/rooms", {"name": "Secret", "isPrivate": True})
    await bob.page.goto(f"/#/r/{tea['id']}")
    await bob.is_in("Tea")
    await expect(bob.page.get_by_text("Green and black")).to_be_visible()
    await expect(bob.composer).to_have_count(0)
    assert await bob.serious_faults() == []
    await bob.page.get_by_role("button", name="Join room").click()
    await bob.say("Is there a cup left?")
    await bob.sees("Is there a cup left?")
    await bob.page.goto(f"/#/r/{secret['id']}")
    await expect(bob.page.get_by_text("That room is not open to you.")).to_be_visible()


async def test_a_search_stays_while_its_results_are_opened(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    other = (await ann.post("/chat/rooms", {"name": "Greenhouse"}))["id"]
    for room, text in ((visit.room, "A pumpkin pie"), (other, "A pumpkin seed")):
        await ann.post(f"/chat/rooms/{room}/messages", {"content": text})
    await ann.page.goto("/#/search")
    field = ann.page.get_by_role("searchbox", name="Search messages")
    await field.fill("pumpkin")
    results = ann.page.get_by_role("list", name="Search results").get_by_role("button")
    await expect(results).to_have_count(2)
    await results.filter(has_text="seed").click()
    await ann.is_in("Greenhouse")
    await expect(ann.message("A pumpkin seed")).to_be_focused()
    await expect(field).to_have_value("pumpkin")
    await results.filter(has_text="pie").click()
    await ann.is_in("Garden club")
    await expect(ann.message("A pumpkin pie")).to_be_focused()
    await expect(results).to_have_count(2)
    await ann.page.get_by_role("button", name="Close search").click()
    await ann.page.get_by_role("main").get_by_role("button", name="Search", exact=True).click()
    await expect(field).to_have_value("")
    # On a phone the results come back with the panel.
    await ann.page.set_viewport_size(NARROW)
    await field.fill("pumpkin")
    await results.filter(has_text="pie").click()
    await expect(results).to_have_count(0)
    await ann.page.get_by_role("main").get_by_role("button", name="Search", exact=True).click()
    await expect(field).to_have_value("pumpkin")
    await expect(results).to_have_count(1)


async def test_a_press_beside_a_dialog_keeps_what_was_typed(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    await ann.page.get_by_role("button", name="Create a room").click()
    dialog = ann.page.get_by_role("dialog", name="Create a room")
    name = dialog.get_by_role("textbox", name="Name")
    await name.fill("A long thought")
    await ann.page.mouse.click(20, 20)
    await expect(name).to_have_value("A long thought")
    await name.fill("")
    await ann.page.mouse.click(20, 20)
    await expect(dialog).to_have_count(0)


async def test_a_file_dropped_anywhere_is_an_upload(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    sidebar = ann.page.get_by_role("region", name="Your chats")
    dropped = await ann.page.evaluate_handle(TRANSFER, ["text/plain", "notes.txt", "QUJD"])
    for event in ("dragenter", "dragover"):
        await sidebar.dispatch_event(event, {"dataTransfer": dropped})
    await expect(ann.page.get_by_text("Drop files to attach them")).to_be_visible()
    await sidebar.dispatch_event("drop", {"dataTransfer": dropped})
    await expect(ann.page.get_by_role("button", name="Remove notes.txt")).to_be_visible()
    await ann.page.goto("/#/")
    await sidebar.dispatch_event("drop", {"dataTransfer": dropped})
    await expect(ann.page.get_by_text("Open a room or a conversation to drop files into it.")).to_be_visible()


async def test_several_messages_are_copied_with_their_authors(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.say("The roses are out")
    await bob.sees("The roses are out")
    await bob.say("And the beans?")
    await ann.sees("The roses are out", "And the beans?")
    copied = await ann.page.evaluate(
        """() => {
            const rows = document.querySelectorAll("[data-key] .content");
            getSelection().setBaseAndExtent(rows[0], 0, rows[1], rows[1].childNodes.length);
            const clipboardData = new DataTransfer();
            rows[0].dispatchEvent(new ClipboardEvent("copy", {clipboardData, bubbles: true, cancelable: true}));
            return clipboardData.getData("text/plain");
        }"""
    )
    assert (
        re.sub(r"\[[^]]+]", "[time]", copied) == "ann [time]\nThe roses are out\n\nbob [time]\nAnd the beans?"
    )


async def test_the_composer_stays_beside_a_panel_at_every_width(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    await ann.page.get_by_role("button", name="Members").click()
    panel = ann.page.get_by_role("complementary", name="Members")
    for width in (1280, 1101, 1100, 901, 900, 761):
        await ann.page.set_viewport_size({"width": width, "height": 800})
        beside = await panel.bounding_box()
        field = await ann.composer.bounding_box()
        assert beside
        assert field
        assert field["width"] >= 180, width
        assert field["x"] + field["width"] < beside["x"], width
    assert await ann.serious_faults() == []


async def test_what_cannot_be_loaded_is_told_and_can_be_asked_for_again(visit: Visit) -> None:
    _, bob = await visit.two_in_a_room()
    parts = re.compile(r"/assets/later-.*\.js$")
    await bob.context.route(parts, lambda route: route.abort())
    await bob.page.reload()
    await bob.is_in("Garden club")
    await bob.say("The _plan_")
    await expect(bob.message("The _plan_")).to_have_count(1)
    await bob.page.get_by_role("button", name="Discover rooms").click()
    await expect(bob.page.get_by_role("alert")).to_be_visible()
    await expect(bob.page.get_by_role("dialog")).to_have_count(0)
    await bob.context.unroute(parts)
    await bob.page.get_by_role("button", name="Discover rooms").click()
    await expect(bob.page.get_by_role("dialog", name="Discover rooms")).to_be_visible()
    await expect(bob.message("The plan").get_by_role("emphasis")).to_have_text("plan")
