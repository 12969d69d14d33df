"""Clients of Socket.IO and Engine.IO, in JavaScript and Python."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from scripts.ecosystem.children import ParleyServer, listening, run_checks
from scripts.ecosystem.row import Kind, Outcome, Row
from scripts.ecosystem.workshop import PROGRAMS, ROOT, NotAvailable, Workshop
from tests.support.ports import find_free_port

LATEST = "4.8.4"
VERSIONS = ("3.0.5", "3.1.3", "4.0.2", "4.5.4", "4.6.2", "4.7.5", LATEST)
WITH_RECOVERY = ("4.6.2", "4.7.5", LATEST)
BUN, DENO = "1.4.4", "2.9.6"
ENGINE_VERSIONS = ("4.0.6", "5.2.0", "6.6.8")
PYTHON_VERSIONS = ("5.2.1", "5.5.2", "5.10.0", "5.14.3", "5.18.1")

TRANSPORTS = {"polling": "polling", "websocket": "websocket", "upgrade": "polling,websocket"}
WAYS = tuple(TRANSPORTS)
FIRST = ("connect with auth", "transport", "event and ack", "binary", "broadcast to a room")
LAST = ("disconnect by the server",)
RECOVERING = (*FIRST, "reconnect with recovery", *LAST)
RECONNECTING = (*FIRST, "reconnect", *LAST)
RESTARTED = (*FIRST, "reconnect after a restart", "reconnect after a crash", *LAST)
STAYS_AWAY = (
    "python-socketio does not come back when a server that stops ends its polling session in order, "
    "whichever server that is (findings/python-socketio-stays-away.sh)"
)
ENGINE_CHECKS = ("transport", "text", "binary", "binary as base64", "heartbeat", "close")


def node() -> list[str | Path]:
    """The command of Node."""
    found = subprocess.run([ROOT / "scripts/node", "path"], capture_output=True, text=True, check=True)
    return [found.stdout.strip()]


def all_ways(
    url: str, command: Sequence[str | Path], checks: Sequence[str], server: ParleyServer | None = None
) -> dict[str, str]:
    """The checks of a client, over each transport and with the upgrade."""
    seen: dict[str, str] = {}
    for way, transports in TRANSPORTS.items():
        found = run_checks(
            [*command, url, transports], checks, restart=None if server is None else server.restart
        )
        seen |= {f"{way}: {check}": why for check, why in found.items()}
    return seen


def javascript(runtime: str, version: str, workshop: Workshop) -> Outcome:
    """socket.io-client under Node, Bun or Deno."""
    packages = {"socket.io-client": version} | ({} if runtime == "node" else {runtime: RUNTIMES[runtime]})
    folder = workshop.npm(packages, "client.mjs")
    command = [*runtime_command(runtime, folder), folder / "client.mjs"]
    checks = RECOVERING if version in WITH_RECOVERY else RECONNECTING
    with ParleyServer(workshop) as server:
        return Outcome(all_ways(server.url, command, checks))


RUNTIMES = {"bun": BUN, "deno": DENO}


def runtime_command(runtime: str, folder: Path) -> list[str | Path]:
    """The command that runs a program. npm installs the builds of Bun and Deno for this machine."""
    if runtime == "node":
        return node()
    pattern = {"bun": "@oven/bun-*/bin/bun", "deno": "@deno/*/deno"}[runtime]
    for program in sorted((folder / "node_modules").glob(pattern)):
        program.chmod(0o755)
        if subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0:
            return [program, "run", "--allow-all", "--no-prompt"] if runtime == "deno" else [program, "run"]
    raise NotAvailable(f"npm has no {runtime} {RUNTIMES[runtime]} that runs on this machine")


def engine(version: str, workshop: Workshop) -> Outcome:
    """engine.io-client, with the server that echoes."""
    folder = workshop.npm({"engine.io-client": version}, "engine.mjs")
    port = find_free_port()
    serve = [sys.executable, "-m", "scripts.conformance", "engine", "--port", str(port)]
    with listening(workshop, "engine", serve, port):
        return Outcome(all_ways(f"ws://127.0.0.1:{port}", [*node(), folder / "engine.mjs"], ENGINE_CHECKS))


def python(version: str, workshop: Workshop) -> Outcome:
    """python-socketio's asyncio client."""
    interpreter = workshop.python(f"python-socketio[asyncio_client]=={version}")
    with ParleyServer(workshop) as server:
        return Outcome(all_ways(server.url, [interpreter, PROGRAMS / "client.py"], RESTARTED, server))


OWN_CHECKS = tuple(check for check in RESTARTED if check != "transport")


def own(workshop: Workshop) -> Outcome:
    """Parley's client, which speaks websocket alone."""
    with ParleyServer(workshop) as server:
        command = [sys.executable, PROGRAMS / "parley_client.py", server.url]
        return Outcome(run_checks(command, OWN_CHECKS, restart=server.restart))


def rows() -> Iterator[Row]:
    """All clients."""
    for version in VERSIONS:
        checks = RECOVERING if version in WITH_RECOVERY else RECONNECTING
        run = partial(javascript, "node", version)
        yield Row("socket.io-client", Kind.CLIENT, checks, run, version, WAYS)
    for name, number in (("Bun", BUN), ("Deno", DENO)):
        run = partial(javascript, name.lower(), LATEST)
        yield Row(f"socket.io-client {LATEST} on {name}", Kind.CLIENT, RECOVERING, run, number, WAYS)
    for version in ENGINE_VERSIONS:
        yield Row("engine.io-client", Kind.CLIENT, ENGINE_CHECKS, partial(engine, version), version, WAYS)
    for version in PYTHON_VERSIONS:
        known = {"polling: reconnect after a restart": STAYS_AWAY}
        yield Row("python-socketio", Kind.CLIENT, RESTARTED, partial(python, version), version, WAYS, known)
    yield Row("Parley's `protocol.Client`", Kind.CLIENT, OWN_CHECKS, own, "of this repository")


ROWS = tuple(rows())
