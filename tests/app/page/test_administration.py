"""A week's tasks of an administrator, on the page for them."""

import json
from typing import Any

import httpx
from playwright.async_api import expect

from tests.app.page.conftest import NARROW, WIDE, Visit
from tests.support.chat.people import PASSWORD, Instance
from tests.support.images import image


async def post(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], session: dict[str, Any] | None = None
) -> Any:
    headers = {"authorization": f"Bearer {session['token']}"} if session else {}
    answer = await http.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


async def test_a_week_of_an_administrator(visit: Visit, instance: Instance) -> None:
    async with httpx.AsyncClient(base_url=instance.url) as http:
        ann, bob = [
            await post(http, "/auth/sign-up", {"username": name, "credential": PASSWORD})
            for name in ("ann", "bob")
        ]
        await post(http, "/chat/rooms", {"name": "Garden club"}, bob)
        await post(http, "/chat/rooms", {"name": "Spam", "isPrivate": True}, bob)
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
    await stranger.page.goto(url[url.index("/#/reset-password/") :])
    await stranger.page.get_by_role("textbox", name="Password").fill("a better battery staple")
    await stranger.page.get_by_role("button", name="Set password").click()
    await stranger.sign_out()
    await page.get_by_role("button", name="Deactivate bob").click()
    assert await desk.serious_faults() == []
    await agree("Deactivate")
    await expect(status).to_have_text("bob is deactivated.")
    await expect(page.get_by_role("button", name="Reactivate bob")).to_be_visible()
    assert await desk.serious_faults() == []

    # Invitations
    await page.get_by_role("link", name="Invitations").click()
    await page.get_by_role("textbox", name="Note for this list").fill("New colleagues")
    await page.get_by_role("button", name="Invite").click()
    url = await link.input_value()
    await agree("Done")
    await stranger.page.goto(url[url.index("/#/sign-up/") :])
    await stranger.page.get_by_role("textbox", name="Username").fill("cid")
    await stranger.page.get_by_role("textbox", name="Password").fill(PASSWORD)
    await stranger.page.get_by_role("button", name="Create account").click()
    await expect(stranger.page.get_by_role("button", name="Account", exact=True)).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="New colleagues")).to_contain_text("Used 0 of")
    await page.get_by_role("button", name="Revoke New colleagues").click()
    await agree("Revoke")
    await expect(page.get_by_role("listitem").filter(has_text="New colleagues")).to_contain_text("Revoked")
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
    await page.set_viewport_size(NARROW)
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate("document.querySelector('.admin').scrollWidth") <= NARROW["width"]
    assert await desk.serious_faults() == []
    await page.set_viewport_size(WIDE)
    await page.emulate_media(color_scheme="light")
    await page.get_by_role("button", name="Delete Spam").click()
    await agree("Delete")
    await expect(status).to_have_text("Spam is deleted.")
    await expect(page.get_by_role("list", name="Rooms").get_by_role("listitem")).to_have_count(1)
    assert await desk.serious_faults() == []

    # Back in, and what there is
    await page.get_by_role("link", name="People").click()
    await page.get_by_role("button", name="Reactivate bob").click()
    await expect(status).to_have_text("bob can sign in again.")
    await page.get_by_role("link", name="Overview").click()
    await expect(page.get_by_text("Size of the database")).to_be_visible()
    assert await desk.serious_faults() == []
    await page.get_by_role("link", name="Audit log").click()
    await expect(page.get_by_role("list", name="Acts").get_by_role("listitem")).to_have_count(11)
    assert await desk.serious_faults() == []
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Download all").click()
    saved = (await (await saving.value).path()).read_text("utf-8")
    assert len(saved.splitlines()) == 11
    await page.get_by_role("link", name="Back to the chat").click()
    await expect(page.get_by_role("link", name="Garden club")).to_be_visible()
    await page.get_by_role("button", name="Account", exact=True).click()
    await page.get_by_role("menuitem", name="Administration").click()
    await expect(page.get_by_role("heading", name="People")).to_be_visible()


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
