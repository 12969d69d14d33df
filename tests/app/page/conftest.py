"""People in real browsers, on lines that can be cut."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import httpx
import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    async_playwright,
    expect,
)
from playwright.async_api import (
    TimeoutError as NotInTime,
)

from tests.support.chat.people import PASSWORD, Instance
from tests.support.paths import CLIENTS

AXE = CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
STILL = """() => Promise.all(document.getAnimations()
    .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity)
    .map((animation) => animation.finished.catch(() => undefined)))
    .then(() => undefined)"""
PATIENCE = 45_000  # ms that a test waits for what must come
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}


class Line:
    """A network connection between a browser and an instance.

    While it is cut, nothing goes through or gets in; while it is held, what is sent waits in it.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._up = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.url = ""

    async def open(self) -> "Line":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def cut(self) -> None:
        self._up = False
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        self._up = True

    def hold(self) -> None:
        self._flowing.clear()

    def let_go(self) -> None:
        self._flowing.set()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._up:
            writer.transport.abort()
            return
        ends = {writer}
        self._open |= ends
        try:
            with suppress(OSError):
                onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._port)
                ends.add(onward)
                self._open |= ends
                await asyncio.gather(self._pump(reader, onward), self._pump(onward_reader, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


class Visitor:
    """Somebody at the page, in a browser profile of their own."""

    session: dict[str, Any] | None = None  # of a visitor who was signed in from the first

    def __init__(self, name: str, context: BrowserContext, page: Page, line: Line) -> None:
        self.name = name
        self.context = context
        self.page = page
        self.line = line
        self.faults: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"{name}: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        # What the network does is the browser's to log, and a cut line is what some tests are about.
        if message.type in ("error", "warning") and "net::ERR_" not in message.text:
            self.faults.append(f"{self.name}: {message.type}: {message.text} {message.location}")

    async def open_tab(self) -> "Visitor":
        """Another tab of the same browser, at the same place. Its faults are this one's."""
        tab = Visitor(self.name, self.context, await self.context.new_page(), self.line)
        tab.faults = self.faults
        await tab.page.goto(self.page.url)
        return tab

    async def sign_in(self) -> None:
        await self.page.get_by_role("textbox", name="Username").fill(self.name)
        await self.page.get_by_role("textbox", name="Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in").click()

    async def sign_out(self) -> None:
        await self.page.get_by_role("button", name="Account", exact=True).click()
        await self.page.get_by_role("menuitem", name="Sign out").click()
        await expect(self.page.get_by_role("heading", name="Welcome back")).to_be_visible()

    async def write_to(self, name: str) -> None:
        """Opens the conversation with somebody, or what stands for it until there is one."""
        await self.page.get_by_role("button", name="New message").click()
        dialog = self.page.get_by_role("dialog", name="New message")
        await dialog.get_by_role("searchbox", name="Search people").fill(name)
        await dialog.get_by_role("button", name=f"Write to {name}").click()
        await self.is_in(name)

    async def sign_up(self, display_name: str = "") -> "Visitor":
        await self.page.get_by_role("link", name="Create an account").click()
        await expect(self.page.get_by_role("heading", name="Create your account")).to_be_visible()
        await self.page.get_by_role("textbox", name="Username").fill(self.name)
        await self.page.get_by_role("textbox", name="Password").fill(PASSWORD)
        await self.page.get_by_role("textbox", name="Display name").fill(display_name)
        await self.page.get_by_role("button", name="Create account").click()
        await expect(self.page.get_by_role("button", name="Account", exact=True)).to_be_visible()
        return self

    async def create_room(self, name: str, *, private: bool = False) -> None:
        await self.page.get_by_role("button", name="Create a room").first.click()
        dialog = self.page.get_by_role("dialog", name="Create a room")
        await dialog.get_by_role("textbox", name="Name").fill(name)
        if private:
            await dialog.get_by_role("radio", name="Private").check()
        await dialog.get_by_role("button", name="Create room").click()
        await self.is_in(name)

    async def join_public_room(self, name: str) -> None:
        await self.page.get_by_role("button", name="Discover rooms").click()
        dialog = self.page.get_by_role("dialog", name="Discover rooms")
        await dialog.get_by_role("searchbox", name="Search public rooms").fill(name[:4].lower())
        await dialog.get_by_role("button", name=f"Join {name}").click()
        await self.is_in(name)

    async def open_room(self, name: str) -> None:
        await self.page.get_by_role("link", name=re.compile(f"^{name}")).click()
        await self.is_in(name)

    async def is_in(self, name: str) -> None:
        await expect(self.page.get_by_role("heading", name=name, level=1, exact=True)).to_be_visible()

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    async def say(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """What the page could send too, without its being shown there first."""
        assert self.session is not None
        headers = {"authorization": f"Bearer {self.session['token']}"}
        answer = await self.context.request.post(path, data=body, headers=headers)
        assert answer.ok, await answer.text()
        return await answer.json()

    async def say_lines(self, room: str, first: int, last: int) -> None:
        """Writes "Line 1." and so on into a room, the one after the other."""
        for number in range(first, last + 1):
            await self.post(f"/chat/rooms/{room}/messages", {"content": f"Line {number}."})

    async def look_away(self) -> None:
        """To another window: Playwright gives the focus to all pages at once, and keeps it there."""
        await self.page.evaluate("document.hasFocus = () => false; dispatchEvent(new Event('blur'))")

    async def look_back(self) -> None:
        await self.page.evaluate("document.hasFocus = () => true; dispatchEvent(new Event('focus'))")

    def message(self, text: str) -> Locator:
        """The row of the message with this text."""
        messages = self.page.get_by_role("list", name="Messages", exact=True)
        return messages.get_by_role("listitem").filter(has_text=text)

    async def act(self, text: str, action: str) -> None:
        """Does one of the actions that show when the pointer is over a message."""
        row = self.message(text)
        button = row.get_by_role("button", name=action, exact=True)
        await row.hover()
        try:
            await button.click(timeout=PATIENCE / 3)
        except NotInTime:  # what came meanwhile has moved the row from under the pointer
            await row.hover()
            await button.click()

    async def sees(self, *texts: str) -> None:
        """These messages are there, once each, in this order."""
        messages = self.page.get_by_role("list", name="Messages", exact=True)
        for text in texts:
            await expect(self.message(text)).to_have_count(1)
        whole = await messages.inner_text()
        assert [whole.index(text) for text in texts] == sorted(whole.index(text) for text in texts)

    async def go_offline(self) -> None:
        self.line.cut()
        await self.context.set_offline(True)

    async def go_online(self) -> None:
        self.line.mend()
        await self.context.set_offline(False)

    async def serious_faults(self) -> list[str]:
        """What axe-core finds serious or critical on the page as it is now."""
        await self.page.evaluate(STILL)  # what fades in has no contrast yet
        if not await self.page.evaluate("'axe' in window"):
            # Not as a <script>, which the page's Content-Security-Policy would keep out.
            await self.page.evaluate(AXE.read_text("utf-8"))
        found: dict[str, Any] = await self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {json.dumps([node['target'] for node in violation['nodes']])}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]


class Visit:
    """Opens the page of an instance for somebody."""

    def __init__(self, instance: Instance, browser: Browser, stack: AsyncExitStack) -> None:
        self.visitors: list[Visitor] = []
        self.room = ""  # the id of the room of `two_in_a_room`
        self._instance = instance
        self._browser = browser
        self._stack = stack

    async def __call__(
        self,
        name: str,
        *,
        viewport: dict[str, int] = WIDE,
        theme: str = "light",
        session: dict[str, Any] | None = None,
        at: str = "/",
        phone: bool = False,
    ) -> Visitor:
        """`session`: what signing up answered, for somebody who is signed in already; `at`: where they begin.

        `phone`: a narrow screen that is touched.
        """
        line = await Line(self._instance.port).open()
        self._stack.push_async_callback(line.close)
        kept = [{"name": "parley.session", "value": json.dumps(session)}] if session else []
        context = await self._browser.new_context(
            viewport=NARROW if phone else viewport,
            is_mobile=phone,
            has_touch=phone,
            color_scheme=theme,
            base_url=line.url,
            storage_state={"cookies": [], "origins": [{"origin": line.url, "localStorage": kept}]},
        )
        context.set_default_timeout(PATIENCE)
        self._stack.push_async_callback(context.close)
        visitor = Visitor(name, context, await context.new_page(), line)
        visitor.session = session
        self.visitors.append(visitor)
        await visitor.page.goto(at)
        return visitor

    async def two_in_a_room(self) -> tuple[Visitor, Visitor]:
        """Ann, who made the public room "Garden club", and Bob, both in it, without the ways that lead there."""
        async with httpx.AsyncClient(base_url=self._instance.url) as client:

            async def post(path: str, body: dict[str, str], session: dict[str, Any] | None = None) -> Any:
                headers = {"authorization": f"Bearer {session['token']}"} if session else {}
                answer = await client.post(path, json=body, headers=headers)
                assert answer.is_success, answer.text
                return answer.json()

            ann, bob = [
                await post("/auth/sign-up", {"username": name, "credential": PASSWORD})
                for name in ("ann", "bob")
            ]
            self.room = room = (await post("/chat/rooms", {"name": "Garden club"}, ann))["id"]
            await post(f"/chat/rooms/{room}/join", {}, bob)
        people = await asyncio.gather(
            self("ann", session=ann, at=f"/#/r/{room}"), self("bob", session=bob, at=f"/#/r/{room}")
        )
        for person in people:
            await person.is_in("Garden club")
        return people


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium or Chrome, one for all tests: each visitor has a profile of their own in it."""
    path = os.environ.get("PARLEY_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail("No Chromium found: run scripts/test, or set PARLEY_CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def visit(instance: Instance, browser: Browser, stack: AsyncExitStack) -> AsyncIterator[Visit]:
    """Opens the page for somebody; at the end nobody's console may have had anything to say."""
    expect.set_options(timeout=PATIENCE)
    visit = Visit(instance, browser, stack)
    yield visit
    assert [fault for visitor in visit.visitors for fault in visitor.faults] == []
