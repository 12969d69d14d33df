"""What admins make of a room: its pins, an archive of it, a link into it, and its end."""

import re

from playwright.async_api import expect

from tests.app.page.conftest import NARROW, WIDE, Visit, Visitor
from tests.app.page.test_attachments import give


async def open_settings(visitor: Visitor) -> None:
    await visitor.page.get_by_role("button", name="Room settings").click()


async def confirm(visitor: Visitor, action: str) -> None:
    await visitor.page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()


async def test_pins_an_archive_and_the_end_of_a_room(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()

    # Pins
    for text in ("Beans on Monday", "Peas on Friday"):
        await bob.say(text)
        await ann.act(text, "Pin")
        await expect(bob.message(text)).to_contain_text("Pinned")
    await bob.page.get_by_role("button", name="Pins", exact=True).click()
    pinned = bob.page.get_by_role("list", name="Pinned messages").get_by_role("listitem")
    await expect(pinned).to_contain_text(["Peas on Friday", "Beans on Monday"])
    await expect(pinned.get_by_role("button")).to_have_count(2)  # Bob changes nothing about them
    await pinned.nth(1).get_by_role("button").click()
    await expect(bob.page.locator(".found")).to_contain_text("Beans on Monday")
    await ann.page.get_by_role("button", name="Pins", exact=True).click()
    await ann.page.get_by_role("button", name="Move down: Peas on Friday").click()
    await expect(pinned).to_contain_text(["Beans on Monday", "Peas on Friday"])
    await ann.page.set_viewport_size(NARROW)
    await ann.page.emulate_media(color_scheme="dark")
    assert await ann.serious_faults() == await bob.serious_faults() == []
    await ann.page.set_viewport_size(WIDE)
    await ann.page.get_by_role("button", name="Unpin: Beans on Monday").click()
    await expect(pinned).to_have_count(1)
    await bob.act("Peas on Friday", "Delete")
    await confirm(bob, "Delete")
    await expect(ann.page.get_by_role("complementary")).to_contain_text("Nothing is pinned here")
    await expect(ann.page.get_by_role("button", name="Pins", exact=True)).to_have_count(0)

    # An archive
    await open_settings(ann)
    await ann.page.get_by_role("button", name="Archive room").click()
    await confirm(ann, "Archive room")
    await expect(bob.page.get_by_text("This room is archived")).to_be_visible()
    await give(bob.page.get_by_role("main"), "drop", ("text/plain", "notes.txt", b"Water the beans"))
    await expect(bob.page.get_by_text("Nothing can be written here")).to_be_visible()
    await expect(bob.composer).to_have_count(0)
    archived = bob.page.get_by_role("list", name="Archived rooms")
    await expect(archived.get_by_role("link", name="Garden club")).to_be_visible()
    await bob.message("Beans on Monday").hover()
    await expect(bob.page.get_by_role("button", name="Copy text")).to_be_visible()
    await expect(bob.page.get_by_role("button", name="Edit", exact=True)).to_have_count(0)
    assert await ann.serious_faults() == await bob.serious_faults() == []
    await ann.page.get_by_role("button", name="Unarchive", exact=True).click()
    await bob.say("Back again")
    await ann.sees("Back again")

    # Closed, opened, and gone
    await ann.page.get_by_role("radio", name="Private").check()
    await ann.page.get_by_role("button", name="Save changes").click()
    await expect(bob.page.get_by_role("link", name="Garden club (private)")).to_be_visible()
    await ann.page.get_by_role("radio", name="Public").check()
    await ann.page.get_by_role("button", name="Save changes").click()
    await confirm(ann, "Make public")
    await expect(bob.page.get_by_role("link", name="Garden club (private)")).to_have_count(0)
    await ann.page.get_by_role("button", name="Delete room").click()
    dialog = ann.page.get_by_role("dialog", name="Delete Garden club?")
    await expect(dialog.get_by_role("button", name="Delete room")).to_be_disabled()
    await dialog.get_by_role("textbox").fill("Garden club")
    assert await ann.serious_faults() == []
    await dialog.get_by_role("button", name="Delete room").click()
    for visitor in (ann, bob):
        notices = visitor.page.get_by_role("region", name="Notifications")
        await expect(notices).to_contain_text("Garden club was deleted.")
        await expect(visitor.page.get_by_role("link", name=re.compile("^Garden club"))).to_have_count(0)


async def test_a_link_leads_into_a_room_after_signing_up(visit: Visit) -> None:
    ann = await (await visit("ann")).sign_up()
    await ann.create_room("Secret garden", private=True)
    await ann.page.get_by_role("button", name="Members").click()
    await ann.page.get_by_role("button", name="Invite by link").click()
    await ann.page.get_by_role("combobox", name="For").select_option("10 people")
    await ann.page.get_by_role("button", name="Make a link").click()
    made = ann.page.get_by_role("dialog", name="A link into this room")
    url = await made.get_by_role("textbox", name="Link, shown only now").input_value()
    assert await ann.serious_faults() == []
    await made.get_by_role("button", name="Done").click()
    bob = await visit("bob", at=url[url.index("/#/join/") :], theme="dark")
    await bob.sign_up()
    await bob.is_in("Secret garden")
    await expect(bob.page.get_by_role("heading", name="You are invited to this room")).to_be_visible()
    await bob.page.set_viewport_size(NARROW)
    assert await bob.serious_faults() == []
    await bob.page.get_by_role("button", name="Join room").click()
    await bob.say("Thank you for having me")
    await ann.sees("Thank you for having me")
    links = ann.page.get_by_role("list", name="Links into this room").get_by_role("listitem")
    await expect(links).to_have_count(1)
    await links.get_by_role("button", name="Revoke").click()
    await confirm(ann, "Revoke link")
    await expect(links).to_have_count(0)
    await bob.page.goto("/#/join/nothing")
    await expect(bob.page.get_by_role("heading", name="This link leads nowhere")).to_be_visible()


async def test_several_people_have_one_conversation(visit: Visit) -> None:
    ann, bob, eve = [await (await visit(name)).sign_up() for name in ("ann", "bob", "eve")]
    await ann.page.get_by_role("button", name="New message").click()
    dialog = ann.page.get_by_role("dialog", name="New message")
    await dialog.get_by_role("checkbox", name="To several people").check()
    for name in ("bob", "eve"):
        await dialog.get_by_role("searchbox", name="Search people").fill(name)
        await dialog.get_by_role("button", name=f"Add {name}").click()
    assert await ann.serious_faults() == []
    await dialog.get_by_role("button", name="Open conversation").click()
    await ann.is_in("bob, eve")
    await ann.say("Hello, both")
    talks = bob.page.get_by_role("list", name="Direct messages")
    await talks.get_by_role("link", name="ann, eve").click()
    await bob.sees("Hello, both")
    await bob.page.set_viewport_size(NARROW)
    assert await ann.serious_faults() == await bob.serious_faults() == []
    await bob.page.get_by_role("button", name="Actions for ann, eve").click()
    await bob.page.get_by_role("menuitem", name="Leave conversation").click()
    await expect(talks.get_by_role("link")).to_have_count(0)
    await ann.is_in("eve")
    await eve.page.get_by_role("link", name="ann").click()
    await eve.say("Only the two of us")
    await ann.sees("Hello, both", "Only the two of us")
