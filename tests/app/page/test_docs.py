"""The pages of the API's descriptions, in a real browser and under their Content-Security-Policy."""

from playwright.async_api import Browser, Page, expect

from tests.app.page.conftest import AXE
from tests.support.chat import descriptions as described
from tests.support.chat.people import Instance


async def opened(browser: Browser, url: str, faults: list[str]) -> Page:
    page = await browser.new_page()
    page.on(
        "console",
        lambda message: faults.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(url) else faults.append(request.url))
    return page


async def test_rest_is_shown_and_can_be_tried_out(instance: Instance, browser: Browser) -> None:
    faults: list[str] = []
    page = await opened(browser, instance.url, faults)
    await page.goto(f"{instance.url}/docs")
    for item in described.descriptions().openapi["paths"].values():
        for operation in item.values():
            await expect(page.locator(f".opblock[id$='-{operation['operationId']}']")).to_be_visible()
    operation = page.locator("[id$='-live']")
    await operation.get_by_role("button").first.click()
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    await expect(answer.get_by_role("cell", name="200", exact=True)).to_be_visible()
    assert faults == []


async def test_the_events_are_shown(instance: Instance, browser: Browser) -> None:
    faults: list[str] = []
    page = await opened(browser, instance.url, faults)
    await page.goto(f"{instance.url}/docs/events")
    await page.get_by_role("navigation").get_by_role("link", name="message:send").click()
    await expect(page.get_by_role("heading", name="message:send")).to_be_in_viewport()
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate("axe.run()")
    assert [fault["id"] for fault in found["violations"] if fault["impact"] in ("serious", "critical")] == []
    assert faults == []
