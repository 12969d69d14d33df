"""What keeps an instance from starting is one sentence in its log, also where it comes up while it starts."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import CannotStart, Unavailable
from protocol import BusUnavailable, StoreUnavailable

EXPECTED = (CannotStart, Unavailable, BusUnavailable, StoreUnavailable)
FAILED = "lifespan.startup.failed"


class SentenceOnFailure:
    """An application whose start fails with a sentence, where Starlette gives uvicorn a traceback to log: PostgreSQL
    and Redis, which were there a moment ago, may be gone when it connects."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        failed: list[Message] = []

        async def held(message: Message) -> None:
            if message["type"] == FAILED:
                failed.append(message)
            else:
                await send(message)

        try:
            await self._app(scope, receive, held)
        except EXPECTED as error:
            if not failed:
                raise
            await send({"type": FAILED, "message": f"it cannot start: {error}"})
        except BaseException:
            for message in failed:
                await send(message)
            raise
