"""How much of an instance one user, or one network, may hold at once: requests under way, and answers that wait.

How often a user may ask is one limit (`app.limits.rate_limits`). It does not bound a client that sends a body byte by
byte, or asks and does not read. A server such as uvicorn takes an answer of any size at once and keeps what the client
has not taken. So a large answer leaves here in pieces, each when the one before has nearly left, and counts until the
last one has. What is one too many is refused, `rate_limited`; `protocol.server.uvicorn_http.untaken_answers` sees to it
that nothing waits for ever.

These counts are an instance's own.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Literal, NamedTuple, TypeAlias

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.config.settings import Settings
from app.core.errors import Refusal
from app.http.address_allowance import address_of
from app.http.requests import refused
from protocol import network_of

BudgetKind: TypeAlias = Literal["user", "stranger", "body", "user_answers", "network_answers"]

SMALL = 16_384  # bytes of an answer that never waits: the system keeps that much of a connection
PIECE = 65_536  # bytes that leave at once
WITH_IT = 98_304  # bytes that an answer costs beside its own: the piece that waits outside, the connection, the task
TRY_AGAIN = 1_000  # ms
CLAIM = "parley.claim"  # in the scope of a request


class Most(NamedTuple):
    """How many there may be at once, and what is said of one too many."""

    number: int
    words: str


MOST: dict[BudgetKind, Most] = {
    "user": Most(100, "You have too many requests under way"),
    "stranger": Most(100, "Too many requests of your network are under way"),
    "body": Most(200, "Too many requests of your network are on their way"),
    "user_answers": Most(12 * 2**20, "Read the answers that you have asked for first"),
    "network_answers": Most(32 * 2**20, "Too many answers wait for your network to read them"),
}
"""A user's requests; a network's without a user; a network's whose body is being received; bytes of answers that wait
for a user, which is more than the downloads of a user come to, and for a network."""


class Budgets:
    """Counts what is held now. `most` has those kinds that are bounded."""

    def __init__(self, most: dict[BudgetKind, Most]) -> None:
        self._most = most
        self._held: Counter[tuple[BudgetKind, str]] = Counter()

    @contextmanager
    def holding(self, kind: BudgetKind, whose: str, amount: int = 1, *, must: bool = False) -> Iterator[None]:
        """Counts an amount as long as the block lasts. Raises Refusal, unless it `must` be held: `rate_limited`."""
        if not must:
            self.check(kind, whose, amount)
        key = kind, whose
        self._held[key] += amount
        try:
            yield
        finally:
            self._held[key] -= amount
            if not self._held[key]:
                del self._held[key]

    def check(self, kind: BudgetKind, whose: str, amount: int = 1) -> None:
        """Raises Refusal, `rate_limited`, where so much more would be too much."""
        most = self._most.get(kind)
        if most is not None and self._held[kind, whose] + amount > most.number:
            raise Refusal("rate_limited", most.words, retry_after=TRY_AGAIN)

    def __len__(self) -> int:
        """How many counts are not zero."""
        return len(self._held)


def budgets_of(settings: Settings) -> Budgets:
    """Those that the settings ask for: switching off the rates of users, or of networks, means these as well."""
    limited: dict[BudgetKind, int] = {"user": settings.event_rate, "user_answers": settings.event_rate}
    return Budgets({kind: most for kind, most in MOST.items() if limited.get(kind, settings.address_rate)})


class BudgetClaim:
    """The part of the budgets that one request holds, until its answer has been taken."""

    def __init__(self, budgets: Budgets, scope: Scope, held: ExitStack) -> None:
        self.network = network_of(address_of(scope))
        self._user_id: str | None = None
        self._budgets = budgets
        self._held = held

    def of_user(self, user_id: str) -> None:
        """It is a user's. Raises Refusal: `rate_limited`."""
        self._held.enter_context(self._budgets.holding("user", user_id))
        self._user_id = user_id
        self._budgets.check("user_answers", user_id, SMALL)

    def of_stranger(self) -> None:
        """It has no known user. Raises Refusal: `rate_limited`."""
        self._held.enter_context(self._budgets.holding("stranger", self.network))

    def body(self) -> AbstractContextManager[None]:
        """Its body comes, as long as the block lasts. Raises Refusal: `rate_limited`."""
        return self._budgets.holding("body", self.network)

    def check_answer(self, size: int) -> None:
        """Raises Refusal, `rate_limited`, where an answer of so many bytes would be too much to wait."""
        self._budgets.check("network_answers", self.network, size + WITH_IT)
        if self._user_id is not None:
            self._budgets.check("user_answers", self._user_id, size + WITH_IT)

    @contextmanager
    def answer(self, size: int) -> Iterator[None]:
        """An answer, or a part of one, of so many bytes waits to be taken, as long as the block lasts."""
        with ExitStack() as held:
            held.enter_context(
                self._budgets.holding("network_answers", self.network, size + WITH_IT, must=True)
            )
            if self._user_id is not None:
                held.enter_context(
                    self._budgets.holding("user_answers", self._user_id, size + WITH_IT, must=True)
                )
            yield


def claim_of(request: Request) -> BudgetClaim:
    """The claim of a request that came through `Budgeted`."""
    claim: BudgetClaim = request.scope[CLAIM]
    return claim


class Budgeted:
    """An application whose requests and answers count.

    An answer to a GET that would be too much to wait becomes a refusal. Any other is sent all the same: what it tells
    of has been done. With `before`, a request is refused before the application hears of it, for one that answers only
    once.
    """

    def __init__(self, app: ASGIApp, budgets: Budgets, *, before: bool = False) -> None:
        self._app = app
        self._budgets = budgets
        self._before = before

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with ExitStack() as held:
            claim = scope[CLAIM] = BudgetClaim(self._budgets, scope, held)
            if self._before:
                try:
                    claim.check_answer(0)
                except Refusal as refusal:
                    await refused(refusal)(scope, receive, send)
                    return
            may_refuse = not self._before and scope["method"] in ("GET", "HEAD")
            await self._app(scope, receive, BoundedAnswer(claim, scope, receive, send, may_refuse=may_refuse))


class BoundedAnswer:
    """Sends one answer in pieces; the next part is asked for when nearly all has left."""

    def __init__(
        self, claim: BudgetClaim, scope: Scope, receive: Receive, send: Send, *, may_refuse: bool
    ) -> None:
        self._claim = claim
        self._scope = scope
        self._receive = receive
        self._send = send
        self._may_refuse = may_refuse
        self._start: Message | None = None  # not sent yet, for its answer may be refused
        self._refused = False

    async def __call__(self, message: Message) -> None:
        """See ASGI."""
        if self._refused:
            return  # what is left of the answer that another was sent for
        if message["type"] == "http.response.start" and self._may_refuse:
            self._start = message
            return
        size = len(message.get("body", b""))
        if size <= SMALL:
            await self._send_start()
            await self._send(message)
        elif self._start is not None and (refusal := self._refusal(size)) is not None:
            self._refused = True
            await refused(refusal)(self._scope, self._receive, self._send)
        else:
            with self._claim.answer(size):
                await self._send_start()
                await self._send_in_pieces(message)

    def _refusal(self, size: int) -> Refusal | None:
        try:
            self._claim.check_answer(size)
        except Refusal as refusal:
            return refusal
        return None

    async def _send_start(self) -> None:
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)

    async def _send_in_pieces(self, message: Message) -> None:
        body = message["body"]
        for place in range(0, len(body), PIECE):
            piece = body[place : place + PIECE]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({**message, "body": b""})  # which waits until they have nearly left
