"""The public test suites of engine.io-protocol and socket.io-protocol, as the authors of the reference publish them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.ecosystem.children import ENVIRONMENT, DidNotStart, listening
from scripts.ecosystem.workshop import ROOT, Workshop, run_installer
from tests.support.ports import find_free_port

SOURCE = "https://github.com/socketio"
COMMITS = {
    "engine": "f21de7b00ed09b3bbad2807db718ea5d6bc36aba",
    "socket": "4f633dd6a4445492d57af3b27ddd2d336014f1f1",
}
WS = "ws@8.18.0"  # the one that is locked dispatches all messages of a read at once, whatever it is told
# Whether these tests pass depends on the machine too, so a run in which nothing else failed is repeated, until each of
# them has passed once. The first two send `2probe` and `5` over one connection without awaiting `3probe`, and a request
# over another one. They expect the server to read them in this order, and the next message to be the answer to a later
# one. Nothing promises either. The others have 200 ms for a pong.
REPEATED = ("with same sid after upgrade", "heartbeat")
ATTEMPTS = 10
WITHIN = 180.0  # seconds


def suite_folder(workshop: Workshop, suite: str) -> Path:
    """The suite with what it needs. Raises `NotAvailable`."""
    folder = workshop.folder / f"suite-{suite}-{COMMITS[suite][:12]}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        repository = f"{SOURCE}/{suite}.io-protocol"
        run_installer(
            ["git", "clone", "--quiet", repository, str(folder)], f"the suite of {suite}.io-protocol"
        )
        run_installer(["git", "-C", str(folder), "checkout", "--quiet", COMMITS[suite]], "its commit")
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        npm = [str(ROOT / "scripts/node"), "npm"]
        run_installer([*npm, "ci", *quiet], "its packages", folder / "test-suite")
        run_installer([*npm, "install", *quiet, WS], WS, folder / "test-suite")
        prepare(folder / "test-suite")
        (folder / "installed").touch()
    return folder / "test-suite"


def prepare(folder: Path) -> None:
    """Let the suite take its server's URL, and its websockets dispatch one message a turn, as browsers do: the suites
    wait for one message after the other.
    """
    test = folder / "test-suite.js"
    text = test.read_text("utf-8")
    test.write_text(re.sub(r'const URL = "[^"]+"', "const URL = process.env.SUITE_URL", text), "utf-8")
    imports = folder / "node-imports.js"
    text = imports.read_text("utf-8")
    one_a_turn = (
        "globalThis.WebSocket = class extends WebSocket {\n"
        "  constructor(url) {\n"
        "    super(url, { allowSynchronousEvents: false });\n"
        "  }\n"
        "};"
    )
    imports.write_text(text.replace("globalThis.WebSocket = WebSocket;", one_a_turn), "utf-8")


def run_suite(workshop: Workshop, suite: str, server: Sequence[str], node: Path | str) -> tuple[str, str]:
    """What is wrong, empty if nothing is, and how many tests passed. `server` is an ASGI server, or nothing."""
    folder = suite_folder(workshop, suite)
    mocha = [node, folder / "node_modules/mocha/bin/mocha"]
    report = report_of(workshop, suite, server, mocha, folder)
    failed, runs = failures_of(report), 1
    while failed and runs < ATTEMPTS and all(map(title_is_repeated, failed)):
        again = failures_of(report_of(workshop, suite, server, mocha, folder))
        failed = {
            title: why for title, why in again.items() if title in failed or not title_is_repeated(title)
        }
        runs += 1
    tests = report["stats"]["tests"]
    passed = f"{suite}.io-protocol {tests - len(failed)} of {tests}" + (
        f" (in {runs} runs)" if runs > 1 else ""
    )
    return "; ".join(f"{title}: {why}" for title, why in failed.items()), passed


def failures_of(report: dict[str, Any]) -> dict[str, str]:
    """Why each test failed that did."""
    return {test["fullTitle"]: test["err"].get("message", "")[:80] for test in report["failures"]}


def title_is_repeated(title: str) -> bool:
    """True for a test that a busy machine can fail."""
    return any(part in title for part in REPEATED)


def report_of(
    workshop: Workshop, suite: str, server: Sequence[str], mocha: Sequence[Path | str], folder: Path
) -> dict[str, Any]:
    """What mocha reports of one run on a new server."""
    port = find_free_port()
    command = [sys.executable, "-m", "scripts.conformance", suite, "--port", str(port), *server]
    with listening(workshop, suite, command, port):
        ended = subprocess.run(
            [*mocha, "--reporter", "json", "test-suite.js"],
            cwd=folder,
            env={**ENVIRONMENT, "SUITE_URL": f"http://127.0.0.1:{port}", "HOME": os.environ.get("HOME", "/")},
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
    found = ended.stdout.partition("{")
    if not found[1]:
        raise DidNotStart(f"mocha printed no report: {ended.stderr[-200:]}")
    report: dict[str, Any] = json.loads("{" + found[2])
    return report
