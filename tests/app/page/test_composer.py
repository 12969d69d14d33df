"""Writing: nothing that was begun is lost or cut, and the field stays where one writes."""

import base64

from playwright.async_api import FilePayload, expect

from tests.app.page.conftest import Visit, Visitor
from tests.app.page.test_attachments import TRANSFER, picture
from tests.support.waiting import until

PASTE = f"""(field, {{text, files}}) => {{
    const clipboardData = new DataTransfer();
    for (const given of files) clipboardData.items.add(({TRANSFER})(given).files[0]);
    if (text) clipboardData.setData("text/plain", text);
    const event = new ClipboardEvent("paste", {{clipboardData, bubbles: true, cancelable: true}});
    if (field.dispatchEvent(event)) document.execCommand("insertText", false, text);
}}"""

# A page that ends as soon as its draft has a file, before it has forgotten what it kept to upload it again.
ALWAYS_KEPT = "() => { IDBObjectStore.prototype.delete = function (key) { return this.get(key); }; }"
KEPT_UPLOADS = """() => new Promise((resolve) => {
    indexedDB.open("parley", 1).onsuccess = ({target: {result: database}}) => {
        const count = database.transaction("uploads").objectStore("uploads").count();
        count.onsuccess = () => { database.close(); resolve(count.result); };
    };
})"""


async def paste(person: Visitor, text: str, *pictures: str) -> None:
    """What the browser does with text that the page leaves to it, too: it puts it in where the caret is."""
    files = [["image/png", name, base64.b64encode(picture("gold")).decode()] for name in pictures]
    await person.composer.focus()
    await person.composer.evaluate(PASTE, {"text": text, "files": files})


async def test_files_stand_as_they_were_chosen_once_each_whichever_is_there_first(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.page.evaluate(ALWAYS_KEPT)
    await ann.page.get_by_label("Files to attach").set_input_files(
        [
            FilePayload(name="1.bin", mimeType="application/octet-stream", buffer=bytes(6_000_000)),
            FilePayload(name="2.txt", mimeType="text/plain", buffer=b"two"),
            FilePayload(name="3.txt", mimeType="text/plain", buffer=b"three"),
        ]
    )
    for name in ("1.bin", "2.txt", "3.txt"):
        await expect(ann.page.get_by_role("button", name=f"Remove {name}")).to_be_visible()
    assert await ann.page.evaluate(KEPT_UPLOADS) == 3
    await ann.page.reload()
    await ann.is_in("Garden club")

    async def none_is_kept() -> bool:
        return await ann.page.evaluate(KEPT_UPLOADS) == 0

    await until(none_is_kept)
    files = ann.page.get_by_role("list", name="Files to send").get_by_role("listitem")
    await expect(files).to_contain_text(["1.bin", "2.txt", "3.txt"])
    assert await files.count() == 3
    await ann.say("In order")
    files = bob.message("In order").get_by_role("button", name="Download")
    await expect(files).to_contain_text(["1.bin", "2.txt", "3.txt"])


async def test_what_is_too_long_is_told_and_goes_as_a_file(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await paste(ann, "word " * 2_100)
    send = ann.page.get_by_role("button", name="Send", exact=True)
    await expect(ann.page.get_by_text("This message is 499 characters too long.")).to_be_visible()
    await expect(send).to_be_disabled()
    assert len(await ann.composer.input_value()) == 10_500
    assert await ann.serious_faults() == []
    await ann.page.get_by_role("button", name="Attach the text as a file").click()
    await expect(ann.page.get_by_role("button", name="Remove message.txt")).to_be_visible()
    await expect(ann.composer).to_be_focused()
    await ann.say("Here it is")
    await expect(bob.page.get_by_role("button", name="Download message.txt")).to_contain_text("11 kB")
    await paste(ann, "A" * 200_000)
    await expect(ann.page.get_by_role("button", name="Remove message.txt")).to_be_visible()
    await expect(ann.composer).to_have_value("")


async def test_text_and_a_picture_that_are_pasted_together_are_both_there(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    await paste(ann, "From the garden", "rose.png")
    await expect(ann.page.get_by_role("button", name="Remove rose.png")).to_be_visible()
    await expect(ann.composer).to_have_value("From the garden")
    await paste(ann, "tulip.png", "tulip.png")  # a file manager adds its name as text
    await expect(ann.page.get_by_role("button", name="Remove tulip.png")).to_be_visible()
    await expect(ann.composer).to_have_value("From the garden")


async def test_an_edit_and_an_upload_go_on_after_leaving_the_room_and_after_a_reload(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.create_room("Somewhere else")
    await ann.open_room("Garden club")
    await ann.say("The first word")
    await ann.say("Another one")
    await bob.sees("The first word", "Another one")
    field = ann.page.get_by_role("textbox", name="Edit message")
    await ann.act("The first word", "Edit")
    await field.fill("The first sentence")
    await ann.open_room("Somewhere else")
    await expect(field).to_have_count(0)
    await ann.open_room("Garden club")
    await expect(field).to_have_value("The first sentence")
    await ann.act("Another one", "Edit")  # the one begun before stays as well
    await expect(field).to_have_count(2)
    await field.nth(1).fill("Another sentence")
    assert ann.session
    headers = {"authorization": f"Bearer {ann.session['token']}"}
    newest = await ann.context.request.get(f"/chat/rooms/{visit.room}/messages?limit=1", headers=headers)
    await ann.context.request.delete(f"/chat/messages/{(await newest.json())[0]['id']}", headers=headers)
    await ann.page.get_by_role("button", name="Keep the text").click()
    await expect(ann.composer).to_have_value("Another sentence")
    await ann.composer.fill("")
    await expect(field).to_have_count(1)

    await bob.say_lines(visit.room, 1, 80)  # and it is far up by then

    ann.line.hold()
    payload = FilePayload(name="seeds.bin", mimeType="application/octet-stream", buffer=bytes(3_000_000))
    await ann.page.get_by_label("Files to attach").set_input_files(payload)
    await expect(ann.page.get_by_role("progressbar", name="Upload of seeds.bin")).to_be_visible()
    ann.line.cut()  # what was on its way never arrives
    ann.line.let_go()
    ann.line.mend()
    await ann.page.reload()
    await expect(ann.page.get_by_text("You are editing a message.")).to_be_visible()
    assert await ann.serious_faults() == []
    await ann.page.get_by_role("button", name="Show it").click()
    await expect(field).to_have_value("The first sentence")
    await expect(field).to_be_in_viewport()
    await expect(ann.page.get_by_text("You are editing a message.")).to_have_count(0)
    await expect(ann.page.get_by_role("button", name="Remove seeds.bin")).to_be_visible()
    await ann.page.get_by_role("button", name="Save").click()
    await expect(ann.message("The first sentence")).to_contain_text("(edited)")
    await ann.say("For the spring")
    await expect(bob.page.get_by_role("button", name="Download seeds.bin")).to_be_visible()
    await ann.page.reload()
    await ann.is_in("Garden club")
    await expect(field).to_have_count(0)


async def test_two_tabs_keep_a_draft_each(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    other = await ann.open_tab()
    await ann.composer.fill("From the one")
    await other.composer.fill("From the other")
    await ann.page.reload()
    await expect(ann.composer).to_have_value("From the one")
    await ann.composer.press("Enter")
    await other.page.reload()
    await expect(other.composer).to_have_value("From the other")
    await expect(ann.composer).to_have_value("")


async def test_the_field_keeps_the_focus_and_has_room_for_its_text(visit: Visit) -> None:
    ann, _ = await visit.two_in_a_room()
    await ann.composer.fill("Hello")
    await ann.page.get_by_role("button", name="Send", exact=True).click()
    await ann.sees("Hello")
    await expect(ann.composer).to_be_focused()
    await ann.composer.fill("many words " * 12)
    hidden = "field => field.scrollHeight - field.clientHeight"
    await ann.page.set_viewport_size({"width": 390, "height": 844})
    assert (
        await ann.composer.evaluate(
            f"field => new Promise(requestAnimationFrame).then(() => ({hidden})(field))"
        )
        <= 1
    )


async def test_enter_begins_a_line_on_a_phone(visit: Visit) -> None:
    ann = await (await visit("ann", phone=True)).sign_up()
    await ann.create_room("Garden club")
    await ann.composer.press_sequentially("Beans")
    await ann.composer.press("Enter")
    await ann.composer.press_sequentially("Peas")
    await expect(ann.composer).to_have_value("Beans\nPeas")
    await expect(ann.composer).to_have_attribute("enterkeyhint", "enter")
    await ann.page.get_by_role("button", name="Send", exact=True).tap()
    await ann.sees("Beans\nPeas")
    await expect(ann.composer).to_be_focused()
