"""Many people who change one room at once, at two instances: a room with members always has an admin.

Each change takes its number and is announced once, and whose sockets follow the room in the end is what the database
says of them.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
import uuid_utils

from app import store
from app.announce.announcer import Announcer, room_channel, user_channel
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.db.rows import Row
from app.payloads.requests import CreateRoom, Invite, MemberRef, RoomRef, SetRole, UpdateRoom
from app.rooms.invitations import Invitations
from app.rooms.members import RoomMembers
from app.rooms.room_settings import RoomSettings
from app.rooms.rooms import Rooms
from protocol import MemoryBus, Server
from protocol.cluster.record_batches import unfold
from protocol.cluster.stream_records import Broadcast, Join, Leave, Record, SingleRecord
from tests.support.chat.people import nobody_is_here

PEOPLE = 7
AT_ONCE = 8
ROUNDS = 30
CHANGES = {"room:user-joined", "room:user-left", "room:member-updated", "room:updated"}


class NotingBus(MemoryBus):
    """A bus that notes what it stored, and lets others go first."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: list[SingleRecord] = []

    async def publish(self, record: Record) -> str:
        await asyncio.sleep(random.random() / 1000)
        self.stored += [single for single, _, _ in unfold(record, "", 0)]
        return await super().publish(record)

    def keep(self, record: Record) -> asyncio.Future[str]:
        return asyncio.ensure_future(self.publish(record))


class Office:
    """What one instance offers."""

    def __init__(self, db: Database, io: Server) -> None:
        announcer = Announcer(io, db)
        self.rooms = Rooms(db, announcer, most_rooms=10)
        self.settings = RoomSettings(db, announcer)
        self.members = RoomMembers(db, announcer, nobody_is_here)
        self.invitations = Invitations(db, announcer)

    async def something(self, dice: random.Random, room: str, people: list[str]) -> None:
        """One of the changes that there are, by somebody, to somebody; it may be refused."""
        caller, user_id = Caller(dice.choice(people)), dice.choice(people)
        of_user = MemberRef(room_id=room, user_id=user_id)
        role = SetRole(room_id=room, user_id=user_id, role=dice.choice(["admin", "member"]))
        name = UpdateRoom(room_id=room, name=f"room {dice.randrange(3)}")
        changes: list[tuple[int, Callable[[], Awaitable[Any]]]] = [
            (4, lambda: self.rooms.join(caller, RoomRef(room_id=room))),
            (2, lambda: self.rooms.leave(caller, RoomRef(room_id=room))),
            (4, lambda: self.members.set_role(caller, role)),
            (2, lambda: self.members.kick(caller, of_user)),
            (1, lambda: self.members.ban(caller, of_user)),
            (2, lambda: self.members.unban(caller, of_user)),
            (2, lambda: self.invitations.invite(caller, Invite(room_id=room, user_id=user_id))),
            (1, lambda: self.settings.update(caller, name)),
        ]
        weights = [weight for weight, _ in changes]
        with suppress(Refusal):
            await dice.choices(changes, weights)[0][1]()


@pytest.fixture
async def bus() -> NotingBus:
    return NotingBus()


@pytest.fixture
async def offices(database_url: str, bus: NotingBus) -> AsyncIterator[list[Office]]:
    async with AsyncExitStack() as stack:
        io = Server(bus=bus)
        await io.start()
        stack.push_async_callback(io.stop)
        offices = []
        for _ in range(2):
            db = Database(database_url)
            await db.connect()
            stack.push_async_callback(db.close)
            offices.append(Office(db, io))
        yield offices


async def person(db: Database) -> str:
    user_id = str(uuid_utils.uuid7())
    name = f"u{user_id[-12:]}"
    await store.accounts.insert(db, user_id=user_id, username=name, display_name=None, credential="-")
    return user_id


class PlaceRow(Row, frozen=True):
    user_id: str
    role: str
    state: str


@pytest.mark.parametrize("seed", range(8))
async def test_a_room_with_members_always_has_an_admin(
    db: Database, offices: list[Office], bus: NotingBus, seed: int
) -> None:
    dice = random.Random(seed)
    people = [await person(db) for _ in range(PEOPLE)]
    room = (await offices[0].rooms.create(Caller(people[0]), CreateRoom(name="a room"))).id
    for _ in range(ROUNDS):
        await asyncio.gather(*(dice.choice(offices).something(dice, room, people) for _ in range(AT_ONCE)))
        every_one = "select user_id, role, state from room_members where room_id = :room"
        rows = await db.rows(PlaceRow, every_one, room=room)
        roles = {row.role for row in rows if row.state == "member"}
        assert not roles or "admin" in roles
        assert all(row.role == "member" for row in rows if row.state != "member")
    check_subscriptions(bus, room, {row.user_id: row.state for row in rows})
    last_seq = await db.value("select last_seq from rooms where id = :room", room=room)
    assert sorted(announced(bus)) == list(range(1, last_seq + 1))
    assert last_seq > PEOPLE  # or it was no race


async def test_two_admins_who_leave_or_step_down_at_once(db: Database, offices: list[Office]) -> None:
    """One of them may; the room does not lose both while somebody is in it."""
    ann, bob, eve = [await person(db) for _ in range(3)]
    first, second = offices
    room = (await first.rooms.create(Caller(ann), CreateRoom(name="a room"))).id
    for other in (bob, eve):
        await first.rooms.join(Caller(other), RoomRef(room_id=room))
    for _ in range(10):
        await make_admins(first, room, [ann, bob])
        step_down = SetRole(room_id=room, user_id=bob, role="member")
        outcomes = await asyncio.gather(
            first.rooms.leave(Caller(ann), RoomRef(room_id=room)),
            second.members.set_role(Caller(bob), step_down),
            return_exceptions=True,
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert [type(error) for error in refused] == [Refusal]
        assert [error.reason for error in refused if isinstance(error, Refusal)] == ["conflict"]


async def make_admins(office: Office, room: str, people: list[str]) -> None:
    """Makes these members admins, by whichever of them is one still."""
    for user_id in people:
        await office.rooms.join(Caller(user_id), RoomRef(room_id=room))
    for caller in people:
        for user_id in people:
            with suppress(Refusal):  # of one who is none
                role = SetRole(room_id=room, user_id=user_id, role="admin")
                await office.members.set_role(Caller(caller), role)


def check_subscriptions(bus: NotingBus, room: str, states: dict[str, str]) -> None:
    """What the bus heard last of each user's sockets is what the database says."""
    channels = (room_channel(room),)
    for user_id, state in states.items():
        moves = [
            record
            for record in bus.stored
            if isinstance(record, Join | Leave)
            and (record.target.rooms, record.rooms) == ((user_channel(user_id),), channels)
        ]
        if moves:
            assert isinstance(moves[-1], Join) == (state == "member")
        else:
            assert state == "invited"


def announced(bus: NotingBus) -> list[int]:
    """The numbers of the changes that were told."""
    told = [record.data for record in bus.stored if isinstance(record, Broadcast)]
    return [
        payload["changeSeq"] if event == "room:updated" else payload["seq"]
        for event, payload in told
        if event in CHANGES
    ]
