"""Where things are in a checkout, for tests that read or run them."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests" / "clients"  # the JavaScript clients, which scripts/test installs


def node() -> str:
    """Node's program, which scripts/test finds or installs."""
    found = os.environ.get("PARLEY_NODE") or shutil.which("node")
    assert found is not None, "no Node.js: run scripts/test, or set PARLEY_NODE"
    return found


def node_client(name: str) -> tuple[str, str]:
    """The command that runs one of the JavaScript clients."""
    assert (CLIENTS / "node_modules").exists(), "scripts/test installs the JavaScript clients"
    return node(), str(CLIENTS / name)
