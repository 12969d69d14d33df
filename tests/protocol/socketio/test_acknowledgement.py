"""What a handler returns, as the values of an acknowledgement; and what a caller gets of them."""

from typing import Any

import pytest

from protocol.socketio.acknowledgement import NO_ACK, ack_values, first_value


@pytest.mark.parametrize(
    ("returned", "values"),
    [
        (None, []),
        (0, [0]),
        ("", [""]),
        ([1, 2], [[1, 2]]),
        ((1, [2]), [1, [2]]),
        ((), []),
        (NO_ACK, None),
    ],
)
def test_the_values_of_an_acknowledgement(returned: Any, values: list[Any] | None) -> None:
    assert ack_values(returned) == values


@pytest.mark.parametrize(("values", "first"), [([], None), ([None], None), ([0, 1], 0), ([[1]], [1])])
def test_a_caller_gets_the_first_value(values: list[Any], first: Any) -> None:
    assert first_value(values) == first
