"""docs/compatibility.md has the rows of scripts/compatibility, as they are now. Nothing is installed or run here."""

import re
from functools import partial

import pytest

from scripts.ecosystem.__main__ import main
from scripts.ecosystem.row import Kind, Outcome, Row, judge, left_out
from scripts.ecosystem.rows.all_rows import ROWS
from scripts.ecosystem.table import FAILS, HEAD, NOT_RUN, PAGE, line, markers, seen, table_of, tried, written
from scripts.ecosystem.workshop import ROOT, reason
from tests.test_docs import rows as table_rows

PAGE_TEXT = PAGE.read_text("utf-8")


def shown(kind: Kind) -> list[list[str]]:
    """The cells of a kind's table."""
    return table_rows(table_of(PAGE_TEXT, kind))[1:]


@pytest.mark.parametrize("kind", Kind)
def test_the_page_has_the_rows(kind: Kind) -> None:
    rows = [row for row in ROWS if row.kind is kind]
    assert [cells[0] for cells in shown(kind)] == [row.name for row in rows]
    for row, (_, version, trying, saw) in zip(rows, shown(kind), strict=True):
        assert trying == tried(row)
        assert version == row.version or not row.version
        assert saw.startswith(NOT_RUN) or all(why in saw for why in row.known.values())
        assert FAILS not in saw, "mend it, or give the reason in the row's `known`"


def test_the_page_tells_when_it_was_made() -> None:
    assert re.search(r"^Last run of all rows: \d{4}-\d\d-\d\d\.$", PAGE_TEXT, re.MULTILINE)


def test_rows_have_names_of_their_own_and_what_is_known_is_tried() -> None:
    assert len({row.title for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.expected
        for check in row.known:
            assert check in (*row.expected, *row.checks), f"{row.title} does not try {check}"


def test_findings_that_a_row_names_are_there() -> None:
    named = {
        name
        for row in ROWS
        for why in row.known.values()
        for name in re.findall(r"findings/[\w.-]+\.sh", why)
    }
    assert named
    assert all((ROOT / name).is_file() for name in named)


def example(known: dict[str, str] | None = None) -> Row:
    run = partial(pytest.fail, "it is not run")
    return Row("a client", Kind.CLIENT, ("text", "binary"), run, "1.0", ("polling", "websocket"), known or {})


ALL = {f"{way}: {check}": "" for way in ("polling", "websocket") for check in ("text", "binary")}


def test_all_checks_passed() -> None:
    result = judge(example(), Outcome(dict(ALL), notes=["in 3 s"]))
    assert result.good
    assert seen(result) == "all 4; in 3 s"
    assert (
        line(result) == "| a client | 1.0 | text, binary; each by polling and websocket | all 4; in 3 s |\n"
    )


def test_a_check_that_no_way_changes_is_made_once() -> None:
    row = Row(
        "a proxy", Kind.PROXY, ("text",), example().run, ways=("polling", "websocket"), once=("closed tab",)
    )
    assert row.expected == ["polling: text", "websocket: text", "closed tab"]
    assert tried(row) == "text; each by polling and websocket; closed tab"


def test_a_check_failed_or_was_not_reached_or_is_unknown() -> None:
    outcome = Outcome({**ALL, "polling: text": "was cut", "polling: colour": ""})
    del outcome.seen["websocket: text"]
    result = judge(example(), outcome)
    assert not result.good
    assert result.failures == {
        "polling: text": "was cut",
        "websocket: text": "not reached",
        "polling: colour": "is not one of the row's checks",
    }
    assert FAILS + "polling: text (was cut)" in seen(result)


@pytest.mark.parametrize("check", ["polling: text", "text"])
def test_a_limitation_is_told_and_its_end_is_noticed(check: str) -> None:
    row = example({check: "it cannot"})
    expected = [each for each in row.expected if each.endswith(check)]
    result = judge(row, Outcome({**ALL, **dict.fromkeys(expected, "failed")}))
    assert result.good
    assert seen(result) == f"{4 - len(expected)} of 4; limitation: it cannot"
    result = judge(row, Outcome(dict(ALL)))
    assert result.surprises == tuple(expected)
    assert not result.good


def test_what_cannot_be_had_is_not_claimed() -> None:
    result = left_out(example(), "there is none")
    assert result.good
    assert seen(result) == "not run here: there is none"


def test_the_page_is_rewritten_between_its_markers() -> None:
    page = "".join("".join((*markers(kind),)) + "\n" for kind in Kind) + "Last run of all rows: never.\n"
    row, other = example(), Row("another", Kind.CLIENT, ("text",), example().run)
    results = [judge(row, Outcome(dict(ALL))), judge(other, Outcome({"text": ""}, "2.0"))]
    once = written(page, (row, other), results, "2026-01-31")
    assert table_of(once, Kind.CLIENT) == HEAD + line(results[0]) + line(results[1])
    assert table_of(once, Kind.PROXY) == HEAD
    assert once.endswith("Last run of all rows: 2026-01-31.\n")
    assert written(once, (row, other), results, "2026-01-31") == once
    again = judge(other, Outcome({"text": ""}, "2.1"))
    assert written(once, (row, other), [again], "2026-02-01") == once.replace("| 2.0 |", "| 2.1 |")
    with pytest.raises(ValueError, match=r"no line of a client 1\.0"):
        written(page, (row, other), [again], "2026-02-01")


def test_reasons_have_no_addresses() -> None:
    log = "npm warn old\nnpm error code E404\nnpm error 404 Not Found - GET https://host.example/name\n"
    assert reason(log) == "npm error code E404"
    assert (
        reason("fatal: unable to access 'https://host.example/': no route")
        == "fatal: unable to access … no route"
    )
    assert reason("") == "no reason given"


def test_the_command_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--list", "--only", "NGINX"])
    assert ended.value.code in (0, None)
    assert capsys.readouterr().out.split() == ["Proxies", "nginx"]
    with pytest.raises(SystemExit) as ended:
        main(["--only", "nobody"])
    assert ended.value.code == 2
