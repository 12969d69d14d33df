"""HTTP requests that are refused: the more of them a network sends, the longer each answer takes.

A refusal costs the server nearly as much as any other answer, and a client that guesses passwords, tokens or paths asks
again as soon as it is there. A connection asks for one thing at a time, so to hold the answer back slows that client,
and no other: what is not refused is answered at once, in that network, too. What has come of the body of such a request
is not kept meanwhile.
"""

import asyncio
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.config.settings import Settings
from app.http.address_allowance import address_of
from protocol import discard_body, network_of

PART = 20  # of the requests that a network may send, one in so many may be refused and answered at once,
LEAST_RATE, LEAST_BURST = 10, 40  # or so many a second and after a pause, if that is more
LONGEST = 1.0  # seconds that one takes
MAX_HELD = 1_000  # answers of a network that wait; one more is sent at once, and its connection closed
MAX_NETWORKS = 10_000  # that are remembered


class RefusalPace:
    """How long the next refusal of a network is to take: a token bucket that goes into debt.

    `rate` refusals a second, and `burst` at once, take no time; without a rate none does. `now` is in seconds.
    """

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._capacity = burst / rate if rate else 0.0  # seconds that an empty bucket takes to fill
        self._now = now
        self._full_at: OrderedDict[str, float] = OrderedDict()  # those refused longest ago first

    def take(self, network: str) -> float:
        """Counts one refusal; returns the seconds to hold it."""
        if not self._rate:
            return 0.0
        now = self._now()
        full_at = max(self._full_at.pop(network, now), now) + 1 / self._rate
        wait = min(max(0.0, full_at - now - self._capacity), LONGEST)
        self._full_at[network] = min(full_at, now + self._capacity + LONGEST)
        if len(self._full_at) > MAX_NETWORKS:
            self._full_at.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._full_at)


def pace_of(settings: Settings) -> RefusalPace:
    """The pace that goes with what the settings allow a network."""
    if not settings.address_rate:
        return RefusalPace(0, 0)
    return RefusalPace(
        max(LEAST_RATE, settings.address_rate / PART), max(LEAST_BURST, settings.address_burst / PART)
    )


class SlowRefusals:
    """An application whose refusals are held as long as `pace` says. Nothing else that a request holds is held."""

    def __init__(self, app: ASGIApp, pace: RefusalPace) -> None:
        self._app = app
        self._pace = pace
        self._held: Counter[str] = Counter()  # answers, by network

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal: list[Message] = []

        async def send_unless_refused(message: Message) -> None:
            if refusal or (message["type"] == "http.response.start" and 400 <= message["status"] < 500):
                refusal.append(message)
            else:
                await send(message)

        await self._app(scope, receive, send_unless_refused)
        if refusal:
            await self._hold(scope, refusal[0])
            for message in refusal:
                await send(message)

    async def _hold(self, scope: Scope, start: Message) -> None:
        network = network_of(address_of(scope))
        wait = self._pace.take(network)
        if not wait:
            return
        if self._held[network] >= MAX_HELD:
            MutableHeaders(scope=start)["connection"] = "close"
            return
        discard_body(scope)
        self._held[network] += 1
        try:
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # or all would come back at one moment
        finally:
            self._held[network] -= 1
            if not self._held[network]:
                del self._held[network]
