"""What a message costs as the cluster grows: `scripts/bench --tests growth`.

All instances share one core, Redis and the clients the other. What is counted is processor time: that of all instances,
and that of Redis, for one event. Each mode of the bus has the same clients and the same events.
"""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import orjson
import psutil
import uvloop

from app.embedded.valkey import running_valkey
from scripts.benchmark.machine import pinned

LOOPBACK = "127.0.0.1"
SERVER = Path(__file__).resolve().parent / "servers/growth_server.py"
SIZES = (2, 4, 8, 16)
MODES = ("one", "interest")
CONNECTING = 200  # clients at the same time
SAMPLE = 20  # one client of so many notes how long events take


@dataclass(frozen=True)
class Case:
    """Who gets an event: `members` clients on `spread` instances (0: on all) are a room; without members, all are."""

    name: str
    members: int
    spread: int
    rate: float  # events a second of the whole cluster


CASES = (
    Case("direct", 2, 2, 400),
    Case("ten", 10, 2, 400),
    Case("fifty", 50, 0, 200),
    Case("everybody", 0, 0, 5),
)


@dataclass(frozen=True)
class Row:
    """What one event took, in µs of processor time, and how long until it came, in ms."""

    mode: str
    instances: int
    case: str
    servers: float
    redis: float
    p50: float
    p99: float


def rooms_of(case: Case, clients: int, instances: int) -> list[list[int]]:
    """The clients of each room of a case. Client `i` is on instance `i % instances`."""
    if not case.members:
        return []
    here = [list(range(at, clients, instances)) for at in range(instances)]
    spread = case.spread or instances
    each = -(-case.members // spread)
    rooms = []
    first = 0
    while all(here[(first + step) % instances] for step in range(spread)):
        members = [
            here[(first + step) % instances].pop()
            for _ in range(each)
            for step in range(spread)
            if here[(first + step) % instances]
        ]
        rooms.append(members[: case.members])
        first = (first + spread) % instances
    return rooms


class Client(asyncio.Protocol):
    """A websocket that counts what comes; one of `SAMPLE` notes when."""

    def __init__(self, port: int, rooms: list[str], delays: list[float] | None) -> None:
        self._port = port
        self._rooms = rooms
        self._delays = delays
        self._buffer = b""
        self._open = False
        self._transport: asyncio.Transport
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.sent: asyncio.Future[int] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the websocket."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {LOOPBACK}:{self._port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Take the frames apart."""
        buffer = self._buffer + data
        if not self._open:
            head, end, buffer = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            self._open = True
            self.write("40" + json.dumps({"rooms": self._rooms}))
        while len(buffer) >= 2:
            length, at = buffer[1], 2
            if length == 126:
                length, at = int.from_bytes(buffer[2:4]), 4
            if len(buffer) < at + length:
                break
            self._frame(buffer[at : at + length])
            buffer = buffer[at + length :]
        self._buffer = buffer

    def _frame(self, text: bytes) -> None:
        if text.startswith(b'42["msg"'):
            if self._delays is not None:
                self._delays.append(time.monotonic() - orjson.loads(text[2:])[1])
        elif text == b"2":
            self.write("3")
        elif text == b'42["ready"]':
            self.ready.set_result(None)
        elif text.startswith(b"43"):
            self.sent.set_result(orjson.loads(text[text.index(b"[") :])[0])

    def write(self, text: str) -> None:
        """Send a frame, with a mask of zeros."""
        body = text.encode()
        size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2)
        self._transport.write(b"\x81" + size + bytes(4) + body)

    def send(self, rooms: list[str], rate: float, seconds: float) -> None:
        """Have this client's instance send events."""
        self.sent = asyncio.get_running_loop().create_future()
        self.write("421" + json.dumps(["send", rooms, rate, seconds]))


def seconds_of(processes: Sequence[psutil.Process]) -> float:
    """The processor time that processes have taken."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


class Growth:
    """The measures of one cluster."""

    def __init__(self, mode: str, ports: Sequence[int], clients: int, seconds: float) -> None:
        self._mode = mode
        self._ports = ports
        self._seconds = seconds
        self._members = {case: rooms_of(case, clients, len(ports)) for case in CASES}
        self._delays: list[float] = []
        rooms: list[list[str]] = [[] for _ in range(clients)]
        for case, members_of_rooms in self._members.items():
            for number, members in enumerate(members_of_rooms):
                for member in members:
                    rooms[member].append(f"{case.name} {number}")
        self._rooms = rooms
        self._clients: list[Client] = []

    async def connect(self) -> None:
        """Let all clients come."""
        loop = asyncio.get_running_loop()
        for first in range(0, len(self._rooms), CONNECTING):
            part = []
            for number in range(first, min(first + CONNECTING, len(self._rooms))):
                port = self._ports[number % len(self._ports)]
                delays = self._delays if number % SAMPLE < 1 else None
                client = Client(port, self._rooms[number], delays)
                await loop.create_connection(lambda client=client: client, LOOPBACK, port)
                part.append(client)
            await asyncio.gather(*(client.ready for client in part))
            self._clients += part

    async def measure(self, case: Case, servers: Sequence[psutil.Process], redis: psutil.Process) -> Row:
        """Send the events of a case; each room's from the instance of its first member."""
        instances = len(self._ports)
        rooms: list[list[str]] = [[] for _ in range(instances)]
        for number, members in enumerate(self._members[case]):
            rooms[members[0] % instances].append(f"{case.name} {number}")
        senders = [at for at in range(instances) if rooms[at] or not case.members]
        await self._send(case, rooms, senders, self._seconds / 3)
        self._delays.clear()
        before = seconds_of(servers), seconds_of([redis])
        count = await self._send(case, rooms, senders, self._seconds)
        await asyncio.sleep(0.3)
        taken = seconds_of(servers) - before[0], seconds_of([redis]) - before[1]
        delays = sorted(self._delays) or [0.0]
        return Row(
            self._mode,
            instances,
            case.name,
            round(taken[0] / count * 1e6, 1),
            round(taken[1] / count * 1e6, 1),
            round(delays[len(delays) // 2] * 1e3, 2),
            round(delays[int(len(delays) * 0.99)] * 1e3, 2),
        )

    async def _send(self, case: Case, rooms: list[list[str]], senders: Sequence[int], seconds: float) -> int:
        for at in senders:
            self._clients[at].send(rooms[at], case.rate / len(senders), seconds)
        return sum(await asyncio.gather(*(self._clients[at].sent for at in senders)))


def run_cluster(
    mode: str,
    instances: int,
    clients: int,
    seconds: float,
    cores: tuple[int | None, int | None],
    free_port: Callable[[], int],
) -> Iterator[Row]:
    """Measure all cases of one cluster."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        url = f"redis://{LOOPBACK}:{port}/0"
        forgetful = ["--port", str(port), "--bind", LOOPBACK, "--appendonly", "no", "--save", ""]
        with pinned(cores[1]):
            stack.enter_context(running_valkey(folder, folder, forgetful))
        redis = next(
            process for process in psutil.Process().children(recursive=True) if "valkey" in process.name()
        )
        ports = [free_port() for _ in range(instances)]
        with pinned(cores[0]):
            started = [
                subprocess.Popen([sys.executable, str(SERVER), str(each), mode, url]) for each in ports
            ]
        for process in started:
            stack.callback(process.wait)
            stack.callback(process.terminate)
        servers = [psutil.Process(process.pid) for process in started]
        await_listening(ports)

        async def measure_all() -> list[Row]:
            growth = Growth(mode, ports, clients, seconds)
            await growth.connect()
            await asyncio.sleep(1)
            return [await growth.measure(case, servers, redis) for case in CASES]

        with pinned(cores[1]):
            yield from uvloop.run(measure_all())


def await_listening(ports: Sequence[int]) -> None:
    """Return once all servers take connections."""
    end = time.monotonic() + 120
    for port in ports:
        while True:
            try:
                socket.create_connection((LOOPBACK, port), 1).close()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                break


def table(rows: Sequence[Row]) -> str:
    """The rows for a document."""
    lines = [
        "| Event for | Mode | Instances | CPU of all instances, µs | CPU of Redis, µs | p50, ms | p99, ms |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    ordered = sorted(rows, key=lambda row: ([case.name for case in CASES].index(row.case), row.mode))
    lines += [
        f"| {row.case} | {row.mode} | {row.instances} | {row.servers} | {row.redis} | {row.p50} | {row.p99} |"
        for row in ordered
    ]
    return "\n".join(lines)


def run(
    out: Path,
    cores: tuple[int | None, int | None],
    free_port: Callable[[], int],
    *,
    clients: int = 4_000,
    seconds: float = 6.0,
    sizes: Sequence[int] = SIZES,
) -> str:
    """All clusters, modes side by side; the table."""
    rows = []
    with out.open("w") as file:
        for instances in sizes:
            for mode in MODES:
                for row in run_cluster(mode, instances, clients, seconds, cores, free_port):
                    rows.append(row)
                    file.write(json.dumps(asdict(row)) + "\n")
                    file.flush()
                    print(row, file=sys.stderr, flush=True)
    return table(rows)
