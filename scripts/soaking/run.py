"""One run: the servers, the devices, what the users do, and the nemesis; its history."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import CoroutineType
from typing import Any

from msgspec import Struct, structs

from scripts.soaking.audit import Audit
from scripts.soaking.connection import Connection, Listener
from scripts.soaking.device import Device
from scripts.soaking.files import DeviceFiles
from scripts.soaking.history import AnyEntry, Began, Unforeseen
from scripts.soaking.nemesis.nemesis import Nemesis, plan, with_upgrade
from scripts.soaking.nemesis.registry import Field
from scripts.soaking.node_connections import TRANSPORTS, NodeConnection, NodeProcess
from scripts.soaking.python_connections import ChatConnection, SocketioConnection
from scripts.soaking.recorder import Recorder
from scripts.soaking.settling import settle
from scripts.soaking.stack import Shape, Stack, running_stack, temporary_folder
from scripts.soaking.workload import Doer
from scripts.soaking.world import World, make_world

KINDS = ("ours", "node-websocket", "ours", "node-polling", "python-socketio", "node-upgrade")
DEVICES_OF_A_USER = 2
CONNECTED_WITHIN = 30.0  # seconds, before there is any fault
STARTS = 1.0  # seconds of talk before the first fault may come
CALM_TALK = 2.0  # seconds of talk after the last one
ENDS_WITHIN = 400.0  # seconds that a run may take longer than its faults, for all that settles and ends
CANCELLED_WITHIN = 30.0  # seconds, for what a run that is given up has started
EXCERPT = 10_000  # characters of a log, which has errors with those that they came of


class Plan(Struct, frozen=True):
    """What is to be run. `faults` are the names of those that may come; `pause` is how many times as long as usual a
    device waits from one thing that it does to the next."""

    seed: int
    seconds: float
    devices: int
    faults: tuple[str, ...]
    shape: Shape = Shape()
    pause: float = 1


class CannotRun(Exception):
    """A run cannot begin, or does not end. The text is one sentence."""


async def run(chosen: Plan) -> list[AnyEntry]:
    """The history of a run. Raises CannotRun, CannotStart, EmbeddedError. Of a run that does not come to its end, it
    prints what each task waits for."""
    running = asyncio.create_task(_run(chosen))
    done, _ = await asyncio.wait([running], timeout=chosen.seconds + ENDS_WITHIN)
    if not done:
        for task in asyncio.all_tasks():
            print(f"soak: {task.get_name()}: {waits_for(task)}", file=sys.stderr, flush=True)
        running.cancel()
        await asyncio.wait([running], timeout=CANCELLED_WITHIN)
        raise CannotRun("The run did not come to its end; what its tasks waited for is above.")
    return running.result()


def waits_for(task: "asyncio.Task[Any]") -> str:
    """The places in which the coroutines of a task are, from the outermost to the innermost."""
    places, coroutine = [], task.get_coro()
    while isinstance(coroutine, CoroutineType) and coroutine.cr_frame is not None:
        places.append(f"{coroutine.__qualname__}:{coroutine.cr_frame.f_lineno}")
        coroutine = coroutine.cr_await
    return " > ".join([*places, type(coroutine).__name__])


async def _run(chosen: Plan) -> list[AnyEntry]:
    recorder = Recorder()
    async with AsyncExitStack() as leaving:
        folder = leaving.enter_context(temporary_folder())
        stack = await leaving.enter_async_context(running_stack(folder, chosen.shape))
        audit = Audit(stack.database_url, recorder.began)
        await audit.set_up()
        world = await make_world(stack.instances[0].url, max(3, chosen.devices // DEVICES_OF_A_USER))
        node = NodeProcess()
        await node.start()
        leaving.push_async_callback(node.stop)
        devices, kinds = make_devices(chosen, stack, world, node, recorder)
        recorder.add(
            Began(
                at=recorder.now(),
                clock=recorder.began,
                seed=chosen.seed,
                options=structs.asdict(chosen) | {"shape": structs.asdict(chosen.shape)},
                devices={
                    device.name: (kind, device.user.id) for device, kind in zip(devices, kinds, strict=True)
                },
            )
        )
        for device in devices:
            leaving.push_async_callback(device.stop)
        await run_devices(chosen, stack, audit, world, devices, recorder)
        recorder.entries += await audit.read(recorder.now())
        recorder.entries += unforeseen(stack, recorder.now())
    return sorted(recorder.entries, key=lambda entry: entry.at)


def make_devices(
    chosen: Plan, stack: Stack, world: World, node: NodeProcess, recorder: Recorder
) -> tuple[list[Device], list[str]]:
    """The devices, of all kinds in turn; a user has two of different kinds."""
    devices, kinds = [], []
    for place in range(chosen.devices):
        user = world.users[place % len(world.users)]
        kind = KINDS[(place + place // len(KINDS)) % len(KINDS)]
        name = f"{user.name}-{place}"
        connect = partial(
            connection, kind, node, name, stack.fronts[place % len(stack.fronts)].url, user.token
        )
        devices.append(Device(name, user, connect, recorder))
        kinds.append(kind)
    return devices, kinds


def connection(
    kind: str, node: NodeProcess, name: str, url: str, token: str, listener: Listener
) -> Connection:
    """A connection of a kind."""
    if kind == "ours":
        return ChatConnection(url, token, listener)
    if kind == "python-socketio":
        return SocketioConnection(url, token, listener)
    transports = kind.removeprefix("node-")
    assert transports in TRANSPORTS
    return NodeConnection(node, name, transports, url, token, listener)


async def run_devices(
    chosen: Plan, stack: Stack, audit: Audit, world: World, devices: Sequence[Device], recorder: Recorder
) -> None:
    """From the first connection to the last look."""
    for device in devices:
        await device.start()
    try:
        async with asyncio.timeout(CONNECTED_WITHIN):
            while not all(device.admitted for device in devices):  # noqa: ASYNC110 - several things bring it about
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise CannotRun("Not all devices could connect before there was any fault.") from None
    doers = [
        Doer(
            device,
            DeviceFiles(device.name, device.user, stack.fronts[place % len(stack.fronts)].url, recorder),
            world,
            f"{chosen.seed} {device.name}",
            pause=chosen.pause,
        )
        for place, device in enumerate(devices)
    ]
    tasks = [asyncio.create_task(doer.run()) for doer in doers]
    try:
        await asyncio.sleep(STARTS)
        planned = plan(chosen.seed, chosen.seconds, chosen.faults)
        if chosen.shape.upgraded_from:
            planned = with_upgrade(planned, chosen.seconds)
        striking = asyncio.create_task(Nemesis(Field(stack, audit), recorder).run(planned))
        await asyncio.sleep(chosen.seconds)
        await striking
        await asyncio.sleep(CALM_TALK)
        await settle(stack, devices, doers, tasks, recorder)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def unforeseen(stack: Stack, now: float) -> list[AnyEntry]:
    """What instances logged that their authors did not foresee, and those that have ended by themselves."""
    found: list[AnyEntry] = []
    for instance in stack.instances:
        log = instance.log.read_text(errors="replace")
        if "Traceback" in log:
            excerpt = log[log.index("Traceback") :][:EXCERPT]
            found.append(Unforeseen(at=now, instance=instance.name, text=excerpt))
        if instance.process.poll() is not None:
            found.append(Unforeseen(at=now, instance=instance.name, text=instance.ending()))
    return found
