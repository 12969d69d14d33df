"""What it costs that a request comes to an instance that has not its session.

    .venv/bin/python scripts/benchmark/forwarding.py

Two instances in processes of their own share a Valkey. One client asks one thing after the other, of the instance
that has its session, and of the other one. For each: the CPU time of both processes (the kernel's included), and the
time that the client waits.
"""

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson
import psutil

from app.embedded import redis_url
from app.embedded.valkey import running_valkey
from protocol.websocket import frames
from protocol.websocket.frames import FrameReader, Opcode

SERVER = Path(__file__).parent / "servers" / "parley_server.py"
TIMES = 5_000
WARM = 500
EVENT = "x" * 100
PATIENCE = 20.0  # seconds that an instance has to start

Step = Callable[[], None]


class Http:
    """A kept-alive connection of a client that polls."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def ask(self, method: str, query: str, body: bytes = b"") -> bytes:
        """The body of the answer."""
        head = f"{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: a\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n" if method == "POST" else "\r\n"
        self._socket.sendall(head.encode() + body)
        status = self._file.readline()
        length = 0
        while (line := self._file.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        answer = self._file.read(length)
        if b" 200 " not in status:
            raise SystemExit(f"{status!r} {answer!r}")
        return answer


class WebSocket:
    """The websocket of a session that began with polling."""

    def __init__(self, port: int, sid: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = FrameReader(masked=False, max_payload=1 << 20)
        lines = [
            f"GET /socket.io/?EIO=4&transport=websocket&sid={sid} HTTP/1.1",
            *("Host: a", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
            *("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""),
        ]
        self._socket.sendall("\r\n".join(lines).encode())
        if b" 101 " not in self._socket.recv(65_536):
            raise SystemExit("no websocket")

    def send(self, message: str) -> None:
        """Send a message."""
        self._socket.sendall(frames.encode(Opcode.TEXT, message.encode(), mask=b"mask"))

    def ask(self, message: str) -> object:
        """Send a message; the next one that comes."""
        self.send(message)
        while not (found := self._reader.receive(self._socket.recv(65_536))):
            pass
        return found[0]


def open_session(port: int) -> str:
    """A session on the instance of this port, in the main namespace; its id."""
    http = Http(port)
    sid = str(orjson.loads(http.ask("GET", "")[1:])["sid"])
    http.ask("POST", f"&sid={sid}", b"40")
    http.ask("GET", f"&sid={sid}")
    return sid


def post(owner: int, asked: int) -> Step:
    """A pong, which is a POST and no more."""
    sid, http = open_session(owner), Http(asked)
    return lambda: http.ask("POST", f"&sid={sid}", b"3") and None


def post_and_get(owner: int, asked: int) -> Step:
    """An event by POST, and its ack by GET."""
    sid, http = open_session(owner), Http(asked)
    event = f'420["echo","{EVENT}"]'.encode()

    def step() -> None:
        http.ask("POST", f"&sid={sid}", event)
        http.ask("GET", f"&sid={sid}")

    return step


def websocket(owner: int, asked: int) -> Step:
    """An event and its ack on the websocket of an upgrade."""
    socket = WebSocket(asked, open_session(owner))
    socket.ask("2probe")
    socket.send("5")
    return lambda: socket.ask(f'420["echo","{EVENT}"]') and None


@contextmanager
def instance(shell: str, url: str) -> Iterator[tuple[int, psutil.Process]]:
    """Its port and its process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, SERVER, str(port), shell, url])
    try:
        due = time.monotonic() + PATIENCE
        while time.monotonic() < due:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def cpu(process: psutil.Process) -> float:
    """Seconds."""
    times = process.cpu_times()
    return times.user + times.system


def measure(step: Step, processes: list[psutil.Process]) -> list[float]:
    """µs of CPU a step of each process, and the median of the time that the client waits."""
    for _ in range(WARM):
        step()
    before = [cpu(process) for process in processes]
    waits = []
    for _ in range(TIMES):
        began = time.perf_counter()
        step()
        waits.append(time.perf_counter() - began)
    spent = [cpu(process) - earlier for process, earlier in zip(processes, before, strict=True)]
    return [1e6 * value / TIMES for value in spent] + [1e6 * statistics.median(waits)]


def main() -> None:
    """Print a table, in µs."""
    print(
        "| | shell | direct: CPU | forwarded: CPU of the owner | of the other | direct: time | forwarded: time |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for shell in ("raw", "asgi"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-")))
            stack.enter_context(running_valkey(folder, folder))
            (owner, one), (other, two) = (
                stack.enter_context(instance(shell, redis_url(folder))) for _ in range(2)
            )
            for name, begin in (("POST", post), ("POST and GET", post_and_get), ("websocket", websocket)):
                direct = measure(begin(owner, owner), [one, two])
                forwarded = measure(begin(owner, other), [one, two])
                figures = [direct[0], forwarded[0], forwarded[1], direct[2], forwarded[2]]
                print(
                    f"| {name} | {shell} | {' | '.join(f'{figure:.0f}' for figure in figures)} |", flush=True
                )


if __name__ == "__main__":
    main()
