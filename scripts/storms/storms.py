"""The storms, each with what came of it: figures for people, and what went wrong."""

import asyncio
from contextlib import nullcontext
from statistics import median

from msgspec import structs
from rich.console import Console

from scripts.loadtest.__main__ import run
from scripts.loadtest.accounts import prepare
from scripts.loadtest.display import Display
from scripts.loadtest.figures import FAULTS, Figures
from scripts.loadtest.plan import Plan, parse
from scripts.storms.mentions import mentions
from scripts.storms.servers import Servers, running_servers
from scripts.storms.unreading import unreading
from scripts.storms.weather import Damage, Storm, Weather, seconds

CUT = 0.5  # of the connections
UNREADING = 0.1  # of the clients
LED = 3.0  # seconds of load before instances restart


async def cut(weather: Weather) -> Damage:
    """Half of the clients lose their connections at once and come back."""
    async with running_servers(weather.folder, weather.settings, 1) as servers:
        figures = await run(plan(weather, servers.instances[0].url, "--cut", str(CUT)), Quiet())
    counts, back = figures.counts, figures.latencies["back"].summary()
    refused = sum(number for kind, number in figures.errors.items() if kind.startswith("reconnect:"))
    told = [
        f"{counts['cut']:,} of {weather.clients:,} clients cut, {counts['back']:,} back,",
        f"{counts['recovered']:,} of them with their session, {refused:,} connections refused",
        f"back after p50 {seconds(back['p50'])}, p99 {seconds(back['p99'])}, all {seconds(back['max'])}",
        *delivered(figures),
    ]
    wrong = broken(figures)
    if not counts["cut"]:
        wrong.append("no client was cut")
    if counts["back"] < counts["cut"]:
        wrong.append(f"{counts['cut'] - counts['back']:,} clients did not come back")
    if counts["recovered"] < counts["cut"]:
        wrong.append(f"{counts['cut'] - counts['recovered']:,} sessions were not recovered")
    if refused:
        wrong.append(f"{refused:,} connections were refused")
    return Damage(told, wrong)


async def restart(weather: Weather) -> Damage:
    """Each of two instances restarts under load."""
    async with running_servers(weather.folder, weather.settings, 2) as servers:
        begun = asyncio.Event()
        load = asyncio.create_task(run(plan(weather, servers.proxy.url), Quiet(begun)))
        starting = asyncio.create_task(begun.wait())
        await asyncio.wait({load, starting}, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        took: list[tuple[float, float]] = []
        if not load.done():
            await asyncio.sleep(min(LED, weather.seconds / 4))
            took = await servers.restart_each()
        over = load.done()
        figures = await load
    told = [
        *(
            f"an instance stopped in {stop:.1f} s, was ready again after {start:.1f} s"
            for stop, start in took
        ),
        *(["the load was over before that; --seconds makes it longer"] if over else []),
        *delivered(figures),
    ]
    return Damage(told, broken(figures))


async def unread(weather: Weather) -> Damage:
    """Some clients never read: the others must hardly notice."""
    number = max(1, round(weather.clients * UNREADING))
    others = structs.replace(weather, clients=weather.clients - number)
    found: dict[bool, list[float]] = {False: [], True: []}
    wrong: list[str] = []
    async with running_servers(weather.folder, weather.settings, 1) as servers:
        for turn in range(2 * weather.rounds):
            disturbed = bool(turn % 2)
            figures = await beside(number if disturbed else 0, servers, others)
            found[disturbed].append(figures.latencies["deliver"].quantile(0.99) or 0.0)
            wrong += broken(figures)
    calm, disturbed_p99 = median(found[False]), median(found[True])
    ratio = disturbed_p99 / calm
    told = [
        f"p99 of delivery to {others.clients:,} clients: {calm:.0f} ms",
        f"the same beside {number:,} that never read: {disturbed_p99:.0f} ms, {ratio:.2f} times",
        *(
            f"  {words}: {', '.join(f'{value:.0f}' for value in found[which])} ms"
            for which, words in ((False, "without"), (True, "with"))
        ),
    ]
    if weather.ratio is not None and ratio > weather.ratio:
        wrong.append(f"the p99 of those who read is {ratio:.2f} times, and not {weather.ratio:g}")
    return Damage(told, wrong)


async def beside(number: int, servers: Servers, weather: Weather) -> Figures:
    """The figures of a load beside so many clients that never read, and are users of the load."""
    instance = servers.instances[0]
    chosen = plan(weather, instance.url)
    accounts = await prepare(chosen, lambda *_: None)
    tokens = [accounts.tokens[place % len(accounts.tokens)] for place in range(number)]
    async with unreading(instance.address, tokens) if number else nullcontext():
        return await run(chosen, Quiet())


STORMS: dict[str, Storm] = {"cut": cut, "restart": restart, "unread": unread, "mentions": mentions}


class Quiet(Display):
    """Shows nothing. `begun` is set when the load begins."""

    def __init__(self, begun: asyncio.Event | None = None) -> None:
        super().__init__(Console(quiet=True))
        self._begun = begun

    def second(self, figures: Figures) -> None:
        """See `Display.second`."""
        if figures.start is not None and self._begun is not None:
            self._begun.set()


def plan(weather: Weather, url: str, *more: str) -> Plan:
    """The load that goes on during a storm. Nobody polls: a poll that ends is no connection that is cut."""
    given = {
        "clients": weather.clients,
        "duration": weather.seconds,
        "rate": weather.rate,
        "reads": weather.rate / 2,
        "typing": weather.rate / 4,
        "reconnect": 0,
        "polling": 0,
        "prefix": f"storm-{url.rpartition(':')[2]}",  # whose accounts are those of one port
        "accounts": weather.folder / "accounts",
    }
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    return parse([url, *words, *more])


def broken(figures: Figures) -> list[str]:
    """A sentence for each message that was lost, missed, doubled or out of order."""
    wrong = [
        f"{figures.counts[fault]:,} messages were {fault.replace('_', ' ')}"
        for fault in FAULTS
        if figures.counts[fault]
    ]
    if not figures.counts["acked"]:
        wrong.append("no message was sent")
    if unacked := figures.counts["sent"] - figures.counts["acked"]:
        wrong.append(f"{unacked:,} messages were never acknowledged")
    return wrong


def delivered(figures: Figures) -> list[str]:
    counts, deliver = figures.counts, figures.latencies["deliver"].summary()
    errors = ", ".join(f"{kind} {number:,}" for kind, number in figures.errors.most_common())
    return [
        f"{counts['acked']:,} messages acknowledged, {counts['delivered']:,} deliveries, p50"
        f" {deliver['p50'] or 0:.0f} ms, p99 {deliver['p99'] or 0:.0f} ms; "
        + ", ".join(f"{fault.replace('_', ' ')} {counts[fault]:,}" for fault in FAULTS),
        f"errors that clients mended by themselves: {errors or 'none'}",
    ]
