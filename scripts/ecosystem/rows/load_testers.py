"""Load testers: some users of each for some seconds, none of whom may fail."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from scripts.ecosystem.children import ENVIRONMENT, ParleyServer, last_line_of
from scripts.ecosystem.row import Kind, Outcome, Row
from scripts.ecosystem.rows.absent import absent
from scripts.ecosystem.rows.clients import node
from scripts.ecosystem.workshop import PROGRAMS, WHY_LENGTH, Workshop

CHECK = "users that emit and await acknowledgements"
WITHIN = 120.0  # seconds
USERS = 20  # of artillery's plan
ARTILLERY = "2.0.34"
ENGINES: dict[str, dict[str, str]] = {
    "socketio": {},
    "socketio-v3": {"artillery-engine-socketio-v3": "1.2.0"},
}
LOCUST = "2.47.0"


def failure_of(command: Sequence[str | Path], folder: Path, **environment: str) -> str:
    """Empty, or what a program says that has failed."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**ENVIRONMENT, "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    return "" if ended.returncode == 0 else last_line_of((ended.stderr or ended.stdout).splitlines())


def artillery(engine: str, workshop: Workshop) -> Outcome:
    """Artillery, with the engine of its own or another one."""
    installed = workshop.npm({"artillery": ARTILLERY, **ENGINES[engine]})
    folder = workshop.new_folder("artillery")
    plan = PROGRAMS / f"artillery-{engine}.yaml"
    report = folder / "report.json"
    program = installed / "node_modules/artillery/bin/run"
    with ParleyServer(workshop) as server:
        wrong = failure_of(
            [*node(), program, "run", "--output", report, plan],
            folder,
            TARGET=server.url,
            ARTILLERY_DISABLE_TELEMETRY="true",
            NODE_PATH=str(installed / "node_modules"),
        )
    if wrong or not report.exists():
        return Outcome({CHECK: wrong or "no report"})
    counters = json.loads(report.read_text("utf-8"))["aggregate"]["counters"]
    done, failed = counters.get("vusers.completed", 0), counters.get("vusers.failed", 0)
    why = "" if (done, failed) == (USERS, 0) else f"{done} of {USERS} users completed: {counters}"
    return Outcome({CHECK: why[:WHY_LENGTH]}, notes=[f"{done} of {USERS} users completed, {failed} failed"])


def locust(workshop: Workshop) -> Outcome:
    """Locust, with its own user for Socket.IO."""
    python = workshop.python(f"locust=={LOCUST}", "python-socketio[client]==5.18.1")
    folder = workshop.new_folder("locust")
    options = ["--headless", "--users", "10", "--spawn-rate", "10", "--run-time", "5s", "--csv", "figures"]
    command = [python, "-m", "locust", "-f", PROGRAMS / "locustfile.py", *options, "--only-summary"]
    with ParleyServer(workshop) as server:
        wrong = failure_of([*command, "--host", server.url], folder)
    if wrong:
        return Outcome({CHECK: wrong})
    lines = (folder / "figures_stats.csv").read_text("utf-8").splitlines()
    total = dict(zip(lines[0].split(","), lines[-1].split(","), strict=False))
    count, failures = int(total["Request Count"]), int(total["Failure Count"])
    events = [line for line in lines if line.startswith("WSR,echo")]
    why = "" if count and not failures and events else f"{failures} of {count} requests failed; {lines[1:]}"
    return Outcome({CHECK: why[:WHY_LENGTH]}, notes=["no request failed"] if not failures else [])


def rows() -> Iterator[Row]:
    """Artillery twice, Locust, and k6."""
    for engine, more in ENGINES.items():
        name = f"Artillery with {'artillery-engine-socketio-v3 1.2.0' if more else 'its `socketio` engine'}"
        yield Row(name, Kind.LOAD, (CHECK,), partial(artillery, engine), ARTILLERY)
    yield Row("Locust", Kind.LOAD, (CHECK,), locust, LOCUST)
    yield absent("k6", Kind.LOAD, "no registry that we install from has its program")


ROWS = tuple(rows())
