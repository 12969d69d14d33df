"""The instance that is attacked: with default limits, and with people on it who have nothing to do with each other."""

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count, islice
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import Struct
from redis.asyncio import Redis

from app.config.settings import variables
from scripts.cluster import Instance, free_ports
from scripts.hostility.attack import SERVER, Account, Target
from scripts.loadtest.accounts import Rest

PASSWORD = secrets.token_urlsafe(16)
numbers = count(1)


class Attacked(Struct, frozen=True):
    """An instance that runs, what is aimed at, and the accounts of the two ordinary clients."""

    instance: Instance
    target: Target
    ordinary: list[Account]


def defaults(**settings: str) -> dict[str, str]:
    """This process' environment without the settings of Parley in it, but for those given here."""
    names = {name for name, _ in variables()}
    return {name: value for name, value in os.environ.items() if name not in names} | settings


@asynccontextmanager
async def attacked(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Attacked]:
    """An instance for the length of the block, with new accounts and rooms. Raises CannotStart, CannotPrepare."""
    async with Redis.from_url(environment["REDIS_URL"]) as store:
        await store.flushall()  # nobody has used up any allowance, and no instance of before is remembered
    port, private_port = islice(free_ports(0), 2)
    environ = {**environment, "PEER_HOST": SERVER, "PEER_PORT": str(private_port)}
    instance = Instance("the instance", port, folder, environ)
    instance.start()
    try:
        await instance.ready()
        yield await with_people(instance, private_port)
    finally:
        await instance.stop()


async def with_people(instance: Instance, private_port: int) -> Attacked:
    """Two who talk in a room, a guest in it, and an attacker in a room of their own."""
    number = next(numbers)
    # The instance takes this machine's word for where a request comes from: each set of accounts is one network's.
    headers = {"x-forwarded-for": f"127.1.{number // 250}.{number % 250 + 1}"}
    async with aiohttp.ClientSession(instance.url, headers=headers) as session:
        api = Rest(session, instance.url)
        names = [f"{who}-{number}" for who in ("ada", "bob", "guest", "attacker")]
        signed_up = [await sign_up(api, name) for name in names]
        rooms = [await room_of(api, signed_up[:3]), await room_of(api, signed_up[3:])]
    ada, bob, guest, attacker = (
        Account(one["user"]["id"], name, PASSWORD, one["token"], rooms[place // 3])
        for place, (name, one) in enumerate(zip(names, signed_up, strict=True))
    )
    port = instance.address[1]
    target = Target(port=port, private_port=private_port, attacker=attacker, guest=guest, victim=ada)
    return Attacked(instance, target, [ada, bob])


async def sign_up(api: Rest, name: str) -> Any:
    return await api.asked("POST", "/auth/sign-up", None, json={"username": name, "credential": PASSWORD})


async def room_of(api: Rest, signed_up: list[Any]) -> str:
    first, *others = signed_up
    room: str = (await api.asked("POST", "/chat/rooms", first["token"], json={"name": "a room"}))["id"]
    for one in others:
        await api.asked("POST", f"/chat/rooms/{room}/join", one["token"])
    return room
