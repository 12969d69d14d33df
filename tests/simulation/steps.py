"""The steps of a history, as they happen: what clients and instances do, and what the machines and the network do."""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from app.announce.announcer import user_channel
from protocol import BusUnavailable
from tests.simulation.histories import Step
from tests.simulation.instance import Instance
from tests.simulation.member import Member

if TYPE_CHECKING:
    from tests.simulation.world import World

SOME = "some"  # the room of news for some


class Steps:
    """What can happen in a world."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def take(self, step: Step) -> None:
        """Have a step happen."""
        getattr(self, f"_do_{step.what.replace(' ', '_')}")(step)

    def _member(self, step: Step) -> Member:
        return self._world.members[step.who % len(self._world.members)]

    def _room(self, step: Step) -> str:
        return self._world.rooms[step.whom % len(self._world.rooms)]

    def _number(self, step: Step) -> int:
        return step.who % len(self._world.live)

    def _instance(self, step: Step) -> Instance | None:
        up = [each for each in self._world.live if each is not None and each.up]
        return up[step.who % len(up)] if up else None

    def _later(self, step: Step, undo: Any, *args: Any) -> None:
        self._world.loop.call_later(step.span / 1000, partial(undo, *args))

    def _do_send(self, step: Step) -> None:
        member = self._member(step)
        member.do(member.send(self._room(step), self._world.name()))

    def _do_burst(self, step: Step) -> None:
        for member in self._world.members:
            for _ in range(2):
                member.do(member.send(self._room(step), self._world.name()))

    def _do_leave(self, step: Step) -> None:
        member = self._member(step)
        member.do(member.leave(self._room(step), self._world.name()))

    def _do_enter(self, step: Step) -> None:
        member = self._member(step)
        member.do(member.enter(self._room(step), self._world.name()))

    async def _tick(self, instance: Instance, rooms: list[str]) -> None:
        with suppress(BusUnavailable):  # it may be stored all the same
            await instance.news.to(*rooms).emit("tick", next(self._world.ticks))

    def _do_tick(self, step: Step) -> None:
        instance = self._instance(step)
        if instance is not None:
            instance.do(self._tick(instance, []))

    def _do_tick_to_some(self, step: Step) -> None:
        instance = self._instance(step)
        if instance is not None:
            instance.do(self._tick(instance, [SOME]))

    def _do_ticks(self, step: Step) -> None:
        for number in range(6):
            instance = self._instance(Step("tick", step.who + number // 3))
            if instance is not None:
                instance.do(self._tick(instance, [SOME] if number % 2 else []))

    def _do_admit(self, step: Step) -> None:
        self._change_some(step, admit=True)

    def _do_expel(self, step: Step) -> None:
        self._change_some(step, admit=False)

    def _change_some(self, step: Step, *, admit: bool) -> None:
        instance = self._instance(step)

        async def change(instance: Instance) -> None:
            sockets = instance.news.in_(
                user_channel(self._world.members[step.whom % len(self._world.members)].name)
            )
            with suppress(BusUnavailable):  # as above
                await (sockets.sockets_join(SOME) if admit else sockets.sockets_leave(SOME))

        if instance is not None:
            instance.do(change(instance))

    # --- faults ---

    def _start_again(self, number: int) -> None:
        if self._world.live[number] is None:
            self._world.start_instance(number)

    def _do_kill(self, step: Step) -> None:
        number = self._number(step)
        instance, self._world.live[number] = self._world.live[number], None
        if instance is not None:
            for connection in self._world.network.of(instance.name):
                connection.die()
            instance.kill()
            self._later(step, self._start_again, number)

    def _do_stop(self, step: Step) -> None:
        number = self._number(step)
        instance, self._world.live[number] = self._world.live[number], None
        if instance is not None:
            self._world.loop.create_task(instance.stop())
            self._later(step, self._start_again, number)

    def _do_cut(self, step: Step) -> None:
        for connection in self._world.network.of(self._member(step).name):
            connection.cut()

    def _do_vanish(self, step: Step) -> None:
        for connection in self._world.network.of(self._member(step).name):
            connection.vanish()

    def _do_stall(self, step: Step) -> None:
        self._stall(step, self._member(step).name)

    def _do_stall_all(self, step: Step) -> None:
        for member in self._world.members:
            self._stall(step, member.name)

    def _stall(self, step: Step, name: str) -> None:
        for connection in self._world.network.of(name):
            connection.stall(stalled=True)
            self._later(step, partial(connection.stall, stalled=False))

    def _do_unreachable(self, step: Step) -> None:
        name = self._member(step).name
        self._world.network.cut_off.add(name)
        self._stall(step, name)
        self._later(step, self._world.network.cut_off.discard, name)

    def _do_redis_down(self, step: Step) -> None:
        self._world.redis.stop()
        self._later(step, setattr, self._world.redis, "up", True)

    def _do_redis_silent(self, step: Step) -> None:
        self._world.redis.silent = True
        self._later(step, self._world.redis.speak)

    def _do_redis_refuses(self, step: Step) -> None:
        self._world.redis.refuses = "OOM command not allowed when used memory > 'maxmemory'."
        self._later(step, setattr, self._world.redis, "refuses", None)

    def _do_redis_forgets(self, step: Step) -> None:
        self._world.redis.stop()
        self._world.redis.forget()
        self._later(step, setattr, self._world.redis, "up", True)

    def _do_redis_trims(self, step: Step) -> None:
        for stream in self._world.redis.streams.values():
            stream.trim(step.whom % 2)

    def _do_answers_lost(self, step: Step) -> None:
        self._world.redis.answers_lost += 1 + step.who % 3

    def _do_apart_from_redis(self, step: Step) -> None:
        instance = self._instance(step)
        if instance is not None:
            self._world.redis.cut_off.add(instance.name)
            self._later(step, self._world.redis.speak)

    def _do_database_away(self, step: Step) -> None:
        self._world.log.up = False
        self._later(step, setattr, self._world.log, "up", True)
