"""PostgreSQL's own programs: pg_dump, pg_restore and psql, from PATH or from the wheel.

They are told where to connect by libpq's environment variables, so that no password stands in a list of processes, and
get nothing else of ours: no key of tokens, no key of a bucket.
"""

import asyncio
import os
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from app.backup.manifest import BackupError
from app.db.servers import attributes_of, options_of, servers_of, split_url
from app.embedded import EmbeddedError, wheel_programs

CONNECT_WITHIN = 10  # seconds
TAIL = 500  # characters of what a program says
TRANSACTION_TIMEOUT_SINCE = 17  # of PostgreSQL
HEADER = 40  # lines of a script in which its settings stand, and its schema, which is there
CREATE_SCHEMA, TRANSACTION_TIMEOUT = b"CREATE SCHEMA ", b"SET transaction_timeout"
OF_URL = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
SSL_WORDS = {"true": "require", "false": "disable"}  # of `?ssl=`, another word for sslmode
KEPT = ("PATH", "HOME", "TMPDIR")


class Programs(NamedTuple):
    """A folder that has all three, and the major version of PostgreSQL that they belong to."""

    folder: Path
    major: int


async def find_programs(least: int, why: str) -> Programs:
    """The oldest programs that are new enough: a newer pg_dump writes archives that only newer ones read.

    `least` is a major version, `why` says in words what needs it. Raises BackupError.
    """
    found = [programs for folder in folders() if (programs := await programs_in(folder))]
    fitting = [programs for programs in found if programs.major >= least]
    if not fitting:
        have = " and ".join(f"{one.folder} has {one.major}" for one in found) or "there are none"
        raise BackupError(
            f"{why} needs pg_dump, pg_restore and psql of PostgreSQL {least} or newer, and {have}:"
            " put newer ones on PATH."
        )
    return min(fitting, key=lambda programs: programs.major)


def folders() -> list[Path]:
    on_path = shutil.which("pg_dump")
    places = [Path(on_path).parent] if on_path else []
    with suppress(EmbeddedError):  # there are none for this system
        places.append(wheel_programs())
    return places


async def programs_in(folder: Path) -> Programs | None:
    if not all(os.access(folder / name, os.X_OK) for name in ("pg_dump", "pg_restore", "psql")):
        return None
    process = await asyncio.create_subprocess_exec(folder / "pg_dump", "--version", stdout=PIPE)
    output, _ = await process.communicate()
    version = re.search(rb"\) (\d+)", output)
    return Programs(folder, int(version[1])) if version else None


def libpq_environment(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program that is to connect to the database of a URL. Raises ValueError as `servers_of`."""
    parts, options = split_url(url), options_of(url)
    chosen = {name: value for name, value in environ.items() if name in KEPT or name.startswith("PG")}
    chosen |= {"LC_ALL": "C", "PGCONNECT_TIMEOUT": str(CONNECT_WITHIN), "PGAPPNAME": "parley-backup"}
    servers = servers_of(url)
    if servers:
        chosen["PGHOST"] = ",".join(server.host for server in servers)
        chosen["PGPORT"] = ",".join(str(server.port) for server in servers)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    given = {"PGUSER": unquote(user), "PGPASSWORD": unquote(password), "PGDATABASE": unquote(parts.path[1:])}
    chosen |= {name: value for name, value in given.items() if value}
    if "ssl" in options:
        options.setdefault("sslmode", SSL_WORDS.get(options["ssl"].lower(), options["ssl"]))
    chosen |= {OF_URL[name]: value for name, value in options.items() if name in OF_URL}
    if attributes_of(url) is not None:
        chosen["PGTARGETSESSIONATTRS"] = "read-write"  # the server that the snapshot is on
    return chosen


async def run(command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
    """Run a program to its end. Raises BackupError with what it says."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    try:
        _, said = await process.communicate()
    finally:
        await end(process)
    if process.returncode != 0:
        raise failed(Path(command[0]).name, process, said)


async def load(
    programs: Programs, environment: Mapping[str, str], dump: Path, server: int, before: str, after: str
) -> None:
    """Let psql run the script of an archive between two others. Raises BackupError.

    `after` ends the transaction that `before` begins: where this process, pg_restore or psql dies, nothing is changed.
    """
    restoring: list[str | Path] = [
        programs.folder / "pg_restore",
        "--file=-",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        dump,
    ]
    running: list[str | Path] = [
        programs.folder / "psql",
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--file=-",
    ]
    source = await asyncio.create_subprocess_exec(
        *restoring, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    target = await asyncio.create_subprocess_exec(
        *running, env=environment, stdin=PIPE, stdout=DEVNULL, stderr=PIPE
    )
    try:
        assert source.stderr is not None
        assert target.stderr is not None
        saying = [
            asyncio.create_task(process.stderr.read()) for process in (source, target) if process.stderr
        ]
        is_whole = await feed(source, target, server, before, after)
        said = await asyncio.gather(*saying)
        await asyncio.gather(source.wait(), target.wait())
    finally:
        await end(source)
        await end(target)
    if target.returncode != 0:
        raise failed("psql", target, said[1])
    if not is_whole:
        raise failed("pg_restore", source, said[0])


async def feed(source: Process, target: Process, server: int, before: str, after: str) -> bool:
    """Give psql its script; false where pg_restore did not end well, and nothing is to be committed."""
    assert source.stdout is not None
    assert target.stdin is not None
    dropped = (
        (CREATE_SCHEMA,) if server >= TRANSACTION_TIMEOUT_SINCE else (CREATE_SCHEMA, TRANSACTION_TIMEOUT)
    )
    with suppress(BrokenPipeError, ConnectionResetError):  # psql has ended, and says why
        target.stdin.write(before.encode())
        for _ in range(HEADER):
            line = await source.stdout.readline()
            if not line.startswith(dropped):
                target.stdin.write(line)
        while piece := await source.stdout.read(2**16):
            target.stdin.write(piece)
            await target.stdin.drain()
        if await source.wait() == 0:
            target.stdin.write(after.encode())
            await target.stdin.drain()
    while await source.stdout.read(2**16):  # pg_restore must not wait for a reader
        pass
    with suppress(BrokenPipeError, ConnectionResetError):
        target.stdin.close()
        await target.stdin.wait_closed()
    return await source.wait() == 0


async def end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def failed(name: str, process: Process, said: bytes) -> BackupError:
    text = " ".join(said.decode(errors="replace").split())
    return BackupError(f"{name} failed with status {process.returncode}: {text[-TAIL:] or 'it said nothing'}")
