"""Clients that come back to the instance they were on; over all transports."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import orjson
import pytest

from protocol import CloseReason, Refused, Server, Socket, StoreUnavailable
from protocol.cluster.missed_events import MOST_MISSED
from protocol.server.store.store import MemoryStore
from tests.support.engine_clients import Connect, Recorder
from tests.support.returning_client import LONG, Guest, Outcomes, key_of
from tests.support.running import Running, Serve
from tests.support.waiting import until


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


@pytest.fixture
def io(make_app: Callable[..., Server], outcomes: Outcomes) -> Server:
    return make_app(recovery=LONG, observer=outcomes)


@pytest.fixture
async def running(io: Server, host: Serve) -> Running:
    return await host(io)


async def lose(guest: Guest, io: Server) -> None:
    """Cut a guest's connection."""
    io.sockets[guest.sid]._local.link.fail(CloseReason.TRANSPORT_ERROR, abort=True)
    await guest.go()


async def test_what_was_missed_comes_before_the_answer(
    io: Server, running: Running, connect: Connect
) -> None:
    guest = await Guest().come(await connect(running))
    socket = io.sockets[guest.sid]
    assert not socket.recovered
    await socket.join("room")
    socket.data["name"] = "Ada"
    await io.emit("seen", 1)
    assert await guest.hear() == ["seen", 1]
    await lose(guest, io)
    await io.emit("missed", {"a": "€"})
    await io.to("room").emit("missed", 2)
    await io.to("elsewhere").emit("not missed")
    await io.to("room").except_(guest.sid).emit("not missed")
    await io.volatile.emit("volatile")
    await io.local.emit("local")
    await io.to(guest.sid).emit("missed", "text at the end")

    back = await guest.come(await connect(running))
    assert back.recovered
    assert back.heard == [["seen", 1], ["missed", {"a": "€"}], ["missed", 2], ["missed", "text at the end"]]
    again = io.sockets[guest.sid]
    assert again is not socket
    assert again.recovered
    assert again.rooms == {guest.sid, "room"}
    assert again.data == {"name": "Ada"}
    await io.to("room").emit("live")
    assert await guest.hear() == ["live"]


async def test_one_who_has_heard_nothing_yet(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes
) -> None:
    await io.emit("before it came")
    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    await io.emit("missed")
    assert (await guest.come(await connect(running))).recovered
    assert guest.heard == [["missed"]]
    await lose(guest, io)
    assert (await guest.come(await connect(running))).recovered
    assert guest.heard == [["missed"]]
    assert outcomes.all == ["recovered", "recovered"]


async def test_what_was_sent_and_never_came(io: Server, running: Running, connect: Connect) -> None:
    """It is not known to the server which events reached a client before its connection broke."""
    guest = await Guest().come(await connect(running))
    for number in range(5):
        await io.emit("n", number)
    assert [await guest.hear() for _ in range(2)] == [["n", 0], ["n", 1]]
    await lose(guest, io)
    await guest.come(await connect(running))
    assert guest.heard == [["n", number] for number in range(5)]
    guest.heard, guest.offset = [], None  # as if none had come
    await lose(guest, io)
    await guest.come(await connect(running))
    assert guest.recovered
    assert guest.heard == [["n", number] for number in range(5)]


async def test_again_and_again(io: Server, running: Running, connect: Connect) -> None:
    guest = await Guest().come(await connect(running))
    for number in range(5):
        await lose(guest, io)
        await io.emit("n", number)
        assert (await guest.come(await connect(running))).recovered
        await io.emit("live", number)
        assert await guest.hear() == ["live", number]
    assert guest.heard == [[name, number] for number in range(5) for name in ("n", "live")]


async def test_rooms_change_while_it_is_away(io: Server, running: Running, connect: Connect) -> None:
    guest = await Guest().come(await connect(running))
    await io.sockets[guest.sid].join("left", "kept")
    await lose(guest, io)
    await io.to("left").emit("member")
    await io.in_("left").sockets_leave("left")
    await io.to("left").emit("not any more")
    await io.to("joined").emit("not yet")
    await io.in_("kept").sockets_join("joined")
    await io.to("joined").emit("new member")
    await guest.come(await connect(running))
    assert guest.heard == [["member"], ["new member"]]
    assert io.sockets[guest.sid].rooms == {guest.sid, "kept", "joined"}


async def test_rooms_change_to_and_fro_while_it_is_away(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes
) -> None:
    """What it got at its return may be lost, too; nobody knows then where it was when that was sent."""
    guest = await Guest().come(await connect(running))
    await io.sockets[guest.sid].join("room")
    await io.emit("heard")
    await guest.hear()
    offset = guest.offset
    await lose(guest, io)
    await io.in_(guest.sid).sockets_leave("room")
    await io.to("room").emit("secret")
    await io.in_(guest.sid).sockets_join("room")
    await io.to("room").emit("missed")
    assert (await guest.come(await connect(running))).recovered
    assert guest.heard == [["heard"], ["missed"]]
    await lose(guest, io)
    guest.offset = offset
    assert not (await guest.come(await connect(running))).recovered
    assert guest.heard == [["heard"], ["missed"]]
    assert outcomes.all == ["recovered", "expired"]


async def test_rooms_changed_after_its_connection_broke(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes
) -> None:
    """The server did not know yet. What was sent before the change is lost, and in which rooms it was then as well."""
    guest = await Guest().come(await connect(running))
    await io.emit("never came")
    await io.sockets[guest.sid].join("room")
    await lose(guest, io)
    assert not (await guest.come(await connect(running))).recovered
    assert guest.heard == []
    assert outcomes.all == ["expired"]


@pytest.mark.parametrize("close", [False, True])
async def test_one_who_is_sent_away_while_away(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes, close: bool
) -> None:
    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    await io.emit("missed")
    await io.in_(guest.sid).disconnect_sockets(close=close)
    assert not (await guest.come(await connect(running))).recovered
    assert guest.heard == []
    assert outcomes.all == ["gone"]


async def test_who_leaves_does_not_come_back(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes, seen: Recorder
) -> None:
    guest = await Guest().come(await connect(running))
    await guest.client.send("1")
    await seen.wait_for("disconnect", "client namespace disconnect")
    assert not (await guest.come(guest.client)).recovered
    await io.in_(guest.sid).disconnect_sockets()
    assert await guest.client.receive() == "1"
    assert not (await guest.come(guest.client)).recovered
    assert outcomes.all == ["unknown", "unknown"]


async def test_too_much_was_missed(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes
) -> None:
    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    for number in range(MOST_MISSED):
        await io.emit("n", number)
    assert (await guest.come(await connect(running))).recovered
    assert guest.heard == [["n", number] for number in range(MOST_MISSED)]
    await lose(guest, io)
    for number in range(MOST_MISSED + 1):
        await io.emit("n", number)
    guest.heard = []
    assert not (await guest.come(await connect(running))).recovered
    assert guest.heard == []
    assert outcomes.all == ["recovered", "expired"]


async def test_a_saved_session_has_its_time(
    make_app: Callable[..., Server], host: Serve, connect: Connect, outcomes: Outcomes
) -> None:
    io = make_app(recovery=1, observer=outcomes)
    running = await host(io)
    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    await asyncio.sleep(0.1)
    assert not (await guest.come(await connect(running))).recovered
    assert outcomes.all == ["unknown"]


NONSENSE: list[tuple[Any, Any]] = [
    (7, None),
    ({"a": 1}, None),
    ("", None),
    ("x" * 65, None),
    ("sio:session:*", None),
    ("€", None),
    ("A" * 20, "1-0"),
]


@pytest.mark.parametrize(("pid", "offset"), NONSENSE)
async def test_ids_that_nobody_has(
    running: Running, connect: Connect, outcomes: Outcomes, pid: Any, offset: Any
) -> None:
    guest = await Guest().come(await connect(running), pid=pid, offset=offset)
    assert guest.pid != pid
    assert outcomes.all == ["unknown"]


@pytest.mark.parametrize(
    "offset", [7, [], {"a": 1}, "", "x", "1-", "1-0-0", "-1-0", "٣-0", "9" * 21 + "-0", True]
)
async def test_offsets_that_are_none(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes, offset: Any
) -> None:
    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    await io.emit("missed")
    assert not (await guest.come(await connect(running), offset=offset)).recovered
    assert guest.heard == []
    assert outcomes.all == ["expired"]


async def test_an_offset_that_nobody_reaches(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocol.server.recovery.recovery.WAIT", 0.05)
    monkeypatch.setattr("protocol.server.recovery.delivery_log.MOST_IN_VAIN", 1)
    for _ in range(4):
        guest = await Guest().come(await connect(running))
        await lose(guest, io)
        assert not (await guest.come(await connect(running), offset="99999999999999-0")).recovered
    assert outcomes.all == ["unavailable"] * 4
    await io.emit("news")
    assert await guest.hear() == ["news"]


async def test_an_instance_that_reads_late(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes
) -> None:
    """A client may have heard, over another instance, what this one has not read yet."""
    guest = await Guest().come(await connect(running))
    await io.emit("heard")
    await guest.hear()
    await lose(guest, io)
    guest.offset = "3-0"
    coming = asyncio.create_task(guest.come(await connect(running)))
    await io.emit("heard over another")
    await until(lambda: io._adapter.recovery is not None and io._adapter.recovery.delivered("/").waiting)
    assert not coming.done()
    await io.emit("heard over another, too")
    assert (await coming).recovered
    assert guest.heard == [["heard"]]
    assert outcomes.all == ["recovered"]


async def test_the_application_sees_no_secret(io: Server, running: Running, connect: Connect) -> None:
    guest = await Guest().come(await connect(running), token="t")
    await lose(guest, io)
    await guest.come(await connect(running), token="t")
    assert io.sockets[guest.sid].handshake.auth == {"token": "t"}


async def test_a_session_belongs_to_its_namespace(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes
) -> None:
    io.of("/other")
    guest = await Guest().come(await connect(running))
    await io.sockets[guest.sid].join("secret room")
    await lose(guest, io)
    thief = Guest("/other")
    thief.pid = guest.pid
    assert not (await thief.come(await connect(running))).recovered
    assert outcomes.all == ["unknown"]


async def test_several_namespaces(io: Server, running: Running, connect: Connect, seen: Recorder) -> None:
    io.of("/fixed")
    io.of(re.compile(r"/dynamic-\d"))
    guests = [Guest(), Guest("/fixed"), Guest("/dynamic-1")]
    client = await connect(running)
    for guest in guests:
        await guest.come(client)
    assert len({guest.pid for guest in guests} | {guest.sid for guest in guests}) == 6
    await lose(guests[0], io)
    for name in ("/", "/fixed", "/dynamic-1"):
        await io.of(name).emit("missed in", {"name": name})
    client = await connect(running)
    for guest, name in zip(guests, ("/", "/fixed", "/dynamic-1"), strict=True):
        assert (await guest.come(client)).recovered
        assert guest.heard == [["missed in", {"name": name}]]


async def test_a_connection_that_the_server_has_not_missed_yet(
    io: Server, running: Running, connect: Connect, seen: Recorder
) -> None:
    """The old socket is gone, and its handlers were told, before the new one is there."""
    guest = await Guest().come(await connect(running))
    await seen.wait_for("connection", guest.sid)
    old = guest.client
    await io.emit("heard")
    await guest.hear()
    await io.sockets[guest.sid].join("room")
    await io.to("room").emit("on the way")
    assert (await guest.come(await connect(running))).recovered
    assert guest.heard == [["heard"], ["on the way"]]
    await io.to("room").emit("live")
    assert await guest.hear() == ["live"]
    assert await old.until_lost() == ['2["on the way","2-0"]']
    await seen.wait_for_count(3)
    assert seen.entries == [
        ("connection", guest.sid),
        ("disconnect", "transport close"),
        ("connection", guest.sid),
    ]
    assert await guest.client.send('20["echo",1]') is None
    await seen.wait_for("echo", 1)


async def test_other_namespaces_of_the_old_connection_come_back_too(
    io: Server, running: Running, connect: Connect
) -> None:
    """A client that was taken for another one is told of no end: it connects again, and all is as it was."""
    io.of("/other")
    client = await connect(running)
    guest, other = await Guest().come(client), await Guest("/other").come(client)
    await guest.come(await connect(running))
    assert guest.recovered
    await io.of("/other").emit("missed")
    assert await client.until_lost() == []
    await other.come(await connect(running))
    assert other.recovered
    assert other.heard == [["missed"]]


async def test_handlers_of_the_old_socket_end_before(
    io: Server, running: Running, connect: Connect, seen: Recorder
) -> None:
    leaving = asyncio.Event()

    @io.on("disconnect")
    async def clean_up(socket: Socket, reason: str) -> None:
        seen("cleaning")
        await leaving.wait()
        seen("cleaned")

    @io.use_recovery
    async def returning(socket: Socket) -> None:
        seen("returning")

    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    await seen.wait_for("cleaning")
    coming = asyncio.create_task(guest.come(await connect(running)))
    leaving.set()
    await coming
    assert guest.recovered
    assert seen.entries.index("cleaned") < seen.entries.index("returning")


async def test_one_of_two_gets_the_session(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes
) -> None:
    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    twins = [Guest() for _ in range(5)]
    for twin in twins:
        twin.pid = guest.pid
    clients = [await connect(running) for _ in twins]
    await asyncio.gather(*(twin.come(client) for twin, client in zip(twins, clients, strict=True)))
    has_it = io.sockets[guest.sid]._local.link.session.id  # who comes later with the same id takes it away
    await io.to(guest.sid).emit("to one")
    for twin in twins:
        if twin.client.sid == has_it:
            assert await twin.hear() == ["to one"]
        elif twin.recovered:
            assert await twin.client.until_lost() == []
    assert set(outcomes.all) <= {"recovered", "unknown"}
    assert {twin.sid for twin in twins if not twin.recovered} <= io.sockets.keys() - {guest.sid}


async def test_the_application_declines(
    io: Server, running: Running, connect: Connect, outcomes: Outcomes
) -> None:
    @io.use_recovery
    async def decline(socket: Socket) -> None:
        assert socket.recovered
        assert socket.data == {"user": 7}
        if socket.handshake.auth.get("how") == "refuse":
            raise Refused("signed out")
        raise ZeroDivisionError

    for how in ("refuse", "fail"):
        guest = await Guest().come(await connect(running))
        io.sockets[guest.sid].data["user"] = 7
        await lose(guest, io)
        await io.emit("missed")
        sid = guest.sid
        assert not (await guest.come(await connect(running), how=how)).recovered
        assert guest.heard == []
        assert guest.sid != sid
        assert io.sockets[guest.sid].data == {}
        assert io.sockets[guest.sid].rooms == {guest.sid}
    assert outcomes.all == ["refused", "refused"]


async def test_the_application_takes_rooms_away(io: Server, running: Running, connect: Connect) -> None:
    @io.use_recovery
    async def look(socket: Socket) -> None:
        assert socket.rooms == {socket.id, "kept", "taken"}
        await socket.leave("taken")
        assert socket.rooms == {socket.id, "kept"}

    guest = await Guest().come(await connect(running))
    await io.sockets[guest.sid].join("kept", "taken")
    await lose(guest, io)
    await io.to("taken").emit("secret")
    await io.to("kept").emit("missed")
    assert (await guest.come(await connect(running))).recovered
    assert guest.heard == [["missed"]]
    assert io.sockets[guest.sid].rooms == {guest.sid, "kept"}


async def test_middleware_runs_as_always(io: Server, running: Running, connect: Connect) -> None:
    @io.use
    async def guard(socket: Socket) -> None:
        if socket.handshake.auth.get("token") == "bad":
            raise Refused("no entry")

    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    await io.emit("missed")
    client = await connect(running)
    await client.send(f'0{{"pid":"{guest.pid}","token":"bad"}}')
    assert await client.receive() == '4{"message":"no entry"}'
    assert (await guest.come(client)).recovered
    assert guest.heard == [["missed"]]


async def test_lost_again_before_it_was_let_in(
    io: Server, running: Running, connect: Connect, seen: Recorder
) -> None:
    going_on = asyncio.Event()
    waiting = asyncio.Event()

    @io.use
    async def wait(socket: Socket) -> None:
        if socket.recovered:
            waiting.set()
            await going_on.wait()

    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    await io.emit("missed")
    client = await connect(running)
    await client.send(f'0{{"pid":"{guest.pid}"}}')
    await asyncio.wait_for(waiting.wait(), 10)
    link = io._hub.links[client.sid]
    link.fail(CloseReason.TRANSPORT_ERROR, abort=True)
    await client.close()
    going_on.set()
    await until(lambda: len(seen.entries) >= 2)
    assert (await guest.come(await connect(running))).recovered
    assert guest.heard == [["missed"]]


async def test_sent_to_one(io: Server, running: Running, connect: Connect) -> None:
    """What is for a client waits for it; what is about its connection does not."""
    guest = await Guest().come(await connect(running))
    socket = io.sockets[guest.sid]
    await socket.emit("to you")
    assert await guest.hear() == ["to you"]
    await socket.emit("here", local=True)
    assert await guest.hear() == ["here"]
    hearing = asyncio.create_task(guest.hear())
    await until(lambda: socket._local.link.writable)
    await socket.emit("now", volatile=True)
    assert await hearing == ["now"]
    await lose(guest, io)
    await socket.emit("to you", 2)
    await socket.emit("here", 2, local=True)
    await socket.emit("now", 2, volatile=True)
    assert (await guest.come(await connect(running))).recovered
    assert guest.heard == [["to you"], ["here"], ["now"], ["to you", 2]]


async def test_a_text_at_the_end_is_no_offset(io: Server, running: Running, connect: Connect) -> None:
    """The official client takes any text at the end of an event for its offset."""
    guest = await Guest().come(await connect(running))
    socket = io.sockets[guest.sid]
    ways: list[Callable[..., Awaitable[None]]] = [
        io.emit,
        io.volatile.emit,
        io.local.emit,
        partial(socket.emit, local=True),
        partial(socket.emit, volatile=True),
    ]
    for emit in ways:
        for event in (["text"], ["event", "text"]):
            hearing = asyncio.create_task(guest.hear())
            await until(lambda: socket._local.link.writable)
            await emit(*event)
            assert await hearing == event
    await lose(guest, io)
    await io.emit("missed")
    assert (await guest.come(await connect(running))).recovered
    assert guest.heard[-1] == ["missed"]
    assert len(guest.heard) == 11


async def test_acks_are_for_those_who_are_there(io: Server, running: Running, connect: Connect) -> None:
    guest = await Guest().come(await connect(running))
    asking = asyncio.create_task(io.sockets[guest.sid].emit_with_ack("ask", "text"))
    assert await guest.client.receive() == '20["ask","text"]'
    await guest.client.send("30[7]")
    assert await asking == 7
    asking = asyncio.create_task(io.sockets[guest.sid].emit_with_ack("never came"))
    await asyncio.sleep(0)
    await lose(guest, io)
    await asyncio.gather(asking, return_exceptions=True)
    await guest.come(await connect(running))
    assert guest.recovered
    assert guest.heard == []


async def test_listeners_hear_no_offset(
    io: Server, running: Running, connect: Connect, seen: Recorder
) -> None:
    io.on_any_outgoing(lambda socket, *event: seen("out", *event))
    guest = await Guest().come(await connect(running))
    await io.emit("news", 1)
    assert await guest.hear() == ["news", 1]
    await seen.wait_for("out", "news", 1)


async def test_data_that_cannot_be_saved(
    io: Server, running: Running, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        guest = await Guest().come(await connect(running))
        io.sockets[guest.sid].data.update(name="Ada", lock=asyncio.Lock(), big=2**70)
        await lose(guest, io)
        assert (await guest.come(await connect(running))).recovered
        assert io.sockets[guest.sid].data == {"name": "Ada"}
    said = [record.message for record in caplog.records if "cannot be saved" in record.message]
    assert len(said) == 1
    assert "'lock'" in said[0]


async def test_a_room_that_cannot_be_saved(
    io: Server, running: Running, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Its client begins anew; that of another room does not."""
    guest, other = await Guest().come(await connect(running)), await Guest().come(await connect(running))
    await io.sockets[guest.sid].join("\ud800")
    await lose(guest, io)
    await lose(other, io)
    recovery = io._adapter.recovery
    assert recovery is not None
    await until(lambda: not recovery.saver._due and not recovery.saver._saving)
    assert any(record.message.startswith("the client") for record in caplog.records)
    assert not (await guest.come(await connect(running))).recovered
    assert (await other.come(await connect(running))).recovered


async def test_a_session_that_expired_in_the_store(
    make_app: Callable[..., Server], host: Serve, connect: Connect
) -> None:
    """The store was away for too long, or this process stood still: it is saved again after a while."""
    store = MemoryStore()
    io = make_app(recovery=500, store=store)
    running = await host(io)
    guest = await Guest().come(await connect(running))
    await until(lambda: len(store))
    await store.drop([key_of(str(guest.pid))])
    await until(lambda: len(store))
    assert (await guest.come(await connect(running))).recovered


class SilentStore(MemoryStore):
    """Does what it is told, and while `silent` nobody hears that it has."""

    silent = True

    async def put(self, values: Mapping[str, str], ttl: int, *, only_known: bool = False) -> set[str]:
        missing = await super().put(values, ttl, only_known=only_known)
        if self.silent:
            raise StoreUnavailable("no answer")
        return missing


async def test_one_who_was_saved_though_nobody_heard_so_is_not_kept_after_the_end(
    make_app: Callable[..., Server], host: Serve, connect: Connect, outcomes: Outcomes
) -> None:
    store = SilentStore()
    io = make_app(recovery=LONG, store=store, observer=outcomes)
    running = await host(io)
    guest = await Guest().come(await connect(running))
    await until(lambda: len(store))
    await io.sockets[guest.sid].disconnect()
    store.silent = False
    await until(lambda: not len(store))
    assert not (await guest.come(await connect(running))).recovered
    assert outcomes.all == ["unknown"]


# --- who gets it ---


@pytest.fixture
async def asked(make_app: Callable[..., Server], host: Serve) -> tuple[Server, Running]:
    io = make_app(recovery=LONG, recovery_for="asking")
    return io, await host(io)


async def test_who_does_not_ask_gets_plain_events(asked: tuple[Server, Running], connect: Connect) -> None:
    """And no `pid`, beside clients that ask and get all of it, whoever sends an event, and wherever it goes."""
    io, running = asked
    plain = await connect(running)
    plain_id = await plain.join(auth='{"name":"Ada"}')
    guest = await Guest().come(await connect(running), recovery=True, name="Bob")
    assert [dict(socket.handshake.auth) for socket in io.sockets.values()] == [
        {"name": "Ada"},
        {"name": "Bob"},
    ]
    for socket in io.sockets.values():
        await socket.join("room")
    await io.emit("all", 1)
    await io.to("room").emit("room", "text at the end")
    await io.local.emit("local", "text at the end")
    await io.to(plain_id, guest.sid).emit("both")
    for socket in [*io.sockets.values()]:
        await socket.emit("own", "text at the end")
        await socket.emit("volatile", volatile=True)
    await io.to(plain_id).emit("last")
    await io.to(guest.sid).emit("last")
    events = [
        *(["all", 1], ["room", "text at the end"], ["local", "text at the end"], ["both"]),
        *(["own", "text at the end"], ["volatile"], ["last"]),
    ]
    heard = []
    while heard[-1:] != [["last"]]:
        message = await plain.receive()
        assert isinstance(message, str)
        heard.append(orjson.loads(message[1:]))
    heard = [event for event in heard if event != ["volatile"]]  # which a poll that is not there may miss
    assert sorted(heard, key=str) == sorted([event for event in events if event != ["volatile"]], key=str)
    await guest.hear_until("last")
    assert sorted([event for event in guest.heard if event != ["volatile"]], key=str) == sorted(
        heard, key=str
    )
    await lose(guest, io)
    await io.emit("missed")
    back = await guest.come(await connect(running))
    assert back.recovered
    assert back.heard[-1] == ["missed"]
    assert dict(io.sockets[guest.sid].handshake.auth) == {}


@pytest.mark.parametrize("asks", ['{"recovery":false}', '{"recovery":1}', '{"recovery":"true"}', ""])
async def test_who_asks_in_another_way_does_not_ask(
    asked: tuple[Server, Running], connect: Connect, asks: str
) -> None:
    io, running = asked
    client = await connect(running)
    await client.join(auth=asks)
    await io.emit("news")
    assert await client.receive() == '2["news"]'
    assert io._adapter.namespaces["/"].plain == 1
    await client.close()
    await io.disconnect_sockets(True)
    await until(lambda: io._adapter.namespaces["/"].plain == 0)


async def test_who_wants_to_come_back_has_asked(asked: tuple[Server, Running], connect: Connect) -> None:
    """Though what it comes back to is not known here: it is a new client, and may come back next time."""
    io, running = asked
    guest = Guest()
    guest.pid = "unknown"
    await guest.come(await connect(running))
    assert not guest.recovered
    await io.emit("news")
    assert await guest.hear() == ["news"]
    assert guest.offset is not None


@pytest.mark.parametrize("skips", [False, True])
async def test_middleware_may_be_left_out(
    make_app: Callable[..., Server], host: Serve, connect: Connect, skips: bool
) -> None:
    """Of a client that gets its session back; the hooks for that run, and a new client passes it."""
    io = make_app(recovery=LONG, skip_middlewares=skips)
    ran: list[str] = []
    io.use(lambda _: ran.append("middleware"))
    io.use_recovery(lambda _: ran.append("hook"))
    running = await host(io)
    guest = await Guest().come(await connect(running))
    await lose(guest, io)
    assert (await guest.come(await connect(running))).recovered
    assert ran == ["middleware", "hook", *["middleware"] * (not skips)]


async def test_the_prefix_of_saved_sessions(
    make_app: Callable[..., Server], host: Serve, connect: Connect
) -> None:
    store = MemoryStore()
    io = make_app(recovery=LONG, session_key_prefix="chat:", store=store)
    running = await host(io)
    guest = await Guest().come(await connect(running))
    while await store.get(f"chat:{guest.pid}") is None:  # noqa: ASYNC110 - it is saved soon
        await asyncio.sleep(0.01)
    await lose(guest, io)
    assert (await guest.come(await connect(running))).recovered


async def test_off(make_app: Callable[..., Server], host: Serve, connect: Connect) -> None:
    io = make_app()
    running = await host(io)
    client = await connect(running)
    await client.join(auth='{"pid":"' + "A" * 20 + '","offset":"1-0"}')
    (socket,) = io.sockets.values()
    assert socket.handshake.auth == {"pid": "A" * 20, "offset": "1-0"}
    await io.emit("news")
    assert await client.receive() == '2["news"]'


async def test_a_store_that_holds_nonsense(
    make_app: Callable[..., Server], host: Serve, connect: Connect, outcomes: Outcomes
) -> None:
    store = MemoryStore()
    running = await host(make_app(recovery=LONG, store=store, observer=outcomes))
    for text in ("", "x", "gA==", "wQ=="):
        await store.put({key_of("P" * 20): text}, LONG)
        guest = Guest()
        guest.pid = "P" * 20
        assert not (await guest.come(await connect(running))).recovered
    assert outcomes.all == ["unknown"] * 4


def test_the_option_is_checked() -> None:
    with pytest.raises(ValueError, match="recovery"):
        Server(recovery=0)
    with pytest.raises(ValueError, match="recovery_for must be 'all' or 'asking', not 'some'"):
        Server(recovery_for="some")
