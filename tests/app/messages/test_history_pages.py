"""Pages of large messages end for their size: at least one message each, and read to their end nothing is left out."""

from collections.abc import AsyncIterator

import pytest

from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.db.database import Database
from app.messages.direct import Direct
from app.messages.history import MessageHistory
from app.messages.writer import MessageWriter
from app.payloads.requests import ListConversations, ListMentions, ReadHistory, SearchMessages, SendDirect
from app.payloads.responses import Message
from app.search_index.message_search import MessageSearch
from protocol import MemoryBus, Server
from tests.support.chat.people import Instance, People, nobody_is_here, together

pytestmark = pytest.mark.one_chat

NUMBER = 7
CONTENT = "kettle " + "\x01" * 100  # six bytes of JSON for each of them
SIZES = [(1, 1), (1_000, 2), (1_800, 3), (100_000, 4)]  # of a page in bytes, with so many messages at most
LIMIT = 4


class Desk:
    """What one instance does, with pages of a size."""

    def __init__(self, db: Database, max_bytes: int) -> None:
        io = Server(bus=MemoryBus())
        announcer = Announcer(io, db)
        self.io = io
        self.reading = MessageHistory(db, announcer, max_bytes=max_bytes)
        self.searching = MessageSearch(db, max_bytes=max_bytes)
        writer = MessageWriter(db, announcer.message)
        self.direct = Direct(db, announcer, writer, self.reading, nobody_is_here, max_bytes=max_bytes)


@pytest.fixture(params=SIZES)
async def desk(request: pytest.FixtureRequest, db: Database) -> AsyncIterator[Desk]:
    desk = Desk(db, request.param[0])
    await desk.io.start()
    yield desk
    await desk.io.stop(0)


@pytest.fixture
def most(request: pytest.FixtureRequest, desk: Desk) -> int:
    number: int = request.node.callspec.params["desk"][1]
    return number


@pytest.mark.over_websocket
async def test_history_in_both_directions(desk: Desk, most: int, people: People) -> None:
    ann = await people()
    caller, room, device = Caller(ann.id), await ann.room(), await ann.device()
    ids = [
        (await device.ok("message:send", {"roomId": room, "content": CONTENT}))["id"] for _ in range(NUMBER)
    ]

    async def pages(edge: str, page: list[Message]) -> list[Message]:
        """The pages that follow one on its side, together."""
        assert 0 < len(page) <= most
        found = page
        while page:
            assert len(page) <= most
            place = page[-1] if edge == "before" else page[0]
            page = await desk.reading.history(
                caller, ReadHistory(room_id=room, **{edge: place.id}, limit=LIMIT)
            )
            found = [*found, *page] if edge == "before" else [*page, *found]
        return found

    latest = await desk.reading.history(caller, ReadHistory(room_id=room, limit=LIMIT))
    assert [message.id for message in await pages("before", latest)] == ids[::-1]
    after = await desk.reading.history(caller, ReadHistory(room_id=room, after=ids[0], limit=LIMIT))
    assert [message.id for message in await pages("after", after)] == ids[:0:-1]
    around = await desk.reading.history(caller, ReadHistory(room_id=room, around=ids[3], limit=LIMIT))
    assert ids[3] in [message.id for message in around]
    assert len(around) <= most + 1  # each side for itself
    older, newer = await pages("before", around[-1:]), await pages("after", around[:1])
    assert [m.id for m in [*newer[:-1], *around, *older[1:]]] == ids[::-1]


@pytest.mark.over_websocket
async def test_what_is_found(desk: Desk, most: int, people: People) -> None:
    ann = await people()
    caller, room, device = Caller(ann.id), await ann.room(), await ann.device()
    ids = [
        (await device.ok("message:send", {"roomId": room, "content": CONTENT}))["id"] for _ in range(NUMBER)
    ]
    found: list[str] = []
    while page := await desk.searching.search(
        caller, SearchMessages(query="kettle", before=found[-1] if found else None, limit=LIMIT)
    ):
        assert len(page) <= most
        found += [message.id for message in page]
    assert found == ids[::-1]


@pytest.mark.over_websocket
async def test_mentions(desk: Desk, most: int, people: People) -> None:
    ann, bob = await people(), await people()
    room = await together(ann, bob)
    device = await ann.device()
    content = f"@{bob.user['username']} {CONTENT}"
    ids = [
        (await device.ok("message:send", {"roomId": room, "content": content}))["id"] for _ in range(NUMBER)
    ]
    found: list[str] = []
    while page := await desk.reading.mentions(
        Caller(bob.id), ListMentions(before=found[-1] if found else None, limit=LIMIT)
    ):
        assert len(page) <= most
        found += [message.id for message in page]
    assert found == ids[::-1]


@pytest.mark.over_websocket
async def test_conversations(desk: Desk, most: int, instance: Instance, people: People) -> None:
    ann = await people()
    others = [await people() for _ in range(NUMBER)]
    for other in others:
        await desk.direct.send(Caller(ann.id), SendDirect(receiver_id=other.id, content=CONTENT))
    found: list[str] = []
    before = None
    while True:
        page = await desk.direct.list_page(Caller(ann.id), ListConversations(before=before, limit=LIMIT))
        assert 0 < len(page.conversations) <= most
        found += [conversation.user.id for conversation in page.conversations]
        before = page.next
        if before is None:
            break
    assert found == [other.id for other in others][::-1]


@pytest.mark.over_websocket
@pytest.mark.parametrize("desk", [(1_000, 2)], indirect=True)
async def test_metadata_counts_whether_or_not_its_size_was_written_with_it(
    desk: Desk, db: Database, people: People
) -> None:
    """Instances of before migration 11 write no sizes, and may run beside this one."""
    ann = await people()
    caller, room, device = Caller(ann.id), await ann.room(), await ann.device()
    for metadata in ({"é": "y" * 600}, {"x": ["z" * 300] * 2}, {"number": 1e21, "text": "w" * 600}, None):
        message = {"roomId": room, "content": "kettle"} | ({"metadata": metadata} if metadata else {})
        await device.ok("message:send", message)
    sizes = "select octet_length(cast(metadata as text)) from messages where room_id = :room order by seq"
    written = "select metadata_bytes from messages where room_id = :room order by seq"
    assert await db.column(object, sizes, room=room) == await db.column(object, written, room=room)
    page = await desk.reading.history(caller, ReadHistory(room_id=room, limit=LIMIT))
    assert len(page) == 3  # the last message, and two whose metadata is more than the page's size
    await db.value("update messages set metadata_bytes = null where room_id = :room returning id", room=room)
    assert await desk.reading.history(caller, ReadHistory(room_id=room, limit=LIMIT)) == page
