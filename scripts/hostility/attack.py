"""What an attack is: who it is aimed at, what is written down of it, and what it may have at most."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import aiohttp
from msgspec import Struct

SERVER = "127.0.0.1"
ORDINARY = "127.0.0.2"  # the address of the ordinary clients
ATTACKERS = ("127.0.0.3", "127.0.0.4")


class Account(Struct, frozen=True):
    """A user with a token, and the room that the account has been put into."""

    user_id: str
    username: str
    password: str
    token: str
    room: str


class Target(Struct, frozen=True):
    """The instance that is attacked. `attacker` is in a room of its own, `guest` in that of the ordinary clients.

    `private_port` is the port of the listener for other instances; nothing but an address keeps strangers from it.
    """

    port: int
    private_port: int
    attacker: Account
    guest: Account
    victim: Account

    @property
    def url(self) -> str:
        """Where the instance is."""
        return f"http://{SERVER}:{self.port}"


class Outcome:
    """What became of the attacker: the bytes that were taken from it, and what it was answered, by kind."""

    def __init__(self) -> None:
        self.sent = 0
        self.answers: Counter[str] = Counter()


Run: TypeAlias = Callable[[Target, Outcome, Any], Awaitable[None]]


class Attack(Struct, frozen=True):
    """One attack. `run` goes on until it is cancelled; its third argument is what `prepare` returned.

    `account`: whether it takes an account. `witness` is something else that an ordinary user does meanwhile.
    """

    name: str
    about: str
    run: Run
    account: bool = False
    prepare: Callable[[Target], Awaitable[Any]] | None = None
    witness: str = ""


def http(url: str, address: str, **headers: str) -> aiohttp.ClientSession:
    """A client of the REST routes that asks from one of this machine's addresses."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    return aiohttp.ClientSession(url, connector=connector, headers=headers)


def bearer(account: Account) -> dict[str, str]:
    """The header of an account's requests."""
    return {"authorization": f"Bearer {account.token}"}
