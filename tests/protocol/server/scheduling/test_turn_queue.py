"""Work in turns of the event loop: one piece a turn, and the networks in rotation."""

import asyncio

from protocol.server.scheduling.turn_queue import MOST_YIELDS, TurnQueue

ONE, OTHER, THIRD = "192.0.2.1", "192.0.2.2", "198.51.100.3"


async def order_of(*addresses: str | None) -> list[tuple[int, str | None, int]]:
    """When the work of each is done: the turn, its address, and which of that address' it is."""
    loop, queue = asyncio.get_running_loop(), TurnQueue()
    turn, done = 0, []

    def count() -> None:
        nonlocal turn
        turn += 1
        if len(done) < len(addresses):
            loop.call_soon(count)

    for place, address in enumerate(addresses):
        number = addresses[:place].count(address)
        queue.put(loop, lambda address=address, number=number: done.append((turn, address, number)), address)
    count()
    while len(done) < len(addresses):  # noqa: ASYNC110 - turns of the loop are what is counted
        await asyncio.sleep(0)
    return done


async def test_one_piece_in_each_turn() -> None:
    done = await order_of(ONE, ONE, ONE, OTHER)
    turns = [turn for turn, _, _ in done]
    assert turns == list(range(turns[0], turns[0] + 4))


async def test_what_one_causes_keeps_its_order() -> None:
    done = await order_of(*[ONE, OTHER] * 20)
    for address in (ONE, OTHER):
        assert [number for _, who, number in done if who == address] == list(range(20))


async def test_networks_take_turns_however_much_one_of_them_has_waiting() -> None:
    done = await order_of(*[ONE] * 100, OTHER, THIRD, OTHER)
    assert [address for _, address, _ in done[:6]] == [ONE, OTHER, THIRD, ONE, OTHER, ONE]


async def test_a_network_of_ipv6_is_one() -> None:
    first, second = "2001:db8::1", "2001:db8::2"
    done = await order_of(first, first, second, second, OTHER)
    assert [address for _, address, _ in done[:2]] == [first, OTHER]


async def test_those_without_an_address_are_one() -> None:
    done = await order_of(None, None, "not an address", OTHER)
    assert [address for _, address, _ in done[:2]] == [None, OTHER]


async def test_work_gives_way_while_clients_arrive_but_not_for_ever() -> None:
    queue, loop = TurnQueue(), asyncio.get_running_loop()
    done: list[int] = []
    queue.put(loop, lambda: done.append(1), "10.0.0.1")
    for _ in range(MOST_YIELDS):
        queue.arrive()
        await asyncio.sleep(0)
        assert not done
    queue.arrive()
    await asyncio.sleep(0)
    assert done == [1]

    queue.put(loop, lambda: done.append(2), "10.0.0.1")
    queue.arrive()
    await asyncio.sleep(0)
    assert done == [1]
    await asyncio.sleep(0)
    assert done == [1, 2]
