"""Passwords that are guessed and accounts that are made."""

import asyncio
from functools import partial
from itertools import count
from typing import Any

from scripts.hostility.attack import ATTACKERS, Attack, Outcome, Target, http
from scripts.hostility.attacks.http import request
from scripts.hostility.wire import connected, crowd


async def guesses(target: Target, outcome: Outcome, _: Any) -> None:
    """Passwords of one user, tried from two addresses."""

    async def act(address: str) -> None:
        async with http(target.url, address) as session:
            for number in count():
                body = {
                    "identifier": {"scheme": "username", "value": target.victim.username},
                    "credential": {"scheme": "basic", "value": f"guess number {number}"},
                }
                async with session.post("/auth/sign-in", json=body) as answer:
                    outcome.answers[str(answer.status)] += 1

    await asyncio.gather(*(crowd(4, outcome, partial(act, address)) for address in ATTACKERS))


async def sign_ups(target: Target, outcome: Outcome, _: Any) -> None:
    """Sign-ups that are wrong, as fast as four connections can."""
    unit = request("POST", "/auth/sign-up", body=b'{"username":"a","credential":"b"}')

    async def act() -> None:
        async with connected(target, outcome, listens=True) as connection:
            while True:
                await connection.send(unit)

    await crowd(4, outcome, act)


ATTACKS = [
    Attack("guesses", "passwords of one user tried from two addresses", guesses, witness="sign_in"),
    Attack("sign-ups", "sign-ups that are wrong, pipelined", sign_ups),
]
