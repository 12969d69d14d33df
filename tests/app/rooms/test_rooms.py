"""Memberships and subscriptions that change at once: what the bus heard last is what the database says."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uuid_utils

from app import store
from app.announce.announcer import Announcer, room_channel, user_channel
from app.core.caller import Caller
from app.db.database import Database
from app.payloads.requests import CreateRoom, RoomRef
from app.rooms.rooms import Rooms
from protocol import MemoryBus, Server
from protocol.cluster.record_batches import unfold
from protocol.cluster.stream_records import Join, Leave, Record, SingleRecord, Target


class SlowBus(MemoryBus):
    """A bus on which the next record of a kind is late, as one from a slow instance is; it notes what it stored."""

    def __init__(self) -> None:
        super().__init__()
        self.late: type[Join | Leave] | None = None
        self.held, self.released = asyncio.Event(), asyncio.Event()
        self.stored: list[SingleRecord] = []

    async def publish(self, record: Record) -> str:
        singles = [single for single, _, _ in unfold(record, "", 0)]
        if self.late is not None and any(isinstance(single, self.late) for single in singles):
            self.late = None
            self.held.set()
            await self.released.wait()
        self.stored += singles
        return await super().publish(record)

    def keep(self, record: Record) -> asyncio.Future[str]:
        return asyncio.ensure_future(self.publish(record))


@pytest.fixture
async def bus() -> SlowBus:
    return SlowBus()


@pytest.fixture
async def rooms(db: Database, bus: SlowBus) -> AsyncIterator[Rooms]:
    io = Server(bus=bus)
    await io.start()
    yield Rooms(db, Announcer(io, db))
    await io.stop()


@pytest.mark.parametrize("late", ["join", "leave"])
async def test_a_late_record_has_not_the_last_word(
    db: Database, rooms: Rooms, bus: SlowBus, late: str
) -> None:
    ann, bob = await person(db), await person(db)
    room = (await rooms.create(Caller(ann), CreateRoom(name="a room"))).id
    if late == "leave":
        await rooms.join(Caller(bob), RoomRef(room_id=room))
    first, second = (rooms.join, rooms.leave) if late == "join" else (rooms.leave, rooms.join)
    bus.late = Join if late == "join" else Leave
    slow = asyncio.create_task(first(Caller(bob), RoomRef(room_id=room)))
    await bus.held.wait()
    await second(Caller(bob), RoomRef(room_id=room))
    bus.released.set()
    await slow

    state = await store.members.state(db, room, bob)
    assert state is not None
    last = [record for record in bus.stored if isinstance(record, Join | Leave)][-1]
    kind = Join if state.state == "member" else Leave
    assert kind is (Leave if late == "join" else Join)
    assert last == kind("/", Target((user_channel(bob),)), (room_channel(room),))


async def person(db: Database) -> str:
    user_id = str(uuid_utils.uuid7())
    name = f"u{user_id[-12:]}"
    await store.accounts.insert(db, user_id=user_id, username=name, display_name=None, credential="-")
    return user_id
