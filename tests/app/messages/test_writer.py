"""The batching writer, several of them at once on one PostgreSQL: order, gaps, retries, neighbours."""

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator

import pytest
import structlog
import uuid_utils

from app import store
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.db.errors import DatabaseRefused, DatabaseUnavailable
from app.db.queries import Queries
from app.messages.writer import MAX_BATCH, MessageWriter
from app.payloads.requests import SendMessage
from app.payloads.responses import Message
from tests.support.chat.row_locks import locked, somebody_waits


class Desk:
    """A database with people and rooms, and writers that note what they announce."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.announced: list[Message] = []

    async def announce(self, message: Message, *_: object) -> None:
        self.announced.append(message)

    async def person(self) -> str:
        user_id = str(uuid_utils.uuid7())
        name = f"u{user_id[-12:]}"
        await store.accounts.insert(
            self.db, user_id=user_id, username=name, display_name=None, credential="-"
        )
        return user_id

    async def room(self, *members: str) -> str:
        room_id = str(uuid_utils.uuid7())

        async def work(q: Queries) -> None:
            await store.rooms.insert(
                q, room_id=room_id, kind="public", name="r", description=None, created_by=members[0]
            )
            for member in members:
                await store.members.put(
                    q,
                    member_id=str(uuid_utils.uuid7()),
                    room_id=room_id,
                    user_id=member,
                    role="member",
                    change_seq=await store.rooms.next_seq(q, room_id),
                )

        await self.db.transaction(work)
        return room_id

    async def seqs(self, room_id: str) -> list[int]:
        return await self.db.column(
            int, "select seq from messages where room_id = :r order by seq", r=room_id
        )


@pytest.fixture
async def desk(db: Database) -> Desk:
    return Desk(db)


@pytest.fixture
async def writer(desk: Desk) -> AsyncIterator[MessageWriter]:
    writer = MessageWriter(desk.db, desk.announce)
    yield writer
    await writer.close()


def message(room_id: str, content: str = "hello", client_id: str | None = None) -> SendMessage:
    return SendMessage(room_id=room_id, content=content, client_id=client_id)


async def test_a_message_takes_the_next_number_and_is_announced(desk: Desk, writer: MessageWriter) -> None:
    ann = await desk.person()
    room = await desk.room(ann)
    sent = await writer.send(
        Caller(ann),
        SendMessage(room_id=room, content="hé 👋", type="image", client_id="c1", metadata={"w": 1}),
    )
    assert (sent.seq, sent.change_seq, sent.sender.id, sent.content) == (2, 2, ann, "hé 👋")
    assert (sent.type, sent.client_id, sent.metadata) == ("image", "c1", {"w": 1})
    assert desk.announced == [sent]


async def test_postgresql_plans_the_statement_that_stores_messages_once(
    desk: Desk, writer: MessageWriter
) -> None:
    ann = await desk.person()
    room = await desk.room(ann)
    for _ in range(10):
        await writer.send(Caller(ann), message(room))
    # Of the one connection that was used until now.
    plans = "select custom_plans from pg_prepared_statements where statement ~ '^\\s*with given'"
    assert await desk.db.column(int, plans) == [0]
    assert await desk.db.value("show plan_cache_mode") == "auto"


async def test_what_waits_goes_as_one_batch_and_a_refused_row_fails_alone(
    desk: Desk, writer: MessageWriter
) -> None:
    ann, bob = await desk.person(), await desk.person()
    room = await desk.room(ann)
    answers = await asyncio.gather(
        writer.send(Caller(ann), message(room, "1")),
        writer.send(Caller(bob), message(room, "2")),
        writer.send(Caller(ann), message("nowhere", "3")),
        writer.send(Caller(ann), message(room, "4")),
        return_exceptions=True,
    )
    assert [a.reason if isinstance(a, Refusal) else a.seq for a in answers] == [
        2,
        "not_a_member",
        "not_found",
        3,
    ]
    assert await desk.db.value("select last_seq from rooms where id = :r", r=room) == 3


async def test_a_row_that_postgresql_cannot_take_fails_alone(desk: Desk, writer: MessageWriter) -> None:
    ann = await desk.person()
    room = await desk.room(ann)
    answers = await asyncio.gather(
        *(writer.send(Caller(ann), message(room, text)) for text in ("1", "a\udc80", "4")),
        return_exceptions=True,
    )
    assert [isinstance(answer, Message) for answer in answers] == [True, False, True]
    assert isinstance(answers[1], DatabaseRefused)
    assert await desk.seqs(room) == [2, 3]


async def test_more_than_a_batch_keeps_the_order_of_arrival(desk: Desk, writer: MessageWriter) -> None:
    ann = await desk.person()
    room = await desk.room(ann)
    sent = await asyncio.gather(
        *(writer.send(Caller(ann), message(room, str(i))) for i in range(MAX_BATCH * 2 + 7))
    )
    assert [m.seq for m in sent] == list(range(2, 2 + len(sent)))
    assert [m.content for m in sorted(desk.announced, key=lambda m: m.seq)] == [
        str(i) for i in range(len(sent))
    ]
    assert [m.seq for m in desk.announced] == sorted(m.seq for m in desk.announced)


async def test_times_do_not_go_back_along_the_numbers(desk: Desk, writer: MessageWriter) -> None:
    """Of two writers, one may have begun its transaction first and get the room last."""
    ann, bob = await desk.person(), await desk.person()
    room = await desk.room(ann, bob)
    other = MessageWriter(desk.db, desk.announce)

    async def talk(user: str, of: MessageWriter) -> None:
        for place in range(40):
            await of.send(Caller(user), message(room, str(place)))

    await asyncio.gather(talk(ann, writer), talk(bob, other))
    await other.close()
    times = await desk.db.column(
        dt.datetime, "select created_at from messages where room_id = :r order by seq", r=room
    )
    assert len(times) == 80
    assert times == sorted(times)


async def test_a_clock_that_was_set_back_does_not_move_times_back(desk: Desk, writer: MessageWriter) -> None:
    ann = await desk.person()
    room = await desk.room(ann)
    first = await writer.send(Caller(ann), message(room))
    moved = (
        "update messages set created_at = created_at + interval '1 hour' where id = :id returning created_at"
    )
    later = await desk.db.value(moved, id=first.id)
    assert [(await writer.send(Caller(ann), message(room))).created_at for _ in range(2)] == [later, later]


async def test_a_writer_that_waited_for_the_room_writes_at_the_time_at_which_it_got_it(
    desk: Desk, writer: MessageWriter
) -> None:
    ann = await desk.person()
    room = await desk.room(ann)
    async with locked(desk.db, "select id from rooms where id = :r for no key update", r=room):
        sending = asyncio.create_task(writer.send(Caller(ann), message(room)))
        await somebody_waits(desk.db)
        got_at = await desk.db.value("select clock_timestamp()")
    assert (await sending).created_at > got_at


async def test_a_retry_gets_the_original_and_is_not_announced(desk: Desk, writer: MessageWriter) -> None:
    ann, bob = await desk.person(), await desk.person()
    room = await desk.room(ann, bob)
    first, again = await asyncio.gather(
        writer.send(Caller(ann), message(room, "one", "c")),
        writer.send(Caller(ann), message(room, "two", "c")),
    )
    assert first == again == await writer.send(Caller(ann), message(room, "three", "c"))
    other = await writer.send(Caller(bob), message(room, "bob's", "c"))  # the name is the sender's own
    assert [m.content for m in desk.announced] == ["one", "bob's"]
    assert other.seq == first.seq + 1


@pytest.mark.parametrize("state", ["left", "removed", "banned"])
async def test_a_retry_after_the_membership_has_ended_is_refused_as_a_new_message_is(
    desk: Desk, writer: MessageWriter, state: str
) -> None:
    """What became of the message since is not for its sender; that it was written is."""
    ann = await desk.person()
    room = await desk.room(ann)
    first = await writer.send(Caller(ann), message(room, "one", "c"))

    async def become(state: str) -> None:
        seq = await store.rooms.next_seq(desk.db, room)
        if state == "member":
            member_id = str(uuid_utils.uuid7())
            await store.members.put(
                desk.db, member_id=member_id, room_id=room, user_id=ann, role="member", change_seq=seq
            )
        else:
            await store.members.mark_left(desk.db, room_id=room, user_id=ann, change_seq=seq, state=state)

    await become(state)
    for client_id, words in (("c", "written before you left"), ("d", "not a member of this room$")):
        with pytest.raises(Refusal, match=words) as refusal:
            await writer.send(Caller(ann), message(room, "one", client_id))
        assert refusal.value.reason == "not_a_member"
    await become("member")
    assert await writer.send(Caller(ann), message(room, "one", "c")) == first
    assert len(desk.announced) == 1


async def test_one_client_id_in_two_rooms_is_a_conflict(desk: Desk, writer: MessageWriter) -> None:
    ann = await desk.person()
    one, two = await desk.room(ann), await desk.room(ann)
    await writer.send(Caller(ann), message(one, client_id="c"))
    with pytest.raises(Refusal) as refusal:
        await writer.send(Caller(ann), message(two, client_id="c"))
    assert refusal.value.reason == "conflict"
    assert await desk.seqs(two) == []


async def test_a_sender_who_goes_away_is_announced_all_the_same(desk: Desk, writer: MessageWriter) -> None:
    ann = await desk.person()
    room = await desk.room(ann)
    sending = asyncio.create_task(writer.send(Caller(ann), message(room)))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await writer.close()
    assert [m.seq for m in desk.announced] == await desk.seqs(room) == [2]


async def test_a_message_that_cannot_be_announced_is_written_all_the_same(desk: Desk) -> None:
    async def announce(_message: Message, *_: object) -> None:
        raise LookupError("a bug")

    writer = MessageWriter(desk.db, announce)
    ann = await desk.person()
    room = await desk.room(ann)
    sent = await writer.send(Caller(ann), message(room))
    assert await desk.seqs(room) == [sent.seq]
    await writer.close()


async def test_each_announcement_is_logged_under_its_own_request(desk: Desk) -> None:
    logged: dict[str, str] = {}

    async def announce(message: Message, *_: object) -> None:
        logged[message.content] = structlog.contextvars.get_contextvars()["request_id"]

    writer = MessageWriter(desk.db, announce)
    ann = await desk.person()
    room = await desk.room(ann)

    async def send(request_id: str) -> None:
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await writer.send(Caller(ann), message(room, f"from {request_id}"))

    await asyncio.gather(send("r1"), send("r2"), send("r3"))
    assert logged == {f"from {request_id}": request_id for request_id in ("r1", "r2", "r3")}


async def test_a_full_queue_refuses(desk: Desk) -> None:
    writer = MessageWriter(desk.db, desk.announce, max_waiting=2)
    ann = await desk.person()
    room = await desk.room(ann)
    answers = await asyncio.gather(
        *(writer.send(Caller(ann), message(room)) for _ in range(4)), return_exceptions=True
    )
    assert [a.reason if isinstance(a, Refusal) else a.seq for a in answers] == [
        2,
        3,
        "unavailable",
        "unavailable",
    ]
    await writer.close()


async def test_an_outage_is_told_to_all_who_wait_and_the_next_send_works(
    desk: Desk, database_url: str, db: Database
) -> None:
    own = Database(database_url, command_timeout=2.0)
    await own.connect()
    writer = MessageWriter(own, desk.announce)
    ann = await desk.person()
    room = await desk.room(ann)

    async def hold(q: Queries) -> list[object]:
        await store.rooms.lock(q, room)
        return await asyncio.gather(
            *(writer.send(Caller(ann), message(room)) for _ in range(3)), return_exceptions=True
        )

    assert [type(answer) for answer in await db.transaction(hold)] == [DatabaseUnavailable] * 3
    assert (await writer.send(Caller(ann), message(room))).seq == 2
    await writer.close()
    await own.close()


@pytest.mark.parametrize("seed", range(4))
async def test_several_writers_number_without_gaps_and_write_each_message_once(
    desk: Desk, database_url: str, seed: int
) -> None:
    """Three instances, rooms in every order, retries on any instance, a member who comes and goes."""
    chance = random.Random(seed)
    pools = [Database(database_url) for _ in range(3)]
    for pool in pools:
        await pool.connect()
    writers = [MessageWriter(pool, desk.announce) for pool in pools]
    people = [await desk.person() for _ in range(4)]
    rooms = [await desk.room(*people) for _ in range(3)]

    async def send(sender: str, room: str, client_id: str | None) -> list[Message]:
        attempts = chance.choice([1, 1, 2, 4])
        return await asyncio.gather(
            *(
                writer.send(Caller(sender), message(room, "x", client_id))
                for writer in chance.choices(writers, k=attempts)
            )
        )

    async def come_and_go() -> None:
        for _ in range(20):
            for room in rooms:

                async def work(q: Queries, room: str = room) -> None:
                    await store.rooms.lock(q, room)
                    seq = await store.rooms.next_seq(q, room)
                    await store.members.mark_left(q, room_id=room, user_id=people[0], change_seq=seq)

                await desk.db.transaction(work)

    plan = [(chance.choice(people[1:]), chance.choice(rooms), f"c{number}") for number in range(400)]
    results, _ = await asyncio.gather(asyncio.gather(*(send(*item) for item in plan)), come_and_go())

    assert all(len({m.id for m in attempts}) == 1 for attempts in results)
    written = [attempts[0] for attempts in results]
    assert sorted(m.id for m in desk.announced) == sorted(m.id for m in written)
    for room in rooms:
        seqs = await desk.seqs(room)
        assert seqs == sorted(m.seq for m in written if m.room_id == room)
        last = await desk.db.value("select last_seq from rooms where id = :r", r=room)
        changes = await desk.db.column(int, "select change_seq from room_members where room_id = :r", r=room)
        # Every number up to the last is a message's, a joining's, or one of the twenty times of going.
        assert last == len(people) + 20 + len(seqs)
        assert len({*seqs, *changes}) == len(seqs) + len(changes)
    for one in (*writers, *pools):
        await one.close()


async def test_two_instances_that_use_one_client_id_in_two_rooms_agree(desk: Desk, database_url: str) -> None:
    other = Database(database_url)
    await other.connect()
    writers = [MessageWriter(desk.db, desk.announce), MessageWriter(other, desk.announce)]
    ann = await desk.person()
    rooms = [await desk.room(ann), await desk.room(ann)]
    for number in range(40):
        answers = await asyncio.gather(
            *(
                w.send(Caller(ann), message(r, client_id=str(number)))
                for w, r in zip(writers, rooms, strict=True)
            ),
            return_exceptions=True,
        )
        assert sorted(a.reason if isinstance(a, Refusal) else "written" for a in answers) == [
            "conflict",
            "written",
        ]
    for one in (*writers, other):
        await one.close()
