"""What one keeps for oneself: favourites, rooms that are unread again, saved messages; and the keys of the page."""

import re
from typing import Literal

from playwright.async_api import Locator, expect

from tests.app.page.conftest import NARROW, Visit, Visitor


def rooms(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("list", name="Rooms").get_by_role("link")


async def stand(names: list[str], *visitors: Visitor) -> None:
    """The rooms are listed in this order."""
    for visitor in visitors:
        await expect(rooms(visitor)).to_have_text([re.compile(f"^{name}") for name in names])


async def choose(
    visitor: Visitor, item: str, role: Literal["menuitem", "menuitemradio"] = "menuitem"
) -> None:
    await visitor.page.get_by_role("button", name="Account", exact=True).click()
    await visitor.page.get_by_role(role, name=item).click()


async def test_favourites_unread_rooms_and_saved_messages(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    for name in ("Almanac", "Zebras"):
        await ann.post("/chat/rooms", {"name": name})
    tab = await ann.open_tab()
    await stand(["Almanac", "Garden club", "Zebras"], ann, tab)
    await ann.open_room("Zebras")
    await ann.page.get_by_role("button", name="Room settings").click()
    await ann.page.get_by_role("button", name="Add to favourites").click()
    await stand(["Zebras", "Almanac", "Garden club"], ann, tab)
    await tab.open_room("Zebras")
    for text in ("The roses are out", "The beans as well"):
        await bob.say(text)
        await bob.sees(text)
    await stand(["Zebras", "Garden club", "Almanac"], ann, tab)
    await ann.open_room("Garden club")
    await ann.sees("The roses are out", "The beans as well")
    garden = rooms(tab).filter(has_text="Garden club")
    await expect(garden).not_to_contain_text("unread")
    await stand(["Zebras", "Garden club", "Almanac"], ann)  # it keeps its place while it is open
    await stand(["Zebras", "Almanac", "Garden club"], tab)

    # Unread again: on all devices, also after a reload, and until the room is opened again.
    await ann.act("The beans as well", "More actions")
    await ann.page.get_by_role("menuitem", name="Mark as unread").click()
    await expect(garden).to_contain_text("1 unread")
    await expect(ann.message("The beans as well")).to_contain_text("New")
    await ann.open_room("Almanac")
    await tab.page.reload()
    await stand(["Zebras", "Garden club", "Almanac"], ann, tab)
    await choose(ann, "Rooms by name", "menuitemradio")
    await stand(["Zebras", "Almanac", "Garden club"], ann)
    await ann.open_room("Garden club")
    await expect(garden).not_to_contain_text("unread")

    # Earlier texts, for whom may see them.
    await bob.act("The beans as well", "Edit")
    await bob.page.get_by_role("textbox", name="Edit message").fill("The beans too")
    await bob.page.keyboard.press("Enter")
    await ann.sees("The roses are out", "The beans too")
    for person in (bob, ann):  # its author, and an admin of the room
        await person.message("The beans too").get_by_role("button", name="Edited: show earlier texts").click()
        texts = person.page.get_by_role("list", name="Earlier texts").get_by_role("listitem")
        await expect(texts).to_have_count(1)
        await expect(texts).to_contain_text("The beans as well")
        assert await person.serious_faults() == []
        await person.page.keyboard.press("Escape")

    # Saved messages.
    for text in ("The roses are out", "The beans too"):
        await ann.act(text, "More actions")
        await ann.page.get_by_role("menuitem", name="Save message").click()
    await choose(tab, "Saved messages")
    saved = tab.page.get_by_role("list", name="Saved messages").get_by_role("listitem")
    await expect(saved).to_have_text([re.compile("beans"), re.compile("roses")])
    assert await tab.serious_faults() == []
    await saved.first.get_by_role("button", name="Remove from saved").click()
    await expect(saved).to_have_count(1)
    await saved.get_by_role("button").first.click()
    await tab.is_in("Garden club")
    await expect(tab.message("The roses are out")).to_be_focused()
    await ann.act("The roses are out", "More actions")
    await expect(ann.page.get_by_role("menuitem", name="Remove from saved")).to_be_visible()


async def test_the_keyboard_goes_everywhere(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.post("/chat/rooms", {"name": "Tea party"})
    await ann.create_room("Étude")
    field = ann.page.get_by_role("combobox", name="Room, person or command")
    options = ann.page.get_by_role("option")
    press, type_text = ann.page.keyboard.press, ann.page.keyboard.type

    await ann.composer.focus()
    await press("Control+k")
    await expect(field).to_be_focused()
    await type_text("zzz")
    await expect(ann.page.get_by_text("Nothing is called “zzz”.")).to_be_visible()
    await field.fill("g")
    await expect(options.first).to_contain_text("Garden club")
    assert await ann.serious_faults() == []
    await press("Enter")
    await ann.is_in("Garden club")
    await press("Control+k")
    await type_text("etu")
    await press("Enter")
    await ann.is_in("Étude")
    await press("Alt+ArrowDown")
    await ann.is_in("Garden club")
    await press("Control+k")
    await type_text("bob")
    await expect(options.filter(has_text="bob")).to_have_count(1)
    await press("ArrowUp")  # around the end
    await press("ArrowDown")
    await press("Enter")
    await ann.is_in("bob")
    await press("Control+k")
    await type_text("tea")
    await expect(options.filter(has_text="Room to join")).to_have_count(1)
    await press("Enter")
    await expect(ann.page.get_by_role("button", name="Join room")).to_be_visible()
    await press("Control+k")
    await type_text("saved")
    await press("Enter")
    await expect(ann.page.get_by_role("dialog", name="Saved messages")).to_be_visible()
    await press("Escape")

    # The list of the keys; a "?" that one types is none of them.
    await ann.open_room("Garden club")
    await ann.composer.press("?")
    await expect(ann.composer).to_have_value("?")
    await press("Control+/")
    keys = ann.page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(keys).to_contain_text("Go to a room, a person or a command")
    assert await ann.serious_faults() == []
    await ann.page.set_viewport_size(NARROW)
    assert not await ann.page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    await press("?")
    await expect(keys).to_have_count(0)
