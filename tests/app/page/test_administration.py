"""A week's tasks of an administrator, on the page for them and at the command line; and those of one's own account."""

import json
import re
from typing import Any

import httpx
from playwright.async_api import expect

from tests.app.page.conftest import NARROW, WIDE, Visit, Visitor
from tests.support.chat.admin_command import Admin
from tests.support.chat.people import PASSWORD, Instance
from tests.support.images import image

NEW_PASSWORD = "a better battery staple"


async def post(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], session: dict[str, Any] | None = None
) -> Any:
    headers = {"authorization": f"Bearer {session['token']}"} if session else {}
    answer = await http.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


async def two_with_rooms(http: httpx.AsyncClient) -> tuple[dict[str, Any], dict[str, Any], str, str]:
    """The sessions of ann, an administrator, and bob, and the ids of bob's rooms: a public one, and a private one."""
    ann, bob = [
        await post(http, "/auth/sign-up", {"username": name, "credential": PASSWORD})
        for name in ("ann", "bob")
    ]
    garden = await post(http, "/chat/rooms", {"name": "Garden club"}, bob)
    tools = await post(http, "/chat/rooms", {"name": "Tools", "isPrivate": True}, bob)
    return ann, bob, garden["id"], tools["id"]


async def set_password(visitor: Visitor, url: str) -> None:
    await visitor.page.goto(url[url.index("/#/reset-password/") :])
    await visitor.page.get_by_role("textbox", name="Password").fill(NEW_PASSWORD)
    await visitor.page.get_by_role("button", name="Set password").click()
    await expect(visitor.page.get_by_role("button", name="Account", exact=True)).to_be_visible()


async def sign_up(visitor: Visitor, url: str) -> None:
    """As somebody who got the link of an invitation."""
    await visitor.page.goto(url[url.index("/#/sign-up/") :])
    await visitor.page.get_by_role("textbox", name="Username").fill("cid")
    await visitor.page.get_by_role("textbox", name="Password").fill(PASSWORD)
    await visitor.page.get_by_role("button", name="Create account").click()
    await expect(visitor.page.get_by_role("button", name="Account", exact=True)).to_be_visible()


async def is_shut_out(visitor: Visitor, name: str, password: str) -> None:
    """The session has ended, and there is no other one."""
    page = visitor.page
    await expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
    await page.get_by_role("textbox", name="Username").fill(name)
    await page.get_by_role("textbox", name="Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("deactivated")
    # The browser's own words on what is refused.
    visitor.faults = [fault for fault in visitor.faults if not re.search("status of 40[13]", fault)]


def messages_in(export: list[str]) -> list[str]:
    """The texts of the messages in the export of a room."""
    lines = [json.loads(line) for line in export]
    return [line["data"]["content"] for line in lines if line["kind"] == "message"]


async def test_a_week_on_the_page(visit: Visit, instance: Instance) -> None:
    async with httpx.AsyncClient(base_url=instance.url) as http:
        ann, bob, garden, _ = await two_with_rooms(http)
        await post(http, f"/chat/rooms/{garden}/messages", {"content": "Beans on Monday"}, bob)
    stranger = await visit("bob", session=bob, at="/admin", phone=True, theme="dark")
    await expect(stranger.page.get_by_role("heading", name="Not for you")).to_be_visible()
    assert await stranger.serious_faults() == []
    desk = await visit("ann", session=ann, at="/admin")
    page = desk.page
    status = page.get_by_role("main").get_by_role("status").first

    async def agree(action: str) -> None:
        await page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()

    # People
    await page.get_by_role("searchbox", name="Search people").fill("BO")
    await expect(page.get_by_role("list", name="People").get_by_role("listitem")).to_have_count(1)
    await page.get_by_role("button", name="Reset the password of bob").click()
    link = page.get_by_role("dialog").get_by_role("textbox", name="Link, shown only now")
    url = await link.input_value()
    await agree("Done")
    await stranger.page.evaluate("localStorage.clear()")
    await set_password(stranger, url)
    await page.get_by_role("button", name="Deactivate bob").click()
    assert await desk.serious_faults() == []
    await agree("Deactivate")
    await expect(status).to_have_text("bob is deactivated.")
    await is_shut_out(stranger, "bob", NEW_PASSWORD)
    await expect(page.get_by_role("button", name="Reactivate bob")).to_be_visible()
    assert await desk.serious_faults() == []

    # Invitations
    await page.get_by_role("link", name="Invitations").click()
    await page.get_by_role("textbox", name="Note for this list").fill("New colleagues")
    rooms = page.get_by_role("searchbox", name="Search rooms to enter")
    await rooms.fill("gard")
    await expect(page.get_by_role("button", name="Enter Garden club")).to_be_visible()
    await rooms.press("Enter")
    await rooms.fill("oo")
    await page.get_by_role("button", name="Enter Tools").click()
    assert await desk.serious_faults() == []
    await page.get_by_role("button", name="Without Garden club").click()
    await page.get_by_role("button", name="Invite").click()
    url = await link.input_value()
    await agree("Done")
    await sign_up(stranger, url)
    await expect(stranger.page.get_by_role("link", name="Tools")).to_be_visible()
    await expect(stranger.page.get_by_role("link", name="Garden club")).to_have_count(0)
    invitation = page.get_by_role("listitem").filter(has_text="New colleagues")
    await expect(invitation).to_contain_text("Used 0 of any number")
    await expect(invitation).to_contain_text("Into Tools")
    await page.get_by_role("button", name="Revoke New colleagues").click()
    await agree("Revoke")
    await expect(invitation).to_contain_text("Revoked")
    await expect(invitation).to_contain_text("Used 1 of any number")
    assert await desk.serious_faults() == []

    # Rooms, whose only admin is deactivated now
    await page.get_by_role("link", name="Rooms").click()
    await page.get_by_role("checkbox", name="Only rooms without an admin").check()
    await page.get_by_role("button", name="Take over Garden club").click()
    await expect(status).to_have_text("You are the admin of Garden club.")
    await page.get_by_role("checkbox", name="Only rooms without an admin").uncheck()
    await page.get_by_role("button", name="For new people: Garden club").click()
    await expect(status).to_have_text("New people enter Garden club.")
    await page.get_by_role("combobox", name="Messages of Garden club are kept").select_option("30")
    await expect(status).to_have_text("Garden club keeps its messages for 30 days.")
    archived = page.get_by_role("button", name="Archived: Garden club")
    await archived.click()
    await expect(status).to_have_text("Garden club is archived.")
    await expect(archived).to_have_attribute("aria-pressed", "true")
    await archived.click()
    await expect(status).to_have_text("Garden club is not archived any more.")
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Export Garden club").click()
    exported = (await (await saving.value).path()).read_text("utf-8").splitlines()
    assert messages_in(exported) == ["Beans on Monday"]
    await page.set_viewport_size(NARROW)
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate("document.querySelector('.admin').scrollWidth") <= NARROW["width"]
    assert await desk.serious_faults() == []
    await page.set_viewport_size(WIDE)
    await page.emulate_media(color_scheme="light")
    await page.get_by_role("button", name="Delete Tools").click()
    await agree("Delete")
    await expect(status).to_have_text("Tools is deleted.")
    await expect(page.get_by_role("list", name="Rooms").get_by_role("listitem")).to_have_count(1)
    await expect(stranger.page.get_by_role("link", name="Tools")).to_have_count(0)
    assert await desk.serious_faults() == []

    # Back in, and what there is
    await page.get_by_role("link", name="People").click()
    await page.get_by_role("button", name="Reactivate bob").click()
    await expect(status).to_have_text("bob can sign in again.")
    await page.get_by_role("link", name="Overview").click()
    await expect(page.get_by_text("Size of the database")).to_be_visible()
    assert await desk.serious_faults() == []
    await page.get_by_role("link", name="Audit log").click()
    await expect(page.get_by_role("list", name="Acts").get_by_role("listitem")).to_have_count(12)
    assert await desk.serious_faults() == []
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Download all").click()
    saved = (await (await saving.value).path()).read_text("utf-8")
    assert len(saved.splitlines()) == 12
    await page.get_by_role("link", name="Back to the chat").click()
    await expect(page.get_by_role("link", name="Garden club")).to_be_visible()
    await page.get_by_role("button", name="Account", exact=True).click()
    await page.get_by_role("menuitem", name="Administration").click()
    await expect(page.get_by_role("heading", name="People")).to_be_visible()


async def test_a_week_at_the_command_line(visit: Visit, instance: Instance, admin: Admin) -> None:
    """What it makes is seen in the browser of a colleague, and on the page of an administrator."""
    async with httpx.AsyncClient(base_url=instance.url) as http:
        ann, bob, garden, tools = await two_with_rooms(http)
        await post(http, f"/chat/rooms/{garden}/messages", {"content": "Beans on Monday"}, bob)
    colleague = await visit("cid")
    page = colleague.page

    # People
    await admin("add-default-room", garden)
    invited = ("--days", "1", "--uses", "1", "--room", tools, "--note", "New colleagues")
    url, _ = await admin("invite", *invited, "--url", instance.url)
    await sign_up(colleague, url)
    for name in ("Garden club", "Tools"):
        await expect(page.get_by_role("link", name=name)).to_be_visible()
    (line,) = await admin("invites")
    assert line.split("  ")[1:3] == ["over", "1 of 1"]
    await admin("revoke-invite", line.split("  ")[0])
    (line,) = await admin("users", "CI")
    assert line.startswith("cid  ")
    await admin("deactivate", "cid")
    await is_shut_out(colleague, "cid", PASSWORD)
    await admin("reactivate", "cid")
    url, _ = await admin("reset-password", "cid", "--url", instance.url)
    await set_password(colleague, url)

    # Rooms
    await admin("deactivate", "bob")
    assert len(await admin("rooms", "--without-admin", "Garden")) == 1
    await colleague.open_room("Garden club")
    await colleague.sees("Beans on Monday")
    await admin("take-over-room", garden, "cid")
    await page.get_by_role("button", name="Room settings").click()
    await expect(page.get_by_role("button", name="Archive room")).to_be_visible()
    await admin("archive-room", garden)
    await expect(page.get_by_text("This room is archived")).to_be_visible()
    await admin("unarchive-room", garden)
    await colleague.say("Peas on Friday")
    await colleague.sees("Beans on Monday", "Peas on Friday")
    assert messages_in(await admin("export-room", garden)) == ["Beans on Monday", "Peas on Friday"]
    await admin("delete-room", tools)
    await expect(page.get_by_role("link", name="Tools")).to_have_count(0)
    await admin("keep-messages", garden, "45")
    desk = await visit("ann", session=ann, at="/admin#rooms", phone=True)
    kept = desk.page.get_by_role("combobox", name="Messages of Garden club are kept")
    await expect(kept).to_have_value("45")
    await expect(desk.page.get_by_role("button", name="For new people: Garden club")).to_have_attribute(
        "aria-pressed", "true"
    )
    await admin("remove-default-room", garden)
    assert await admin("default-rooms") == []

    # What there is, and what was done
    assert "people  3" in await admin("figures")
    acts = [json.loads(line) for line in await admin("audit", "--json")]
    await desk.page.get_by_role("link", name="Audit log").click()
    listed = desk.page.get_by_role("list", name="Acts").get_by_role("listitem")
    await expect(listed).to_contain_text([act["action"] for act in reversed(acts)])
    await expect(listed.filter(has_text="(command line)")).to_have_count(len(acts))


async def test_ones_own_account(visit: Visit, instance: Instance) -> None:
    """Sessions that are seen and ended, one's data, and the end of the account."""
    async with httpx.AsyncClient(base_url=instance.url) as http:
        ann = await post(http, "/auth/sign-up", {"username": "ann", "credential": PASSWORD})
        body = {
            "identifier": {"scheme": "username", "value": "ann"},
            "credential": {"scheme": "basic", "value": PASSWORD},
        }
        await post(http, "/auth/sign-in", body)
    visitor = await visit("ann", session=ann)
    page = visitor.page
    await page.get_by_role("button", name="Account", exact=True).click()
    await page.get_by_role("menuitem", name="Your account").click()
    dialog = page.get_by_role("dialog", name="Your account")
    await dialog.get_by_role("textbox", name="Display name").fill("Ann Lee")
    await dialog.get_by_role("textbox", name="Status").fill("At lunch")
    await dialog.get_by_role("combobox", name="The status holds").select_option("For an hour")
    await dialog.get_by_role("button", name="Save profile").click()
    await expect(page.locator(".self-name")).to_contain_text("Ann Lee")
    picture = {"name": "me.png", "mimeType": "image/png", "buffer": image(size=(300, 100))}
    await dialog.get_by_label("Choose a picture").set_input_files(picture)
    await expect(page.locator(".self .avatar img")).to_be_visible()
    sessions = dialog.get_by_role("list", name="Sessions").get_by_role("listitem")
    await expect(sessions).to_have_count(2)
    assert await visitor.serious_faults() == []
    await dialog.get_by_role("button", name="End the session on python-httpx").click()
    await expect(sessions).to_have_count(1)
    await expect(sessions).to_contain_text("This one")
    async with page.expect_download() as saving:
        await dialog.get_by_role("button", name="Download").click()
    saved = json.loads((await (await saving.value).path()).read_text("utf-8"))
    assert (saved["account"]["username"], saved["account"]["displayName"]) == ("ann", "Ann Lee")
    assert (saved["profile"]["status"], bool(saved["profile"]["timeZone"])) == ("At lunch", True)
    await dialog.get_by_role("textbox", name="Your password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Delete account").click()
    await expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
