"""Links to messages: they open at the message, wherever it stands, whoever opens them."""

import re
from typing import Any

from playwright.async_api import expect

from app.db.database import Database
from tests.app.page.conftest import Visit
from tests.app.page.test_everyday_use import write

MANY = 300


async def test_a_link_opens_at_its_message(visit: Visit, db: Database) -> None:
    ann, bob = await visit.two_in_a_room()
    messages = f"/chat/rooms/{visit.room}/messages"
    first = await ann.post(messages, {"content": "The very first"})
    answer = {"content": "Beside the room", "replyTo": first["id"], "alsoToRoom": False}
    reply = await ann.post(messages, answer)
    await write(db, "Garden club", MANY)
    await ann.page.reload()
    await ann.sees(f"Line number {MANY}.")

    # The link is copied from the menu of the message, which is far outside of what is loaded for whoever opens it.
    await ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await ann.page.goto(f"/#/r/{visit.room}/m/{first['id']}")
    await expect(ann.message("The very first")).to_be_focused()
    await expect(ann.page).to_have_url(re.compile(rf"#/r/{visit.room}$"))
    await ann.act("The very first", "More actions")
    assert await ann.serious_faults() == []
    await ann.page.get_by_role("menuitem", name="Copy link").click()
    await expect(ann.page.get_by_text("The link is copied.")).to_be_visible()
    link = await ann.page.evaluate("navigator.clipboard.readText()")
    place = link.removeprefix(ann.line.url)
    assert place == f"/#/r/{visit.room}/m/{first['id']}"

    # Before signing in, and after.
    await bob.sign_out()
    await bob.page.goto(place)
    await bob.sign_in()
    await expect(bob.message("The very first")).to_be_focused()
    # A reply that stands in its thread alone.
    await bob.page.goto(f"/#/r/{visit.room}/m/{reply['id']}")
    replies = bob.page.get_by_role("complementary", name="Thread").get_by_role("list", name="Replies")
    await expect(replies.get_by_role("listitem").filter(has_text="Beside the room")).to_be_focused()
    # Whoever makes an account first comes to it as well, but not to where somebody else was before.
    await bob.sign_out()
    bob.name = "eve"
    await bob.sign_up()
    await expect(bob.page).to_have_url(re.compile("#/$"))
    await bob.sign_out()
    await bob.page.goto(place)
    bob.name = "cid"
    await bob.sign_up()
    await bob.page.get_by_role("button", name="Join room").click()
    await expect(bob.message("The very first")).to_be_focused()


async def test_a_link_that_leads_nowhere_says_so(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()

    async def message_in(name: str, **room: Any) -> str:
        made = await ann.post("/chat/rooms", {"name": name, **room})
        message = await ann.post(f"/chat/rooms/{made['id']}/messages", {"content": f"Within {name}"})
        return f"/#/r/{made['id']}/m/{message['id']}"

    gone = await ann.post(f"/chat/rooms/{visit.room}/messages", {"content": "Not for long"})
    await ann.message("Not for long").wait_for()
    await ann.act("Not for long", "Delete")
    await ann.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(ann.page.get_by_text("ann: message deleted")).to_be_visible()
    await bob.page.goto(f"/#/r/{visit.room}/m/{gone['id']}")
    await expect(
        bob.page.get_by_text("The message that the link leads to is not there any more.")
    ).to_be_visible()
    await bob.is_in("Garden club")

    await bob.page.goto(await message_in("Secret", isPrivate=True))
    await expect(bob.page.get_by_text("That room is not open to you.")).to_be_visible()

    await bob.page.goto(await message_in("Tea"))
    await bob.page.get_by_role("button", name="Join room").click()
    await expect(bob.message("Within Tea")).to_be_focused()
