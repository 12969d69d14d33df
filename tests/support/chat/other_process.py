"""An instance in a process of its own, beside those that run in the event loop of a test."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

from app.config.settings import Settings
from tests.support.waiting import PATIENCE


class OtherProcess:
    """An instance in a process of its own, which can be frozen and killed."""

    def __init__(self, settings: Settings, port: int, **more: object) -> None:
        given = {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "BUS": settings.bus,
            "JWT_SECRET": settings.jwt_secret,
            "DATA_DIR": str(settings.data_dir),
            "PORT": str(port),
            "LOG_LEVEL": "error",
            **{name: str(value) for name, value in more.items()},
        }
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([sys.executable, "-m", "app", "serve"], env={**os.environ, **given})

    async def started(self) -> "OtherProcess":
        async with httpx.AsyncClient(trust_env=False) as client:
            async with asyncio.timeout(PATIENCE):
                while True:
                    with suppress(httpx.TransportError):
                        if (await client.get(f"{self.url}/health/ready")).status_code == 200:
                            return self
                    assert self.process.poll() is None
                    await asyncio.sleep(0.05)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def other_process(settings: Settings, port: int, **more: object) -> AsyncIterator[OtherProcess]:
    """One that has started; `more` are variables of its environment."""
    process = OtherProcess(settings, port, **more)
    try:
        yield await process.started()
    finally:
        process.kill()
