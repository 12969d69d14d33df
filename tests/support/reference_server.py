"""The reference, socket.io on Node (tests/clients/reference.mjs), for tests that ask it what they ask our server."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from tests.support.paths import node_client


class Reference:
    """Where it is served."""

    path = "/socket.io/"

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, query: str) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}?{query}"


@contextmanager
def reference(**options: Any) -> Iterator[Reference]:
    """Serves it, with options of its own."""
    command = (*node_client("reference.mjs"), orjson.dumps(options).decode())
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Reference(int(process.stdout.readline()))
        finally:
            process.stdin.close()
