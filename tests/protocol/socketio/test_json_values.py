"""The contract for JSON: limits that are held exactly, and the values that JavaScript reads."""

import json
import random
import struct
import subprocess
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.errors import BadValue
from protocol.socketio.json_values import (
    MAX_DEPTH,
    MAX_VALUES,
    check_size,
    is_beyond,
    is_deeper,
    parse_json,
)
from tests.support.packet_values import nested, scalars
from tests.support.paths import node

MANY = 10**9
UNGAINLY = st.text('[]{}",:\\a€', max_size=6)  # what the check must not take for the marks of JSON
values = nested(scalars | UNGAINLY | st.just([[[]]]) | st.just({"[": {"]": {}}}))


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def marks(value: Any) -> int:
    """The opening brackets, commas and colons of a value's JSON."""
    if isinstance(value, dict):
        return 1 + len(value) + max(len(value) - 1, 0) + sum(map(marks, value.values()))
    return 1 + max(len(value) - 1, 0) + sum(map(marks, value)) if isinstance(value, list) else 0


def nest(levels: int) -> str:
    return "[" * levels + "]" * levels


def breaks(text: str, max_depth: int, max_values: int) -> bool:
    try:
        check_size(text, max_depth, max_values)
    except BadValue:
        return True
    return False


@given(values, st.integers(-1, 1), st.booleans())
@example([{"a": 1}, {"b": 2}], 0, False)
@example({"a": {"b": 1}}, -1, False)
def test_depth_is_counted_exactly(value: Any, off: int, spaced: bool) -> None:
    text, limit = json.dumps(value, ensure_ascii=spaced, indent=spaced or None), depth(value) + off
    if limit >= 1:  # a single list or object is never too deep
        assert is_deeper(text, limit) is (off < 0)
    if limit >= 2:
        assert breaks(text, limit, MANY) is (off < 0)
        assert (is_beyond(value, limit, MANY) is not None) is (off < 0)


@given(values, st.integers(-1, 1))
def test_values_are_counted_exactly(value: Any, off: int) -> None:
    text, limit = orjson.dumps(value).decode(), marks(value) + off
    assert breaks(text, MANY, max(limit, 0)) is (off < 0 <= limit)


class TestLimits:
    @pytest.mark.parametrize(
        "text", [nest(MAX_DEPTH), '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH, f'["{"[" * 1000}"]']
    )
    def test_what_is_just_within(self, text: str) -> None:
        assert parse_json(text) == orjson.loads(text)

    @pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 255, 1000, 1500, 20_000])
    def test_too_deep(self, levels: int) -> None:
        with pytest.raises(BadValue, match="more than 64 levels"):
            parse_json(nest(levels))

    def test_too_many(self) -> None:
        assert len(parse_json("[" + "1," * (MAX_VALUES - 2) + "1]")) == MAX_VALUES - 1
        for text in (
            "[" + "1," * MAX_VALUES + "1]",
            "[" + '"",' * MAX_VALUES + '""]',
            "[" + "[]," * 60_000 + "1]",
            "[" + '"[",' * 110_000 + "1]",
        ):
            with pytest.raises(BadValue, match="more than 100000 values"):
                parse_json(text)

    def test_marks_within_strings_count_for_nothing(self) -> None:
        text = orjson.dumps(['[{,:\\"' * 50_000]).decode()
        assert parse_json(text) == ['[{,:\\"' * 50_000]

    @pytest.mark.parametrize(
        "text", ["[" * 200, "[" * 200_000, "{" * 200 + "]" * 200, "[1," + "2," * 200_000]
    )
    def test_what_is_no_json_at_all(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"JSON|pair|Expecting"):
            parse_json(text)

    def test_a_parsed_value(self) -> None:
        assert is_beyond({"a": [1, {"b": None}]}, 3, 5) is None
        assert is_beyond([1, 2, 3], 3, 2) == "more than 2 values"
        assert is_beyond([[1]], 1, 2) == "nested more than 1 levels deep"
        assert is_beyond([[float("inf")]], 2, 2) == "a number is out of range"
        assert is_beyond(float("nan"), 1, 1) == "a number is out of range"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740993", 2**53 + 1),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551616", 1.8446744073709552e19),
        ("1" + "0" * 308, 1e308),
        ("1e-400", 0.0),
        (
            '["\\ud83d",12345678901234567890,123,-4.5,18446744073709551616]',
            ["�", 1.2345678901234567e19, 123, -4.5, 2.0**64],
        ),
        ('"a\\ud83d"', "a�"),
        ('"\\ud83d\\ude42"', "🙂"),
    ],
)
def test_numbers_and_halves_of_characters(text: str, value: Any) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize("text", ["1e400", "[-1e400]", '{"a":[1E999]}', "9" * 310, '["\\ud83d",1e400]'])
def test_numbers_out_of_range(text: str) -> None:
    with pytest.raises(BadValue, match="out of range"):
        parse_json(text)


@pytest.mark.parametrize(
    "text",
    ["", "[", "NaN", "[-Infinity]", "[1e400", "[1e400,]", '["\\ud83d"', "01", "'a'", "\ufeff[]", "[" * 129],
)
def test_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)


# --- JavaScript itself ---

READ = """
const again = (text) => { try { return JSON.stringify(JSON.parse(text)); } catch { return null; } };
const rows = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(rows.map((row) => row.map((text) => text === null ? null : again(text)))));
"""


def numbers(chance: random.Random) -> list[str]:
    """Numbers of all sizes, as people and programs write them."""
    doubles = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(300)]
    written = [repr(x) for x in doubles if x - x == 0]
    written += [
        str(sign * (2**power + off)) for power in range(50, 70) for sign in (1, -1) for off in (-1, 0, 1)
    ]
    written += [
        f"{chance.randint(0, 10**9)}.{chance.randint(0, 10**9)}e{chance.randint(-340, 320)}"
        for _ in range(100)
    ]
    return [
        *written,
        "-0",
        "-0.0",
        "0e9",
        "1.0",
        "1E5",
        "1e+5",
        "5e-324",
        "2e-324",
        "1e400",
        "-1e309",
        "9" * 400,
    ]


def test_a_javascript_reader_gets_what_javascript_sent() -> None:
    """What Node reads of a text, and what it reads of the text that is written after it was read here."""
    texts = numbers(random.Random(7))
    texts += [
        "[1,]",
        "NaN",
        '"\\ud800"',
        '"\\ud83d\\ude42"',
        '{"a":1,"a":2}',
        '["\\u0000"]',
        "[01]",
        " [ 1 ] ",
        "",
    ]
    rows: list[list[str | None]] = []
    for text in texts:
        try:
            rows.append([text, orjson.dumps(parse_json(text)).decode()])
        except BadValue:
            rows.append([text, "null"])  # as JavaScript writes what is infinite
        except ValueError:
            rows.append([text, None])
    ran = subprocess.run(
        [node(), "-e", READ], input=json.dumps(rows), capture_output=True, text=True, check=True
    )
    for text, (sent, given_back) in zip(texts, json.loads(ran.stdout), strict=True):
        expected = None if sent is None else sent.replace("\\ud800", "�")
        assert given_back == expected, text
