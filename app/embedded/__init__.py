"""A real PostgreSQL and a real Valkey for operators who name no others, as children of this process.

Their data is kept below the data folder, in which one launcher at a time may run any. They end with the launcher,
however that ends: by leaving the block here, by a signal from the kernel (Linux), else at the next start. The console
command imports this folder. It imports `app.core`.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.core.private_files import NotPrivate, make_data_folder, open_file
from app.embedded.child_process import EmbeddedError
from app.embedded.postgres import DATABASE, ROLE, running_postgres, socket_of_running, wheel_programs
from app.embedded.valkey import answers, running_valkey, valkey_socket

__all__ = [
    "EmbeddedError",
    "Urls",
    "database_url",
    "embedded",
    "redis_url",
    "running_database_url",
    "running_redis_url",
    "wheel_programs",
]

# A unix socket's path holds 103 bytes on macOS and 107 on Linux; this leaves room for ".s.PGSQL.5432.lock".
LONGEST_SOCKET_FOLDER = 80


@dataclass(frozen=True)
class Urls:
    """Where the servers that were asked for are reached."""

    database: str | None
    redis: str | None


@contextmanager
def embedded(data_dir: Path, *, postgres: bool, valkey: bool) -> Iterator[Urls]:
    """Run the servers that are asked for, for the length of the block. Call it from the main thread.

    Raises EmbeddedError, in one sentence, where one cannot start or another launcher runs some in `data_dir`. Where
    none is asked for, others may use the folder too.
    """
    with ExitStack() as stack:
        try:
            urls = start(stack, data_dir, postgres, valkey)
        except NotPrivate as error:
            raise EmbeddedError(str(error)) from error
        except OSError as error:
            raise EmbeddedError(
                f"cannot start the embedded servers in {data_dir}: {error.strerror or error}"
                + (f" ({error.filename})" if error.filename else "")
            ) from error
        yield urls


def start(stack: ExitStack, data_dir: Path, postgres: bool, valkey: bool) -> Urls:
    folder = data_dir.resolve()
    make_data_folder(folder)
    if not (postgres or valkey):
        return Urls(None, None)
    stack.enter_context(locked(folder))
    database = redis = None
    if postgres:
        sockets = stack.enter_context(short_folder()) if is_long(folder / "postgres" / "socket") else None
        database = database_url(stack.enter_context(running_postgres(folder / "postgres", sockets)))
    if valkey:
        place = folder / "valkey"
        sockets = stack.enter_context(short_folder()) if is_long(place) else place
        stack.enter_context(running_valkey(place, sockets))
        redis = redis_url(sockets)
    return Urls(database, redis)


def database_url(socket_folder: Path, database: str = DATABASE) -> str:
    return f"postgresql://{ROLE}:@/{database}?host={quote(str(socket_folder))}"


def redis_url(socket_folder: Path, number: int = 0) -> str:
    return f"unix://{quote(str(valkey_socket(socket_folder)))}?db={number}"


def running_redis_url(data_dir: Path) -> str | None:
    """The URL of the Valkey that another process runs in `data_dir`, if one does."""
    folder = data_dir.resolve() / "valkey"
    return redis_url(folder) if not is_long(folder) and answers(valkey_socket(folder)) else None


def running_database_url(data_dir: Path) -> str | None:
    """The URL of the PostgreSQL that another process runs in `data_dir`, if one does."""
    sockets = socket_of_running(data_dir.resolve() / "postgres")
    return None if sockets is None else database_url(sockets)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` against other launchers; the kernel lets go of it when this process ends."""
    with os.fdopen(open_file(folder / "lock"), "r+", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EmbeddedError(
                f"{folder} is in use by another Parley (process {file.read().strip() or 'unknown'}); "
                "stop that one, or set DATA_DIR to another folder."
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def is_long(socket_folder: Path) -> bool:
    return len(os.fsencode(socket_folder)) > LONGEST_SOCKET_FOLDER


@contextmanager
def short_folder() -> Iterator[Path]:
    """A private folder with a short path, for sockets."""
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        yield Path(folder).resolve()
