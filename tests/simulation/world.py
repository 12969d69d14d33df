"""A history is carried out: the machines, the network and the people in it, all in one loop with one clock."""

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from random import Random
from typing import Any
from unittest import mock

from app import store
from protocol import BusUnavailable
from tests.simulation.chat_log import ChatLog
from tests.simulation.histories import History
from tests.simulation.instance import Instance
from tests.simulation.member import Member
from tests.simulation.network import Network
from tests.simulation.redis_model import RedisModel, redis_is
from tests.simulation.steps import SOME, Steps
from tests.simulation.virtual_loop import Stuck, VirtualLoop

DELAY, REDIS_DELAY, COMMIT = 0.02, 0.002, 0.004  # seconds, on average
SETTLE_WITHIN, HEAR_WITHIN = 60.0, 20.0  # seconds from the end of all faults
LOOK_EVERY = 0.25

EXPECTED_ERRORS = ("the bus has dropped records", "entries of stream")


class World:
    """Everything in a history, and at the end all that is known of it."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.loop = VirtualLoop()
        self._random = Random(history.chance)
        rooms = [f"room{number}" for number in range(history.rooms)]
        self.network = Network(self.loop, self._new_random(), DELAY)
        self.loop.network = self.network
        self.redis = RedisModel(self.loop, self._new_random(), REDIS_DELAY)
        self.log = ChatLog(self.loop, self._new_random(), COMMIT, rooms)
        self.rooms = rooms
        self.live: list[Instance | None] = [None] * history.instances
        self.instances: list[Instance] = []
        self.members: list[Member] = []
        self.ticks = count(1)
        self.last_ticks: list[int] = []
        self.last_changes: dict[str, int] = {}
        self.unsettled = ""  # what still was not well long after the last fault
        self.errors: list[str] = []
        self._names = count(1)

    def _new_random(self) -> Random:
        return Random(self._random.random())

    # --- from the beginning to the end ---

    def run(self) -> None:
        """Carry it out."""
        loop = self.loop
        log, patch = self.log, mock.patch.object
        states = patch(store.members, "state", log.state)
        numbers = patch(store.rooms, "last_seq", log.last_seq)
        with redis_is(self.redis), states, numbers, self._quiet():
            try:
                loop.run_until_complete(self._live_through())
            except Stuck as stuck:
                self.unsettled = self.unsettled or str(stuck)
            finally:
                self._end()

    def _end(self) -> None:
        loop = self.loop
        for instance in self.instances:
            instance.observer.over = True
        for owner in [None, *self.members, *self.instances]:
            loop.cancel_tasks_of(owner)
        self.redis.dead.update(instance.name for instance in self.instances)
        for _ in range(5):
            loop.call_soon(loop.stop)
            loop.run_forever()
            for owner in loop.owners():
                loop.cancel_tasks_of(owner)
        loop.close()

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Nothing is logged but errors, which are kept; chance is that of the history."""
        state = random.getstate()
        random.seed(self.history.chance)
        handler = ErrorKeeper(self.errors)
        loggers = [logging.getLogger(name) for name in ("app", "protocol", "asyncio")]
        before = [(logger.level, logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.ERROR)
            logger.propagate = False
            logger.addHandler(handler)
        try:
            yield
        finally:
            random.setstate(state)
            for logger, (level, propagate) in zip(loggers, before, strict=True):
                logger.setLevel(level)
                logger.propagate = propagate
                logger.removeHandler(handler)

    async def _live_through(self) -> None:
        for number in range(self.history.instances):
            self.start_instance(number)
        await self._until(lambda: all(each.up for each in self.instances), SETTLE_WITHIN)
        emissions = count(1)
        for number in range(self.history.members):
            member = Member(self.loop, f"member{number}", self.rooms, emissions)
            self.members.append(member)
            if number < self.history.polling:
                self.network.polling.add(member.name)
            for room in self.log.rooms.values():
                room.members.add(member.name)
            member.start()
        await self._until(self._settled, SETTLE_WITHIN)
        for room in self.rooms:
            await self.members[0].do(self.members[0].send(room, self.name()))
        steps = Steps(self)
        for step in self.history.steps:
            await asyncio.sleep(step.after / 1000)
            steps.take(step)
        await self._settle()

    async def _settle(self) -> None:
        """All faults end; then everybody finds together again, and hears one thing more."""
        self._heal()
        await asyncio.sleep(LOOK_EVERY)
        if not await self._until(self._settled, SETTLE_WITHIN):
            self.unsettled = self._what_is_not_settled()
            return
        for room_id, room in self.log.rooms.items():
            senders = [member for member in self.members if member.name in room.members]
            if senders:
                name = self.name()
                await senders[0].send(room_id, name)
                self.last_changes[room_id] = room.written[name]
        for room in ([], [SOME]):
            await self._tick_at_last(room)
        if not await self._until(self._all_heard, HEAR_WITHIN):
            self.unsettled = ""  # the invariants tell what is missing

    async def _until(self, condition: Any, seconds: float) -> bool:
        end = self.loop.time() + seconds
        while not condition():
            if self.loop.time() > end:
                return False
            await asyncio.sleep(LOOK_EVERY)
        return True

    def _heal(self) -> None:
        network, redis = self.network, self.redis
        network.cut_off.clear()
        for connection in network.connections:
            if connection.stalled:
                connection.stall(stalled=False)
            if connection.vanished:
                connection.cut()
        redis.up, redis.refuses, redis.answers_lost = True, None, 0
        redis.speak()
        self.log.up = True
        for number, instance in enumerate(self.live):
            if instance is None:
                self.start_instance(number)

    # --- what is well ---

    def _settled(self) -> bool:
        return not self._what_is_not_settled()

    def _what_is_not_settled(self) -> str:
        for instance in self.live:
            if instance is None or not instance.up:
                return "an instance does not start"
            if instance.io.bus_failure is not None or instance.io.kept_records:
                return f"the bus of an instance is {instance.io.bus_failure}, {instance.io.kept_records} kept"
        for member in self.members:
            if not (member.chat.connected and member.stays):
                return f"{member.name} is not connected to the chat"
            if not (member.news.connected and member.news_stays):
                return f"{member.name} is not connected to the news"
            if member.pending or member.stale:
                return (
                    f"{member.name} waits for {member.pending} answers, {len(member.stale)} rooms are stale"
                )
        return ""

    def _all_heard(self) -> bool:
        for room_id, last in self.last_changes.items():
            room = self.log.rooms[room_id]
            if any(each.known[room_id] < last for each in self.members if each.name in room.members):
                return False
        return all(self.last_ticks[0] in member.news_stays[-1].news for member in self.members)

    # --- what it is made of ---

    def start_instance(self, number: int) -> None:
        """Start the instance of a number, the first or the next."""
        name = f"{'abc'[number]}{len(self.instances)}"
        instance = Instance(self.loop, name, self.redis, self.log, self.history)
        self.live[number] = instance
        self.instances.append(instance)
        self.network.listeners = [each for each in self.live if each is not None]
        instance.start()

    def name(self) -> str:
        """The name of another message."""
        return f"m{next(self._names)}"

    async def _tick_at_last(self, rooms: list[str]) -> None:
        """One that is stored: an instance may not know yet that its connection to Redis broke."""
        for _ in range(10):
            number = next(self.ticks)
            with suppress(BusUnavailable):
                await self.instances[-1].news.to(*rooms).emit("tick", number)
                self.last_ticks.append(number)
                return
            await asyncio.sleep(1)


class ErrorKeeper(logging.Handler):
    """Keeps the errors that are logged, but for those that faults are expected to bring about."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        message = record.getMessage()
        if not message.startswith(EXPECTED_ERRORS):
            error = record.exc_info[1] if record.exc_info else None
            self._errors.append(f"{message} {error!r}" if error is not None else message)
