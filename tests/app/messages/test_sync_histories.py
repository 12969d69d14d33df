"""Over random histories, whoever was away comes by `room:sync` to the very state of one who stayed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db.database import Database
from protocol import Server
from tests.support.chat.follower import Follower
from tests.support.chat.histories import Chat, HeardBus, History
from tests.support.tries import tries

ACTS = [
    *["send", "page"] * 5,
    *["edit", "react", "join", "invite", "kick", "set_role"] * 3,
    *["reply", "attach", "delete", "unreact", "leave", "away", "ban", "unban", "rename", "direct"] * 2,
    *["pin", "pin", "unpin", "order_pins", "archive", "unarchive", "unarchive"],
    *["retry", "read", "block", "unblock"],
]
ACTORS = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3]
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTS), st.sampled_from(ACTORS), st.integers(0, 3), st.integers(0, 9)),
    min_size=10,
    max_size=40,
)


@pytest.fixture
async def chat(db: Database) -> AsyncIterator[Chat]:
    bus = HeardBus()
    io = Server(bus=bus)
    await io.start()
    chat = Chat(db, io, bus)
    yield chat
    await chat.writer.close()
    await io.stop()


@pytest.mark.begins_early
@pytest.mark.timeout(900)
@settings(
    max_examples=tries(300),  # 1,000 in two minutes
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(is_private=st.booleans(), steps=STEPS, limits=st.lists(st.integers(1, 20), min_size=1, max_size=3))
async def test_who_was_away_and_who_stayed_see_the_same(
    chat: Chat, is_private: bool, steps: list[Any], limits: list[int]
) -> None:
    history = History(chat)
    await history.begin(is_private=is_private)
    for step in steps:
        await history.step(*step)
    await history.end(limits)
    # Instances may announce out of turn: who hears the same in another order sees the same.
    place = history.places[0]
    jumbled = Follower(place.info, complete=True)
    for start in range(0, len(place.heard), 4):
        for event in reversed(place.heard[start : start + 4]):
            jumbled.hear(*event)
    assert (jumbled.applied, jumbled.state) == (place.always_here.applied, place.always_here.state)
