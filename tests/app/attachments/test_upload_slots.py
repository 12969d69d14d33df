"""How many uploads are under way at once: of a user, from a network, in all."""

from contextlib import ExitStack

import pytest

from app.attachments.upload_slots import MAX_IN_ALL, MAX_OF_A_NETWORK, MAX_OF_A_USER, UploadSlots
from app.core.errors import Refusal


@pytest.mark.parametrize(
    ("most", "user", "network", "reason"),
    [
        (MAX_OF_A_USER, "ann", "net-{}", "too_many"),
        (MAX_OF_A_NETWORK, "user-{}", "net", "rate_limited"),
        (MAX_IN_ALL, "user-{}", "net-{}", "unavailable"),
    ],
)
def test_one_more_than_may_be_is_refused_until_another_has_ended(
    most: int, user: str, network: str, reason: str
) -> None:
    slots = UploadSlots(100)

    def one(number: int) -> ExitStack:
        stack = ExitStack()
        stack.enter_context(slots.one(user.format(number), network.format(number)))
        return stack

    taken = [one(number) for number in range(most)]
    with pytest.raises(Refusal) as refused:
        one(most)
    assert (refused.value.reason, refused.value.retry_after) == (reason, 1000)
    assert len(slots) == most
    taken.pop().close()
    taken.append(one(most))
    for each in taken:
        each.close()
    assert len(slots) == 0


def test_the_bytes_of_all_together_are_bounded_and_come_back() -> None:
    slots = UploadSlots(10, max_bytes=100)
    with slots.one("ann", "net") as first, slots.one("bob", "net") as second:
        first.grow(60)
        second.grow(40)
        with pytest.raises(Refusal) as refused:
            second.grow(1)
        assert refused.value.reason == "unavailable"
        assert (first.size, second.size) == (60, 40)
    with pytest.raises(Refusal), slots.one("ann", "net") as broken:
        broken.grow(101)
    with slots.one("ann", "net") as last:
        last.grow(100)


def test_the_largest_file_fits_whatever_it_is() -> None:
    with UploadSlots(1000, max_bytes=100).one("ann", "net") as slot:
        slot.grow(1000)
