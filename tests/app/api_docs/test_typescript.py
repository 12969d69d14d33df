"""The TypeScript types: the page's are those of the table of operations, and each name is declared once."""

import re
from collections import Counter

import pytest

from app.cli import main
from app.payloads.server_events import EMITTED
from tests.support.chat.descriptions import descriptions
from tests.support.chat.operations import EVENTS, ROUTES
from tests.support.paths import ROOT


@pytest.mark.usefixtures("logging_as_it_was")
def test_the_page_has_the_types_of_the_table_of_operations(capsys: pytest.CaptureFixture[str]) -> None:
    """Which `parley contract` prints, without a database."""
    assert main(["contract"], {}) == 0
    committed = (ROOT / "app/web/src/client/contract.ts").read_text("utf-8")
    assert capsys.readouterr().out == committed, "run: parley contract >app/web/src/client/contract.ts"


def test_every_event_and_route_has_a_type_and_each_name_is_declared_once() -> None:
    text = descriptions().typescript
    declared = Counter(re.findall(r"^export (?:interface|type) (\w+)", text, re.MULTILINE))
    assert [name for name, times in declared.items() if times > 1] == []
    told = set(re.findall(r'^  "([^" ]+)": \(payload: \w+(?:\[\])?\) => void;', text, re.MULTILINE))
    assert told == set(EMITTED)
    asked = set(re.findall(r'^  "([^"]+)": \(payload: \w+, ack: ', text, re.MULTILINE))
    assert asked == {*EVENTS.values(), "authenticate"}
    routes = set(re.findall(r'^  "([A-Z]+ [^"]+)": ', text, re.MULTILINE))
    assert routes >= {f"{method} {path}" for method, path in ROUTES.values()}
