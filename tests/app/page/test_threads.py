"""Threads on the page: replies that gather beside a room, and what is unread of them."""

import re

from playwright.async_api import Locator, expect

from tests.app.page.conftest import Visit, Visitor


def panel(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("complementary", name="Thread")


def threads(visitor: Visitor, unread: int = 0) -> Locator:
    """The button that opens the list of threads, when so many have something unread."""
    name = f"Threads, {unread} unread" if unread else "Threads"
    return visitor.page.get_by_role("button", name=name, exact=True)


async def reply(visitor: Visitor, text: str) -> None:
    field = panel(visitor).get_by_role("textbox", name="Reply in the thread")
    await field.fill(text)
    await field.press("Enter")
    await expect(panel(visitor).get_by_role("list", name="Replies")).to_contain_text(text)
    await expect(field).to_have_value("")


async def test_replies_gather_in_a_thread_and_are_unread_there(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.say("Who waters the beans?")
    await bob.act("Who waters the beans?", "Open thread")
    await expect(panel(bob)).to_contain_text("No replies yet")
    await reply(bob, "I can, on Monday")
    await panel(bob).get_by_role("checkbox", name="Also to the room").check()
    await reply(bob, "And on Friday")
    await ann.sees("And on Friday")
    await expect(ann.message("I can, on Monday")).to_have_count(0)
    await expect(threads(ann, unread=1)).to_be_visible()
    assert await ann.serious_faults() == await bob.serious_faults() == []

    await threads(ann, unread=1).click()
    dialog = ann.page.get_by_role("dialog", name="Threads")
    entry = dialog.get_by_role("list", name="Threads that you follow").get_by_role("button")
    await expect(entry).to_contain_text("2 new")
    await expect(entry).to_contain_text("2 replies")
    assert await ann.serious_faults() == []
    await entry.click()
    replies = panel(ann).get_by_role("list", name="Replies").get_by_role("listitem")
    await expect(replies).to_have_text([re.compile("I can, on Monday"), re.compile("And on Friday")])
    await expect(threads(ann)).to_be_visible()  # what is looked at is read

    await panel(ann).get_by_role("button", name="Thread menu").click()
    await ann.page.get_by_role("menuitem", name="Mark as unread").click()
    await expect(threads(ann, unread=1)).to_be_visible()
    assert await ann.serious_faults() == []
    await panel(ann).get_by_role("button", name="Close thread").click()
    await ann.message("Who waters").get_by_role("button", name="2 replies").click()
    await expect(threads(ann)).to_be_visible()
    await replies.first.hover()
    await panel(ann).get_by_role("button", name="More actions").click()
    await ann.page.get_by_role("menuitem", name="Mark as unread").click()
    await threads(ann, unread=1).click()
    await expect(entry).to_contain_text("2 new")
    await ann.page.keyboard.press("Escape")

    await reply(ann, "Thank you")
    await expect(panel(bob).get_by_role("list", name="Replies")).to_contain_text("Thank you")
    await replies.filter(has_text="Thank you").hover()
    await panel(ann).get_by_role("button", name="Edit", exact=True).click()
    await panel(ann).get_by_role("textbox", name="Edit message").fill("Thanks, Bob")
    await panel(ann).get_by_role("button", name="Save").click()
    await expect(panel(bob).get_by_role("list", name="Replies")).to_contain_text("Thanks, Bob")
    await expect(threads(bob)).to_be_visible()

    await panel(ann).get_by_role("button", name="Following").click()
    await expect(panel(ann).get_by_role("button", name="Follow", exact=True)).to_be_visible()
    await panel(ann).get_by_role("button", name="Close thread").click()
    await reply(bob, "One more thing")
    replies_of_root = ann.message("Who waters").first.get_by_role("button", name="4 replies")
    await expect(replies_of_root).to_be_visible()
    await expect(threads(ann)).to_be_visible()
    await replies_of_root.click()
    await expect(panel(ann)).to_contain_text("One more thing")
    assert await ann.serious_faults() == []


async def test_a_thread_has_an_address_a_draft_and_an_outbox_on_a_phone_too(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    root = await ann.post(f"/chat/rooms/{visit.room}/messages", {"content": "The shed is locked"})
    for number in range(60):
        sent = {"content": f"Line {number}.", "replyTo": root["id"], "alsoToRoom": False}
        await bob.post(f"/chat/rooms/{visit.room}/messages", sent)
    at = f"/#/r/{visit.room}/thread/{root['id']}"
    phone = await visit("ann", phone=True, theme="dark", session=ann.session, at=at)
    replies = panel(phone).get_by_role("list", name="Replies").get_by_role("listitem")
    await expect(replies).to_have_count(50)
    await expect(replies.last).to_be_in_viewport()
    await panel(phone).get_by_role("button", name="Show earlier replies").click()
    await expect(replies).to_have_count(60)
    await expect(panel(phone).get_by_role("button", name="Show earlier replies")).to_have_count(0)
    assert await phone.serious_faults() == []

    field = panel(phone).get_by_role("textbox", name="Reply in the thread")
    await field.fill("The key is under")
    await phone.page.reload()
    await expect(field).to_have_value("The key is under")
    await phone.go_offline()
    await field.fill("The key is under the pot")
    await panel(phone).get_by_role("button", name="Send reply").click()
    await expect(replies.last).to_contain_text("Waiting for a connection")
    await bob.post(
        f"/chat/rooms/{visit.room}/messages",
        {"content": "Which key?", "replyTo": root["id"], "alsoToRoom": False},
    )
    await phone.go_online()
    await expect(replies.filter(has_text="Which key?")).to_have_count(1)
    await expect(replies.last).to_contain_text("The key is under the pot")
    await expect(replies.last).not_to_contain_text("Waiting")
    await panel(phone).get_by_role("button", name="Close thread").click()
    await expect(phone.message("The shed is locked").get_by_role("button", name="62 replies")).to_be_visible()
    await expect(phone.message("Which key?")).to_have_count(0)
