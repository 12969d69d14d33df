"""The README's first chat runs as it stands there, and its table has the settings that there are."""

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from app.config.settings import Settings
from tests.support.paths import ROOT, node

README = (ROOT / "README.md").read_text()


def sample(name: str) -> str:
    """The code that the README marks as a file of this name."""
    found = re.search(rf"<!-- tested: {re.escape(name)} -->\n```\w+\n(.+?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


async def start(*command: str, cwd: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(*command, cwd=cwd, stdout=asyncio.subprocess.PIPE)


async def line(process: asyncio.subprocess.Process) -> str:
    """The next line that a program prints."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode()


async def test_first_chat(instance: Any, tmp_path: Path) -> None:
    (tmp_path / "first.mjs").write_text(sample("first.mjs"))
    (tmp_path / "second.py").write_text(sample("second.py"))
    (tmp_path / "node_modules").symlink_to(ROOT / "tests/clients/node_modules")

    first = await start(node(), "first.mjs", instance.url, cwd=tmp_path)
    try:
        printed = await line(first)
        text = re.fullmatch(r"([0-9a-f-]{36}) ada-\d+: Hello from JavaScript\n", printed)
        assert text is not None, printed
        second = await start(sys.executable, str(tmp_path / "second.py"), text[1], instance.url, cwd=ROOT)
        assert re.fullmatch(rf"{text[1]} bob-\d+: Hello from Python\n", await line(first))
        assert "'content': 'Hello from Python'" in await line(second)
        assert await asyncio.wait_for(second.wait(), 30) == 0
    finally:
        first.kill()
        await first.wait()


def test_settings_table() -> None:
    rows = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (?:`([^`]*)`)? *\|", README, re.MULTILINE))
    show: dict[type, Callable[[Any], str]] = {tuple: ",".join, bool: lambda value: str(value).lower()}
    expected = {f.name.upper(): show.get(type(f.default), str)(f.default) for f in fields(Settings)}
    assert rows == expected
