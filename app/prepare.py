"""What is seen to before anything is served."""

from app.config import Settings
from app.db import migrate
from protocol import RedisBus


async def prepare(settings: Settings) -> None:
    """Sees to it that PostgreSQL has the schema and that Redis answers; uvicorn would show a traceback for either.

    Raises DatabaseUnavailable, MigrationError and BusUnavailable.
    """
    await migrate(settings.database_url)
    bus = RedisBus(settings.redis_url)
    await bus.start(lambda *_: None, lambda: None)
    await bus.stop()
