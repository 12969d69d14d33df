"""Structured logs: every line, the standard library's loggers' included, goes through one chain to standard error.

`structlog.contextvars.bind_contextvars(request_id=…)` puts a request's id on each line that is logged under it.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

SECRET_KEY = re.compile(r"authorization|cookie|credential|password|secret|token", re.IGNORECASE)
# A bearer token, a token in a query, the password in a URL; the first group goes before it.
SECRET_TEXT = re.compile(r"(\bbearer\s+|[?&]token=|://[^:/@\s]*:(?=[^/@\s]*@))[^\s&\"'@]+", re.IGNORECASE)
HIDDEN = "[hidden]"

# uvicorn's own lines of each request would repeat ours without the request's id.
QUIET = {"uvicorn.access": logging.WARNING, "databases": logging.WARNING, "asyncio": logging.WARNING}


def configure_logs(level: str, layout: str, *, worker: int | None = None) -> None:
    """Send all logs from `level` on to standard error, as "text" for people or as "json"; each says which worker."""
    chain: list[Processor] = [
        *([] if worker is None else [naming(worker)]),
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        drop_repetition,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers(layout)],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLogger().level))


def renderers(layout: str) -> list[Processor]:
    """Exceptions become texts or dicts first, so that what they say is looked through as well."""
    if layout == "json":
        # The values of local variables stay out: they are what people said and signed in with.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        to_json = structlog.processors.JSONRenderer(default=str)
        return [structlog.processors.ExceptionRenderer(frames), hide_secrets, to_json]
    plain = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return [structlog.processors.format_exc_info, hide_secrets, plain]


def naming(worker: int) -> Processor:
    """Say on each line which of several processes it is of."""

    def name(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["worker"] = worker
        return event

    return name


def drop_repetition(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop what uvicorn adds to say its message again in colours."""
    event.pop("color_message", None)
    return event


def hide_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of keys that name a secret, at any depth, and what looks like one inside texts."""
    return {key: hidden(key, value) for key, value in event.items()}


def hidden(key: object, value: Any) -> Any:
    if isinstance(key, str) and SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(value, str):
        return SECRET_TEXT.sub(rf"\1{HIDDEN}", value)
    if isinstance(value, dict):
        return {inner: hidden(inner, item) for inner, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(hidden(None, item) for item in value)
    return value
