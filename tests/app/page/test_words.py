"""What people write, as the page shows it: markup, mentions, emojis."""

import re

from playwright.async_api import expect

from tests.app.page.conftest import Visit, Visitor

WRITTEN = """Here is **the** _plan_ for ~~today~~ tomorrow, see www.example.org or write to ann@example.org:

1. `npm install` it
2. ask @bob
   - or nobody

> Who said that?

```python
def dig(depth: int) -> str:
    return "hole" * depth  # @bob is not meant
```"""


async def written(visitor: Visitor, text: str) -> None:
    """Writes a text of several lines, as it is pasted."""
    await visitor.composer.fill(text)
    await visitor.composer.press("Enter")


async def test_markup_is_shown_as_it_is_meant_and_stored_as_it_was_typed(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await written(ann, WRITTEN)
    row = bob.message("Here is the plan")
    await expect(row.get_by_role("strong").filter(has_text="the")).to_have_count(1)
    await expect(row.get_by_role("emphasis")).to_have_text("plan")
    await expect(row.locator("s")).to_have_text("today")
    await expect(row.locator("ol > li")).to_have_count(2)
    await expect(row.locator("ol ul > li")).to_have_text("or nobody")
    await expect(row.get_by_role("blockquote")).to_have_text("Who said that?")
    await expect(row.locator(".mention")).to_have_text(["@bob"])
    await expect(row.get_by_role("link")).to_have_text(["www.example.org", "ann@example.org"])
    code = row.get_by_role("region", name="Code, python")
    await expect(code).to_contain_text('    return "hole" * depth  # @bob is not meant')
    await expect(code.locator(".hljs-keyword").first).to_have_text("def")
    assert await bob.serious_faults() == []
    await ann.act("Here is the plan", "Edit")
    field = ann.page.get_by_role("textbox", name="Edit message")
    await expect(field).to_have_value(WRITTEN)
    await field.press("Escape")
    # Where it stands in a line, it is in plain words.
    await bob.act("Here is the plan", "Reply")
    await expect(bob.page.get_by_text("Replying to ann Here is the plan for today tomorrow")).to_be_visible()
    await bob.say("No **shovels**?")
    await expect(ann.message("shovels").get_by_role("button", name="In reply to ann")).to_contain_text(
        "Here is the plan for today tomorrow, see www.example.org"
    )
    await expect(ann.message("shovels")).to_have_attribute("aria-label", re.compile(r": No shovels\?$"))
    await bob.write_to("ann")
    await bob.say("`spade` _or_ ~~fork~~")
    conversation = ann.page.get_by_role("list", name="Direct messages").get_by_role("link")
    await expect(conversation).to_contain_text("spade or fork")
    # And what nests without end, or has nothing but marks, is a page that works.
    for text in (
        ">" * 9_000,
        "*_" * 4_500 + "a",
        "> " * 3_000 + "@ann",
        "_" * 6_000 + "x" + "@ann" * 900,
        "> ",
    ):
        await bob.say(text)
    await bob.say("and that is all")
    await bob.sees("and that is all")
    await conversation.click()
    await ann.page.get_by_role("button", name=re.compile("new messages$")).click()
    await ann.sees("and that is all")


async def test_the_indentation_of_the_first_line_is_kept(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await written(ann, "\n    indented\n  less\n")
    row = bob.message("indented")
    assert (
        await row.locator(".content").evaluate("each => each.firstChild.textContent")
        == "    indented\n  less"
    )


async def test_mentions_that_came_while_one_was_away_are_there(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await bob.create_room("Somewhere else")
    await bob.sign_out()
    await ann.say("Hello @bob.Thanks")
    await ann.say("and `@bob` in code")
    await ann.say("@all: it rains")
    await bob.sign_in()
    garden = bob.page.get_by_role("link", name=re.compile("^Garden club"))
    await expect(garden.locator(".badge.mentions")).to_have_text(re.compile("^@2"))
    await expect(garden.locator(".badge:not(.mentions)")).to_have_text(re.compile("^3"))
    assert await bob.serious_faults() == []
    await bob.page.get_by_role("button", name="Mentions").click()
    mentions = bob.page.get_by_role("dialog", name="Mentions")
    await expect(mentions.get_by_role("listitem")).to_have_count(2)
    await expect(mentions.get_by_role("listitem").first).to_contain_text("@all: it rains")
    assert await bob.serious_faults() == []
    await mentions.get_by_role("button", name=re.compile("Thanks")).click()
    await bob.is_in("Garden club")
    await expect(bob.message("it rains").locator(".mention.me")).to_have_text("@all")
    await expect(garden.locator(".badge")).to_have_count(0)
    await bob.page.reload()
    await bob.is_in("Garden club")
    await expect(garden.locator(".badge")).to_have_count(0)


async def test_any_emoji_is_found_by_its_name_to_react_with(visit: Visit) -> None:
    ann, bob = await visit.two_in_a_room()
    await ann.say("Lunch?")
    await bob.act("Lunch?", "React")
    palette = bob.page.get_by_role("dialog", name="Choose a reaction")
    await palette.get_by_role("button", name="All emojis").click()
    await expect(palette.get_by_role("region", name="Food & Drink")).to_be_visible()
    assert await bob.serious_faults() == []
    await palette.get_by_role("searchbox", name="Search emojis").fill("piz")
    await palette.get_by_role("button", name="pizza", exact=True).click()
    reactions = ann.message("Lunch?").get_by_role("group", name="Reactions")
    await expect(reactions.get_by_role("button").first).to_contain_text("🍕")
    # A skin tone stays chosen, and is a reaction beside that without one.
    await bob.act("Lunch?", "React")
    await palette.get_by_role("button", name="All emojis").click()
    await palette.get_by_role("button", name="Medium skin tone", exact=True).click()
    assert await bob.serious_faults() == []
    await palette.get_by_role("button", name="thumbs up", exact=True).first.click()
    await expect(reactions.get_by_role("button", name="👍🏽, 1: bob")).to_be_visible()
    await bob.page.reload()
    await bob.act("Lunch?", "React")
    await palette.get_by_role("button", name="applause").click()
    await expect(reactions.get_by_role("button", name="👏🏽, 1: bob")).to_be_visible()
    await ann.act("Lunch?", "React")
    await ann.page.get_by_role("button", name="thumbs up", exact=True).click()
    await expect(reactions.get_by_role("button", name="thumbs up, 1: you")).to_be_visible()
    await bob.sign_out()
    assert await bob.page.evaluate("localStorage.getItem('parley.skin-tone')") is None
