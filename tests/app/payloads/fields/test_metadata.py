"""Metadata from a client's object to PostgreSQL and back: its size as it is stored, and what was stored before."""

import random
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Refusal
from app.db.database import Database
from app.db.jsonb import MAX_DEPTH, pruned, read_jsonb
from app.db.rows import Row
from app.payloads.fields.metadata import metadata_json, stored_size


def nest(levels: int) -> dict[str, Any]:
    """An object with as many levels, itself included."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


def separators(value: Any) -> int:
    """The commas and colons of a value's JSON, behind each of which PostgreSQL writes a space."""
    if isinstance(value, dict):
        return len(value) + max(len(value) - 1, 0) + sum(map(separators, value.values()))
    return max(len(value) - 1, 0) + sum(map(separators, value)) if isinstance(value, list) else 0


def as_javascript(value: Any) -> Any:
    """The same with all numbers as doubles."""
    if isinstance(value, dict):
        return {key: as_javascript(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_javascript(inner) for inner in value]
    return float(value) if type(value) is int else value


def samples(chance: random.Random) -> list[dict[str, Any]]:
    doubles = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(400)]
    finite = [x for x in doubles if x - x == 0]
    edges = [
        0.0,
        -0.0,
        1.0,
        1e15,
        1e16,
        1e22,
        1e308,
        5e-324,
        1e-7,
        123456.789e-20,
        1.5e300,
        -1e-5,
        2**53,
        2**64 - 1,
    ]
    texts = ["", "1e308", "é\\u0001\n\t\\", "e5", "🙂", "\x7f", "a/b", '"']
    return [{"n": number} for number in finite + edges] + [
        {text: [text, {}, [], None, True]} for text in texts
    ]


class StoredRow(Row, frozen=True):
    text: str
    value: Any


async def test_the_size_is_that_of_what_postgresql_stores(db: Database) -> None:
    """And what comes back is what a JavaScript reader takes for the same."""
    for value in [*samples(random.Random(3)), {"all": [1e300, {"a": 1e-300}, 2, "x"]}]:
        text = metadata_json(value)
        row = await db.row(
            StoredRow,
            "select cast(value as text) as text, value from (select cast(cast(:text as text) as jsonb) as value) v",
            text=text,
        )
        assert row is not None
        stored = row.text
        size = stored_size(value, text.encode())
        assert len(stored.encode()) - separators(value) <= size, value
        assert size <= len(stored.encode()) + len(str(value)), "no more than a sign or so too much"
        assert as_javascript(row.value) == as_javascript(value)


def test_numbers_count_as_they_are_written_out() -> None:
    assert stored_size({"n": 1e308}, b'{"n":1e+308}') == len('{"n":') + 309 + len("}")
    assert stored_size({"t": "1e308"}, b'{"t":"1e308"}') == len(b'{"t":"1e308"}')
    few = {"n": [1e308] * 200}
    assert metadata_json(few) == orjson.dumps(few).decode()
    for many in ({"n": [1e308] * 220}, {"n": [1e-300] * 220}, {"n": {str(n): 1e308 for n in range(220)}}):
        with pytest.raises(Refusal) as refused:
            metadata_json(many)
        assert (refused.value.reason, refused.value.causes[0].path) == ("too_long", "metadata")


def test_depth() -> None:
    assert orjson.loads(metadata_json(nest(MAX_DEPTH))) == nest(MAX_DEPTH)
    for levels in (MAX_DEPTH + 1, 250, 300):
        with pytest.raises(Refusal) as refused:
            metadata_json(nest(levels))
        assert refused.value.reason == "invalid"


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


class TestReading:
    @pytest.mark.parametrize("levels", [1, MAX_DEPTH, MAX_DEPTH + 1, 250, 900])
    def test_what_is_too_deep_is_cut_off(self, levels: int) -> None:
        read = read_jsonb('{"x":' * (levels - 1) + "{}" + "}" * (levels - 1))
        assert depth(read) == min(levels, MAX_DEPTH)

    def test_its_neighbours_stay(self) -> None:
        deep = '{"x":' * 70 + "1" + "}" * 70
        read = read_jsonb(f'{{"a":[1,{{"b":2}}],"deep":{deep},"c":"[[["}}')
        assert (read["a"], read["c"]) == ([1, {"b": 2}], "[[[")
        assert depth(read) == MAX_DEPTH

    def test_deeper_than_can_be_read(self) -> None:
        assert read_jsonb('{"x":' * 100_000 + "1" + "}" * 100_000) is None

    def test_numbers_of_any_size(self) -> None:
        assert read_jsonb('{"n": [1' + "0" * 308 + ", 0." + "0" * 300 + "5, 7]}") == {"n": [1e308, 5e-301, 7]}
        assert read_jsonb('{"n": [1' + "0" * 400 + ", 7]}") == {"n": [None, 7]}

    @given(
        st.recursive(
            st.integers(-(2**53), 2**53),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
        )
    )
    def test_what_is_not_too_deep_is_not_touched(self, value: Any) -> None:
        text = orjson.dumps(value).decode()
        assert read_jsonb(text) == value
        if isinstance(value, dict | list):
            assert pruned(orjson.loads(text)) == value
