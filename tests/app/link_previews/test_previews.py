"""Messages get the previews of their links after they were written, as a change that has a number of its own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from app.config.settings import Settings
from app.db.database import Database
from app.store.kept import link_previews
from tests.support.chat.people import Device, People
from tests.support.chat.scenes import Scene
from tests.support.linked_pages import LinkedPages, linked_pages

pytestmark = pytest.mark.over_websocket


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With previews, also of the pages of this test's server."""
    return replace(settings, link_previews=True, link_preview_private_addresses=True)


@pytest.fixture
async def pages() -> AsyncIterator[LinkedPages]:
    async with linked_pages() as pages:
        yield pages


async def edited(device: Device, message_id: str) -> dict[str, Any]:
    """The next change of a message that a device hears of."""
    while True:
        message: dict[str, Any] = await device.expect("message:edited")
        if message["id"] == message_id:
            return message


async def test_a_preview_comes_after_the_message_and_goes_with_the_link(
    people: People, db: Database, pages: LinkedPages
) -> None:
    scene = await Scene.open(people)
    link, none = f"{pages.url}/page", f"{pages.url}/missing"
    sent = await scene.hers.ok(
        "message:send", {"roomId": scene.room, "content": f"{none} and {link}#part, `{pages.url}/code`"}
    )
    assert "previews" not in sent
    told = await edited(scene.his, sent["id"])
    shown = [{"url": link, "title": "A title", "description": "What it is about", "siteName": None}]
    assert told["previews"] == shown
    assert (told["content"], told["editedAt"], told["seq"]) == (sent["content"], None, sent["seq"])
    assert told["changeSeq"] > sent["changeSeq"]
    (change,) = (await scene.his.ok("room:sync", {"roomId": scene.room, "afterSeq": sent["seq"]}))["changes"]
    assert change["message"] == told

    # Whoever links to it again, in another room as well, has it from the cache.
    direct = await scene.his.ok("dm:send", {"receiverId": scene.ann.id, "content": link})
    assert (await edited(scene.hers, direct["id"]))["previews"] == shown
    assert sorted(pages.asked) == ["/missing", "/page"]

    await scene.hers.ok("message:edit", {"messageId": sent["id"], "content": "no link"})
    assert (await edited(scene.his, sent["id"]))["content"] == "no link"
    assert "previews" not in await edited(scene.his, sent["id"])
    await scene.his.ok("message:delete", {"messageId": direct["id"]})
    assert await db.value("select count(*) from message_previews") == 0
    assert "previews" not in await scene.his.ok("message:get", {"messageId": direct["id"]})


async def test_a_page_is_asked_for_again_when_it_is_old_and_the_cache_is_bounded(
    people: People, db: Database, pages: LinkedPages
) -> None:
    scene = await Scene.open(people, bob=False)
    link = f"{pages.url}/page"
    for number in range(2):
        sent = await scene.hers.ok("message:send", {"roomId": scene.room, "content": f"{link} {number}"})
        await edited(scene.hers, sent["id"])
        await db.value("update link_previews set claimed_at = now() - interval '8 days'")
    assert pages.asked == ["/page", "/page"]
    assert await link_previews.claim(db, link)
    assert not await link_previews.claim(db, link), "an instance is at it"
    await db.value("update link_previews set claimed_at = now() - interval '2 minutes'")
    assert await link_previews.claim(db, link), "which has died"
    await link_previews.claim(db, "http://other.example/")
    await link_previews.let_go(db, 1)
    assert await db.column(str, "select url from link_previews") == ["http://other.example/"]
