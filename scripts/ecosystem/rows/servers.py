"""The fast shell, and the plain one under each ASGI server: the public suites, and the official client."""

from collections.abc import Iterator
from functools import partial
from importlib.metadata import version

from scripts.asgi_servers import SERVERS, command
from scripts.ecosystem.children import ParleyServer, listening
from scripts.ecosystem.row import Kind, Outcome, Row
from scripts.ecosystem.rows.clients import LATEST, RECOVERING, WAYS, all_ways, node
from scripts.ecosystem.suites import run_suite
from scripts.ecosystem.workshop import Workshop
from tests.support.ports import find_free_port

SUITES = {"engine": "suite of engine.io-protocol", "socket": "suite of socket.io-protocol"}
CHECKS = (*SUITES.values(), *(f"socket.io-client {LATEST} by {way}" for way in WAYS))
FAST = ""


def serve(server: str, workshop: Workshop) -> Outcome:
    """Both suites and the official client, on one server."""
    outcome = Outcome(version=version(server.partition("-")[0] or "uvicorn"))
    for suite, check in SUITES.items():
        wrong, passed = run_suite(workshop, suite, ["--asgi", server] if server else [], node()[0])
        outcome.seen[check] = wrong
        outcome.notes.append(passed)
    client = [*node(), workshop.npm({"socket.io-client": LATEST}, "client.mjs") / "client.mjs"]
    if server == FAST:
        with ParleyServer(workshop) as running:
            seen = all_ways(running.url, client, RECOVERING)
    else:
        port = find_free_port()
        with listening(workshop, server, command(server, "scripts.ecosystem.server:app", port), port):
            seen = all_ways(f"http://127.0.0.1:{port}", client, RECOVERING)
    for way in WAYS:
        told = [f"{check}: {seen.get(f'{way}: {check}', 'not reached')}" for check in RECOVERING]
        outcome.seen[f"socket.io-client {LATEST} by {way}"] = "; ".join(
            each for each in told if not each.endswith(": ")
        )
    return outcome


def rows() -> Iterator[Row]:
    """The fast shell first."""
    yield Row("uvicorn, the fast shell", Kind.SERVER, CHECKS, partial(serve, FAST))
    for server in SERVERS:
        name, _, implementation = server.partition("-")
        title = f"{name} with its `{implementation}`" if implementation else name
        yield Row(title, Kind.SERVER, CHECKS, partial(serve, server))


ROWS = tuple(rows())
