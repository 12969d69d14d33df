"""The accounts and rooms of a run, made over REST before anything fails."""

import secrets
from typing import Any

import httpx
from msgspec import Struct

from scripts.soaking.device import User

PASSWORD = secrets.token_urlsafe(16)
WITHIN = 30.0  # seconds of a request


class World(Struct, frozen=True):
    """Users; rooms that all are in and stay in, one of them with little to hear, and one that users enter and leave,
    which has an admin."""

    users: list[User]
    steady: list[str]
    quiet: str
    lively: str
    admin: User


async def make_world(url: str, number: int) -> World:
    """Sign up so many users, who enter two rooms to stay and one to come and go. Raises httpx.HTTPError."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=WITHIN) as http:
        users = [await sign_up(http, f"user-{chr(ord('a') + place)}{place}") for place in range(number)]
        first, second, quiet, lively = [
            await make_room(http, name, users[place:] + users[:place])
            for place, name in enumerate(("First", "Second", "Quiet", "Lively"))
        ]
    return World(users, [first, second], quiet, lively, users[3 % number])


async def sign_up(http: httpx.AsyncClient, name: str) -> User:
    body = {"username": name, "credential": PASSWORD}
    session: dict[str, Any] = (await http.post("/auth/sign-up", json=body)).raise_for_status().json()
    return User(session["user"]["id"], name, session["token"])


async def make_room(http: httpx.AsyncClient, name: str, users: list[User]) -> str:
    first, *others = users
    made = await http.post("/chat/rooms", json={"name": name}, headers=authorization(first))
    room: str = made.raise_for_status().json()["id"]
    for user in others:
        (await http.post(f"/chat/rooms/{room}/join", headers=authorization(user))).raise_for_status()
    return room


def authorization(user: User) -> dict[str, str]:
    """The header by which a user is known."""
    return {"authorization": f"Bearer {user.token}"}
