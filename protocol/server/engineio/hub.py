"""The sessions of this instance: opened, found, woken, swept and closed here."""

import asyncio
import heapq
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from itertools import count
from math import inf
from typing import Any

import orjson

from protocol.engineio.packets import Encoded
from protocol.engineio.session import STALL, CloseReason, Session
from protocol.errors import HandshakeCode, HandshakeError, Refused
from protocol.server.config.options import AllowHook, EngineOptions, IdHook
from protocol.server.engineio.link import Link
from protocol.server.engineio.receiver import Receiver
from protocol.server.engineio.request_forwarder import RequestForwarder
from protocol.server.engineio.traffic import CountedLink, Traffic
from protocol.server.engineio.transport import Transport
from protocol.server.engineio.unjoined_sessions import Unjoined
from protocol.server.http.handshake import Handshake, verify, verify_version
from protocol.server.http.request import Request
from protocol.server.scheduling.eager_tasks import EagerTasks
from protocol.server.scheduling.turn_queue import TurnQueue

log = logging.getLogger(__name__)

PACKETS_A_TURN = 128  # of one client before others get a turn: less than a millisecond's work of the smallest
_ID = re.compile(r"[\w.~-]{1,100}", re.ASCII)  # what a query carries as it is
_GRAIN = 10  # ms; deadlines this close are served by one sweep
_LAST_WORDS = 1.0  # seconds that a cancelled handler has to clean up


def new_id() -> str:
    """20 URL-safe characters of 15 random bytes: a socket's id."""
    return secrets.token_urlsafe(15)


def new_tag() -> str:
    """4 URL-safe characters of 3 random bytes, which an instance's session ids begin with."""
    return secrets.token_urlsafe(3)


def new_session_id(tag: str) -> str:
    """20 URL-safe characters, of which those after the tag are a secret of 96 bits."""
    return tag + secrets.token_urlsafe(12)


class Hub:
    """All links of this instance, one flush a tick, and one timer for all their deadlines.

    `attach` makes the receiver of a new link's messages.
    """

    def __init__(self, options: EngineOptions, attach: Callable[["Hub", Link], Receiver]) -> None:
        self.options = options
        self.links: dict[str, Link] = {}
        self.accepting = True
        self.tag = new_tag()
        self.forwarder: RequestForwarder | None = None  # where instances forward requests to each other
        self.traffic: Traffic | None = None  # where packets and bytes are counted
        self.eager = EagerTasks()  # begins what clients ask for; `drain` and `close` wait for it
        self._attach = attach
        self._unjoined = Unjoined(options.max_unjoined)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.flushes = 0  # of the turns of the loop, those at whose end something was sent
        self._awake: list[Link] = []
        self.turns = TurnQueue()
        # By session id, so that a link which has ended meanwhile, and all that hangs on it, is not kept until then.
        self._deadlines: list[tuple[int, int, str]] = []
        self._sequence = count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = inf  # of the sweep that is armed
        self._sweeping = False
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that all this runs in: the one of the first use."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def now(self) -> int:
        """Milliseconds of the loop's clock."""
        return int(self.loop.time() * 1000)

    def run(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run as a task that is kept, and that `drain` waits for."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- handshake ---

    def check(self, request: Request) -> Link | None:
        """The link that a request belongs to, None for a new session. Raises `HandshakeError`."""
        if request.size > self.options.max_head:
            raise HandshakeError(HandshakeCode.BAD_REQUEST, "Request head too large", status=431)
        link = self.links.get(request.sid) if request.sid else None
        if link is not None:
            link.tick(self.now())
            if link.session.id not in self.links:
                link = None
        verify(request, link.session if link else None, self.options.transports)
        return link

    @property
    def asks(self) -> bool:
        """True if `admit` has something to ask the application."""
        return self.options.allow_request is not None or self.options.generate_id is not None

    async def admit(self, request: Request) -> None:
        """Ask the application's functions about a new session. Raises `HandshakeError`."""
        if self.options.allow_request is not None:
            await self._allow(self.options.allow_request, request)
        if self.options.generate_id is not None:
            request.session_id = await self._chosen_id(self.options.generate_id, request)

    async def _chosen_id(self, hook: IdHook, request: Request) -> str:
        try:
            chosen = hook(Handshake(request, int(time.time() * 1000)))
            if isinstance(chosen, Awaitable):
                chosen = await chosen
            if not _ID.fullmatch(chosen):
                raise ValueError(f"{chosen!r} cannot be the id of a session")
            if self.forwarder is not None:
                chosen = self.tag + chosen  # by which other instances find it
            if chosen in self.links:
                raise ValueError("there is a session of that id")
        except Exception as error:
            log.exception("the function generate_id failed")
            raise HandshakeError(HandshakeCode.BAD_REQUEST) from error
        return chosen

    async def _allow(self, hook: AllowHook, request: Request) -> None:
        try:
            allowed = hook(Handshake(request, int(time.time() * 1000)))
            if isinstance(allowed, Awaitable):
                allowed = await allowed
        except Refused as refused:
            raise HandshakeError(HandshakeCode.FORBIDDEN, refused.message) from refused
        except Exception as error:
            log.exception("the hook allow_request failed")
            raise HandshakeError(HandshakeCode.FORBIDDEN) from error
        if not allowed:
            raise HandshakeError(HandshakeCode.FORBIDDEN)

    def open(self, request: Request, transport: Transport, *, websocket: bool) -> Link:
        """Begin a session over `transport`; its open packet is queued. Raises `HandshakeError`."""
        verify_version(request)
        if not self.accepting:
            raise HandshakeError(HandshakeCode.BAD_REQUEST, "Server shutting down", status=503)
        if not websocket:
            self._unjoined.check(request.address)
        options, now = self.options, self.now()
        session_id = request.session_id or new_session_id(self.tag)
        session = Session(session_id, options.timing, websocket=websocket, now=now)
        issued = int(time.time() * 1000)
        if self.traffic is None:
            link = Link(self, session, transport, request, issued)
        else:
            link = CountedLink(self, session, transport, request, issued)
        link.receiver = self._attach(self, link)
        self.links[session.id] = link
        if not websocket:
            self._unjoined.add(link)
        if self.traffic is not None:
            self.traffic.watch(link)
        options.observer.session_opened(transport.name)
        body = {
            "sid": session.id,
            "upgrades": options.upgrades(session.transport),
            "pingInterval": options.ping_interval,
            "pingTimeout": options.ping_timeout,
            "maxPayload": options.max_payload,
        }
        link.send(Encoded(b"0" + orjson.dumps(body)))
        self.watch(link)
        return link

    def forget(self, link: Link) -> None:
        """A session has ended for good."""
        if self.links.pop(link.session.id, None) is not None:
            self._unjoined.discard(link)

    def count_traffic(self) -> Traffic:
        """Count the packets and bytes of the sessions that begin from now on."""
        if self.traffic is None:
            self.traffic = Traffic()
        return self.traffic

    # --- one flush a tick ---

    def wake(self, link: Link) -> None:
        """Flush `link` at the end of this tick of the loop."""
        if not self._awake:
            self.loop.call_soon(self._flush)
        self._awake.append(link)

    def send_all(self, links: Iterable[Link], number: int, item: Encoded) -> None:
        """Queue one packet for many clients; `number` is how many they are."""
        if self.traffic is not None:
            self.traffic.sent(item, number)
        awake = self._awake
        if not awake:
            self.loop.call_soon(self._flush)
        for link in links:
            if link.session.send(item):
                awake.append(link)

    def _flush(self) -> None:
        awake, self._awake = self._awake, []
        self.flushes += 1
        for link in awake:
            link.flush()

    # --- work in turns ---

    def defer(self, work: Callable[[], object], address: str | None) -> None:
        """Call `work`, which the client at `address` causes, in a later turn of the loop: see `TurnQueue`."""
        self.turns.put(self.loop, work, address)

    async def turn(self, address: str | None) -> None:
        """Wait for a turn, as `defer` does."""
        granted = self.loop.create_future()

        def grant() -> None:
            if not granted.done():
                granted.set_result(None)

        self.defer(grant, address)
        await granted

    # --- one timer ---

    def watch(self, link: Link) -> None:
        """Look at `link` when its next deadline comes."""
        due = link.next_deadline
        if due is None or (link.due is not None and link.due <= due):
            return
        link.due = due
        heapq.heappush(self._deadlines, (due, next(self._sequence), link.session.id))
        if due < self._timer_due and not self._sweeping:
            self._arm(due)

    def _arm(self, due: float) -> None:
        """Sweep at `due`, and not before; infinity: not at all."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self.loop.call_at((due + 1) / 1000, self._sweep) if due != inf else None

    def _sweep(self) -> None:
        now = self.now()
        if now - self._timer_due > STALL:
            # The process stood still. What clients sent meanwhile lies unread in the sockets: read it before judging.
            self._arm(now + _GRAIN)
            return
        self._sweeping = True
        try:
            self._tick_all(now)
        finally:
            self._sweeping = False
            self._arm(max(self._deadlines[0][0], now + _GRAIN) if self._deadlines else inf)

    def _tick_all(self, now: int) -> None:
        while self._deadlines and self._deadlines[0][0] <= now:
            due, _, sid = heapq.heappop(self._deadlines)
            link = self.links.get(sid)
            if link is not None and link.due == due:
                link.due = None
                link.tick(now)

    # --- the end ---

    async def drain(self, grace: int) -> None:
        """Take no new sessions and no new events; let handlers finish for at most `grace` ms, then cancel them."""
        self.accepting = False
        await self._finish_tasks(grace)

    def end_polling(self) -> None:
        """Take no new sessions, and end those that poll, so that no GET that waits keeps the process from its end."""
        if not self.accepting:
            return
        self.accepting = False
        for link in list(self.links.values()):
            if link.transport.name == "polling":
                link.finish(CloseReason.SERVER_SHUTTING_DOWN)

    async def close(self, grace: int = 2_000) -> None:
        """End all sessions so that clients reconnect by themselves; disconnect handlers have `grace` ms."""
        self.accepting = False
        for link in list(self.links.values()):
            link.finish(CloseReason.SERVER_SHUTTING_DOWN)
        await self._finish_tasks(grace)
        self._arm(inf)
        self._loop = None  # the server may be started again, in another one
        self.eager = EagerTasks()

    async def _finish_tasks(self, grace: int) -> None:
        self.eager.retire()
        tasks = self._tasks | self.eager.waiting
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace / 1000)
        if not late:
            return
        log.warning("%d handlers did not finish in time and are cancelled", len(late))
        for task in late:
            task.cancel()
        _, deaf = await asyncio.wait(late, timeout=_LAST_WORDS)
        if deaf:
            log.error("%d handlers go on although they were cancelled, and are left behind", len(deaf))
