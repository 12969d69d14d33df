"""The end of a run: everything that is owed gets its time, and then is looked at."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import redis

from app.core.redis_scripts import PREFIX
from app.presence.redis_leases import INSTANCES, OF_USER
from scripts.soaking.device import Device, User
from scripts.soaking.history import (
    AnyEntry,
    Calm,
    Invitations,
    Leases,
    Online,
    PresenceTold,
    Unfinished,
    Unread,
)
from scripts.soaking.recorder import Recorder
from scripts.soaking.stack import Stack
from scripts.soaking.workload import Doer

FINISHED_WITHIN = 40.0  # seconds, for what was begun before all faults were over
OWED = 4.0  # seconds, for announcements
GONE_WITHIN = 6.0  # seconds: the hold, the lease, and the next look at it
SETTLED_WITHIN = 30.0  # seconds, the same for Redis, on a machine that does much else
LOOKED_WITHIN = 60.0  # seconds, for all that the devices ask at the end
ASKING = 3  # devices that ask who is online


async def settle(
    stack: Stack,
    devices: Sequence[Device],
    doers: Sequence[Doer],
    tasks: Sequence["asyncio.Task[None]"],
    recorder: Recorder,
) -> None:
    """Let the devices fall silent, and write down what they have, and are told, then."""
    for doer in doers:
        doer.quiet.set()
    _, waiting = await asyncio.wait(tasks, timeout=FINISHED_WITHIN)
    for device, doer, task in zip(devices, doers, tasks, strict=True):
        if task in waiting:
            task.cancel()
            what = doer.doing or "a connection"
            recorder.add(Unfinished(at=recorder.now(), device=device.name, what=what))
    await within(LOOKED_WITHIN, devices, [doer.unblock_all() for doer in doers], "its blocks", recorder)
    calm = recorder.now()
    await asyncio.sleep(OWED)
    recorder.add(Calm(at=calm, ended=recorder.now()))
    leaving = devices[-1].user
    await asyncio.gather(*(device.stop() for device in devices if device.user == leaving))
    here = [device for device in devices if device.user != leaving]
    await asyncio.sleep(GONE_WITHIN)
    users = list({device.user.id: device.user for device in devices}.values())
    looks = [look(device, users, recorder, device in here[:ASKING]) for device in here]
    await within(LOOKED_WITHIN, here, looks, "the last look", recorder)
    await within(LOOKED_WITHIN, devices, [doer.fetch_files() for doer in doers], "its files", recorder)
    for entry in await online(stack, here, leaving, recorder):
        recorder.add(entry)


async def within(
    seconds: float,
    devices: Sequence[Device],
    works: Sequence[Coroutine[Any, Any, None]],
    what: str,
    recorder: Recorder,
) -> None:
    """Let each device do something at the same time, and write down who was not through in time."""
    doing = [asyncio.create_task(work) for work in works]
    await asyncio.wait(doing, timeout=seconds)
    for device, task in zip(devices, doing, strict=True):
        if not task.done():
            task.cancel()
            recorder.add(Unfinished(at=recorder.now(), device=device.name, what=what))
        else:
            task.result()


async def look(device: Device, users: Sequence[User], recorder: Recorder, asks: bool) -> None:
    """What a device is told at the end: of all users' presence, of its unread messages, and of its rooms."""
    if asks:
        given = await device.insist("presence:get", {"userIds": [user.id for user in users]})
        if not given.why:
            statuses = {one["userId"]: one["status"] for one in given.data}
            recorder.add(PresenceTold(at=recorder.now(), device=device.name, statuses=statuses))
    for event, read in UNREAD.items():
        given = await device.insist(event, {"limit": 100} if event == "conversation:list" else {})
        if not given.why:
            for room, unread in read(given.data):
                recorder.add(Unread(at=recorder.now(), user=device.user.id, room=room, told=unread))
    given = await device.insist("room:invitations", {"limit": 100})
    if not given.why:
        invited = [room["id"] for room in given.data]
        recorder.add(Invitations(at=recorder.now(), user=device.user.id, rooms=invited))
    await device.catch_up()
    for view in device.view():
        recorder.add(view)


UNREAD: dict[str, Callable[..., list[tuple[str, int]]]] = {
    "room:list": lambda rooms: [(room["id"], room["unread"]) for room in rooms],
    "conversation:list": lambda page: [(one["roomId"], one["unread"]) for one in page["conversations"]],
}


async def online(stack: Stack, here: Sequence[Device], gone: User, recorder: Recorder) -> list[AnyEntry]:
    """Who should be online, and what Redis has of that."""
    connected = sorted({device.user.id for device in here if device.admitted})
    running = sum(len(stack.processes_of(instance)) for instance in stack.instances)

    def ask() -> tuple[int, list[str]]:
        with redis.Redis(port=stack.redis_port, decode_responses=True) as client:
            of_user, instances = f"{PREFIX}{OF_USER}", f"{PREFIX}{INSTANCES}"
            users = [key.removeprefix(of_user) for key in client.scan_iter(f"{of_user}*")]
            return client.zcard(instances), sorted(users)

    until = recorder.now() + SETTLED_WITHIN
    while True:
        instances, users = await asyncio.to_thread(ask)
        if (instances, users) == (running, connected) or recorder.now() >= until:
            break
        await asyncio.sleep(0.5)
    return [
        Online(at=recorder.now(), online=connected, offline=[gone.id]),
        Leases(at=recorder.now(), instances=instances, running=running, users=users),
    ]
