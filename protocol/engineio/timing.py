"""How long a session waits for what."""

from msgspec import Struct


class Timing(Struct, frozen=True):
    """Milliseconds; `EngineOptions` of a server has the defaults."""

    ping_interval: int
    ping_timeout: int
    upgrade_timeout: int
