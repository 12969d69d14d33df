"""What happens while the line is cut, and after a reload: nothing is lost, and nothing is there twice."""

from playwright.async_api import expect

from tests.app.page.conftest import Visit


async def test_who_was_offline_in_mid_conversation_catches_up(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.say("Before the storm")
    await ann.say("This will be edited")
    await ann.say("This will be deleted")
    await bob.sees("Before the storm", "This will be edited", "This will be deleted")

    await bob.go_offline()
    await expect(bob.page.get_by_text("You are offline")).to_be_visible()
    assert await bob.serious_faults() == []
    await bob.say("Written in the dark")
    await bob.say("And another one")
    await expect(bob.message("Written in the dark")).to_contain_text("Waiting for a connection")
    await ann.say("While he was away")
    await ann.act("This will be edited", "Edit")
    await ann.page.get_by_role("textbox", name="Edit message").fill("This was changed")
    await ann.page.get_by_role("button", name="Save").click()
    await ann.act("This will be deleted", "Delete")
    await ann.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await ann.sees("Before the storm", "This was changed", "While he was away")

    await bob.go_online()
    for person in (ann, bob):
        await person.sees(
            "Before the storm",
            "This was changed",
            "While he was away",
            "Written in the dark",
            "And another one",
        )
        await expect(person.message("This will be")).to_have_count(0)
    await expect(bob.page.get_by_text("Waiting for a connection")).to_have_count(0)


async def test_unsent_messages_survive_a_reload(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.say("On time")
    await ann.sees("On time")
    bob.line.cut()  # the page itself must be there to be loaded again, so the browser stays online
    await bob.say("Unsent 1")
    await bob.say("Unsent 2")
    await bob.composer.fill("A draft")
    await expect(bob.message("Unsent 2")).to_contain_text("Waiting for a connection")
    bob.line.mend()
    await bob.page.reload()
    await bob.is_in("Garden club")
    for person in (ann, bob):
        await person.sees("On time", "Unsent 1", "Unsent 2")
    await expect(bob.composer).to_have_value("A draft")


async def test_a_message_that_is_refused_says_so_and_can_be_sent_again_or_thrown_away(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.go_offline()
    await bob.say("Too late")
    await bob.say("Thrown away")
    await ann.page.get_by_role("button", name="Members").click()
    members = ann.page.get_by_role("complementary", name="Members")
    await members.get_by_role("button", name="Actions for bob").click()
    await ann.page.get_by_role("menuitem", name="Remove from room").click()
    await ann.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(members.get_by_role("listitem").filter(has_text="bob")).to_have_count(0)
    await bob.go_online()
    await expect(bob.page.get_by_role("region", name="Notifications")).to_contain_text("Too late")
    await expect(bob.page.get_by_role("link", name="Garden club")).to_have_count(0)
    await bob.join_public_room("Garden club")
    await expect(bob.message("Too late")).to_contain_text("Not sent. You are not a member of this room.")
    assert await bob.serious_faults() == []
    await bob.message("Thrown away").get_by_role("button", name="Discard").click()
    await bob.message("Too late").get_by_role("button", name="Retry").click()
    await ann.sees("Too late")
    await expect(ann.message("Thrown away")).to_have_count(0)
    await expect(bob.page.get_by_text("Not sent")).to_have_count(0)


async def test_what_a_closed_tab_could_not_send_another_sends(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    other = await bob.open_tab()
    await other.say("From the other tab")
    for person in (ann, bob, other):
        await person.sees("From the other tab")
    bob.line.cut()
    await other.say("Unsent")
    await expect(other.message("Unsent")).to_contain_text("Waiting for a connection")
    await other.page.close()
    bob.line.mend()
    for person in (ann, bob):
        await person.sees("From the other tab", "Unsent")
    await expect(bob.page.get_by_text("Waiting for a connection")).to_have_count(0)


async def test_a_session_that_has_ended_says_so_in_every_tab(visit: Visit) -> None:
    _, bob = await visit.two_in_a_room()
    other = await bob.open_tab()
    await bob.composer.fill("Half a thought")
    await other.page.evaluate(
        """() => fetch("/auth/sign-out", {method: "POST", headers: {
            authorization: `Bearer ${JSON.parse(localStorage.getItem("parley.session")).token}`}})"""
    )
    for tab in (bob, other):
        await expect(tab.page.get_by_role("heading", name="Welcome back")).to_be_visible()
    bob.faults = [fault for fault in bob.faults if "401" not in fault]  # the browser's own word on it
    await bob.sign_in()
    for tab in (bob, other):
        await tab.is_in("Garden club")
    await expect(bob.composer).to_have_value("Half a thought")
