"""The tables of docs/compatibility.md, between the markers that the page has for each kind."""

import re
from collections.abc import Sequence

from scripts.ecosystem.row import Kind, Result, Row
from scripts.ecosystem.workshop import ROOT

PAGE = ROOT / "docs" / "compatibility.md"
HEAD = "| Program | Version | Tried | Seen |\n|---|---|---|---|\n"
DATE = re.compile(r"(?<=Last run of all rows: )[\d-]+|(?<=Last run of all rows: )never")
NOT_RUN = "not run here: "
FAILS = "**fails**: "


def tried(row: Row) -> str:
    """What the row tries."""
    text = ", ".join(row.checks)
    parts = [f"{text}; each by {listed(row.ways)}" if row.ways else text, *row.once]
    return "; ".join(parts)


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"


def seen(result: Result) -> str:
    """What came of it."""
    if result.not_run:
        return NOT_RUN + result.not_run
    checks = len(result.row.expected)
    expected = sum(bool(result.row.reason(check)) for check in result.row.expected)
    passed = checks - expected - len(result.failures) + len(result.surprises)
    parts = [f"{passed} of {checks}" if passed < checks else f"all {checks}"]
    parts += result.notes
    parts += [f"limitation: {reason}" for reason in result.limitations]
    parts += [FAILS + f"{check} ({why})" for check, why in result.failures.items()]
    parts += [FAILS + f"{check} passes, which is listed as a limitation" for check in result.surprises]
    return "; ".join(parts)


def line(result: Result) -> str:
    """The row as the page has it."""
    cells = (result.row.name, result.version or "-", tried(result.row), seen(result))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def markers(kind: Kind) -> tuple[str, str]:
    """What stands before and behind the table of a kind."""
    name = kind.value.lower().replace(" ", "-")
    return f"<!-- {name} -->\n", f"<!-- /{name} -->"


def table_of(page: str, kind: Kind) -> str:
    """The table of a kind as it stands in the page."""
    first, last = markers(kind)
    return page.split(first)[1].split(last, maxsplit=1)[0]


def written(page: str, rows: Sequence[Row], results: Sequence[Result], date: str) -> str:
    """The page with the results of all rows and the date of their run; or, with those of some, the same date.

    Rows that were not run keep their lines. Raises `ValueError` if one has none.
    """
    new = {result.row.title: line(result) for result in results}
    for kind in Kind:
        old = table_of(page, kind)
        lines = [new.get(row.title) or kept(old, row) for row in rows if row.kind is kind]
        first, last = markers(kind)
        page = page.replace(first + old + last, first + HEAD + "".join(lines) + last)
    return DATE.sub(date, page) if len(new) == len(rows) else page


def kept(table: str, row: Row) -> str:
    """The line that a table has of a row."""
    for found in table.splitlines(keepends=True):
        if found.startswith(f"| {row.name} | {row.version}") and f"| {tried(row)} |" in found:
            return found
    raise ValueError(f"the page has no line of {row.title} as it is now: run that row too")
