"""A chat client that stays on polling: python-socketio's, behind what the load uses of `app.client.ChatClient`."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
import socketio  # type: ignore[import-untyped]
from engineio.payload import Payload  # type: ignore[import-untyped]
from socketio.exceptions import ConnectionError as CannotConnect  # type: ignore[import-untyped]
from socketio.exceptions import SocketIOError
from socketio.exceptions import TimeoutError as NoAck

from app.client import ChatRefused, data_of
from protocol import AckTimeout, Disconnected, Unreachable

ANSWER_WITHIN = 10.0  # seconds
RETURN_AFTER = 0.2  # seconds

# Beyond 16 this client takes the answer to a poll for an attack, and ends.
Payload.max_decode_packets = 100_000


class PollingChat:
    """One user's connection over polling. It is made and authenticated again when it breaks."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._handlers: dict[str, Callable[..., Any]] = {"connect": self._begin, "disconnect": self._lost}
        self._client = self._new_client()
        self._welcome = asyncio.Event()
        self._ended: list[Callable[[str], Any]] = []
        self._authenticating: asyncio.Task[None] | None = None
        self._returning: asyncio.Task[None] | None = None
        self._leaving = False

    @property
    def connected(self) -> bool:
        """Whether the server knows us now."""
        return self._client.connected and self._welcome.is_set()

    def on(self, event: str) -> Callable[[Callable[..., Any]], Any]:
        """Decorator for a handler, which takes what the event carries."""

        def register(handler: Callable[..., Any]) -> Callable[..., Any]:
            if event == "disconnect":
                self._ended.append(handler)
            else:
                # Behind it comes the offset, which this client does not know and takes for an argument.
                self._handlers[event] = lambda payload, *_offset: handler(payload)
                self._client.on(event, self._handlers[event])
            return handler

        return register

    async def connect(self) -> None:
        """Connects and authenticates. Raises Unreachable."""
        self._leaving = False
        try:
            await self._connect()
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._welcome.wait()
        except (CannotConnect, TimeoutError) as error:
            raise Unreachable(str(error)) from error

    async def disconnect(self) -> None:
        """Ends the connection for good, or for now."""
        self._leaving = True
        if self._returning is not None:
            self._returning.cancel()
        await self._client.shutdown()
        await close_http(self._client)

    async def call(self, event: str, payload: object = None, *, timeout: int) -> Any:  # noqa: ASYNC109 - in ms
        """The `data` of an event's ack. Raises ChatRefused, AckTimeout and Disconnected."""
        await self._welcome.wait()
        try:
            return data_of(await self._client.call(event, payload, timeout=timeout / 1000))
        except NoAck as error:
            raise AckTimeout from error
        except SocketIOError as error:
            raise Disconnected(str(error)) from error

    async def emit(self, event: str, payload: object = None) -> None:
        """Emits an event. Raises Disconnected."""
        try:
            await self._client.emit(event, payload)
        except SocketIOError as error:
            raise Disconnected(str(error)) from error

    def _new_client(self) -> socketio.AsyncClient:
        client = socketio.AsyncClient(
            reconnection_delay=0.2,
            reconnection_delay_max=5,
            http_session=new_http_session,
            handle_sigint=False,  # what runs us ends all of them in order
        )
        for event, handler in self._handlers.items():
            client.on(event, handler)
        return client

    async def _connect(self) -> None:
        auth = {"token": self._token}
        await self._client.connect(self._url, auth=auth, transports=["polling"], socketio_path="/io")

    def _begin(self) -> None:
        # In a task of its own: the client reads nothing until this handler returns, no ack either.
        self._authenticating = asyncio.create_task(self._authenticate())

    async def _authenticate(self) -> None:
        while "/" in self._client.namespaces:
            with suppress(SocketIOError, ChatRefused):
                data_of(await self._client.call("authenticate", timeout=ANSWER_WITHIN))
                self._welcome.set()
                return
            await asyncio.sleep(1)

    def _lost(self, reason: str) -> None:
        self._welcome.clear()
        for handler in self._ended:
            handler(reason)
        if self._client.eio.state == "disconnecting" and not self._leaving:
            # The server closed the session in order. The official clients come back then; this one does not.
            self._returning = asyncio.create_task(self._return())

    async def _return(self) -> None:
        closed, self._client = self._client, self._new_client()
        while not self._client.connected:
            await asyncio.sleep(RETURN_AFTER)
            with suppress(CannotConnect):
                await self._connect()
        await close_http(closed)


def new_http_session() -> aiohttp.ClientSession:
    """A session whose answers are read to their end before anybody has them.

    The client never reads what a POST or a refused GET is answered with. Where the body comes in a read of its own,
    its connection would be left to the garbage collector, which complains about it.
    """
    return aiohttp.ClientSession(middlewares=(read_whole,))


async def read_whole(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    response = await handler(request)
    await response.read()
    return response


async def close_http(client: socketio.AsyncClient) -> None:
    """What it leaves open where the server ended the connection."""
    if client.eio.http is not None:
        await client.eio.http.close()
