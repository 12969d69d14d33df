"""The page on its own: long rooms, small screens, both themes, the keyboard, and signing in and out."""

import re

import pytest
from playwright.async_api import expect

from app.db.database import Database
from tests.app.page.conftest import NARROW, PASSWORD, WIDE, Visit

MANY = 50_000


async def write(db: Database, room: str, many: int) -> None:
    """Writes "Line number 1." to `many` into a room, in the name of its maker; nobody is told."""
    await db.value(
        """
        with room as (select id, last_seq, created_by from rooms where name = :room), written as (
            insert into messages (id, room_id, sender_id, seq, change_seq, content)
            select room.id || '-' || n, room.id, created_by, last_seq + n, last_seq + n, 'Line number ' || n || '.'
            from room, generate_series(1, cast(:many as integer)) n
        )
        update rooms set last_seq = rooms.last_seq + :many from room where rooms.id = room.id
        """,
        room=room,
        many=many,
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_nothing_serious_for_axe_in_any_size_or_theme(
    visit: Visit, viewport: dict[str, int], theme: str
) -> None:
    ann = await visit("ann", viewport=viewport, theme=theme)
    assert await ann.serious_faults() == []
    await ann.sign_up()
    assert await ann.serious_faults() == []
    await ann.create_room("Garden club")
    await ann.say("Hello, @ann")
    await ann.sees("Hello, @ann")
    await ann.page.get_by_role("button", name="Members").click()
    assert await ann.serious_faults() == []
    await ann.page.get_by_role("button", name="Close members").click()
    await ann.page.get_by_role("button", name="Room settings").click()
    assert await ann.serious_faults() == []


async def test_a_narrow_screen_shows_one_thing_at_a_time(visit: Visit) -> None:
    ann = await (await visit("ann", viewport=NARROW)).sign_up()
    await ann.create_room("Garden club")
    await expect(ann.page.get_by_role("link", name="Garden club")).to_be_hidden()
    await (
        ann.page.get_by_role("button", name="Back to all rooms")
        .or_(ann.page.get_by_role("link", name="Back to all rooms"))
        .click()
    )
    await expect(ann.page.get_by_role("link", name="Garden club")).to_be_visible()
    await ann.open_room("Garden club")
    wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await ann.page.evaluate(wider)
    await ann.page.go_back()
    await expect(ann.page.get_by_role("link", name="Garden club")).to_be_visible()


async def test_history_loads_as_one_scrolls_up_and_the_page_stays_small(visit: Visit, db: Database) -> None:
    ann = await (await visit("ann")).sign_up()
    await ann.create_room("Old room")
    await write(db, "Old room", MANY)
    await ann.page.reload()
    await ann.sees(f"Line number {MANY - 1}.", f"Line number {MANY}.")
    reached = MANY
    messages = ann.page.get_by_role("list", name="Messages", exact=True)
    while reached > MANY - 500:
        await messages.hover()
        await ann.page.mouse.wheel(0, -3000)
        first = messages.get_by_role("listitem").first
        await expect(first).not_to_contain_text(f"Line number {reached}.")
        text = await first.inner_text()
        reached = int(re.findall(r"Line number (\d+)\.", text)[0])
    drawn = await messages.get_by_role("listitem").all_inner_texts()
    numbers = [int(number) for text in drawn for number in re.findall(r"Line number (\d+)\.", text)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) < 150


async def test_nothing_of_somebody_is_left_for_who_signs_in_next(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    await ann.composer.fill("A secret draft")
    other = await ann.open_tab()
    await other.page.get_by_role("button", name="Create a room").click()
    await ann.page.bring_to_front()
    await ann.sign_out()
    await expect(other.page.get_by_role("heading", name="Welcome back")).to_be_visible()
    kept = await ann.page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('parley.'))")
    assert kept == []
    ann.name = "carl"
    await ann.sign_up()
    await ann.join_public_room("Garden club")
    await expect(ann.composer).to_have_value("")
    await other.page.bring_to_front()
    await expect(other.page.get_by_role("button", name="Account", exact=True)).to_be_visible()
    await expect(other.page.get_by_role("dialog")).to_have_count(0)
    ann.faults = [fault for fault in ann.faults if "401" not in fault]  # how the other tab learned of it


async def test_a_browser_is_a_known_device_at_the_next_sign_in(visit: Visit) -> None:
    ann = await (await visit("ann")).sign_up()
    device = await ann.page.evaluate("JSON.parse(localStorage.getItem('parley.device'))")
    await ann.sign_out()
    async with ann.page.expect_request("**/auth/sign-in") as asked:
        await ann.sign_in()
    assert (await asked.value).post_data_json["deviceToken"] == device
    await expect(ann.page.get_by_role("button", name="Account", exact=True)).to_be_visible()


async def test_a_display_name_never_stands_without_the_username(visit: Visit) -> None:
    eve = await (await visit("eve")).sign_up(display_name="ann")
    await eve.create_room("Garden club")
    await eve.say("It is me")
    row = eve.message("It is me")
    await expect(row).to_contain_text("ann@eve")
    await expect(row).to_have_attribute("aria-label", re.compile("^ann @eve, "))
    await eve.page.get_by_role("button", name="Members").click()
    people = eve.page.get_by_role("list", name="In this room")
    await expect(people.get_by_role("listitem").filter(has_text="@eve")).to_have_count(1)


async def test_the_keyboard_is_enough(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.composer.focus()
    await ann.page.keyboard.type("First draft")
    await ann.page.keyboard.press("Enter")
    await bob.sees("First draft")
    await ann.page.keyboard.press("ArrowUp")
    editing = ann.page.get_by_role("textbox", name="Edit message")
    await expect(editing).to_be_focused()
    await editing.fill("Second draft")
    await ann.page.keyboard.press("Enter")
    await bob.sees("Second draft")
    await ann.page.get_by_role("button", name="Discover rooms").focus()
    await ann.page.keyboard.press("Enter")
    dialog = ann.page.get_by_role("dialog", name="Discover rooms")
    await expect(dialog.get_by_role("searchbox")).to_be_focused()
    await ann.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(ann.page.get_by_role("button", name="Discover rooms")).to_be_focused()


async def test_signing_in_out_and_wrongly(visit: Visit) -> None:
    ann = await (await visit("ann")).sign_up()
    await ann.sign_out()
    await ann.page.get_by_role("textbox", name="Username").fill("ann")
    await ann.page.get_by_role("textbox", name="Password").fill("not the password")
    await ann.page.get_by_role("button", name="Sign in").click()
    await expect(ann.page.get_by_role("alert")).to_contain_text("wrong")
    assert await ann.serious_faults() == []
    ann.faults = [
        fault for fault in ann.faults if "401" not in fault
    ]  # the browser's own word on the refusal
    await ann.page.get_by_role("textbox", name="Password").fill(PASSWORD)
    await ann.page.get_by_role("button", name="Sign in").click()
    await expect(ann.page.get_by_role("heading", name="Welcome to Parley")).to_be_visible()


async def test_the_theme_is_chosen_and_kept(visit: Visit) -> None:
    ann = await (await visit("ann")).sign_up()
    background = "getComputedStyle(document.body).backgroundColor"
    light = await ann.page.evaluate(background)
    await ann.page.get_by_role("button", name="Account").click()
    await ann.page.get_by_role("menuitemradio", name=re.compile("Dark")).click()
    dark = await ann.page.evaluate(background)
    assert dark != light
    await ann.page.reload()
    assert await ann.page.evaluate(background) == dark


async def test_an_open_menu_stays_in_a_window_that_changes_its_size(visit: Visit) -> None:
    ann = await (await visit("ann")).sign_up()
    await ann.page.get_by_role("button", name="Account").click()
    for size in (NARROW, WIDE, {"width": 1280, "height": 480}, WIDE):
        await ann.page.set_viewport_size(size)
        await expect(ann.page.get_by_role("menu", name="Account")).to_be_in_viewport(ratio=1)
