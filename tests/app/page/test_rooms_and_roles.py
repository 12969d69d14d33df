"""Who may enter a room, and who decides that."""

from playwright.async_api import Locator, expect

from tests.app.page.conftest import Visit, Visitor


async def members_of(admin: Visitor) -> Locator:
    await admin.page.get_by_role("button", name="Members").click()
    return admin.page.get_by_role("complementary", name="Members")


async def choose(admin: Visitor, name: str, action: str) -> None:
    await admin.page.get_by_role("button", name=f"Actions for {name}").click()
    await admin.page.get_by_role("menuitem", name=action).click()


async def confirm(admin: Visitor, action: str) -> None:
    await admin.page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()


async def test_a_private_room_is_entered_by_invitation(visit: Visit) -> None:
    ann, bob = await (await visit("ann")).sign_up(), await (await visit("bob")).sign_up()
    await ann.create_room("Secret garden", private=True)
    await bob.page.get_by_role("button", name="Discover rooms").click()
    dialog = bob.page.get_by_role("dialog", name="Discover rooms")
    await dialog.get_by_role("searchbox").fill("secret")
    await expect(dialog.get_by_role("status")).not_to_be_empty()
    await expect(dialog.get_by_role("button", name="Join Secret garden")).to_have_count(0)
    assert await bob.serious_faults() == []
    await bob.page.keyboard.press("Escape")

    panel = await members_of(ann)
    await panel.get_by_role("button", name="Invite people").click()
    await panel.get_by_role("searchbox", name="Find people to invite").fill("bo")
    await panel.get_by_role("button", name="Invite bob").click()
    await expect(panel.get_by_role("list", name="Invited")).to_contain_text("bob")
    await bob.page.get_by_role("button", name="Join Secret garden").click()
    await expect(panel.get_by_role("list", name="In this room")).to_contain_text("bob")
    await bob.open_room("Secret garden")
    await bob.say("Thank you for having me")
    await ann.sees("Thank you for having me")
    assert await ann.serious_faults() == []


async def test_an_invitation_is_declined(visit: Visit) -> None:
    ann, bob = await (await visit("ann")).sign_up(), await (await visit("bob")).sign_up()
    await ann.create_room("Secret garden", private=True)
    panel = await members_of(ann)
    await panel.get_by_role("button", name="Invite people").click()
    await panel.get_by_role("searchbox", name="Find people to invite").fill("bo")
    await panel.get_by_role("button", name="Invite bob").click()
    await bob.page.get_by_role("button", name="Decline Secret garden").click()
    await expect(bob.page.get_by_role("list", name="Invitations")).to_have_count(0)
    await expect(panel.get_by_role("list", name="Invited")).to_have_count(0)


async def test_roles_are_given_and_the_last_admin_stays(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.page.get_by_role("button", name="Room settings").click()
    await ann.page.get_by_role("button", name="Leave room").click()
    await confirm(ann, "Leave room")
    await expect(ann.page.get_by_role("region", name="Notifications")).to_contain_text("admin")
    await ann.is_in("Garden club")
    panel = await members_of(ann)
    await choose(ann, "bob", "Make an admin")
    await expect(panel.get_by_role("listitem").filter(has_text="bob")).to_contain_text("Admin")
    await bob.page.get_by_role("button", name="Room settings").click()
    await bob.page.get_by_role("textbox", name="Name").fill("Allotment society")
    await bob.page.get_by_role("button", name="Save changes").click()
    await ann.is_in("Allotment society")
    await ann.page.get_by_role("button", name="Room settings").click()
    await ann.page.get_by_role("button", name="Leave room").click()
    await confirm(ann, "Leave room")
    await expect(ann.page.get_by_role("link", name="Allotment society")).to_have_count(0)


async def test_who_is_banned_is_out_and_cannot_come_back(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await members_of(ann)
    await choose(ann, "bob", "Ban from room")
    await confirm(ann, "Ban")
    await expect(bob.page.get_by_role("link", name="Garden club")).to_have_count(0)
    await bob.page.get_by_role("button", name="Discover rooms").click()
    dialog = bob.page.get_by_role("dialog", name="Discover rooms")
    await dialog.get_by_role("searchbox").fill("gard")
    await dialog.get_by_role("button", name="Join Garden club").click()
    await expect(bob.page.get_by_text("You are banned from this room.")).to_be_visible()
    bob.faults = [
        fault for fault in bob.faults if "403" not in fault
    ]  # the browser's own word on the refusal
