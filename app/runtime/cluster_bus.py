"""The bus of an instance, in the mode that all instances have."""

from app.config.settings import Settings
from protocol import InterestBus, RedisBus


def bus_of(settings: Settings) -> RedisBus | InterestBus:
    """The bus that the settings ask for."""
    return (InterestBus if settings.by_interest else RedisBus)(settings.redis_url)
