"""What a client's `User-Agent` says of the device, in words. It is the client's own word, and no proof."""

import re

MAX_AGENT = 300  # characters that are kept

# The first that fits: the others' texts have its mark in them, too.
BROWSERS = (
    ("Edge", r"\bEdg(e|A|iOS)?/"),
    ("Opera", r"\b(OPR|Opera)/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chrome", r"\b((Headless)?Chrome|CriOS|Chromium)/"),
    ("Safari", r"\bSafari/"),
)
SYSTEMS = (
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Android", r"\bAndroid\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMac(intosh| OS X)\b"),
    ("Linux", r"\bLinux\b"),
)
PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9 ._+-]{0,49}")


def kept_agent(header: str) -> str | None:
    """The part of a `User-Agent` header that is kept: printable ASCII; None for nothing."""
    return re.sub(r"[^\x20-\x7E]+", "", header)[:MAX_AGENT].strip() or None


def device_of(agent: str | None) -> str | None:
    """The device in words: "Firefox on Linux", or the name of a program; None where nothing is known."""
    if agent is None:
        return None
    browser = _first(BROWSERS, agent)
    system = _first(SYSTEMS, agent)
    if browser is not None:
        return browser if system is None else f"{browser} on {system}"
    program = PROGRAM.match(agent)
    return system if program is None or program[0].startswith("Mozilla") else program[0].strip()


def _first(known: tuple[tuple[str, str], ...], agent: str) -> str | None:
    return next((name for name, mark in known if re.search(mark, agent)), None)
