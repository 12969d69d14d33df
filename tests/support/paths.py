"""Where things are in a checkout, for tests that read or run them."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests" / "clients"  # the JavaScript clients, which scripts/test installs
