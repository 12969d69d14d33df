"""What is read is what was seen, and the line over what was not."""

import re

from playwright.async_api import expect

from app.db.database import Database
from tests.app.page.conftest import Visit
from tests.app.page.test_everyday_use import write


async def test_a_room_opens_at_the_first_unread_message_however_many_there_are(
    visit: Visit, db: Database
) -> None:
    _, bob = await visit.two_in_a_room()
    await bob.create_room("Somewhere else")
    await write(db, "Garden club", 200)
    await bob.page.reload()
    garden = bob.page.get_by_role("link", name=re.compile("^Garden club"))
    await expect(garden).to_contain_text("99+")
    await garden.click()
    await expect(bob.message("Line number 1.")).to_be_in_viewport()
    await expect(bob.message("Line number 1.")).to_contain_text("New")
    # Those that were not on the screen are unread still, also for the server.
    await bob.open_room("Somewhere else")
    await bob.page.reload()
    await expect(garden).to_contain_text("99+")
    await garden.click()
    await expect(bob.message("Line number 1.")).to_have_count(0)
    await expect(bob.page.get_by_text("New", exact=True)).to_be_in_viewport()
    assert await bob.serious_faults() == []
    await bob.page.get_by_role("button", name=re.compile(r"new messages$")).click()
    await expect(bob.message("Line number 200.")).to_be_in_viewport()
    await expect(garden).not_to_contain_text("unread")


async def test_a_page_full_of_unread_messages_has_the_line_over_the_first(visit: Visit, db: Database) -> None:
    _, bob = await visit.two_in_a_room()
    await bob.create_room("Somewhere else")
    await write(db, "Garden club", 50)
    await bob.page.reload()
    await bob.open_room("Garden club")
    await expect(bob.message("Line number 1.")).to_contain_text("New")
    await expect(bob.message("Line number 1.")).to_be_in_viewport()
    await expect(bob.message("Line number 50.")).not_to_be_in_viewport()


async def test_what_came_while_nobody_looked_is_new_until_it_was_seen(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.say("Before lunch")
    await bob.sees("Before lunch")
    garden = bob.page.get_by_role("link", name=re.compile("^Garden club"))
    await expect(garden).not_to_contain_text("unread")
    await bob.look_away()
    await ann.say_lines(visit.room, 1, 30)
    await expect(garden).to_contain_text("30")
    await bob.look_back()
    await expect(bob.message("Line 1.")).to_contain_text("New")
    await expect(bob.message("Line 1.")).to_be_in_viewport()
    await expect(bob.message("Line 30.")).not_to_be_in_viewport()
    await expect(garden).to_contain_text(re.compile(r"(?<!\d)\d{1,2} unread"))
    await expect(garden).not_to_contain_text("30")
    await bob.page.get_by_role("button", name=re.compile(r"new messages?$")).click()
    await expect(bob.message("Line 30.")).to_be_in_viewport()
    await expect(garden).not_to_contain_text("unread")
    # And the list follows again.
    await ann.say("After lunch")
    await expect(bob.message("After lunch")).to_be_in_viewport()
    await expect(garden).not_to_contain_text("unread")


async def test_a_batch_that_comes_with_the_connection_is_not_read_unseen(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.say("Before the storm")
    await bob.sees("Before the storm")
    await bob.go_offline()
    await ann.say_lines(visit.room, 1, 30)
    await bob.go_online()
    await expect(bob.message("Line 1.")).to_contain_text("New")
    await expect(bob.message("Line 1.")).to_be_in_viewport()
    await expect(bob.message("Line 30.")).not_to_be_in_viewport()
