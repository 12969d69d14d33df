"""One server process as a child of this one: started, waited for, ended, and never left behind."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pwd import struct_passwd

import psutil

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
POLL_S = 0.01
LOG_TAIL_LINES = 8

PR_SET_PDEATHSIG = 1
PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class EmbeddedError(Exception):
    """An embedded server cannot start. The text is one sentence for the person who started Parley."""


def spawn(
    command: Sequence[str | Path],
    *,
    account: struct_passwd | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    stdin: int = subprocess.DEVNULL,
    output: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `command` as `account` (None: as who we are) with a bare environment: it needs none of our secrets.

    On Linux it gets `stop_signal` when the thread that calls this ends, so call it from the main thread. It is in a
    session of its own: Ctrl-C in a terminal must not end a database before the application has drained.
    """
    parent = os.getpid()

    def tie() -> None:
        if PRCTL and (PRCTL(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0) != 0 or os.getppid() != parent):
            os._exit(1)  # the parent has died before the tie was there

    return subprocess.Popen(
        [str(word) for word in command],
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C"},
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # Between fork and exec it makes two system calls and takes no lock, so other threads do no harm.
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
    left = [process for process in psutil.process_iter(["cmdline"]) if is_on(process, program, folder)]
    for process in left:
        log.warning("ends a %s that an earlier run left behind", program, extra={"pid": process.pid})
        signal_if_alive(process, stop_signal)
    _, stubborn = psutil.wait_procs(left, timeout=STOP_TIMEOUT_S)
    for process in stubborn:
        signal_if_alive(process, signal.SIGKILL)
    if psutil.wait_procs(stubborn, timeout=STOP_TIMEOUT_S)[1]:
        raise EmbeddedError(f"a {program} of an earlier run still uses {folder} and cannot be ended.")


def is_on(process: psutil.Process, program: str, folder: Path) -> bool:
    words: list[str] = process.info["cmdline"] or []
    return (
        bool(words) and Path(words[0]).name == program and any(is_within(word, folder) for word in words[1:])
    )


def is_within(word: str, folder: Path) -> bool:
    return word == str(folder) or word.startswith(f"{folder}/")


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
