"""What all tests share: the event loop they run on, and real servers to run against."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
