"""Whole instances of the chat, and people who use them over HTTP and real Socket.IO connections."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from inspect import signature
from itertools import cycle, repeat
from typing import Any
from zlib import crc32

import httpx
import pytest
import structlog

from app.config.settings import Settings
from app.core import background_tasks
from app.db.database import Database
from app.observability.logging import QUIET
from tests.conftest import in_one_chat
from tests.support.chat import descriptions as described
from tests.support.chat.admin_command import Admin, admin_command
from tests.support.chat.people import PASSWORD, Connect, Device, Instance, People, Person, Start, names


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A pool on the test's own database."""
    database = Database(database_url)
    await database.connect()
    yield database
    await database.close()


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """For tests that configure the logs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, least in quiet.items():
        logging.getLogger(name).setLevel(least)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def start(settings: Settings, stack: AsyncExitStack) -> Start:
    """Starts instances of one chat; they share their database and their Valkey."""

    async def start(**changes: Any) -> Instance:
        instance = await Instance(replace(settings, **changes)).started()
        stack.push_async_callback(instance.stop)
        return instance

    return start


@pytest.fixture
def swept_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what a sweeper would find: an instance's own look for the first time before a test begins."""
    monkeypatch.setattr(background_tasks, "FIRST_WITHIN", 0)


@pytest.fixture
def instance(request: pytest.FixtureRequest, settings: Settings) -> Instance:
    """One running instance; where the test is in `one_chat`, that one's. A test that takes it takes `settings` too, for
    which it may have parameters."""
    name = "instance_of_one_chat" if in_one_chat(request) else "instance_of_its_own"
    running: Instance = request.getfixturevalue(name)
    return running


@pytest.fixture
async def instance_of_its_own(start: Start) -> Instance:
    """An instance for one test."""
    return await start()


@pytest.fixture(scope="module")
async def instance_of_one_chat(settings_of_one_chat: Settings) -> AsyncIterator[Instance]:
    """An instance that the tests of a module share."""
    instance = await Instance(settings_of_one_chat).started()
    yield instance
    await instance.stop()


@pytest.fixture
def admin(database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]) -> Admin:
    """`parley admin` on the database of the test's instances."""
    return admin_command(database_url, redis_url, capsys)


@pytest.fixture
async def http(instance: Instance) -> AsyncIterator[httpx.AsyncClient]:
    """A client that has not signed in."""
    async with described.client(instance.url) as client:
        yield client


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that take `transport` themselves run once over each; those marked `over_websocket` over that alone."""
    chosen = any("transport" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "transport" in signature(metafunc.function).parameters and not chosen:
        alone = metafunc.definition.get_closest_marker("over_websocket") is not None
        metafunc.parametrize("transport", ["websocket"] if alone else ["websocket", "polling"], indirect=True)


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> str | None:
    """How all devices of the test connect; None where they do so over both in turn."""
    alone = request.node.get_closest_marker("over_websocket") is not None
    return getattr(request, "param", "websocket" if alone else None)


@pytest.fixture
def transports(request: pytest.FixtureRequest, transport: str | None) -> Iterator[str]:
    """How each device of the test connects: over both in turn, unless the test says otherwise. Which of them is the
    first is another one for every other test, so that those of a single device are made over either."""
    if transport is not None:
        return repeat(transport)
    both = ["websocket", "polling"]
    return cycle(both if crc32(request.node.name.encode()) % 2 else both[::-1])


@pytest.fixture
def connect(instance: Instance, stack: AsyncExitStack, transports: Iterator[str]) -> Connect:
    """Connects a device with any token, or none; it does not authenticate."""

    async def connect(
        token: str | None = None, headers: dict[str, str] | None = None, url: str | None = None
    ) -> Device:
        device = Device(url or instance.url, token, next(transports))
        stack.push_async_callback(device.close)
        return await device.connect(headers)

    return connect


@pytest.fixture
def people(
    instance: Instance, http: httpx.AsyncClient, stack: AsyncExitStack, transports: Iterator[str]
) -> People:
    """Signs people up."""

    async def sign_up(username: str | None = None) -> Person:
        body = {"username": username or f"person-{next(names)}", "credential": PASSWORD}
        answer = await http.post("/auth/sign-up", json=body)
        assert answer.status_code == 201, answer.text
        person = Person(instance.url, answer.json(), stack, transports)
        stack.push_async_callback(person.http.aclose)
        return person

    return sign_up
