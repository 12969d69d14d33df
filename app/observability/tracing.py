"""Where spans are made, if any are: what the application is put together with."""

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any

from databases.core import Connection
from starlette.types import ASGIApp, Scope

from app.config.settings import ConfigError, Settings
from app.db.queries import Statements

TracedHandler = Callable[..., Awaitable[Any]]


class Traces:
    """Makes none, at no cost. `app.observability.opentelemetry.Tracing` makes spans of what it is given."""

    def event(self, name: str, handler: TracedHandler) -> TracedHandler:  # noqa: ARG002
        """The handler of an event."""
        return handler

    def requests(self, app: ASGIApp, path_of: Callable[[Scope], str | None]) -> ASGIApp:  # noqa: ARG002
        """The application that answers requests. `path_of` gives the route of one that was answered."""
        return app

    def statements(self, connection: Connection) -> Statements:
        """An object that runs statements on a connection."""
        return Statements(connection)

    def close(self) -> None:
        """Sends what is left. It may take some seconds."""


def traces_of(settings: Settings) -> Traces:
    """The traces that the settings ask for."""
    if not settings.traces:
        return Traces()
    from app.observability.opentelemetry import Tracing, otlp_provider

    return Tracing(otlp_provider())


def check_traces(settings: Settings) -> None:
    """Sees to it that what they need is installed. Raises ConfigError."""
    if settings.traces and find_spec("opentelemetry") is None:
        raise ConfigError(
            "TRACES=true needs packages that are not installed: pip install 'parley-chat[otel]'."
        )
