"""How the page looks: long names, dense lists, pictures that move; what it tells of mentions, time and the server."""

import io
import re

from PIL import Image
from playwright.async_api import FilePayload, expect

from tests.app.page.conftest import NARROW, Visit

SIDEWAYS = """() => [...document.querySelectorAll("body, .timeline, .panel-body, .sidebar-lists, .main, .dialog-body")]
    .filter((element) => element.scrollWidth > element.clientWidth).map((element) => element.className)"""


def moving(kind: str) -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (500, 400), colour) for colour in ("crimson", "gold")]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=200, loop=0)
    return file.getvalue()


async def test_long_names_break_and_nothing_scrolls_sideways(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    room = await ann.post("/chat/rooms", {"name": "N" * 100, "description": "D" * 1000})
    await ann.page.goto(f"/#/r/{room['id']}")
    await expect(ann.page.get_by_text("Nobody has written here yet")).to_be_visible()
    for viewport in (None, NARROW):
        if viewport:
            await ann.page.set_viewport_size(viewport)
        assert await ann.page.evaluate(SIDEWAYS) == []
        for panel in ("Members", "Room settings"):
            await ann.page.get_by_role("button", name=panel, exact=True).click()
            await expect(ann.page.get_by_role("complementary", name=panel)).to_be_visible()
            assert await ann.page.evaluate(SIDEWAYS) == []
            await ann.page.get_by_role("button", name=f"Close {panel.lower()}").click()
    # What others do in it, and where that is listed.
    assert bob.session
    await bob.post(f"/chat/rooms/{room['id']}/join", {})
    message = await bob.post(f"/chat/rooms/{room['id']}/messages", {"content": "@ann look"})
    await ann.context.request.put(
        f"/chat/messages/{message['id']}/reactions/{'W' * 32}",
        headers={"authorization": f"Bearer {bob.session['token']}"},
    )
    await expect(ann.page.get_by_role("group", name="Reactions")).to_be_visible()
    assert await ann.page.evaluate(SIDEWAYS) == []
    await ann.page.goto("/#/")
    await ann.page.get_by_role("button", name="Mentions").click()
    await expect(ann.page.get_by_role("list", name="Mentions of you")).to_contain_text("@ann look")
    assert await ann.page.evaluate(SIDEWAYS) == []


async def test_rows_of_the_sidebar_are_dense_on_a_desk_and_large_on_a_phone(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    assert ann.session
    await bob.post(f"/chat/dm/{ann.session['user']['id']}", {"content": "Hi"})
    heights = "rows => rows.map((row) => row.getBoundingClientRect().height)"
    rows = ann.page.get_by_role("navigation").get_by_role("link")
    await expect(rows).to_have_count(2)
    assert all(28 <= height <= 32 for height in await rows.evaluate_all(heights))
    assert await ann.serious_faults() == []
    phone = await visit("ann", phone=True, session=ann.session)
    rows = phone.page.get_by_role("navigation").get_by_role("link")
    await expect(rows).to_have_count(2)
    assert all(height >= 44 for height in await rows.evaluate_all(heights))


async def test_pictures_move_unless_motion_is_to_be_reduced(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    names = {"dance.gif": "GIF", "wave.webp": "Animated", "spin.png": "Animated"}
    await ann.page.get_by_label("Files to attach").set_input_files(
        [
            FilePayload(name="dance.gif", mimeType="image/gif", buffer=moving("GIF")),
            FilePayload(name="wave.webp", mimeType="image/webp", buffer=moving("WEBP")),
            FilePayload(name="spin.png", mimeType="image/png", buffer=moving("PNG")),
        ]
    )
    for name in names:
        await expect(ann.page.get_by_role("button", name=f"Remove {name}")).to_be_visible()
    await ann.say("Watch this")
    width = "image => image.decode().then(() => image.naturalWidth)"  # a thumbnail is 480 px wide at most
    pictures = {name: ann.page.get_by_role("button", name=f"Open image {name}") for name in names}
    for picture in pictures.values():
        await expect(picture.locator("img")).to_be_visible()
        assert await picture.locator("img").evaluate(width) == 500
    await ann.page.emulate_media(reduced_motion="reduce")
    for name, picture in pictures.items():
        await expect(picture).to_have_text(names[name])
        await expect(picture.locator("img")).to_be_visible()
        assert await picture.locator("img").evaluate(width) <= 480
    assert await ann.serious_faults() == []
    await pictures["wave.webp"].click()
    large = ann.page.get_by_role("dialog", name="Image wave.webp")
    await expect(large.locator("img")).to_be_visible()
    assert await large.locator("img").evaluate(width) <= 480
    assert await ann.serious_faults() == []
    await large.get_by_role("button", name="Play").click()
    await expect(large.get_by_role("button", name="Play")).to_have_count(0)


async def test_many_mentions_are_one_notice_with_room_and_text(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.create_room("Somewhere else")
    await ann.post(f"/chat/rooms/{visit.room}/messages", {"content": "@bob look"})
    told = bob.page.get_by_role("region", name="Notifications")
    await expect(told).to_contain_text("ann mentioned you in Garden club: “@bob look”")
    for text in ("and here, @bob", "@bob at last"):
        await ann.post(f"/chat/rooms/{visit.room}/messages", {"content": text})
    await expect(told).to_contain_text("3 mentions of you in Garden club, the last by ann: “@bob at last”")
    await expect(told.get_by_role("status")).to_have_count(1)
    garden = bob.page.get_by_role("link", name=re.compile("^Garden club"))
    colours = "badges => badges.map((badge) => getComputedStyle(badge).backgroundColor)"
    mention, unread = await garden.locator(".badge").evaluate_all(colours)
    assert mention != unread
    assert await bob.serious_faults() == []
    await told.get_by_role("button", name="Show").click()
    await expect(bob.message("@bob at last")).to_be_in_viewport()


async def test_last_seen_moves_on(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.page.clock.install()
    await ann.page.reload()
    await ann.page.get_by_role("button", name="Members").click()
    entry = (
        ann.page.get_by_role("complementary", name="Members").get_by_role("listitem").filter(has_text="bob")
    )
    await bob.page.close()
    await expect(entry).to_contain_text("Last seen just now")
    await ann.page.clock.fast_forward(300_000)
    await expect(entry).to_contain_text(re.compile("Last seen [56] min ago"))


async def test_a_server_that_is_down_is_not_the_users_network(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    ann.line.cut()
    await expect(ann.page.get_by_text("The server is out of reach.")).to_be_visible()
    await expect(ann.page.get_by_text("You are offline")).to_have_count(0)
    assert await ann.serious_faults() == []


async def test_a_browser_that_keeps_nothing_has_a_working_page(visit: Visit) -> None:
    ann = await visit("ann")
    forbid = """for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
    }
    const open = () => { throw new DOMException("denied", "SecurityError"); };
    Object.defineProperty(window, "indexedDB", { value: { open } });"""
    await ann.page.add_init_script(forbid)
    await ann.page.reload()
    await expect(ann.page.get_by_text("Your browser keeps nothing for this page")).to_be_visible()
    assert await ann.serious_faults() == []
    await ann.sign_up()
    await ann.create_room("Garden club")
    await ann.page.get_by_label("Files to attach").set_input_files(
        FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"notes")
    )
    await expect(ann.page.get_by_role("button", name="Remove notes.txt")).to_be_visible()
    await ann.say("It works")
    await ann.sees("It works")
    await ann.sign_out()
