"""What the users do: everything that the chat offers, in a mix that the seed decides."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from scripts.soaking.device import Device, nonce
from scripts.soaking.files import DeviceFiles
from scripts.soaking.world import World

PAUSES = (0.08, 0.6)  # seconds between what a device does
KINDS = ("👍", "❤", "🎉")
SELDOM = 0.03  # how often it is the quiet room that something is done in
IN_GROUPS = 0.15  # the same of the groups that a device has opened
KEPT = 20  # messages of one's own to say again
FETCHED = 5  # files that are read at the end

Act: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Doer:
    """What one device does. `sent` are the messages that it has sent, as they were given to the server."""

    def __init__(
        self, device: Device, files: DeviceFiles, world: World, seed: str, *, pause: float = 1
    ) -> None:
        """Its pauses are `pause` times as long as usual."""
        self._device = device
        self._files = files
        self._world = world
        self._chance = random.Random(seed)
        self._pause = pause
        self._sent: list[tuple[str, dict[str, Any]]] = []
        self._sent_files: list[str] = []
        self._groups: list[str] = []  # that this device has opened and not left
        self._acts: dict[Act, int] = {
            self._send: 36,
            self._repeat: 4,
            self._send_twice: 3,
            self._send_direct: 6,
            self._reply: 5,
            self._send_file: 4,
            self._edit: 9,
            self._delete: 5,
            self._react: 8,
            self._take_back: 4,
            self._read: 10,
            self._mark_unread: 2,
            self._pin: 4,
            self._unpin: 2,
            self._order_pins: 2,
            self._type: 7,
            self._stop_typing: 3,
            self._come_or_go: 4,
            self._decide: 4,
            self._invite: 4,
            self._decline: 1,
            self._block: 2,
            self._rename: 2,
            self._archive: 2,
            self._open_group: 3,
            self._leave_group: 1,
            self._look: 4,
        }
        self.quiet = asyncio.Event()
        self.doing = ""

    async def run(self) -> None:
        """Do one thing after the other until it is to be `quiet`; what was begun is finished."""
        acts, weights = list(self._acts), list(self._acts.values())
        while not self.quiet.is_set():
            if self._device.admitted:
                (act,) = self._chance.choices(acts, weights)
                self.doing = act.__name__.strip("_")
                await act()
                self.doing = ""
            await asyncio.sleep(self._pause * self._chance.uniform(*PAUSES))

    # --- messages ---

    async def _send(self) -> None:
        await self._insist("message:send", self._message(self._room()))

    async def _send_direct(self) -> None:
        other = self._chance.choice(self._world.users)
        name = nonce(self._device.name)
        payload = {"receiverId": other.id, "content": name, "clientId": name}
        await self._insist("dm:send", payload)

    async def _repeat(self) -> None:
        if self._sent:
            await self._device.insist(*self._chance.choice(self._sent))

    async def _send_twice(self) -> None:
        """As a client does that lost patience."""
        payload = self._message(self._room())
        await asyncio.gather(*(self._device.insist("message:send", payload) for _ in range(2)))

    async def _reply(self) -> None:
        room = self._room()
        if known := self._device.recent.get(room):
            message, _ = self._chance.choice(list(known))
            reply = {"replyTo": message, "alsoToRoom": self._chance.random() < 0.5}
            await self._insist("message:send", self._message(room) | reply)

    async def _send_file(self) -> None:
        file = await self._files.upload()
        if file is not None:
            self._sent_files.append(file)
            await self._insist("message:send", self._message(self._room()) | {"attachments": [file]})

    async def fetch_files(self) -> None:
        """Read the last files that were sent."""
        for file in self._sent_files[-FETCHED:]:
            await self._files.fetch(file)

    def _message(self, room: str) -> dict[str, Any]:
        name = nonce(self._device.name)
        return {"roomId": room, "content": name, "clientId": name}

    async def _insist(self, event: str, payload: dict[str, Any]) -> None:
        await self._device.insist(event, payload)
        self._sent = [*self._sent[-KEPT:], (event, payload)]

    async def _edit(self) -> None:
        if message := self._known(own=True):
            content = f"edited {nonce(self._device.name)}"
            await self._device.ask("message:edit", {"messageId": message, "content": content})

    async def _delete(self) -> None:
        if message := self._known(own=True):
            await self._device.ask("message:delete", {"messageId": message})

    async def _react(self) -> None:
        if message := self._known():
            kind = self._chance.choice(KINDS)
            await self._device.ask("reaction:add", {"messageId": message, "kind": kind})

    async def _take_back(self) -> None:
        if message := self._known():
            kind = self._chance.choice(KINDS)
            await self._device.ask("reaction:remove", {"messageId": message, "kind": kind})

    # --- pins ---

    async def _pin(self) -> None:
        """Whoever may: admins in rooms, all in conversations; others are refused."""
        if message := self._known():
            await self._device.ask("message:pin", {"messageId": message})

    async def _unpin(self) -> None:
        if pins := self._pins(self._room()):
            await self._device.ask("message:unpin", {"messageId": self._chance.choice(pins)})

    async def _order_pins(self) -> None:
        room = self._room()
        if pins := self._pins(room):
            order = self._chance.sample(pins, len(pins))
            await self._device.ask("room:order-pins", {"roomId": room, "messageIds": order})

    def _pins(self, room: str) -> list[str]:
        follower = self._device.followers.get(room)
        return [] if follower is None else follower.pins

    # --- reading, typing ---

    async def _read(self) -> None:
        """Also places that were read long ago: a mark must not go back for that."""
        room = self._room()
        follower = self._device.followers.get(room)
        if follower is not None and follower.applied:
            seq = self._chance.randint(max(0, follower.applied - 40), follower.applied)
            await self._device.ask("room:read", {"roomId": room, "seq": seq})

    async def _mark_unread(self) -> None:
        if message := self._known():
            await self._device.ask("message:mark-unread", {"messageId": message})

    async def _type(self) -> None:
        room = self._chance.choice([self._room(), self._world.quiet])
        await self._device.ask("typing:start", {"roomId": room})

    async def _stop_typing(self) -> None:
        await self._device.ask("typing:stop", {"roomId": self._room()})

    async def _look(self) -> None:
        room = self._room()
        asked: dict[str, dict[str, Any]] = {
            "message:history": {"roomId": room, "limit": 20},
            "room:members": {"roomId": room},
            "presence:get": {"userIds": [user.id for user in self._world.users]},
            "room:get": {"roomId": room},
        }
        await self._device.ask(*self._chance.choice(list(asked.items())))

    # --- members ---

    async def _come_or_go(self) -> None:
        room = self._world.lively
        if self._world.admin.id == self._device.user.id:
            return
        if room in self._device.followers:
            await self._device.ask("room:leave", {"roomId": room})
        else:
            await self._device.ask("room:join", {"roomId": room})

    async def _decide(self) -> None:
        """What an admin can do to a member, and undo."""
        room, admin = self._world.lively, self._world.admin
        if admin.id != self._device.user.id:
            return
        other = self._chance.choice([user for user in self._world.users if user.id != admin.id])
        about = {"roomId": room, "userId": other.id}
        event = self._chance.choice(["room:kick", "room:ban", "room:unban"])
        await self._device.ask(event, about)
        if event == "room:ban":
            await asyncio.sleep(self._chance.uniform(0, 1))
            await self._device.insist("room:unban", about)

    async def _archive(self) -> None:
        """An admin can archive a room, and bring it back."""
        if self._world.admin.id == self._device.user.id:
            about = {"roomId": self._world.lively}
            await self._device.ask("room:archive", about)
            await asyncio.sleep(self._chance.uniform(0, 1.5))
            await self._device.insist("room:unarchive", about)

    async def _open_group(self) -> None:
        """With the same people it is the same group, which who has left it comes back to."""
        others = [user.id for user in self._world.users if user.id != self._device.user.id]
        people = self._chance.sample(others, min(len(others), self._chance.randint(2, 4)))
        given = await self._device.ask("group:open", {"userIds": people})
        if not given.why and given.data["id"] not in self._groups:
            self._groups.append(given.data["id"])

    async def _leave_group(self) -> None:
        if self._groups:
            group = self._groups.pop(self._chance.randrange(len(self._groups)))
            await self._device.ask("room:leave", {"roomId": group})

    async def _invite(self) -> None:
        """An admin can invite those who are not in the room."""
        room, admin = self._world.lively, self._world.admin
        if admin.id == self._device.user.id:
            other = self._chance.choice([user for user in self._world.users if user.id != admin.id])
            await self._device.ask("room:invite", {"roomId": room, "userId": other.id})

    async def _decline(self) -> None:
        """Who is invited may decline; others are refused."""
        if self._world.lively not in self._device.followers:
            await self._device.ask("room:leave", {"roomId": self._world.lively})

    async def _block(self) -> None:
        """A while without another user."""
        other = self._chance.choice([u for u in self._world.users if u.id != self._device.user.id])
        about = {"userId": other.id}
        await self._device.ask("user:block", about)
        await asyncio.sleep(self._chance.uniform(0, 1.5))
        await self._device.insist("user:unblock", about)

    async def unblock_all(self) -> None:
        """Take all blocks back, also those of a call that was given up and done late."""
        given = await self._device.insist("user:blocks", {"limit": 100})
        for block in [] if given.why else given.data["blocks"]:
            await self._device.insist("user:unblock", {"userId": block["user"]["id"]})

    async def _rename(self) -> None:
        room = self._room()
        name = f"Room {self._chance.randint(0, 999)}"
        await self._device.ask("room:update", {"roomId": room, "name": name})

    # --- choices ---

    def _room(self) -> str:
        if self._chance.random() < SELDOM:
            return self._world.quiet
        if self._groups and self._chance.random() < IN_GROUPS:
            return self._chance.choice(self._groups)
        return self._chance.choice([*self._world.steady, self._world.lively])

    def _known(self, *, own: bool = False) -> str | None:
        """A message that was heard lately."""
        me = self._device.user.id
        found = [
            message
            for messages in self._device.recent.values()
            for message, sender in messages
            if not own or sender == me
        ]
        return self._chance.choice(found) if found else None
