"""What an account does over and over: events, comings and goings, small messages, searches."""

from functools import partial
from itertools import count
from typing import Any

from scripts.hostility.attack import ATTACKERS, Attack, Outcome, Target, bearer, http
from scripts.hostility.wire import crowd, event, flood, text_frame, websocket

MANY = 20  # websockets of the account
MOST_DASHES = 10


async def same_events(frames: bytes, number: int, target: Target, outcome: Outcome, _: Any) -> None:
    """The same events on some websockets of a member of the ordinary clients' room, as fast as they are taken.

    The room's id stands where `frames` has ROOM.
    """
    unit = frames.replace(ROOM.encode(), target.guest.room.encode())

    async def act() -> None:
        async with websocket(target, outcome, target.guest.token) as session:
            await flood(session.connection, unit)

    await crowd(number, outcome, act)


async def connections(target: Target, outcome: Outcome, _: Any) -> None:
    """Websockets that authenticate and leave."""

    async def act() -> None:
        async with websocket(target, outcome, target.guest.token, listens=False):
            pass

    await crowd(MANY, outcome, act)


async def searches(target: Target, outcome: Outcome, _: Any) -> None:
    """Searches for dashes and for words, over REST."""

    async def act() -> None:
        async with http(target.url, ATTACKERS[0], **bearer(target.guest)) as session:
            for number in count():
                query = "-" * (1 + number % MOST_DASHES) + "word" * (number % 2)
                async with session.get("/chat/search", params={"query": query}) as answer:
                    outcome.answers[str(answer.status)] += 1

    await crowd(4, outcome, act)


ROOM = "r" * 36  # an id is a UUID
MESSAGE = text_frame(event("message:send", {"roomId": ROOM, "content": "x"}, 5))
TYPING = text_frame(event("typing:start", {"roomId": ROOM})) + text_frame(
    event("typing:stop", {"roomId": ROOM})
)
ROOMS = text_frame(event("room:leave", {"roomId": ROOM}, 5)) + text_frame(
    event("room:join", {"roomId": ROOM}, 6)
)

ATTACKS = [
    Attack(
        "small-messages",
        "messages of a character as fast as one websocket can",
        partial(same_events, MESSAGE, 1),
        account=True,
    ),
    Attack(
        "small-messages-x20",
        "the same on 20 websockets of the account",
        partial(same_events, MESSAGE, MANY),
        account=True,
    ),
    Attack("typing", "typing begun and ended", partial(same_events, TYPING, 1), account=True),
    Attack("rooms", "a room left and joined", partial(same_events, ROOMS, 1), account=True),
    Attack("connections", "websockets that authenticate and leave", connections, account=True),
    Attack("searches", "searches for dashes and words", searches, account=True),
]
