"""The changes of a room are announced in the order of its log, whichever instances make them."""

import asyncio
from typing import Any

import pytest

from app.announce import log_order as log_order_module
from app.announce.log_order import MOST_ROOMS, LogOrder, Place, place_of
from tests.support.chat.follower import NUMBERS
from tests.support.chat.people import Device, People, Start


@pytest.fixture
def order() -> LogOrder:
    """One that has heard of the third change of a room."""
    order = LogOrder()
    order.hear("message:new", {"roomId": "a", "changeSeq": 3})
    return order


async def waits(turn: "asyncio.Task[None]") -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return not turn.done()


def take(order: LogOrder, number: int, room_id: str = "a") -> "asyncio.Task[None]":
    """Waits for a turn, and passes."""

    async def take() -> None:
        await order.turn(Place(room_id, number))
        order.passed(Place(room_id, number))

    return asyncio.create_task(take())


@pytest.mark.parametrize("number", [1, 3, 4])
async def test_the_next_change_waits_for_nothing(order: LogOrder, number: int) -> None:
    assert not await waits(take(order, number))


async def test_nobody_waits_in_a_room_of_which_nothing_was_heard(order: LogOrder) -> None:
    assert not await waits(take(order, 9, "b"))


async def test_where_only_rooms_with_members_are_heard_of_nobody_waits_in_others(order: LogOrder) -> None:
    order.hears_only_of_rooms_here()
    assert not await waits(take(order, 9)), "it has no member here"
    order.came("a")
    assert not await waits(take(order, 20)), "what was announced before it had one is unknown"
    order.hear("message:new", {"roomId": "a", "changeSeq": 21})
    assert await waits(take(order, 23))
    order.went("a")
    assert not await waits(take(order, 30))
    assert not order.is_here("a")


async def test_what_another_instance_has_heard(order: LogOrder) -> None:
    order.learn("a", 2)
    assert order.heard("a") == 3
    order.learn("a", 7)
    assert order.heard("a") == 7
    assert order.is_here("b"), "all are heard of here"


async def test_a_later_one_waits_until_the_ones_before_it_have_come(
    order: LogOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_order_module, "WAIT", 60)
    sixth, seventh, ninth = take(order, 6), take(order, 7), take(order, 9)
    order.hear("message:new", {"roomId": "b", "changeSeq": 8})
    order.hear("message:deleted", {"roomId": "a", "seq": 4})
    assert await waits(sixth)
    order.hear("room:updated", {"id": "a", "changeSeq": 5})
    assert not await waits(sixth)
    assert not await waits(seventh)
    assert await waits(ninth)
    order.hear("reaction:updated", {"roomId": "a", "seq": 8})
    await ninth


async def test_nobody_waits_for_long(order: LogOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_order_module, "WAIT", 0.05)
    done: list[int] = []
    turns = [take(order, number) for number in (6, 7, 8)]
    for number, turn in zip((6, 7, 8), turns, strict=True):
        turn.add_done_callback(lambda _, number=number: done.append(number))
    await asyncio.gather(*turns)
    assert done == [6, 7, 8]
    assert not await waits(take(order, 9))


async def test_one_that_gives_up_holds_up_nobody(order: LogOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_order_module, "WAIT", 60)
    fifth, again = take(order, 5), take(order, 5)
    assert await waits(fifth)
    fifth.cancel()
    order.hear("message:new", {"roomId": "a", "changeSeq": 4})
    await again


async def test_the_rooms_that_are_remembered_are_bounded(order: LogOrder) -> None:
    for number in range(MOST_ROOMS - 1):
        order.passed(Place(str(number), 1))
    order.passed(Place("a", 4))
    known = take(order, 9, "0")
    assert await waits(known)
    known.cancel()
    order.passed(Place("new", 1))
    assert not await waits(take(order, 9, "0"))
    turn = take(order, 9)
    assert await waits(turn)
    turn.cancel()


def test_what_was_given_to_the_bus_is_not_heard_before_it_comes_back(order: LogOrder) -> None:
    assert (order.heard("a"), order.heard("b")) == (3, 0)
    order.passed(Place("a", 4))
    assert order.heard("a") == 3
    order.hear("message:new", {"roomId": "a", "changeSeq": 4})
    order.hear("message:deleted", {"roomId": "a", "seq": 2})
    assert order.heard("a") == 4


async def test_numbers_that_nobody_announces_pass_once_the_room_was_told_to_sync(order: LogOrder) -> None:
    sixth = take(order, 6)
    assert await waits(sixth)
    order.hear("room:sync-needed", {"roomId": "a", "lastSeq": 5})
    assert not await waits(sixth)
    assert order.heard("a") == 5


@pytest.mark.parametrize(
    "event",
    [
        ("message:new",),
        ("message:new", None),
        ("message:new", {}),
        ("message:new", {"roomId": 1, "changeSeq": 1}),
        ("message:new", {"roomId": "a", "changeSeq": "1"}),
        ("mention:new", {"roomId": "a", "changeSeq": 1}),
        (7, {"roomId": "a"}),
    ],
)
def test_what_announces_no_change_has_no_place(event: tuple[Any, ...]) -> None:
    assert place_of(*event) is None


def test_every_numbered_event_has_a_place() -> None:
    assert {event: field for event, (_, field) in log_order_module.PLACES.items()} == NUMBERS


async def test_members_hear_all_of_a_room_in_the_order_of_its_log(
    people: People, start: Start, transport: str
) -> None:
    """Over three instances, with changes of every kind at once."""
    others = [await start(), await start()]
    ann = await people()
    room = await ann.room()
    devices = [await ann.device(), *[await ann.device(other.url) for other in others]]
    await devices[0].ok("message:send", {"roomId": room, "content": "first"})

    async def change(device: Device, number: int) -> None:
        sent = await device.ok("message:send", {"roomId": room, "content": str(number)})
        await device.ok("reaction:add", {"messageId": sent["id"], "kind": "+1"})
        await device.ok("message:edit", {"messageId": sent["id"], "content": "edited"})
        await device.ok("room:update", {"roomId": room, "name": f"name {number} {device.url}"})
        await device.ok("message:delete", {"messageId": sent["id"]})

    await asyncio.gather(*(change(device, number) for number in range(10) for device in devices))
    last = await devices[0].ok("message:send", {"roomId": room, "content": "last"})
    for device in devices:
        while (await device.expect("message:new"))["id"] != last["id"]:
            pass
        numbers = [payload[NUMBERS[event]] for event, payload in device.heard if event in NUMBERS]
        assert numbers == list(range(2, last["seq"] + 1))
