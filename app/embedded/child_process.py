"""One server process as a child of this one: started, waited for, ended, and never left behind."""

import ctypes
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from pwd import struct_passwd

import psutil

from app.core.errors import CannotStart

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
POLL_S = 0.01
LOG_TAIL_LINES = 8

BARE = {"PATH": os.defpath, "LC_ALL": "C"}
PR_SET_PDEATHSIG = 1
PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class EmbeddedError(CannotStart):
    """An embedded server cannot start. The text is one sentence for the person who started Parley."""


def spawn(
    command: Sequence[str | Path],
    *,
    account: struct_passwd | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    stdin: int = subprocess.DEVNULL,
    output: int = subprocess.DEVNULL,
    environment: Mapping[str, str] = BARE,
) -> subprocess.Popen[bytes]:
    """Start `command` as `account` (None: as who we are) with a bare environment: most need none of our secrets.

    On Linux it gets `stop_signal` when the thread that calls this ends, so call it from the main thread. It is in a
    session of its own: Ctrl-C in a terminal must not end a database before the application has drained. It leaves no
    core file, which would hold what people wrote.
    """
    parent = os.getpid()

    def tie() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if PRCTL and (PRCTL(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0) != 0 or os.getppid() != parent):
            os._exit(1)  # the parent has died before the tie was there

    return subprocess.Popen(
        [str(word) for word in command],
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        cwd="/",
        env=environment,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # Between fork and exec it makes three system calls and takes no lock, so other threads do no harm.
        preexec_fn=tie,  # noqa: PLW1509
    )


@contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    *,
    ready: Callable[[subprocess.Popen[bytes]], bool],
    log_file: Path,
    stop_signal: signal.Signals,
    account: struct_passwd | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the length of the block, which begins once `ready` is true and ends when it has stopped."""
    log_file.touch(mode=0o600)
    with log_file.open("wb") as output:
        process = spawn(command, account=account, stop_signal=stop_signal, output=output.fileno())
    try:
        wait_until_ready(name, process, ready, log_file)
        log.info("%s is ready", name, extra={"pid": process.pid})
        yield process
    finally:
        stop(name, process, stop_signal)


def wait_until_ready(
    name: str,
    process: subprocess.Popen[bytes],
    ready: Callable[[subprocess.Popen[bytes]], bool],
    log_file: Path,
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready(process):
        if process.poll() is not None:
            raise EmbeddedError(f"{name} ended with status {process.returncode} at its start{tail(log_file)}")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{name} was not ready within {START_TIMEOUT_S} s{tail(log_file)}")
        time.sleep(POLL_S)


def stop(name: str, process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    """End a server in its own orderly way, and by force if that takes too long."""
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        log.warning("%s did not stop within %s s and is killed", name, STOP_TIMEOUT_S)
        process.kill()
        process.wait()


def end_orphans(program: str, folder: Path, stop_signal: signal.Signals) -> None:
    """End the servers that an earlier, killed launcher left on `folder`; the caller holds the folder's lock."""
    left = [
        process
        for process in psutil.process_iter(["name", "cwd", "cmdline"])
        if is_on(process, program, folder)
    ]
    for process in left:
        if is_leader(process, program):
            log.warning("ends a %s that an earlier run left behind", program, extra={"pid": process.pid})
            signal_if_alive(process, stop_signal)
    for process in wait_until_gone(left):
        signal_if_alive(process, signal.SIGKILL)
    if wait_until_gone(left):
        raise EmbeddedError(f"a {program} of an earlier run still uses {folder} and cannot be ended.")


def is_on(process: psutil.Process, program: str, folder: Path) -> bool:
    """True if a process is a server, or a part of one, that works in `folder`."""
    place = Path(process.info["cwd"] or "/")
    return process.info["name"] == program and place.is_relative_to(folder)


def is_leader(process: psutil.Process, program: str) -> bool:
    """True if a server process is the one that takes signals; PostgreSQL's workers give themselves another name."""
    words: list[str] = process.info["cmdline"] or [""]
    return Path(words[0]).name == program


def wait_until_gone(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Wait for processes that need not be our children, and give those that do not end in time."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while (alive := [process for process in processes if is_alive(process)]) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return alive


def is_alive(process: psutil.Process) -> bool:
    """True while a process runs; false for one that has ended, also before its parent has waited for it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def signal_if_alive(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        log.debug("process %s has ended by itself", process.pid)


def tail(log_file: Path) -> str:
    """The end of a server's log, to be put behind a sentence."""
    lines = log_file.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return (
        "; its log ends with:\n" + "\n".join(f"  {line}" for line in lines)
        if lines
        else "; its log is empty."
    )
