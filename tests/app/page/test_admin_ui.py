"""The page of the admin UI in a real browser, in a cluster of an instance of the chat and a server of Node."""

import re
from contextlib import AsyncExitStack
from typing import Any

import argon2
import httpx
from playwright.async_api import Browser, Page, expect

from app.config.settings import Settings
from protocol import Client
from tests.app.page.conftest import PATIENCE
from tests.support.chat.people import Start
from tests.support.node_server import node_server
from tests.support.waiting import until

PASSWORD = "correct horse battery"
OPERATOR = {
    "admin_ui_user": "ops",
    "admin_ui_password_hash": argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD),
    "admin_ui_mode": "development",
}


async def sign_in(page: Page, password: str) -> None:
    await page.get_by_role("textbox", name="Username").fill("ops")
    await page.get_by_role("textbox", name="Password").fill(password)
    await page.get_by_role("button", name="Connect").click()


async def go_to(page: Page, name: str) -> None:
    await page.get_by_role("navigation").get_by_role("link", name=name).click()


async def test_an_operator_watches_a_cluster_and_disconnects_a_socket(
    start: Start, settings: Settings, browser: Browser, stack: AsyncExitStack
) -> None:
    expect.set_options(timeout=PATIENCE)
    instance = await start(**OPERATOR)
    node = await stack.enter_async_context(node_server(settings.redis_url))
    await node.do("instrument", {"auth": False, "serverId": "the node server", "mode": "development"})
    ended: list[str] = []
    theirs = Client(node.origin, auth={"name": "their room", "textual": True}, reconnection=False)
    ours = Client(instance.url, path="/io/", reconnection=False)
    for client in (theirs, ours):
        client.on("disconnect")(lambda reason: ended.append(reason))
        await stack.enter_async_context(client)
    async with httpx.AsyncClient(base_url=instance.url) as http:
        account = {"username": "ann", "credential": "quite a long password"}
        token = (await http.post("/auth/sign-up", json=account)).json()["token"]
    their_id, our_id = str(theirs.id), str(ours.id)

    faults: list[str] = []
    page = await browser.new_page(viewport={"width": 1400, "height": 900})
    stack.push_async_callback(page.close)
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: note_foreign(request.url, instance.url, faults))
    page.on("console", lambda message: note_console(message, faults))
    await page.goto(f"{instance.url}/admin-ui")
    assert page.url.startswith(f"{instance.url}/admin-ui/")

    await sign_in(page, "correct horse batter")
    await expect(page.get_by_text("Invalid credentials")).to_be_visible()
    await sign_in(page, PASSWORD)
    await expect(page.get_by_role("dialog")).to_be_hidden()

    await go_to(page, "Servers")
    await expect(page.get_by_role("cell", name="the node server")).to_be_visible()
    await expect(page.get_by_role("row")).to_have_count(3)

    await go_to(page, "Sockets")
    rows = {sid: page.get_by_role("row").filter(has_text=sid) for sid in (our_id, their_id)}
    for row in rows.values():
        await expect(row).to_contain_text("WebSocket")
    await go_to(page, "Rooms")
    await expect(page.get_by_role("row").filter(has_text="their room")).to_be_visible()

    await ours.emit("authenticate", {"token": token})
    await go_to(page, "Events")
    received = page.get_by_role("row").filter(has_text="Event received")
    event = received.filter(has_text="authenticate")
    await event.get_by_role("button").click()
    await expect(page.get_by_text("[hidden]").first).to_be_visible()
    assert token not in await page.content()

    await page.reload()  # with the session alone
    await go_to(page, "Sockets")
    for sid in (our_id, their_id):
        await rows[sid].get_by_role("button").click()  # which shows its details, too
        await go_to(page, "Sockets")
        await expect(rows[sid]).to_be_hidden()
    await until(lambda: ended == ["io server disconnect"] * 2)
    assert faults == []


def note_foreign(url: str, own: str, faults: list[str]) -> None:
    if not re.sub("^ws", "http", url).startswith(own):
        faults.append(url)


def note_console(message: Any, faults: list[str]) -> None:
    # The page gives up its first connection, which was refused, while that is upgraded.
    if message.type in ("error", "warning") and "closed before the connection" not in message.text:
        faults.append(f"{message.type}: {message.text}")


async def test_it_is_off_by_default(start: Start, browser: Browser) -> None:
    """Neither the page nor its namespace is there."""
    instance = await start()
    page = await browser.new_page()
    answer = await page.goto(f"{instance.url}/admin-ui/")
    assert answer is not None
    assert answer.status == 404
    await page.close()
    assert list(instance.server.io.namespaces) == ["/"]
