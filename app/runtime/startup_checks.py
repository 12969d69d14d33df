"""Checks before anything is served."""

from app.config.settings import Settings
from app.db.migrations import migrate
from app.observability.tracing import check_traces
from app.runtime.cluster_bus import bus_of
from app.runtime.instance_address import check_peer_address


async def prepare(settings: Settings) -> None:
    """Sees to it that the address for other instances can be had, that PostgreSQL has the schema and that Redis
    answers and stores; uvicorn would show a traceback for any of them.

    Raises ConfigError, DatabaseUnavailable, MigrationError and BusUnavailable.
    """
    check_traces(settings)
    check_peer_address(settings)
    await migrate(settings.database_url)
    bus = bus_of(settings)
    await bus.start(lambda *_: None, lambda: None)
    try:
        await bus.ping()
    finally:
        await bus.stop()
