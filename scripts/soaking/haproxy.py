"""HAProxy in front of the instances, with the configuration that is deployed."""

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from string import Template

from app.core.errors import CannotStart
from app.embedded.child_process import running
from tests.support.ports import find_free_port
from tests.support.redis_servers import listens

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"
NAMED = 2  # servers that it names; more are added


@contextmanager
def running_haproxy(folder: Path, servers: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """HAProxy in front of servers, for the length of the block; where it listens. Raises CannotStart."""
    program = shutil.which("haproxy", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    if program is None:
        raise CannotStart("HAProxy is not installed (Debian: apt-get install haproxy).")
    port = find_free_port()
    given = [f"{host}:{number}" for host, number in servers]
    more = [
        f'    server instance-{place} "{address}"\n' for place, address in enumerate(given) if place >= NAMED
    ]
    names = {
        "PARLEY_BIND": f"127.0.0.1:{port}",
        "PARLEY_ONE": given[0],
        "PARLEY_TWO": given[min(1, len(given) - 1)],
    }
    configuration = folder / "haproxy.cfg"
    text = Template(CONFIGURATION.read_text("utf-8")).substitute(names)
    configuration.write_text(text + "".join(more), "utf-8")
    with running(
        "HAProxy",
        [program, "-f", configuration],
        ready=lambda _: listens(port),
        log_file=folder / "haproxy-log",
        stop_signal=signal.SIGTERM,
    ):
        yield "127.0.0.1", port
