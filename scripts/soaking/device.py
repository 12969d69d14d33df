"""A device of a user: it follows the rooms of its user as docs/chat.md tells clients to, and all is written down."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Struct

from scripts.soaking.changes import answer_value, member_view, message_view, room_view, told_by
from scripts.soaking.connection import Connection, Listener, NotAnswered
from scripts.soaking.history import (
    Admitted,
    Answered,
    Called,
    Connected,
    Dismissed,
    Follows,
    Heard,
    Lost,
    Refused,
    Synced,
    Unanswered,
    Unfinished,
    Viewed,
)
from scripts.soaking.recorder import Recorder
from tests.support.chat.follower import NUMBERS, Follower

GAP = 0.4  # seconds that a missing number may still come by itself
AGAIN_AFTER = 0.1  # seconds, where the server does not say
STOPPED_WITHIN = 20.0  # seconds, for a client that is told to disconnect
LONGEST_WAIT = 2.0  # seconds, whatever the server says
REMEMBERED = 40  # messages of a room, to edit, delete and react to
# Refusals that a little patience mends. `unauthenticated` is that of a connection that is not through with it.
PASSING = ("unavailable", "rate_limited", "internal", "unauthenticated")


class User(Struct, frozen=True):
    """An account."""

    id: str
    name: str
    token: str


class Given(Struct, frozen=True):
    """What became of a call: its data, or the reason why there is none (a refusal's, `timeout` or `disconnected`)."""

    data: Any = None
    why: str = ""


Connect: TypeAlias = Callable[[Listener], Connection]


class Device:
    """One connection of a user. `recent` has the last messages of each room, with their senders."""

    def __init__(self, name: str, user: User, connect: Connect, recorder: Recorder) -> None:
        self.name = name
        self.user = user
        self.recent: dict[str, deque[tuple[str, str]]] = {}
        self.followers: dict[str, Follower] = {}
        self.admitted = False
        self._recorder = recorder
        self._connection = connect(Listener(self._opened, self._let_in, self._lost, self._heard))
        self._socket_id: str | None = None
        self._session = 0
        self._calls = 0
        self._behind = asyncio.Event()
        self._entering: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._stopping = False

    # --- what it does ---

    async def start(self) -> None:
        """Connect, sooner or later, and follow the rooms of the user."""
        self._following = asyncio.create_task(self._follow())
        await self._connection.start()

    async def stop(self) -> None:
        """Disconnect for good."""
        self._stopping = True
        try:
            async with asyncio.timeout(STOPPED_WITHIN):
                for task in (self._entering, self._following):
                    if task is not None:
                        task.cancel()
                        await asyncio.gather(task, return_exceptions=True)
                await self._connection.stop()
        except TimeoutError:
            self._recorder.add(Unfinished(at=self._recorder.now(), device=self.name, what="its end"))
        if self.admitted:
            self._lost("stopped")

    async def ask(self, event: str, payload: dict[str, Any]) -> Given:
        """Call once, and write down what comes of it."""
        self._calls += 1
        call, now, add = self._calls, self._recorder.now, self._recorder.add
        add(Called(at=now(), device=self.name, call=call, event=event, payload=payload))
        try:
            answer = await self._connection.call(event, payload)
        except NotAnswered as error:
            add(Unanswered(at=now(), device=self.name, call=call, why=str(error)))
            return Given(why=str(error))
        if answer["ok"]:
            value = answer_value(event, answer["data"])
            add(Answered(at=now(), device=self.name, call=call, value=value))
            return Given(answer["data"])
        refusal = answer["error"]
        add(Refused(at=now(), device=self.name, call=call, reason=refusal["reason"]))
        if refusal["reason"] in PASSING:
            await asyncio.sleep(min((refusal.get("retryAfter") or 0) / 1000 or AGAIN_AFTER, LONGEST_WAIT))
        return Given(why=refusal["reason"])

    async def insist(self, event: str, payload: dict[str, Any]) -> Given:
        """Call again and again, until there is data or a refusal for good."""
        while True:
            given = await self.ask(event, payload)
            if not given.why or given.why not in (*PASSING, "timeout", "disconnected"):
                return given
            await asyncio.sleep(AGAIN_AFTER)

    async def catch_up(self) -> None:
        """Read what the server has of all rooms of the user after what is known, as after a reconnect."""
        await self._enter_rooms()
        for room in list(self.followers):
            await self._sync(room)

    def view(self) -> list[Viewed]:
        """All rooms as they are known here."""
        now, views = self._recorder.now(), []
        for room, follower in self.followers.items():
            state = follower.state
            messages = {key: message_view(message) for key, message in state["messages"].items()}
            members = {key: member_view(member) for key, member in state["members"].items()}
            views.append(
                Viewed(
                    at=now,
                    device=self.name,
                    room=room,
                    applied=follower.applied,
                    messages=messages,
                    members=members,
                    fields=room_view(state["room"]),
                )
            )
        return views

    # --- what its connection tells ---

    def _opened(self) -> None:
        """It is connected: with the session of before, if the server has recovered it."""
        recovered = self._socket_id is not None and self._connection.socket_id == self._socket_id
        self._note_session()
        self._recorder.add(
            Connected(at=self._recorder.now(), device=self.name, session=self._session, recovered=recovered)
        )
        if self._entering is not None:
            self._entering.cancel()
        self._entering = asyncio.create_task(self._enter())

    def _note_session(self) -> None:
        socket_id = self._connection.socket_id
        if socket_id is not None and socket_id != self._socket_id:
            self._socket_id = socket_id
            self._session += 1
            for follower in self.followers.values():
                follower.go_away()

    def _let_in(self) -> None:
        """The server takes it for a device of its user."""
        if not self.admitted:
            self.admitted = True
            self._recorder.add(Admitted(at=self._recorder.now(), device=self.name, session=self._session))
            self._behind.set()

    def _lost(self, reason: str) -> None:
        self.admitted = False
        entry = Lost(
            at=self._recorder.now(),
            device=self.name,
            session=self._session,
            reason=reason,
            wanted=self._stopping,
        )
        self._recorder.add(entry)

    def _heard(self, event: str, payload: Any) -> None:
        self._note_session()
        now = self._recorder.now()
        if event == "unauthenticated":
            self._recorder.add(Dismissed(at=now, device=self.name, message=payload["message"]))
            return
        told = told_by(event, payload) if isinstance(payload, dict) else told_by(event, {})
        self._recorder.add(
            Heard(
                at=now,
                device=self.name,
                session=self._session,
                event=event,
                room=told.room,
                number=told.number,
                item=told.item,
                value=told.value,
            )
        )
        if event in NUMBERS:
            self._apply(event, told.room, payload)
        elif event == "room:added":
            self._begin_room(payload["id"])
        elif event == "room:sync-needed":
            self._miss(payload["roomId"], payload["lastSeq"])

    # --- the rooms ---

    def _apply(self, event: str, room: str, payload: dict[str, Any]) -> None:
        if event == "room:user-left" and payload["userId"] == self.user.id:
            self.forget(room)
            return
        if event in ("message:new", "dm:new"):
            self.recent.setdefault(room, deque(maxlen=REMEMBERED)).append(
                (payload["id"], payload["senderId"])
            )
        follower = self.followers.get(room)
        if follower is None:
            # A conversation that begins, or a group with its first message.
            if event in ("message:new", "dm:new"):
                self._begin_room(room)
            return
        follower.hear(event, payload)
        if follower.waiting:
            self._behind.set()

    def _miss(self, room: str, last_number: int) -> None:
        """A room has come to a number, and not all of it was announced."""
        follower = self.followers.get(room)
        if follower is not None and follower.applied < last_number:
            follower.complete = False
            self._behind.set()

    def forget(self, room: str) -> None:
        """The user is not in a room any more."""
        if self.followers.pop(room, None) is not None:
            self._recorder.add(Follows(at=self._recorder.now(), device=self.name, room=room, gone=True))
        self.recent.pop(room, None)

    def _begin_room(self, room: str) -> None:
        if room not in self.followers:
            self.followers[room] = Follower({"changeSeq": 0})
            self._recorder.add(Follows(at=self._recorder.now(), device=self.name, room=room))
            self._behind.set()

    async def _enter(self) -> None:
        """Authenticate, if the library does not do that by itself, and find the rooms of the user."""
        while not self.admitted:
            given = await self.ask("authenticate", {})
            if not given.why:
                self._let_in()
            elif given.why == "disconnected":
                return
        await self._enter_rooms()

    async def _enter_rooms(self) -> None:
        rooms = await self.insist("room:list", {})
        conversations = await self.insist("conversation:list", {"limit": 100})
        if rooms.why or conversations.why:
            return
        present = {room["id"] for room in rooms.data}
        present |= {one["roomId"] for one in conversations.data["conversations"]}
        for room in present:
            self._begin_room(room)
        for room in self.followers.keys() - present:
            self.forget(room)

    async def _follow(self) -> None:
        """Read what is missing, a while after it was missed."""
        while True:
            await self._behind.wait()
            await asyncio.sleep(GAP)
            self._behind.clear()
            for room, follower in list(self.followers.items()):
                if self.admitted and (not follower.complete or follower.waiting):
                    await self._sync(room)

    async def _sync(self, room: str) -> None:
        follower = self.followers.get(room)
        if follower is None:
            return
        follower.complete = False
        while not follower.complete:
            session, after = self._session, follower.applied
            given = await self.insist("room:sync", {"roomId": room, "afterSeq": after, "limit": 200})
            if given.why or self.followers.get(room) is not follower:
                if given.why in ("not_a_member", "not_found"):
                    self.forget(room)
                return
            if session != self._session:
                continue  # what came in between was not heard
            follower.take(given.data)
            self._recorder.add(
                Synced(
                    at=self._recorder.now(),
                    device=self.name,
                    session=session,
                    room=room,
                    after=after,
                    upto=follower.applied,
                    complete=follower.complete,
                )
            )


def nonce(device: str) -> str:
    """A text that no other message has."""
    return f"{device}-{time.time_ns():x}"
