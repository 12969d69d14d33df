"""The operations of the chat by name, as events and as REST routes, read from their descriptions."""

from typing import Any

import httpx

from tests.support.chat import descriptions as described


def events() -> dict[str, str]:
    """By operation, the name of its event; `authenticate` has tests of its own, which need none."""
    found = described.descriptions().asyncapi
    return {
        name: found["channels"][name]["address"]
        for name, operation in found["operations"].items()
        if operation["action"] == "receive" and name != "authenticate"
    }


def routes() -> dict[str, tuple[str, str]]:
    """By operation, the method and path of those that have an event, too."""
    return {
        operation["operationId"]: (method.upper(), path)
        for path, item in described.descriptions().openapi["paths"].items()
        for method, operation in item.items()
        if operation["operationId"] in EVENTS
    }


EVENTS = events()
ROUTES = routes()


async def ask(http: httpx.AsyncClient, name: str, payload: dict[str, Any]) -> httpx.Response:
    """Asks over REST for what an event with this payload would do."""
    method, path = ROUTES[name]
    fields = dict(payload)
    for field, known_as in (("receiverId", "userId"), ("afterSeq", "after")):
        if field in fields:
            fields[known_as] = fields.pop(field)
    for field in [field for field in fields if f"{{{field}}}" in path]:
        path = path.replace(f"{{{field}}}", str(fields.pop(field)))
    if method == "GET":
        query = {
            name: ",".join(value) if isinstance(value, list) else value for name, value in fields.items()
        }
        return await http.request(method, path, params=query)
    return await http.request(method, path, json=fields)
