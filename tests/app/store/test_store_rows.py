"""The rows of `app.store` are what PostgreSQL says its statements return: in names, order and types."""

import datetime as dt
import inspect
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import asyncpg
import pytest
from msgspec import Struct

from app import store
from app.db.queries import translate
from app.db.rows import Row, columns_of, inner_rows
from app.store.search.message_words import MessagePlace, Span, WordsOfMessage

Function = Callable[..., Awaitable[Any]]
Connection = asyncpg.Connection

OF_POSTGRESQL = {
    "text": str,
    "int4": int,
    "int8": int,
    "bool": bool,
    "timestamptz": dt.datetime,
    "time": dt.time,
    "jsonb": "anything",
    "text[]": list,
}
FUNCTIONS = {
    f"{module}.{name}": function
    for module in store.__all__
    for name, function in inspect.getmembers(getattr(store, module), inspect.iscoroutinefunction)
    if function.__module__ == getattr(store, module).__name__
}


class Asked(Struct):
    """A statement that a function of the store runs; `row` is a row, a type of one column, or None for a value."""

    row: Any
    sql: str
    values: dict[str, Any]


class ReadNothing(Exception):
    """In place of a row that a function needs to go on."""


class Asking:
    """Notes statements in place of running them."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    async def rows(self, row: type[Row], sql: str, /, **values: Any) -> list[Any]:
        self.asked.append(Asked(row, sql, values))
        return []

    async def row(self, row: type[Row], sql: str, /, **values: Any) -> None:
        self.asked.append(Asked(row, sql, values))
        raise ReadNothing

    async def column(self, of: type, sql: str, /, **values: Any) -> list[Any]:
        self.asked.append(Asked(of, sql, values))
        return []

    async def value(self, sql: str, /, **values: Any) -> bool:
        self.asked.append(Asked(None, sql, values))
        return True  # so that a function goes on where it found something


def given(hint: Any) -> Any:
    """A value for an argument of a type."""
    if get_origin(hint) in (Union, types.UnionType):
        return given(get_args(hint)[0])
    values: dict[Any, Any] = {
        str: "a",
        int: 1,
        float: 1.0,
        bool: True,
        dt.datetime: dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        dt.time: dt.time(22),
        Span: Span(),
        MessagePlace: MessagePlace("a", 1, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        WordsOfMessage: WordsOfMessage("a", 1, "a"),
    }
    if hint in values:
        return values[hint]
    if get_origin(hint) is Mapping:
        return {"a": 1.0}
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    (inner,) = get_args(hint)
    return [("a", 1, "a") if get_origin(inner) is tuple else values.get(inner, "a")]


async def statements_of(function: Function) -> list[Asked]:
    hints = get_type_hints(function)
    asking = Asking()
    arguments = {
        name: given(hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "q" and parameter.default is parameter.empty
    }
    with suppress(ReadNothing):
        await function(asking, **arguments)
    return asking.asked


async def columns(connection: Connection, sql: str) -> list[tuple[str, str]]:
    """The names and types of what a statement returns."""
    prepared = await connection.prepare(translate(sql).sql)
    return [(column.name, column.type.name) for column in prepared.get_attributes()]


def plain(hint: Any) -> Any:
    """The type of a field's values, without None."""
    kinds = [kind for kind in get_args(hint) if kind is not types.NoneType]
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = kinds
    if get_origin(hint) is Literal:
        return {type(value) for value in get_args(hint)}.pop()
    return get_origin(hint) or hint


def types_of(row: type[Row]) -> list[Any]:
    hints = get_type_hints(row)
    found: list[Any] = []
    for name, inner in zip(row.__struct_fields__, inner_rows(row), strict=True):
        found += [plain(hints[name])] if inner is None else types_of(inner)
    return found


def check(name: str, row: Any, returned: list[tuple[str, str]]) -> None:
    kinds = [OF_POSTGRESQL[kind] for _, kind in returned]
    if issubclass(row, Row):
        assert tuple(column for column, _ in returned) == columns_of(row), name
        expected = types_of(row)
    else:
        kinds, expected = kinds[:1], [row]
    assert [
        found for found, kind in zip(expected, kinds, strict=True) if kind not in (found, "anything")
    ] == [], name


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_a_statement_returns_the_columns_of_its_row(connection: Connection) -> None:
    for name, function in FUNCTIONS.items():
        asked = await statements_of(function)
        assert asked, name
        for statement in asked:
            returned = await columns(connection, statement.sql)
            assert set(translate(statement.sql).names) == set(statement.values), name
            if statement.row is not None:
                check(name, statement.row, returned)


@pytest.mark.parametrize(
    "sql",
    [
        "select 'a' as message_id, 'b' as member_id",  # renamed
        "select 'a' as user_id, 'b' as message_id",  # in another order
        "select 'a' as message_id",
        "select 'a' as message_id, 'b' as user_id, 1 as more",
        "select 1 as message_id, 'b' as user_id",  # of another type
    ],
)
async def test_a_statement_with_other_columns_than_its_row_is_found(connection: Connection, sql: str) -> None:
    with pytest.raises(AssertionError):
        check("a statement", store.mentions.MentionRow, await columns(connection, sql))
