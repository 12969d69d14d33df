"""Files by button, by drop and by paste."""

import base64
import io
import re
from pathlib import Path

from PIL import Image
from playwright.async_api import FilePayload, Locator, expect

from tests.app.page.conftest import Visit

TRANSFER = """([type, name, content]) => {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, {type}));
    return transfer;
}"""
PASTE = """(field, clipboardData) => field.dispatchEvent(
    new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}))"""


def picture(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (800, 600), colour).save(file, "PNG")
    return file.getvalue()


async def test_a_picture_has_a_thumbnail_and_opens(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    payload = FilePayload(name="roses.png", mimeType="image/png", buffer=picture("crimson"))
    async with ann.page.expect_file_chooser() as chooser:
        await ann.page.get_by_role("button", name="Attach files").click()
    await (await chooser.value).set_files(payload)
    await expect(ann.page.get_by_role("button", name="Remove roses.png")).to_be_visible()
    await ann.say("Look at these")
    for person in (ann, bob):
        shown = person.message("Look at these").get_by_role("button", name="Open image roses.png")
        await expect(shown.locator("img")).to_be_visible()
        width = await shown.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
        assert 0 < width <= 480
    await bob.page.get_by_role("button", name="Open image roses.png").click()
    lightbox = bob.page.get_by_role("dialog", name="Image roses.png")
    await expect(lightbox.locator("img")).to_be_visible()
    assert await bob.serious_faults() == []
    await bob.page.keyboard.press("Escape")
    await expect(lightbox).to_have_count(0)


async def give(field: Locator, event: str, files: tuple[str, str, bytes]) -> None:
    """Pastes a file into a field, or holds one over it and drops it."""
    kind, name, content = files
    transfer = await field.page.evaluate_handle(TRANSFER, [kind, name, base64.b64encode(content).decode()])
    if event == "paste":
        await field.focus()
        await field.evaluate(PASTE, transfer)
        return
    for stage in ("dragenter", "dragover", "drop"):
        await field.dispatch_event(stage, {"dataTransfer": transfer})


async def test_files_come_by_drop_and_paste_into_rooms_and_threads(visit: Visit, tmp_path: Path) -> None:
    ann, bob = await visit.two_in_a_room()
    await give(ann.composer, "drop", ("text/plain", "notes.txt", b"Water the beans"))
    await expect(ann.page.get_by_role("button", name="Remove notes.txt")).to_be_visible()
    await give(ann.composer, "paste", ("image/png", "sunflower.png", picture("gold")))
    await expect(ann.page.get_by_role("button", name="Remove sunflower.png")).to_be_visible()
    await ann.composer.press("Enter")
    await expect(bob.page.get_by_role("button", name="Open image sunflower.png")).to_be_visible()
    async with bob.page.expect_download() as download:
        await bob.page.get_by_role("button", name="Download notes.txt").click()
    saved = tmp_path / "notes.txt"
    await (await download.value).save_as(saved)
    assert saved.read_bytes() == b"Water the beans"

    await ann.act("notes.txt", "Open thread")
    thread = ann.page.get_by_role("complementary", name="Thread")
    field = thread.get_by_role("textbox", name="Reply in the thread")
    await give(field, "drop", ("text/plain", "beans.txt", b"Runner beans"))
    await give(field, "paste", ("image/png", "lily.png", picture("white")))
    seeds = FilePayload(name="seeds.txt", mimeType="text/plain", buffer=b"Peas")
    await thread.get_by_label("Files to attach").set_input_files(seeds)
    removes = thread.get_by_role("list", name="Files to send").get_by_role(
        "button", name=re.compile("^Remove")
    )
    await expect(removes).to_have_count(3)
    await expect(ann.page.get_by_role("list", name="Files to send")).to_have_count(1)  # none in the room's
    await thread.get_by_role("button", name="Remove seeds.txt").click()
    await ann.page.reload()  # they are kept with the draft of the thread
    await expect(removes).to_have_count(2)
    assert await ann.serious_faults() == []
    await thread.get_by_role("button", name="Send reply").click()
    await expect(removes).to_have_count(0)
    await bob.message("notes.txt").get_by_role("button", name="1 reply").click()
    replies = bob.page.get_by_role("list", name="Replies")
    await expect(replies.get_by_role("button", name="Open image lily.png")).to_be_visible()
    await expect(replies.get_by_role("button", name="Download beans.txt")).to_be_visible()


async def test_an_upload_shows_how_far_it_is_and_goes_out_once_it_is_there(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    ann.line.hold()
    payload = FilePayload(name="seeds.bin", mimeType="application/octet-stream", buffer=bytes(3_000_000))
    await ann.page.get_by_label("Files to attach").set_input_files(payload)
    progress = ann.page.get_by_role("progressbar", name="Upload of seeds.bin")
    await expect(progress).to_be_visible()
    send = ann.page.get_by_role("button", name="Send", exact=True)
    await ann.composer.fill("For the spring")
    await expect(send).to_be_disabled()
    assert await ann.serious_faults() == []
    ann.line.let_go()
    await expect(progress).to_have_count(0)
    await send.click()
    await expect(
        bob.message("For the spring").get_by_role("button", name="Download seeds.bin")
    ).to_be_visible()


async def test_a_file_that_is_too_large_is_refused_in_words(visit: Visit, tmp_path: Path) -> None:
    ann = await (await visit("ann")).sign_up()
    await ann.create_room("Garden club")
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(26_000_000)
    async with ann.page.expect_file_chooser() as chooser:
        await ann.page.get_by_role("button", name="Attach files").click()
    await (await chooser.value).set_files(film)
    await expect(ann.page.get_by_text("too large").first).to_be_visible()
    ann.faults = [
        fault for fault in ann.faults if "413" not in fault
    ]  # the browser's own word on the refusal
