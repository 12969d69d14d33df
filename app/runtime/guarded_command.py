"""A command of the console, from its first signal handler to its exit status."""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from app.config.settings import ConfigError
from app.core.errors import CannotStart, Unavailable
from protocol import BusUnavailable

FAILED = 1
MISUSED = 2


def guarded(command: Callable[[], None]) -> int:
    """Run it until it ends or a signal ends it; what keeps a server from starting becomes a sentence and a status."""
    signal.signal(signal.SIGTERM, leave)
    try:
        command()
    except ConfigError as error:
        return report(error, MISUSED)
    except (CannotStart, Unavailable, BusUnavailable) as error:
        return report(error, FAILED)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def report(error: Exception, status: int) -> int:
    print(f"parley: {error}", file=sys.stderr)  # noqa: T201
    return status


def leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End in the orderly way when asked to, also while the embedded servers start or stop."""
    raise SystemExit(0)
