"""Two people, each in a browser of their own, through all that the page can do."""

import re

from playwright.async_api import expect

from tests.app.page.conftest import Visit


async def test_they_talk_and_change_what_they_said(visit: Visit) -> None:
    ann, bob = await (await visit("ann")).sign_up(), await (await visit("bob")).sign_up()
    await ann.create_room("Garden club")
    await bob.join_public_room("Garden club")
    await ann.say("The roses are out")
    await bob.say("How are the beans?")
    for person in (ann, bob):
        await person.sees("The roses are out", "How are the beans?")

    await bob.composer.press_sequentially("They need")
    await expect(ann.page.get_by_role("status", name="Typing")).to_contain_text("bob is typing")
    await bob.composer.fill("")
    await expect(ann.page.get_by_role("status", name="Typing")).not_to_contain_text("bob")

    await bob.act("How are the beans?", "Edit")
    await bob.page.get_by_role("textbox", name="Edit message").fill("How are the tomatoes?")
    await bob.page.get_by_role("button", name="Save").click()
    await expect(ann.message("How are the tomatoes?")).to_contain_text("(edited)")
    await expect(ann.message("How are the beans?")).to_have_count(0)

    await ann.act("How are the tomatoes?", "Reply")
    await ann.say("Red already")
    await expect(
        bob.message("Red already").get_by_role("button", name=re.compile("In reply to"))
    ).to_be_visible()

    await bob.act("Red already", "React")
    await bob.page.get_by_role("dialog", name="Choose a reaction").get_by_role("button").first.click()
    mine = ann.message("Red already").get_by_role("group", name="Reactions").get_by_role("button").first
    await expect(mine).to_contain_text("1")
    await mine.click()
    pill = bob.message("Red already").get_by_role("group", name="Reactions").get_by_role("button").first
    await expect(pill).to_contain_text("2")
    await expect(pill).to_have_attribute("aria-pressed", "true")
    await pill.click()
    await expect(mine).to_contain_text("1")

    await ann.act("The roses are out", "Delete")
    await ann.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(bob.message("message deleted")).to_have_count(1)
    await expect(bob.message("The roses are out")).to_have_count(0)
    assert await ann.serious_faults() == await bob.serious_faults() == []


async def test_an_admin_deletes_what_somebody_else_wrote(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.say("Buy cheap watches")
    await bob.message("Buy cheap watches").hover()
    await ann.act("Buy cheap watches", "Delete")
    await ann.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(bob.message("Buy cheap watches")).to_have_count(0)


async def test_a_mention_is_completed_and_told_wherever_one_is(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.create_room("Somewhere else")
    await ann.composer.press_sequentially("Look here @bo")
    await expect(ann.page.get_by_role("listbox", name="People to mention")).to_be_visible()
    assert await ann.serious_faults() == []
    await ann.composer.press("Enter")
    await expect(ann.composer).to_have_value(re.compile("@bob"))
    await ann.composer.press("Enter")
    told = bob.page.get_by_role("region", name="Notifications")
    await expect(told).to_contain_text("ann")
    garden = bob.page.get_by_role("link", name=re.compile("^Garden club"))
    await expect(garden).to_contain_text("1")
    await garden.click()
    await bob.is_in("Garden club")
    await bob.sees("Look here @bob")
    await expect(garden).not_to_contain_text("1")


async def test_unread_messages_are_counted_until_they_are_seen(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.create_room("Somewhere else")
    garden = bob.page.get_by_role("link", name=re.compile("^Garden club"))
    for number in (1, 2, 3):
        await ann.say(f"News {number}")
        await expect(garden).to_contain_text(str(number))
    await garden.click()
    await bob.sees("News 1", "News 2", "News 3")
    await expect(bob.page.get_by_role("list", name="Messages", exact=True)).to_contain_text("New")
    await expect(garden).not_to_contain_text("3")
    await expect(ann.page.get_by_text("Seen by")).to_be_visible()
    await bob.page.reload()
    await bob.is_in("Garden club")
    await expect(garden).not_to_contain_text("3")


async def test_search_finds_a_message_and_goes_to_it(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.say("The pumpkin weighs a stone")
    for number in range(30):
        await bob.say(f"Filling {number}")
    await ann.page.get_by_role("main").get_by_role("button", name="Search").click()
    panel = ann.page.get_by_role("complementary", name="Search")
    await panel.get_by_role("searchbox").fill("pumpkin")
    result = panel.get_by_role("list", name="Search results").get_by_role("button")
    await expect(result).to_have_count(1)
    assert await ann.serious_faults() == []
    await result.click()
    await expect(ann.message("The pumpkin weighs a stone")).to_be_in_viewport()
    await panel.get_by_role("searchbox").fill("nowhere to be found")
    await expect(panel.get_by_role("status")).not_to_be_empty()


async def test_what_is_written_is_text_and_links_are_safe(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    hostile = "<img src=x onerror=alert(1)> javascript:alert(1) [a](javascript:alert(1)) data:text/html,a"
    await ann.say(hostile)
    await ann.say("See https://example.org/a?b=1&c=(d). Not http:// alone")
    await expect(bob.message("onerror")).to_contain_text(hostile)
    await expect(bob.message("onerror").get_by_role("link")).to_have_count(0)
    link = bob.message("Not http").get_by_role("link")
    await expect(link).to_have_attribute("href", "https://example.org/a?b=1&c=(d)")
    await expect(link).to_have_attribute("target", "_blank")
    await expect(link).to_have_attribute("rel", re.compile("noopener.*noreferrer"))


async def test_who_is_written_to_while_writing_is_in_the_conversation(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.write_to("bob")
    await ann.page.reload()  # nothing of him is listed, and still he is there
    await ann.is_in("bob")
    await ann.composer.fill("I was about to")
    await bob.write_to("ann")
    await bob.say("Have you seen my spade?")
    await ann.sees("Have you seen my spade?")
    await expect(ann.composer).to_have_value("I was about to")
    await ann.composer.press("Enter")
    for person in (ann, bob):
        await person.sees("Have you seen my spade?", "I was about to")


async def test_a_direct_conversation(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.page.get_by_role("button", name="New message").click()
    found = ann.page.get_by_role("list", name="People found").get_by_role("listitem")
    await expect(found).to_have_text([re.compile("@ann"), re.compile("@bob")])  # all, while nothing is typed
    await ann.page.get_by_role("searchbox", name="Search people").fill("OB")
    await expect(found).to_have_text([re.compile("@bob")])
    await ann.page.keyboard.press("Escape")
    await ann.write_to("bob")
    await ann.say("Just between us")
    conversation = bob.page.get_by_role("link", name=re.compile("ann"))
    await expect(conversation).to_contain_text("1")
    await conversation.click()
    await bob.is_in("ann")
    await bob.sees("Just between us")
    await expect(ann.page.get_by_role("main")).to_contain_text("Seen")
    await bob.say("And nobody else")
    await ann.sees("Just between us", "And nobody else")
    assert await ann.serious_faults() == await bob.serious_faults() == []


async def test_presence_is_seen_come_and_go(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.page.get_by_role("button", name="Members").click()
    entry = (
        ann.page.get_by_role("complementary", name="Members").get_by_role("listitem").filter(has_text="bob")
    )
    await expect(entry).to_contain_text("Online")
    await bob.page.reload()
    await bob.is_in("Garden club")
    await expect(entry).to_contain_text("Online")
    await bob.page.close()
    await expect(entry).not_to_contain_text("Online")
