"""Random histories of rooms, made by calling the services, and what is announced of them meanwhile."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

import uuid_utils

from app import store
from app.accounts.blocks import UserBlocks
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.messages.direct import Direct
from app.messages.edits import MessageEdits
from app.messages.history import MessageHistory
from app.messages.sync import Sync
from app.messages.writer import MessageWriter
from app.payloads.preference_requests import BlockRef
from app.payloads.requests import (
    CreateRoom,
    EditMessage,
    Invite,
    ListMembers,
    MemberRef,
    MessageRef,
    React,
    ReadHistory,
    ReadRoom,
    RoomRef,
    SendDirect,
    SendMessage,
    SetRole,
    SyncRoom,
    UpdateRoom,
)
from app.payloads.responses import RoomInfo, wire
from app.payloads.rooms.pin_payloads import ListPins, OrderPins
from app.payloads.thread_payloads import ReadThread
from app.rooms.invitations import Invitations
from app.rooms.members import RoomMembers
from app.rooms.pins import RoomPins
from app.rooms.room_settings import RoomSettings
from app.rooms.rooms import Rooms
from protocol import MemoryBus, Server
from protocol.cluster.record_batches import unfold
from protocol.cluster.stream_records import Broadcast, Record
from tests.support.chat.follower import NUMBERS, Follower, numbered
from tests.support.chat.people import nobody_is_here

numbers = count(1)


class HeardBus(MemoryBus):
    """A bus that hands every event for a room to whoever listens."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: dict[str, list[Callable[[str, dict[str, Any]], None]]] = defaultdict(list)

    async def publish(self, record: Record) -> str:
        offset = await super().publish(record)
        self._hear(record, offset)
        return offset

    def keep(self, record: Record) -> asyncio.Future[str]:
        stored = super().keep(record)
        self._hear(record, stored.result())
        return stored

    def _hear(self, record: Record, offset: str) -> None:
        for single, _, _ in unfold(record, offset, 0):
            if isinstance(single, Broadcast):
                for room in single.target.rooms:
                    for hear in self.listeners[room]:
                        hear(*single.data)


class Chat:
    """The services of one instance, on a bus that can be listened to."""

    def __init__(self, db: Database, io: Server, bus: HeardBus) -> None:
        self.db, self.bus = db, bus
        announcer = Announcer(io, db)
        self.writer = MessageWriter(db, announcer.message)
        self.reading = MessageHistory(db, announcer)
        self.rooms = Rooms(db, announcer)
        self.settings = RoomSettings(db, announcer)
        self.pins = RoomPins(db, announcer, max_bytes=400)
        self.members = RoomMembers(db, announcer, nobody_is_here)
        self.invitations = Invitations(db, announcer)
        self.blocks = UserBlocks(db, announcer, nobody_is_here)
        self.direct = Direct(db, announcer, self.writer, self.reading, nobody_is_here)
        self.revisions = MessageEdits(db, announcer)
        self.sync = Sync(db, max_bytes=400)  # so that pages end for their size as well as for their limit

    async def person(self, username: str) -> str:
        user_id = str(uuid_utils.uuid7())
        await store.accounts.insert(
            self.db, user_id=user_id, username=username, display_name=None, credential="-"
        )
        return user_id

    async def page(self, follower: Follower, user_id: str, room_id: str, limit: int) -> None:
        """Lets a follower take the next page of `room:sync`."""
        payload = SyncRoom(room_id=room_id, after_seq=follower.applied, limit=limit)
        follower.take(wire(await self.sync.changes(Caller(user_id), payload)))

    async def catch_up(
        self, follower: Follower, user_id: str, room_id: str, limits: Sequence[int]
    ) -> Follower:
        """Lets a follower take pages of the given sizes, over and over, until there are no more."""
        await self.page(follower, user_id, room_id, limits[0])
        turn = 1
        while not follower.complete:
            await self.page(follower, user_id, room_id, limits[turn % len(limits)])
            turn += 1
        return follower


class Place:
    """A room, one follower who never goes away, and one for each person, who does."""

    def __init__(
        self, chat: Chat, room: dict[str, Any], people: Sequence[str], *, from_the_start: bool
    ) -> None:
        self.id: str = room["id"]
        self.info = {name: room[name] for name in RoomInfo.__struct_encode_fields__}
        self.private: bool = room["isPrivate"]
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.always_here = Follower(self.info, complete=from_the_start)
        self.followers = {user_id: Follower(self.info) for user_id in people}
        self.here: set[str] = set()
        self.others: list[Follower] = []
        chat.bus.listeners[f"room:{self.id}"].append(self.hear)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the changes that were announced."""
        return [payload[NUMBERS[event]] for event, payload in self.heard if event in NUMBERS]

    def hear(self, event: str, payload: dict[str, Any]) -> None:
        self.heard.append((event, payload))
        self.always_here.hear(event, payload)
        for follower in (*self.others, *(self.followers[user_id] for user_id in self.here)):
            follower.hear(event, payload)
        if event == "room:user-left":
            self.go_away(payload["userId"])

    def go_away(self, user_id: str) -> None:
        self.here.discard(user_id)
        self.followers[user_id].go_away()


class History:
    """Some people, a room of theirs and their direct conversations; each step is a thing that somebody tries to do.

    The first two are in the room from the beginning, the third is invited, the fourth a stranger. Many a step is
    refused: that of a stranger, or with a deleted message.
    """

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.people: list[str] = []
        self.names: list[str] = []
        self.places: list[Place] = []
        self.sent: list[tuple[str, str]] = []  # who, which message
        self.payloads: list[tuple[str, SendMessage]] = []

    async def begin(self, *, is_private: bool) -> None:
        number = next(numbers)
        self.names = [f"h{number}-{letter}" for letter in "abcd"]
        self.people = [await self.chat.person(name) for name in self.names]
        heard: list[tuple[str, dict[str, Any]]] = []
        # The room's id is not known before, so the creator's devices listen.
        self.chat.bus.listeners[f"user:{self.people[0]}"].append(lambda *event: heard.append(event))
        created = await self.chat.rooms.create(
            Caller(self.people[0]), CreateRoom(name="a room", is_private=is_private)
        )
        place = Place(self.chat, wire(created), self.people, from_the_start=True)
        for event in heard:
            place.hear(*event)
        self.places.append(place)
        for actor, act, other in (
            (0, "invite", 1),
            (0, "invite", 2),
            (1, "join", 1),
            (0, "send", 2),
            (1, "send", 0),
        ):
            await self.step(act, actor, other, 0)

    async def step(self, act: str, actor: int, other: int, choice: int) -> None:
        """Tries one thing. It may be refused."""
        place = self.places[choice % len(self.places)]
        with suppress(Refusal):
            await getattr(self, act)(self.people[actor], place, other, choice)

    # Messages

    async def send(self, user_id: str, place: Place, other: int, choice: int) -> None:
        payload = SendMessage(
            room_id=place.id,
            content=self._text(other, choice),
            client_id=f"c{len(self.payloads)}",
            metadata={"choice": choice} if choice % 2 else None,
        )
        self.payloads.append((user_id, payload))
        self.sent.append((user_id, (await self.chat.writer.send(Caller(user_id), payload)).id))

    async def reply(self, user_id: str, place: Place, other: int, choice: int) -> None:
        payload = SendMessage(
            room_id=place.id,
            content=self._text(other, choice),
            reply_to=self._message(choice),
            also_to_room=other % 2 == 0,
        )
        self.sent.append((user_id, (await self.chat.writer.send(Caller(user_id), payload)).id))

    async def attach(self, user_id: str, place: Place, other: int, choice: int) -> None:
        names = [str(uuid_utils.uuid7()) for _ in range(1 + choice % 3)]
        for name in names:
            await store.files.insert(
                self.chat.db,
                file_id=name,
                owner_id=user_id,
                name=f"{choice}.png",
                media_type="image/png",
                size=choice,
                width=other,
                height=None,
                storage_key=name,
                thumbnail_key=f"{name}-small" if other else None,
            )
        payload = SendMessage(room_id=place.id, content="", attachments=names[::-1], client_id=f"f{names[0]}")
        self.payloads.append((user_id, payload))
        self.sent.append((user_id, (await self.chat.writer.send(Caller(user_id), payload)).id))

    async def retry(self, user_id: str, place: Place, other: int, choice: int) -> None:
        sender, payload = self.payloads[choice % len(self.payloads)]
        await self.chat.writer.send(Caller(sender), payload)

    async def edit(self, user_id: str, place: Place, other: int, choice: int) -> None:
        sender, message_id = self._sent(choice)
        payload = EditMessage(message_id=message_id, content=self._text(other, choice + other))
        await self.chat.revisions.edit(Caller(sender if other else user_id), payload)

    async def delete(self, user_id: str, place: Place, other: int, choice: int) -> None:
        sender, message_id = self._sent(choice)
        author_or_other = sender if other % 2 else user_id
        await self.chat.revisions.delete(Caller(author_or_other), MessageRef(message_id=message_id))

    async def react(self, user_id: str, place: Place, other: int, choice: int) -> None:
        payload = React(message_id=self._message(choice), kind="👍❤🎉🙈"[other])
        await self.chat.revisions.add_reaction(Caller(user_id), payload)

    async def unreact(self, user_id: str, place: Place, other: int, choice: int) -> None:
        payload = React(message_id=self._message(choice), kind="👍❤🎉🙈"[other])
        await self.chat.revisions.remove_reaction(Caller(user_id), payload)

    async def direct(self, user_id: str, place: Place, other: int, choice: int) -> None:
        payload = SendDirect(receiver_id=self.people[other], content="just between us")
        message = await self.chat.direct.send(Caller(user_id), payload)
        self.sent.append((user_id, message.id))
        if message.room_id not in [place.id for place in self.places]:
            room = wire(await self.chat.rooms.get(Caller(user_id), RoomRef(room_id=message.room_id)))
            place = Place(self.chat, room, self.people, from_the_start=False)
            await self.chat.page(place.always_here, user_id, place.id, 500)
            self.places.append(place)

    async def block(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self.chat.blocks.block(Caller(user_id), BlockRef(user_id=self.people[other]))

    async def unblock(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self.chat.blocks.unblock(Caller(user_id), BlockRef(user_id=self.people[other]))

    # Members and the room

    async def join(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self.chat.rooms.join(Caller(user_id), RoomRef(room_id=place.id))

    async def leave(self, user_id: str, place: Place, other: int, choice: int) -> None:
        closed = place.private or place.always_here.state["room"]["archivedAt"] is not None
        if not (closed and len(place.always_here.members) == 1):  # nobody could ever look into it again
            await self.chat.rooms.leave(Caller(user_id), RoomRef(room_id=place.id))

    async def invite(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self.chat.invitations.invite(
            Caller(user_id), Invite(room_id=place.id, username=self.names[other])
        )

    async def set_role(self, user_id: str, place: Place, other: int, choice: int) -> None:
        role = "member" if choice == 0 else "admin"
        await self.chat.members.set_role(
            Caller(user_id), SetRole(room_id=place.id, user_id=self.people[other], role=role)
        )

    async def kick(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self._about(self.chat.members.kick, user_id, place, other)

    async def ban(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self._about(self.chat.members.ban, user_id, place, other)

    async def unban(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self._about(self.chat.members.unban, user_id, place, other)

    async def rename(self, user_id: str, place: Place, other: int, choice: int) -> None:
        payload = UpdateRoom(
            room_id=place.id, name=f"name {other}", description=f"{choice}" if choice else ""
        )
        await self.chat.settings.update(Caller(user_id), payload)

    async def archive(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self.chat.settings.archive(Caller(user_id), RoomRef(room_id=place.id))

    async def unarchive(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self.chat.settings.unarchive(Caller(user_id), RoomRef(room_id=place.id))

    async def pin(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self.chat.pins.pin(Caller(user_id), MessageRef(message_id=self._message(choice)))

    async def unpin(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self.chat.pins.unpin(Caller(user_id), MessageRef(message_id=self._message(choice)))

    async def order_pins(self, user_id: str, place: Place, other: int, choice: int) -> None:
        pins = (await self.chat.rooms.get(Caller(user_id), RoomRef(room_id=place.id))).pins
        turn = other % (len(pins) + 1)
        payload = OrderPins(room_id=place.id, message_ids=[*pins[turn:], *pins[:turn]])
        await self.chat.pins.reorder(Caller(user_id), payload)

    async def read(self, user_id: str, place: Place, other: int, choice: int) -> None:
        await self.chat.reading.mark_read(Caller(user_id), ReadRoom(room_id=place.id, seq=choice * 4))

    # Who is here

    async def away(self, user_id: str, place: Place, other: int, choice: int) -> None:
        place.go_away(user_id)

    async def page(self, user_id: str, place: Place, other: int, choice: int) -> None:
        """Comes back, or reads on where there was more: first one listens, then one reads."""
        was_here = user_id in place.here
        place.here.add(user_id)
        try:
            await self.chat.page(place.followers[user_id], user_id, place.id, other + 1)
        except Refusal:
            assert not was_here
            place.go_away(user_id)

    # The end

    async def end(self, limits: Sequence[int]) -> None:
        """Everybody who is in a room comes to the same state, whatever they heard live and read in between."""
        for place in self.places:
            if not place.always_here.members:
                await self.chat.rooms.join(Caller(self.people[0]), RoomRef(room_id=place.id))
            expected = place.always_here
            assert expected.complete
            assert not expected.waiting, "a number was never announced"
            assert len(set(place.numbers)) == len(place.numbers), "a number was announced twice"
            members = expected.members
            assert members
            for user_id in members:
                last = (await self.chat.rooms.get(Caller(user_id), RoomRef(room_id=place.id))).last_seq
                assert expected.applied == last
                came_back = await self.chat.catch_up(place.followers[user_id], user_id, place.id, limits)
                assert (came_back.applied, came_back.state) == (last, expected.state)
                await self._is_what_is_read(expected.state, place.id, user_id)
            newcomer = await self.chat.catch_up(Follower(place.info), min(members), place.id, limits)
            assert (newcomer.applied, newcomer.state) == (last, expected.state)

    async def _is_what_is_read(self, state: dict[str, Any], room_id: str, user_id: str) -> None:
        """What the log leads to is also what a member reads without it."""
        room = await self.chat.rooms.get(Caller(user_id), RoomRef(room_id=room_id))
        assert {name: wire(room)[name] for name in state["room"]} == state["room"]
        pinned = await self.chat.pins.list_page(Caller(user_id), ListPins(room_id=room_id))
        assert [pin.message.id for pin in pinned.pins] == state["room"]["pins"][: len(pinned.pins)]
        assert (pinned.next is None) == (len(pinned.pins) == len(room.pins))
        history = wire(
            await self.chat.reading.history(Caller(user_id), ReadHistory(room_id=room_id, limit=100))
        )
        there = [message for message in state["messages"].values() if message["deletedAt"] is None]
        newest_first = sorted(there, key=lambda message: message["seq"], reverse=True)
        assert [numbered(message) for message in history] == newest_first
        listed = wire(await self.chat.members.list_page(Caller(user_id), ListMembers(room_id=room_id)))
        here = {
            key: member
            for key, member in state["members"].items()
            if member["state"] in ("member", "invited")
        }
        assert {member["userId"]: numbered(member) for member in listed["members"]} == here
        mark = room.membership.last_read_seq
        in_room = [message for message in there if message.get("alsoToRoom", True)]
        assert room.unread == sum(
            message["senderId"] != user_id and message["seq"] > mark for message in in_room
        )
        shown = await self.chat.reading.history(
            Caller(user_id), ReadHistory(room_id=room_id, limit=100, thread_replies=False)
        )
        assert {message.id for message in shown} == {message["id"] for message in in_room}
        for thread in state["threads"].values():
            await self._is_the_thread(thread, there, user_id)

    async def _is_the_thread(self, thread: dict[str, Any], there: list[dict[str, Any]], user_id: str) -> None:
        """A thread counts its replies, and a member reads these, and the same thread with the root."""
        root_id = thread["rootId"]
        replies = [message for message in there if message.get("rootId") == root_id]
        last = max(replies, key=lambda reply: reply["seq"], default=None)
        told = [thread[name] for name in ("replyCount", "lastReplySeq", "lastReplyAt")]
        assert told == [len(replies), last and last["seq"], last and last["createdAt"]]
        asked = ReadThread(message_id=root_id, limit=100)
        read = await self.chat.reading.thread(Caller(user_id), asked)
        assert {message.id for message in read} == {reply["id"] for reply in replies}
        root = await self.chat.reading.get(Caller(user_id), MessageRef(message_id=root_id))
        assert wire(root)["thread"] == thread

    def _text(self, other: int, choice: int) -> str:
        return f"@{self.names[other]} hello" if choice % 3 == 0 else f"text {choice}"

    def _sent(self, choice: int) -> tuple[str, str]:
        """Who sent one of the last messages, and its id."""
        return self.sent[-1 - choice % len(self.sent)]

    def _message(self, choice: int) -> str:
        return self._sent(choice)[1]

    async def _about(
        self, act: Callable[[Caller, MemberRef], Awaitable[Any]], user_id: str, place: Place, other: int
    ) -> None:
        await act(Caller(user_id), MemberRef(room_id=place.id, user_id=self.people[other]))
