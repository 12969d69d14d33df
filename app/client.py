"""The chat for programs: a client that signs in at every connection and speaks in acks.

Bots, services and load tests use it; it is `protocol.Client` with what the chat asks of its clients.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from app.announce.announcer import room_channel
from protocol import Client, Disconnected

ChatEventHandler = TypeVar("ChatEventHandler", bound=Callable[..., Any])
TokenSource = str | Callable[[], str | Awaitable[str]]

PASSING = ("unavailable", "internal", "rate_limited", "too_many")  # what a little patience may mend
ENDED = "the connection has ended"
AGAIN_AFTER = 1000  # ms, where the server does not say


class ChatRefused(Exception):
    """The server declined an event. `retry_after` is in ms, where waiting helps."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code: str = error["code"]
        self.reason: str = error["reason"]
        self.message: str = error["message"]
        self.request_id: str = error["requestId"]
        self.retry_after: int | None = error.get("retryAfter")


class ChatClient:
    """One user's connection to the chat at `url`.

        async with ChatClient("https://chat.example", token) as chat:
            chat.on("message:new")(print)
            room = await chat.call("room:join", {"roomId": room_id})
            await chat.call("message:send", {"roomId": room_id, "content": "hello"})

    `token` is the bearer token of sign-in, or a function (plain or coroutine) that gives one for each connection.
    The options are those of `protocol.Client`; without an `auth` of yours, it asks for recovery. A connection that
    breaks is made and authenticated again; calls that are made meanwhile wait for that.
    """

    def __init__(self, url: str, token: TokenSource, *, path: str = "/io/", **options: Any) -> None:
        self._token = token
        self._client = Client(url, path=path, **{"auth": {"recovery": True}, **options})
        # Not by handlers: one of a missed event, which comes before, may call and thus wait for the authentication.
        self._client.watch(self._changed)
        self._authenticating: asyncio.Task[None] | None = None
        self._welcome: asyncio.Future[dict[str, Any]] | None = (
            None  # of the connection; None before the first one
        )

    @property
    def connected(self) -> bool:
        """True while the client is connected and signed in."""
        welcome = self._welcome
        return self._client.connected and welcome is not None and welcome.done() and not welcome.exception()

    @property
    def id(self) -> str | None:
        """The socket's id on the server, None while not connected. After a reconnect, the same id means that the
        session was recovered: no event was missed. With another one, read with `room:sync` what came meanwhile.
        """
        return self._client.id

    async def connect(self) -> dict[str, Any]:
        """Connects and authenticates; returns the server's `authenticated`.

        Raises what `protocol.Client.connect` does, and ChatRefused when the token is not taken.
        """
        if not self._client.active:
            self._welcome = asyncio.get_running_loop().create_future()
        await self._client.connect()
        return await self._welcomed()

    async def disconnect(self) -> None:
        """Ends the connection for good."""
        await self._client.disconnect()
        self._settle(Disconnected("the client was disconnected"))

    def on(self, event: str) -> Callable[[ChatEventHandler], ChatEventHandler]:
        """Decorator for the handler of one of the server's events, or of `disconnect`; see `protocol.Client.on`."""
        return self._client.on(event)

    def off(self, event: str) -> None:
        """Takes back the handler of an event; of `disconnect`, all of them."""
        self._client.off(event)

    async def call(self, event: str, payload: object = None, *, timeout: int = 10_000) -> Any:  # noqa: ASYNC109
        """Emits an event and returns the `data` of its ack.

        Raises ChatRefused; `protocol.AckTimeout` after `timeout` ms; and `protocol.Disconnected` when not connected, or
        when the connection was lost before the answer came: whether the server got the event is not known then (give
        messages a `clientId` and call again).
        """
        await self._welcomed()
        return data_of(await self._client.emit_with_ack(event, payload, timeout=timeout))

    async def emit(self, event: str, payload: object = None) -> None:
        """Emits an event without asking for an ack; a refusal comes as the event `error`."""
        await self._welcomed()
        await self._client.emit(event, payload)

    async def join_rooms(self, *room_ids: str) -> None:
        """Hears of rooms of one's own again."""
        await self.call("join", {"rooms": list(map(room_channel, room_ids))})

    async def leave_rooms(self, *room_ids: str) -> None:
        """Hears no longer of rooms, over this connection; one stays a member."""
        await self.call("leave", {"rooms": list(map(room_channel, room_ids))})

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def _authenticate(self) -> None:
        try:
            while True:
                given = self._token() if callable(self._token) else self._token
                token = given if isinstance(given, str) else await given
                try:
                    answer = data_of(await self._client.emit_with_ack("authenticate", {"token": token}))
                except ChatRefused as refused:
                    if refused.reason not in PASSING:
                        raise
                    await asyncio.sleep((refused.retry_after or AGAIN_AFTER) / 1000)
                else:
                    self._settle(answer)
                    return
        except Disconnected:
            if not self._client.active:  # else another connection is made
                self._settle(Disconnected(ENDED))
        except Exception as error:  # noqa: BLE001 - waiting callers get it: a refusal, or what the token's function raised
            self._settle(error)
            await self._client.disconnect()

    async def _welcomed(self) -> dict[str, Any]:
        if self._welcome is None:
            raise Disconnected("not connected yet")
        return await asyncio.shield(self._welcome)

    def _settle(self, outcome: dict[str, Any] | Exception) -> None:
        welcome = self._welcome
        if welcome is None or welcome.done():
            return
        if isinstance(outcome, Exception):
            welcome.set_exception(outcome)
            welcome.exception()  # seen, so that asyncio does not warn where no call is waiting
        else:
            welcome.set_result(outcome)

    def _changed(self) -> None:
        """The connection was made, was lost, or is not wanted any more."""
        task = self._authenticating
        if self._client.connected:
            if task is not None:
                task.cancel()
            self._authenticating = asyncio.create_task(self._authenticate())
        elif self._client.active:
            if self._welcome is None or self._welcome.done():
                self._welcome = asyncio.get_running_loop().create_future()
        elif task is None or task.done():  # else it may have the server's reason, and says so
            self._settle(Disconnected(ENDED))


def data_of(answer: Any) -> Any:
    """The `data` of an ack. Raises ChatRefused."""
    if not answer["ok"]:
        raise ChatRefused(answer["error"])
    return answer["data"]
