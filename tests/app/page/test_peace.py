"""What people do to be left alone: they block somebody, hide conversations, mute rooms, and say who may begin."""

import re

from playwright.async_api import expect

from tests.app.page.conftest import Visit, Visitor


async def choose(person: Visitor, name: str, action: str) -> None:
    await person.page.get_by_role("button", name=f"Actions for {name}").click()
    await person.page.get_by_role("menuitem", name=action, exact=True).click()


async def account(person: Visitor, action: str) -> None:
    await person.page.get_by_role("button", name="Account", exact=True).click()
    await person.page.get_by_role("menuitem", name=action, exact=True).click()


async def test_who_is_blocked_cannot_write_until_unblocked(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.write_to("ann")
    await bob.say("Buy my seeds!")
    await ann.page.get_by_role("link", name=re.compile("^bob")).click()
    await ann.sees("Buy my seeds!")
    await choose(ann, "bob", "Block")
    dialog = ann.page.get_by_role("dialog", name="Block bob?")
    await expect(dialog).to_be_visible()
    assert await ann.serious_faults() == []
    await dialog.get_by_role("button", name="Block", exact=True).click()
    await expect(ann.page.get_by_text("You have blocked bob.")).to_be_visible()
    await expect(ann.composer).to_have_count(0)
    assert await ann.serious_faults() == []
    await bob.say("Are you there?")
    await expect(bob.page.get_by_text("You cannot write to this person.")).to_be_visible()
    assert await ann.message("Are you there?").count() == 0

    await account(ann, "Privacy")
    privacy = ann.page.get_by_role("dialog", name="Privacy")
    await expect(privacy.get_by_role("list", name="Blocked people")).to_contain_text("bob")
    assert await ann.serious_faults() == []
    await privacy.get_by_role("button", name="Unblock bob").click()
    await expect(privacy.get_by_text("You have blocked nobody.")).to_be_visible()
    await ann.page.keyboard.press("Escape")
    await ann.say("Back again")
    await bob.sees("Buy my seeds!", "Back again")


async def test_a_member_is_blocked_from_the_list_of_members_and_on_all_devices(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    other_tab = await ann.open_tab()
    for tab in (ann, other_tab):
        await tab.page.get_by_role("button", name="Members").click()
    await choose(ann, "bob", "Block")
    await ann.page.get_by_role("dialog").get_by_role("button", name="Block", exact=True).click()
    await choose(other_tab, "bob", "Unblock")
    await ann.page.get_by_role("button", name="Actions for bob").click()
    await expect(ann.page.get_by_role("menuitem", name="Block", exact=True)).to_be_visible()


async def test_a_hidden_conversation_comes_back_with_the_next_message(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.write_to("ann")
    await bob.say("First")
    conversation = ann.page.get_by_role("list", name="Direct messages").get_by_role("link")
    await conversation.click()
    await ann.sees("First")
    await choose(ann, "bob", "Hide conversation")
    await expect(conversation).to_have_count(0)
    await expect(ann.page.get_by_role("heading", name="Pick up a conversation")).to_be_visible()
    # Who looks for it finds it, also after a reload.
    await ann.write_to("bob")
    await ann.sees("First")
    await ann.page.reload()
    await ann.is_in("bob")
    await ann.sees("First")
    await choose(ann, "bob", "Hide conversation")
    await bob.say("Second")
    await expect(conversation).to_contain_text("Second")
    await conversation.click()
    await ann.sees("First", "Second")


async def test_a_muted_room_does_not_count(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.page.get_by_role("button", name="Room settings").click()
    await ann.page.get_by_role("button", name="Mute room").click()
    await expect(ann.page.get_by_role("button", name="Unmute room")).to_be_visible()
    room = ann.page.get_by_role("list", name="Rooms").get_by_role("link")
    await expect(room).to_contain_text("muted")
    assert await ann.serious_faults() == []
    await bob.write_to("ann")
    await bob.say("Hello")
    await ann.page.get_by_role("list", name="Direct messages").get_by_role("link").click()
    await ann.sees("Hello")
    await bob.open_room("Garden club")
    await bob.say("Nobody is called for this")
    await bob.write_to("ann")
    await bob.say("But for this")
    await ann.sees("But for this")
    await expect(room).not_to_contain_text("unread")
    await expect(ann.page).to_have_title("bob · Parley")
    await room.click()
    await ann.page.get_by_role("button", name="Room settings").click()
    await ann.page.get_by_role("button", name="Unmute room").click()
    await expect(room).not_to_contain_text("muted")


async def test_who_may_begin_is_a_choice_that_stays(visit: Visit) -> None:
    ann, bob = await (await visit("ann")).sign_up(), await (await visit("bob")).sign_up()
    await account(ann, "Privacy")
    privacy = ann.page.get_by_role("dialog", name="Privacy")
    group = privacy.get_by_role("group", name="Who may begin a conversation with me")
    await expect(group.get_by_role("radio", name="Everyone")).to_be_checked()
    await group.get_by_role("radio", name="Nobody").check()
    await ann.page.reload()
    await account(ann, "Privacy")
    await expect(group.get_by_role("radio", name="Nobody")).to_be_checked()
    await bob.write_to("ann")
    await bob.say("Hello?")
    await expect(bob.page.get_by_text("You cannot write to this person.")).to_be_visible()
