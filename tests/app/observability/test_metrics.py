"""The figures at /metrics: what they say of what was done, who may read them, and that they are documented."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from app.config.settings import Settings
from app.observability.metrics import Metrics
from tests.app.end_to_end.test_rolling_restart import tokens_of_members
from tests.support.chat.people import Instance, People, Start
from tests.support.chat.served import Served
from tests.support.paths import ROOT
from tests.support.waiting import PATIENCE

TOKEN = "a token for the tests, long enough"


class Figures:
    """What a scrape found."""

    def __init__(self, text: str) -> None:
        self.families: list[Metric] = list(text_string_to_metric_families(text))
        self.samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """One figure, 0 where there is none."""
        return self.samples.get((f"parley_{name}", *sorted(labels.items())), 0)


async def scrape(url: str, **headers: str) -> Figures:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
        answer = await http.get(f"{url}/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Figures(answer.text)


async def scrape_until(url: str, condition: Callable[[Figures], bool]) -> Figures:
    """The first figures for which the condition holds: some are looked at every few seconds only."""
    async with asyncio.timeout(PATIENCE):
        while not condition(figures := await scrape(url)):  # noqa: ASYNC110 - the server does not tell
            await asyncio.sleep(0.1)
    return figures


@pytest.mark.parametrize("transport", ["websocket", "polling"], indirect=True)
async def test_figures_of_what_was_done(instance: Instance, people: People, transport: str) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    for number in range(5):
        await device.ok("message:send", {"roomId": room, "content": f"number {number}"})
    await device.refused("message:send", {"roomId": "nowhere", "content": "lost"})
    await device.refused("there is no such event", {})
    figures = await scrape(instance.url)
    assert figures("sessions", transport=transport) == 1
    assert figures("sessions_opened_total", transport=transport) == 1
    assert figures("event_seconds_count", event="message:send") == 6
    assert figures("event_seconds_count", event="authenticate") == 1
    assert 0 < figures("event_seconds_sum", event="message:send") < PATIENCE
    assert figures("event_failures_total", event="message:send") == 1
    assert figures("event_refusals_total", reason="not_found") == 1
    assert figures("event_refusals_total", reason="invalid") == 1
    assert figures("messages_written_total") == 5
    assert figures("message_batch_size_sum") == 6  # the one that was refused, too
    assert figures("record_return_seconds_count") >= 5
    assert figures("http_requests_total", method="POST", route="/auth/sign-up", status="201") == 1
    assert figures("http_requests_total", method="POST", route="/chat/rooms", status="201") == 1
    assert figures("http_request_seconds_count", route="/chat/rooms") == 1
    await device.close()
    reason = "transport close"
    closed = await scrape_until(
        instance.url, lambda now: now("sessions_closed_total", transport=transport, reason=reason) == 1
    )
    assert closed("sessions", transport=transport) == 0


async def test_what_clients_make_up_is_no_label(instance: Instance) -> None:
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as http:
        for number in range(3):
            await http.get(f"/made/up/{number}")
            await http.request("PURGE", "/chat/rooms")
            await http.get(f"/chat/rooms/00000000-0000-7000-8000-00000000000{number}")
    figures = await scrape(instance.url)
    assert figures("http_requests_total", method="GET", route="other", status="404") == 3
    assert figures("http_requests_total", method="other", route="/chat/rooms", status="405") == 3
    assert figures("http_requests_total", method="GET", route="/chat/rooms/{roomId}", status="401") == 3
    assert figures("http_request_seconds_count", route="other") == 3


async def test_a_request_that_is_broken_off_is_no_fault_of_the_server(
    instance: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", instance.port)
    writer.write(b"POST /auth/sign-up HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    labels = {"method": "POST", "route": "/auth/sign-up", "status": "400"}
    await scrape_until(instance.url, lambda now: now("http_requests_total", **labels) == 1)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_what_may_be_counted_begins_with_none(instance: Instance) -> None:
    """Or an alert on an increase would not see the first."""
    figures = await scrape(instance.url)
    for name, label in (
        ("sessions", {"transport": "polling"}),
        ("event_refusals_total", {"reason": "internal"}),
        ("recoveries_total", {"outcome": "recovered"}),
        ("forward_failures_total", {"kind": "websocket"}),
    ):
        assert figures.samples[f"parley_{name}", *label.items()] == 0


async def test_what_is_so_at_a_moment(instance: Instance, settings: Settings) -> None:
    def has_begun(now: Figures) -> bool:  # what is done at the start has to wait for connections
        return now("database_slots") > 0 and now("database_waiting") == 0

    figures = await scrape_until(instance.url, has_begun)
    assert figures("database_slots") == settings.database_pool - 1
    assert figures("database_in_use") <= figures("database_slots")
    assert figures("stream_lag_seconds") == 0
    assert figures("processes") == 1
    assert 0 <= figures("event_loop_delay_seconds") < PATIENCE
    assert figures.samples[("process_resident_memory_bytes",)] > 10_000_000
    assert figures.samples[("process_open_fds",)] > 5
    assert figures.samples[("process_cpu_seconds_total",)] > 0
    (build,) = [key for key in figures.samples if key[0] == "parley_build_info"]
    assert dict(build[1:]).keys() == {"version", "python"}


@pytest.mark.begins_early
async def test_figures_of_two_workers_are_summed_up(settings: Settings) -> None:
    served = await (await Served.start("--workers", "2", settings=settings)).ready()
    try:
        await tokens_of_members(served.url, 12)
        figures = await scrape_until(served.url, lambda now: now("database_slots") > 0)
        assert figures("processes") == 2
        assert figures("http_requests_total", method="POST", route="/auth/sign-up", status="201") == 12
        assert (
            figures("http_requests_total", method="POST", route="/chat/rooms/{roomId}/join", status="200")
            == 11
        )
        await poll_over_new_connections(served.url, 20)
        figures = await scrape(served.url)
        assert figures("sessions_opened_total", transport="polling") == 1
        assert 0 < figures("forwarded_seconds_count", kind="post") < 20
        assert figures("forward_failures_total", kind="post") == 0
        files = files_of_metrics(served)
        served.workers()[1].kill()
        await served.logged(r"worker 1 \(process \d+\) serves", times=2)
        figures = await scrape(served.url)
        assert files_of_metrics(served) == files  # however often one crashes
        assert (
            figures("processes") == 2
        )  # what is gone has no connections, and no memory, but it has done what it did
        assert figures("http_requests_total", method="POST", route="/auth/sign-up", status="201") == 12
    finally:
        await served.stop()


def files_of_metrics(served: Served) -> list[Path]:
    """Where the workers keep their figures."""
    worker, *_ = served.workers().values()
    return sorted(Path(worker.environ()["PROMETHEUS_MULTIPROC_DIR"]).iterdir())


async def poll_over_new_connections(url: str, times: int) -> None:
    """POSTs of one session, of which some come to the worker that has it."""
    path = f"{url}/io/?EIO=4&transport=polling"
    async with httpx.AsyncClient(trust_env=False, headers={"connection": "close"}) as http:
        sid = json.loads((await http.get(path)).text[1:])["sid"]
        for _ in range(times):
            assert (await http.post(f"{path}&sid={sid}", content="3")).text == "ok"


async def status_of(url: str, **headers: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"{url}/metrics", headers=headers)).status_code


async def test_a_token_opens_them(start: Start) -> None:
    instance = await start(metrics_token=TOKEN, environment="production")
    assert await status_of(instance.url) == 401
    assert await status_of(instance.url, authorization="Bearer something else") == 401
    assert await status_of(instance.url, authorization=f"Basic {TOKEN}") == 401
    assert await status_of(instance.url, authorization=f"Bearer {TOKEN}") == 200


async def test_without_a_token_they_are_for_this_machine_in_development(start: Start) -> None:
    development, production = await start(), await start(environment="production")
    assert await status_of(development.url) == 200
    assert await status_of(production.url) == 404
    for header in ("x-forwarded-for", "forwarded", "via"):  # a proxy asks, for whomever
        assert await status_of(development.url, **{header: "127.0.0.1"}) == 404


def defined() -> dict[str, str]:
    """The type of each metric, by its name as it is scraped."""
    found = {}
    for family in Metrics()._registry.collect():
        found[family.name + ("_total" if family.type == "counter" else "")] = family.type
    return found


def test_the_documentation_lists_every_metric() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_]+)(?:\{[a-z, ]+\})?` \| (\w+) \|", page, re.MULTILINE))
    assert rows == defined()


def test_the_documentation_lists_every_label() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for metric in Metrics()._registry._names_to_collectors.values():
        labels = ", ".join(metric._labelnames)
        total = "_total" if metric._type == "counter" else ""
        assert f"| `{metric._name}{total}{f'{{{labels}}}' if labels else ''}` |" in page


def test_the_alerts_name_what_is_exported() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus-alerts.yaml").read_text())["groups"][0]["rules"]
    kinds = defined()
    ends = {"histogram": ("_bucket", "_sum", "_count")}
    exported = {name + end for name, kind in kinds.items() for end in ends.get(kind, ("",))}
    for rule in rules:
        named = set(re.findall(r"\bparley_\w+", rule["expr"]))
        assert named
        assert named <= exported
        assert rule["annotations"]["summary"]
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_the_dashboard_shows_what_there_is() -> None:
    """Every name in its queries is exported, with these labels, and every metric is shown somewhere."""
    board = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    named = {name for query in queries for name in re.findall(r"\b(?:parley|process)_\w+", query)}
    kinds = defined()
    exported = {
        name + end: name
        for name, kind in kinds.items()
        for end in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
    }
    assert named <= set(exported)
    assert {exported[name] for name in named} == set(kinds)
    labels = {
        label for metric in Metrics()._registry._names_to_collectors.values() for label in metric._labelnames
    }
    grouped = {
        label
        for query in queries
        for group in re.findall(r"by \(([^)]*)\)", query)
        for label in group.split(", ")
    }
    assert grouped <= labels | {"le", "instance"}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert json.dumps(board).count("label_values(parley_processes, instance)") == 1
