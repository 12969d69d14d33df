"""One row of docs/compatibility.md: a program of others, what is tried with it, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product

from scripts.ecosystem.workshop import Workshop


class Kind(StrEnum):
    """The headings of the page, in its order."""

    CLIENT = "Clients"
    SERVER = "ASGI servers"
    PEER = "Node servers"
    PROXY = "Proxies"
    LOAD = "Load testers"
    REDIS = "Redis"
    POSTGRES = "PostgreSQL"
    POOLER = "Connection poolers"


@dataclass
class Outcome:
    """What a run has seen: for each check that it reached an empty text, or why the check failed."""

    seen: dict[str, str] = field(default_factory=dict)
    version: str = ""  # as the program itself tells it, where the row does not pin one
    notes: list[str] = field(default_factory=list)  # figures for the table


@dataclass(frozen=True)
class Row:
    """`run` raises `NotAvailable` if the program cannot be had on this machine.

    Each check is made once for each of the `ways`, if there are any. `version` is empty if it is whatever the machine
    has. `known` says for a check, or for "way: check", why it is expected to fail; then it must fail.
    """

    name: str
    kind: Kind
    checks: tuple[str, ...]
    run: Callable[[Workshop], Outcome]
    version: str = ""
    ways: tuple[str, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    once: tuple[str, ...] = ()  # checks that no way changes

    @property
    def title(self) -> str:
        """The name that chooses this row: no two rows have the same one."""
        return f"{self.name} {self.version}".rstrip()

    @property
    def expected(self) -> list[str]:
        """Every check, once for each way."""
        if not self.ways:
            return [*self.checks, *self.once]
        return [*(f"{way}: {check}" for way, check in product(self.ways, self.checks)), *self.once]

    def reason(self, check: str) -> str:
        """Why a check is expected to fail; empty if it must pass."""
        return self.known.get(check, self.known.get(check.partition(": ")[2], ""))


@dataclass(frozen=True)
class Result:
    """What the table shows of a row."""

    row: Row
    version: str
    failures: Mapping[str, str]  # checks that must pass and did not
    surprises: tuple[str, ...] = ()  # checks that were expected to fail and passed
    limitations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    not_run: str = ""

    @property
    def good(self) -> bool:
        """False if something is not as the row says."""
        return not self.failures and not self.surprises


def judge(row: Row, outcome: Outcome) -> Result:
    """Compare what was seen with what the row expects. A check that was not reached has failed."""
    failures, surprises, limitations = {}, [], []
    unknown = outcome.seen.keys() - set(row.expected)
    for check in row.expected:
        why = outcome.seen.get(check, "not reached")
        reason = row.reason(check)
        if why and reason:
            limitations.append(reason)
        elif why:
            failures[check] = why
        elif reason:
            surprises.append(check)
    failures |= dict.fromkeys(sorted(unknown), "is not one of the row's checks")
    return Result(
        row,
        row.version or outcome.version,
        failures,
        tuple(surprises),
        tuple(dict.fromkeys(limitations)),
        tuple(outcome.notes),
    )


def left_out(row: Row, why: str) -> Result:
    """The result of a row that could not be run here."""
    return Result(row, row.version, {}, not_run=why)
