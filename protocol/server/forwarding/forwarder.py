"""Requests for sessions of other instances: found by the tag of the session's id, forwarded, and answered
with the other's answer. So it does not matter which instance a load balancer chooses."""

import asyncio
import logging
import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, Protocol

from protocol.engineio import packets as engine
from protocol.errors import HandshakeCode, HandshakeError, Unreachable
from protocol.server.config.cors import cors_headers
from protocol.server.config.observer import Forwarded
from protocol.server.engineio.hub import Hub
from protocol.server.forwarding.instance_directory import InstanceDirectory
from protocol.server.forwarding.options import Forwarding
from protocol.server.forwarding.remote_instance import CREDENTIAL_HEADER, ForwardedAnswer, RemoteInstance
from protocol.server.forwarding.tunnel import End, open_websocket, tie
from protocol.server.http.asgi import Piece, Receive, Send, disconnected, read_piece, respond
from protocol.server.http.request import Request
from protocol.server.store.store import Store

log = logging.getLogger(__name__)

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{20}")
_LET_GO_WITHIN = 1.0  # seconds
# Of an answer, what is between two neighbours alone (RFC 9110 §7.6.1), or said by the server in front.
_DROPPED = {b"connection", b"keep-alive", b"transfer-encoding", b"date", b"server"}
_CLOSE = (b"connection", b"close")
_TEXT = (b"content-type", b"text/plain; charset=UTF-8")


class Listener(Protocol):
    """Where other instances bring what clients ask for the sessions of this one."""

    async def start(self, host: str, port: int) -> str:
        """Listen; the address is returned as `host:port`. Raises `OSError`."""
        ...

    async def stop(self) -> None:
        """Take no more."""
        ...


class Forwarder:
    """The forwarding of one instance, in both directions, from `start` to `stop`."""

    def __init__(self, hub: Hub, store: Store, forwarding: Forwarding, listener: Listener) -> None:
        self._hub = hub
        self._forwarding = forwarding
        self._instances = InstanceDirectory(store, forwarding.credential, forwarding.lease)
        self._listener = listener
        self._under_way: dict[asyncio.Future[ForwardedAnswer], tuple[RemoteInstance, Request]] = {}
        self._tunnels: set[End] = set()
        self._opening: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, and take a tag. Raises `OSError` and `StoreUnavailable`."""
        address = await self._listener.start(self._forwarding.host, self._forwarding.port)
        try:
            self._hub.tag = await self._instances.join(address)
        except BaseException:
            await self._listener.stop()
            raise

    async def stop(self) -> None:
        """End what is forwarded, so that clients turn to another instance, and take nothing more."""
        for task in self._opening:
            task.cancel()
        for tunnel in list(self._tunnels):
            tunnel.shutdown()
        await self._let_go()
        await self._instances.leave()
        await self._listener.stop()

    def trusts(self, request: Request) -> bool:
        """True if a request comes from an instance that has the same secret."""
        return self._forwarding.knows((request.header(CREDENTIAL_HEADER) or "").encode("latin-1"))

    def tag_of(self, request: Request) -> str | None:
        """The tag of the other instance that may have the session which a request names; None if none has, or if an
        instance took us for that one: the address of one that is gone may be our public one by now."""
        sid = request.sid
        if (
            not sid
            or sid in self._hub.links
            or sid.startswith(self._hub.tag)
            or not _SESSION_ID.fullmatch(sid)
            or self.trusts(request)
        ):
            return None
        return sid[:4]

    # --- polling ---

    async def poll(self, tag: str, request: Request, receive: Receive, send: Send) -> None:
        """Answer a GET or a POST with what the instance that has the session answers. Raises `HandshakeError`."""
        cors, first = cors_headers(self._hub.options, request), Piece()
        if request.method == "POST":
            # Before all else: what came of a body is not to be had any more when its client goes.
            try:
                async with asyncio.timeout(self.patience):
                    given = await read_piece(receive)
            except TimeoutError:
                await respond(send, 408, b"", [*cors, _CLOSE])
                return
            if given is None:
                return
            first = given
        owner = await self._find(tag)
        if request.method == "GET" and not self._hub.accepting:
            await respond(send, 200, engine.NOOP.text, [_TEXT, _CLOSE, *cors])
            return
        with self._observed("get" if request.method == "GET" else "post"):
            answer = await self._ask(owner, request, first, receive)
        if answer is not None:
            stopping = not self._hub.accepting
            # One that has not taken the whole body may have to be the last of its connection.
            dropped = _DROPPED if answer.whole or stopping else _DROPPED - {b"connection"}
            headers = [header for header in answer.headers if header[0] not in dropped]
            if stopping:
                headers.append(_CLOSE)
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})

    async def _ask(
        self, owner: RemoteInstance, request: Request, first: Piece, receive: Receive
    ) -> ForwardedAnswer | None:
        """The other's answer; None if the client goes away before it has asked, which ends the forwarded request, too.

        A GET is given up with its client at any time; a POST that came whole is brought to its end all the same.
        There is no time limit: the heartbeat of either side ends what takes too long, and so does the lease of the
        other instance. Raises `OSError`.
        """
        getting = request.method == "GET"
        connection = await owner.lend()
        answer = connection.ask(owner.poll(self._hub.options.path, request, first), more=first.more)
        self._under_way[answer] = (owner, request)
        client = asyncio.create_task(disconnected(receive) if getting else connection.pass_body(receive))
        try:
            await asyncio.wait((answer, client), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() and client.result():
                await asyncio.wait((answer,))
            if answer.done() and answer.result().status == HTTPStatus.FORBIDDEN:
                raise ConnectionRefusedError("the other instance has another secret")
            return answer.result() if answer.done() else None
        finally:
            client.cancel()
            answer.cancel()
            self._under_way.pop(answer, None)
            owner.take_back(connection)

    # --- websockets ---

    async def open_websocket(self, tag: str, request: Request) -> tuple[asyncio.Transport, bytes]:
        """A websocket to the instance that has the session: its transport, from which nothing is read until
        `resume_reading`, and what came on it already. Raises `HandshakeError`."""
        options = self._hub.options
        owner = await self._find(tag)
        with self._observed("websocket"):
            return await open_websocket(owner, options.path, request, options.upgrade_timeout / 1000)

    def carry_bytes(self, client: asyncio.Transport, other: asyncio.Transport, connections: set[Any]) -> None:
        """Tie two websockets to each other, byte by byte; uvicorn has the client's end among its `connections`."""
        tie(other, client, (connections, self._tunnels), self.patience)

    @property
    def patience(self) -> float:
        """Seconds that a client may be before it takes what waits for it: in that time it would also miss a ping."""
        return (self._hub.options.ping_interval + self._hub.options.ping_timeout) / 1000

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run what opens a tunnel, which `stop` cancels."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    # --- both ---

    async def _find(self, tag: str) -> RemoteInstance:
        owner = await self._instances.find(tag)
        if owner is None:
            raise HandshakeError(HandshakeCode.SESSION_UNKNOWN)
        return owner

    @contextmanager
    def _observed(self, kind: Forwarded) -> Iterator[None]:
        """Tell the observer how long it took; whatever goes wrong, the client is to begin a new session."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        failed = True
        try:
            yield
            failed = False
        except (OSError, Unreachable) as error:
            log.info("a request could not be forwarded: %s", error)
            raise HandshakeError(HandshakeCode.SESSION_UNKNOWN) from error
        finally:
            self._hub.options.observer.forwarded(kind, loop.time() - began, failed=failed)

    async def _let_go(self) -> None:
        """Have the GETs that wait elsewhere answered with nothing: their clients go on with another instance, and
        notice nothing. One that is simply cut would end the session."""
        waiting: dict[RemoteInstance, list[str]] = {}
        for owner, request in self._under_way.values():
            if request.method == "GET" and request.sid:
                waiting.setdefault(owner, []).append(request.sid)
        requests = [self._ask_to_let_go(owner, sids) for owner, sids in waiting.items()]
        with suppress(TimeoutError):
            async with asyncio.timeout(_LET_GO_WITHIN):
                await asyncio.gather(*requests)
                while self._under_way:
                    await asyncio.wait(self._under_way)

    async def _ask_to_let_go(self, owner: RemoteInstance, sids: list[str]) -> None:
        try:
            connection = await owner.lend()
            await connection.ask(owner.let_go(self._hub.options.path, sids))
        except OSError as error:
            log.info("GETs that wait are cut off: %s", error)
