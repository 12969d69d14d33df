"""Servers and programs as children of this process: started, waited for, and never left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any, Self

from app.embedded.child_process import spawn, stop
from scripts.ecosystem.workshop import ROOT, WHY_LENGTH, Workshop
from tests.support.ports import find_free_port

READY_WITHIN = 60.0  # seconds
PROGRAM_WITHIN = 240.0  # seconds
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)}


class DidNotStart(Exception):
    """A server of a row did not start. The text says why."""


def answers(port: int) -> bool:
    """True if somebody listens on a port of 127.0.0.1."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def listening(
    workshop: Workshop,
    name: str,
    command: Sequence[str | Path],
    port: int,
    *,
    environment: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    account: Any = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server that listens on a port, which it was told."""
    log = workshop.new_folder(name) / "log"
    with log.open("wb") as output:
        process = spawn(
            command,
            environment={**ENVIRONMENT, **(environment or {})},
            output=output.fileno(),
            stop_signal=stop_signal,
            account=account,
        )
    try:
        deadline = time.monotonic() + READY_WITHIN
        while not answers(port):
            if process.poll() is not None:
                raise DidNotStart(f"{name} ended with status {process.returncode}: {last_words(log)}")
            if time.monotonic() > deadline:
                raise DidNotStart(f"{name} did not listen within {READY_WITHIN:g} s: {last_words(log)}")
            time.sleep(0.05)
        yield process
    finally:
        stop(name, process, stop_signal)


class ParleyServer:
    """scripts/ecosystem/server.py on the fast shell, which can be started again on its port."""

    def __init__(self, workshop: Workshop, redis: str = "") -> None:
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._workshop = workshop
        self._environment = {"COMPATIBILITY_REDIS": redis} if redis else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._running = ExitStack()

    def restart(self, ending: signal.Signals = signal.SIGTERM) -> None:
        """End it with a signal, if it runs, and start it."""
        if ending is signal.SIGKILL and self._process is not None:
            self._process.kill()
        self._running.close()
        command = [sys.executable, "-m", "scripts.ecosystem.server", str(self.port)]
        self._process = self._running.enter_context(
            listening(self._workshop, "parley", command, self.port, environment=self._environment)
        )

    def __enter__(self) -> Self:
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()


def run_checks(
    command: Sequence[str | Path],
    checks: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    restart: Callable[[signal.Signals], None] | None = None,
) -> dict[str, str]:
    """What a program of ours says of each check: an empty text, or what is wrong.

    It prints a JSON array a line, [CHECK, null or a text]; for {"restart": SIGNAL} `restart` is called. All else that
    it prints is its log, which explains why it ended early.
    """
    process = spawn(
        [*command, *checks], environment={**ENVIRONMENT, **(environment or {})}, output=subprocess.PIPE
    )
    assert process.stdout is not None
    seen: dict[str, str] = {}
    strays: list[str] = []
    killer = Timer(PROGRAM_WITHIN, process.kill)
    killer.start()
    try:
        for line in process.stdout:
            match parsed(line):
                case [str(check), None]:
                    seen[check] = ""
                case [str(check), str(why)]:
                    seen[check] = why[:WHY_LENGTH] or "failed without a reason"
                case {"restart": str(name)} if restart is not None:
                    restart(signal.Signals[name])
                case _:
                    strays.append(line.decode(errors="replace"))
        status = process.wait()
    finally:
        killer.cancel()
        stop("program", process, signal.SIGKILL)
        process.stdout.close()
    if status:
        why = f"the program ended with status {status}: {last_line_of(strays)}"
        seen |= {check: why for check in checks if check not in seen}
    return seen


def parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def last_line_of(lines: Sequence[str]) -> str:
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if "Error" in line]
    return ([*said, *errors] or ["it said nothing"])[-1][:WHY_LENGTH]


def last_words(log: Path) -> str:
    """The line of a log that tells most of why something ended."""
    return last_line_of(log.read_text(errors="replace").splitlines())
