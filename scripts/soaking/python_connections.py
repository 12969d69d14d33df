"""Connections by clients in Python: the chat's own, and python-socketio's."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
import engineio  # type: ignore[import-untyped]
import socketio  # type: ignore[import-untyped]

from app.client import ChatClient, ChatRefused
from protocol import AckTimeout, Disconnected, Unreachable
from scripts.soaking.changes import ITEMS, UNNUMBERED
from scripts.soaking.connection import CALL_WITHIN, Connection, Listener, NotAnswered

EVENTS = (*ITEMS, *UNNUMBERED, "unauthenticated")
LOOK_EVERY = 0.02  # seconds
AGAIN_AFTER = 0.5  # seconds, after a first connection that failed
MOST_UNANSWERED = 2  # calls one after the other, of python-socketio

# One answer to a poll has more packets in a busy room than it takes by default, and it disconnects.
engineio.payload.Payload.max_decode_packets = 10_000


class ChatConnection(Connection):
    """By the chat's own client."""

    def __init__(self, url: str, token: str, listener: Listener) -> None:
        options: dict[str, Any] = {
            "reconnection_delay": 100,
            "reconnection_delay_max": 500,
            "connect_timeout": 3000,
        }
        self._chat = ChatClient(url, token, **options)
        self._listener = listener
        self._tasks: list[asyncio.Task[None]] = []
        self._up = False
        for event in EVENTS:
            self._chat.on(event)(self._hearing(event))
        self._chat.on("disconnect")(self._lost)

    @property
    def socket_id(self) -> str | None:
        return self._chat.id

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._connect()), asyncio.create_task(self._look())]

    async def call(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            data = await self._chat.call(event, payload, timeout=round(CALL_WITHIN * 1000))
        except ChatRefused as refused:
            return {"ok": False, "error": {"reason": refused.reason, "retryAfter": refused.retry_after}}
        except AckTimeout:
            raise NotAnswered("timeout") from None
        except Disconnected:
            raise NotAnswered("disconnected") from None
        return {"ok": True, "data": data}

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._chat.disconnect()

    async def _connect(self) -> None:
        while True:
            try:
                await self._chat.connect()
            except (Unreachable, Disconnected):
                await asyncio.sleep(AGAIN_AFTER)
            else:
                return

    async def _look(self) -> None:
        """The client says nothing when it is there again."""
        while True:
            if self._chat.connected and not self._up:
                self._up = True
                self._listener.opened()
                self._listener.admitted()
            await asyncio.sleep(LOOK_EVERY)

    def _hearing(self, event: str) -> Callable[[Any], None]:
        return lambda payload, *_offset: self._listener.heard(event, payload)

    def _lost(self, reason: str) -> None:
        self._up = False
        self._listener.lost(reason)


class SocketioConnection(Connection):
    """By python-socketio, over websocket alone: over polling it does not come back after a server has stopped."""

    def __init__(self, url: str, token: str, listener: Listener) -> None:
        self._http = aiohttp.ClientSession()  # its own it forgets where a connection fails while it is made
        self._client = socketio.AsyncClient(
            reconnection_delay=0.1, reconnection_delay_max=0.5, handle_sigint=False, http_session=self._http
        )
        self._url, self._token, self._listener = url, token, listener
        self._connecting: asyncio.Task[None] | None = None
        self._unanswered = 0
        self._client.on("connect", self._opened)
        self._client.on("disconnect", self._lost)
        self._client.on("*", self._heard)

    @property
    def socket_id(self) -> str | None:
        sid: str | None = self._client.get_sid()  # `connected` is set after `_opened` is called
        return sid

    async def start(self) -> None:
        self._connecting = asyncio.create_task(self._connect())

    async def call(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await self._client.call(event, payload, timeout=CALL_WITHIN)
        except socketio.exceptions.TimeoutError:
            self._unanswered += 1
            if self._unanswered >= MOST_UNANSWERED:
                # It may not notice that it is dead: findings/python-socketio-misses-a-dead-connection.sh
                self._unanswered = 0
                await self._client.eio.queue.put(None)
            raise NotAnswered("timeout") from None
        except socketio.exceptions.SocketIOError:
            raise NotAnswered("disconnected") from None
        self._unanswered = 0
        return answer

    async def stop(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        with suppress(socketio.exceptions.SocketIOError):
            await self._client.shutdown()
        await self._http.close()

    async def _connect(self) -> None:
        while True:
            try:
                await self._client.connect(
                    self._url,
                    auth={"token": self._token},
                    transports=["websocket"],
                    socketio_path="io",
                    wait_timeout=3,
                )
            except socketio.exceptions.ConnectionError:
                await asyncio.sleep(AGAIN_AFTER)
            else:
                return

    async def _opened(self) -> None:
        self._listener.opened()

    async def _lost(self, reason: str) -> None:
        self._listener.lost(reason)

    async def _heard(self, event: str, payload: Any = None, *_more: Any) -> None:
        self._listener.heard(event, payload)
