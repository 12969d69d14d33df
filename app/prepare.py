"""What is seen to before anything is served."""

from app.config import Settings
from app.migrations import migrate
from app.peers import check_peer_address
from app.traces import check_traces
from protocol import RedisBus


async def prepare(settings: Settings) -> None:
    """Sees to it that the address for other instances can be had, that PostgreSQL has the schema and that Redis
    answers; uvicorn would show a traceback for any of them.

    Raises ConfigError, DatabaseUnavailable, MigrationError and BusUnavailable.
    """
    check_traces(settings)
    check_peer_address(settings)
    await migrate(settings.database_url)
    bus = RedisBus(settings.redis_url)
    await bus.start(lambda *_: None, lambda: None)
    await bus.stop()
