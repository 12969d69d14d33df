"""Connections to Redis run on asyncio's own event loop here: uvloop opens a file for itself at the first TLS handshake
that fails, and the tests count open files. The tests of the bus and the store run on uvloop."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
