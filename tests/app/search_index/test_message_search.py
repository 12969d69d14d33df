"""Searches of messages, over both doors and in each way that a search can run."""

import datetime as dt
import random
from typing import Any

import pytest

from app.core.caller import Caller
from app.db.database import Database
from app.payloads.requests import SearchMessages
from app.search.documents import MAX_AT_ONCE, message_vector
from app.search_index import message_search
from app.search_index.message_search import MessageSearch
from tests.support.chat.people import People
from tests.support.chat.scenes import Scene
from tests.support.waiting import until

# What is said, and what finds it; tests/app/search/test_words.py has the whole table.
SAID = {
    "use Vec<Message> here": ["Vec<Message>", "message"],
    "<needle> said &needle;": ["needle"],
    "see /etc/nginx/nginx.conf, src/app/main.py": ["nginx.conf", "main.py"],
    "PLT-3699 is in https://tracker.test/browse/PLT-3700": ["3699", "PLT-3700"],
    "on 2026-11-28 call +1-555-0199 for €20.50": ["11-28", "555-0199", "20.50"],
    "我家在上海东边 東京タワーに行く ผมไปตลาดทุกวัน": ["上海", "タワー", "ตลาด"],
    "cafe\u0301 so\u00adft ﬁne": ["café", "soft", "fine"],
    "C++ or .NET, 50% :wave: it was -5": ["C++", ".NET", "50%", ":wave:", "-5"],
}


class Talk(Scene):
    async def found(self, query: str | None, **fields: Any) -> list[str]:
        """What is found, which is the same over REST."""
        page = await self.hers.ok("message:search", {"query": query, **fields})
        params = {key: ",".join(value) if isinstance(value, list) else value for key, value in fields.items()}
        params |= {} if query is None else {"query": query}
        rest = await self.ann.http.get("/chat/search", params=params)
        assert rest.json() == page
        return [message["content"] for message in page]

    async def say(self, content: str, **fields: Any) -> Any:
        return await self.hers.ok("message:send", {"roomId": self.room, "content": content, **fields})


async def test_what_people_write_is_found(people: People) -> None:
    talk = await Talk.open(people, bob=False)
    for content in SAID:
        await talk.say(content)
    for content, queries in SAID.items():
        for query in queries:
            assert await talk.found(query) == [content], query
    for nothing in ("-" * 50, "-nothing", "☃", "-9"):
        assert await talk.found(nothing) == []


async def test_filters_in_the_query_and_as_fields(people: People) -> None:
    talk = await Talk.open(people)
    other = await talk.ann.room(name="Other Things")
    form = {"file": ("Annual_Report-2026.pdf", b"%PDF-1.4 x")}
    file = (await talk.ann.http.post("/chat/files", files=form)).json()
    await talk.say("with tea", attachments=[file["id"]])
    await talk.say("a link: www.example.org/tea")
    await talk.hers.ok("message:send", {"roomId": other, "content": "other tea"})
    await talk.his.ok("message:send", {"roomId": talk.room, "content": "bob's tea"})
    bob, today = talk.bob.user["username"], dt.datetime.now(dt.UTC).date()
    everything = ["bob's tea", "other tea", "a link: www.example.org/tea", "with tea"]
    for query, expected in (
        ("tea", everything),
        ("report", ["with tea"]),
        ("Annual_Report-2026.pdf", ["with tea"]),
        ("has:file", ["with tea"]),
        ("tea has:link", ["a link: www.example.org/tea"]),
        ("tea -has:link -has:file", ["bob's tea", "other tea"]),
        (f"from:{bob}", ["bob's tea"]),
        (f"tea from:@{bob.upper()}", ["bob's tea"]),
        ("tea from:me -with", everything[1:3]),
        (f"tea -from:{bob}", everything[1:]),
        ("tea from:nobody.there", []),
        (f"tea from:nobody.there from:{bob}", ["bob's tea"]),
        ('in:"other things" tea', ["other tea"]),
        ("in:things", ["other tea"]),
        ("tea -in:things", [everything[0], *everything[2:]]),
        ("tea in:nowhere", []),
        (f"tea after:{today - dt.timedelta(2)}", everything),
        (f"tea before:{today - dt.timedelta(1)}", []),
        (f"after:{today - dt.timedelta(2)}", []),  # a date alone
        ("-in:things", []),
    ):
        assert await talk.found(query) == expected, query
    now = (await talk.say("later tea"))["createdAt"]
    for fields, expected in (
        ({"senderId": talk.bob.id}, ["bob's tea"]),
        ({"has": ["file"]}, ["with tea"]),
        ({"has": ["file", "link"]}, []),
        ({"query": "tea", "sentBefore": now}, everything),
        ({"query": "tea", "sentAfter": now}, ["later tea"]),
        ({"query": "tea", "roomId": other, "senderId": talk.bob.id}, []),
        ({"query": "-tea", "roomId": other}, []),
    ):
        assert await talk.found(fields.pop("query", None), **fields) == expected, fields
    for fields in (
        {},
        {"has": []},
        {"has": ["fun"]},
        {"sentAfter": now},
        {"query": "a", "sentAfter": "soon"},
    ):
        assert (await talk.hers.refused("message:search", fields))["reason"] == "invalid", fields


async def test_a_long_message_is_found_soon(people: People) -> None:
    talk = await Talk.open(people, bob=False)
    said = await talk.say("a " * MAX_AT_ONCE + "needle")
    short = await talk.say("short needle")

    async def found(query: str) -> list[str]:
        return [message["id"] for message in await talk.hers.ok("message:search", {"query": query})]

    async def is_found() -> bool:
        return await found("needle") == [short["id"], said["id"]]

    await until(is_found)
    await talk.hers.ok("message:edit", {"messageId": said["id"], "content": "b " * MAX_AT_ONCE})
    assert await found("needle") == [short["id"]]  # and never what it said before

    async def is_found_again() -> bool:
        return await found('"b b"') == [said["id"]]

    await until(is_found_again)


@pytest.fixture
async def spread(db: Database) -> dict[str, list[tuple[str, int]]]:
    """Many messages in rooms, of few or many, with ids against their order; returns the places of each word's."""
    chance = random.Random(1)
    rooms = [f"room{number}" for number in range(8)]
    await db.value("insert into users (id, username, credential) values ('ann', 'ann', 'x')")
    for room in rooms:
        await db.value(
            "insert into rooms (id, kind, name, created_by, last_seq, words_version)"
            " values (:room, 'public', 'r', 'ann', 99, 0)",
            room=room,
        )
    places: dict[str, list[tuple[str, int]]] = {"often": [], "rare": [], "old": [], "late": []}
    seqs = dict.fromkeys(rooms, 0)
    for number in range(160):
        room = chance.choice([*rooms, "room0", "room0", "room0"])
        seqs[room] += 1
        words = ["often"] if chance.random() < 0.6 else []
        words += ["rare"] if number in (3, 70) else []
        words += ["old"] if number < 60 else []
        words += ["late"] if number > 150 else []
        for word in words:
            places[word].insert(0, (room, seqs[room]))
        await db.value(
            """
            with written as (
                insert into messages (id, room_id, sender_id, seq, change_seq, content, created_at, words_version)
                values (:id, :room, 'ann', :seq, :seq, :content, :at, 0)
            )
            insert into message_words (room_id, seq, change_seq, created_at, words)
            values (:room, :seq, :seq, :at, cast(:words as tsvector))
            """,
            id=f"m{999 - number}",
            room=room,
            seq=seqs[room],
            content=" ".join(words) or "none",
            at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=number),
            words=message_vector(" ".join(words), room_id=room, sender_id="ann"),
        )
    return places


@pytest.mark.parametrize("walked", [(4, 12), (20, 40), (3_000, 3_000)])
async def test_each_way_finds_the_same_in_the_same_order(
    db: Database,
    spread: dict[str, list[tuple[str, int]]],
    monkeypatch: pytest.MonkeyPatch,
    walked: tuple[int, int],
) -> None:
    for name, number in zip(("FIRST", "SECOND"), walked, strict=True):
        monkeypatch.setattr(message_search, name, number)
    monkeypatch.setattr(message_search, "ENOUGH", 2)
    monkeypatch.setattr(message_search, "OF_ALL", 1)
    monkeypatch.setattr(message_search, "WALKED_ROOMS", 4)
    monkeypatch.setattr(message_search, "MARKED_ROOMS", 2)
    search = MessageSearch(db)
    for count in (1, 2, 4, 7):
        rooms = [f"room{number}" for number in range(count)]
        await db.value("delete from room_members")
        for room in rooms:
            await db.value(
                "insert into room_members (id, room_id, user_id, change_seq) values (:room, :room, 'ann', 99)",
                room=room,
            )
        for word, places in spread.items():
            found: list[Any] = []
            while page := await search.search(
                Caller("ann"),
                SearchMessages(query=word, limit=5, before=found[-1].id if found else None),
            ):
                found += page
            expected = [place for place in places if place[0] in rooms]
            assert [(message.room_id, message.seq) for message in found] == expected, (count, word)
