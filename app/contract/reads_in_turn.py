"""Operations that read, bounded for each user."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import msgspec

from app.contract.operation import Operation
from app.core.caller import Caller
from app.limits.concurrency import UserConcurrency


def in_turn(operation: Operation, turns: UserConcurrency, check: Callable[[str], None]) -> Operation:
    """The same operation; where it reads, each user's are in turn. What is written waits for the room anyway.

    Once it is their turn, `check` may refuse a user.
    """
    if operation.http is None or operation.http[0] != "GET":
        return operation

    @wraps(operation.run)
    async def run(caller: Caller, payload: Any) -> Any:
        async with turns.one(caller.user_id):
            check(caller.user_id)
            return await operation.run(caller, payload)

    return msgspec.structs.replace(operation, run=run)
