"""The descriptions of the API, to hold all traffic of the tests against.

They are taken strictly: an answer may have no status, no field and no event that is not described, and what the
server accepted must be what they allow.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPMethod
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

from app.api_docs.routes import Descriptions
from app.config.settings import Settings
from app.serving.application import create_app
from tests.support.waiting import PATIENCE

PAGES = r"admin|docs(/.*)?|(assets|client)/.*|(openapi|asyncapi)\.json|favicon\.svg|theme\.js"
NOT_DESCRIBED = re.compile(rf"/({PAGES}|io/)?")
ERROR = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}}


@cache
def descriptions() -> Descriptions:
    """Those of an application that is never started."""
    settings = Settings(
        database_url="postgresql://nowhere/parley",
        redis_url="redis://nowhere",
        jwt_secret="for-tests-only-" * 3,
        data_dir=Path("/nonexistent"),
    )
    found: Descriptions = create_app(settings).state.descriptions
    return found


def closed(schema: Any) -> Any:
    """The same where an object has no field that is not described."""
    match schema:
        case list():
            return [closed(value) for value in schema]
        case Mapping():
            found = {name: closed(value) for name, value in schema.items()}
            is_object = found.get("type") == "object" and "properties" in found
            return {"additionalProperties": False, **found} if is_object else found
        case _:
            return schema


@cache
def components(kind: str, *, strict: bool) -> Any:
    """The components of the description of REST (`openapi`) or the events (`asyncapi`)."""
    found = getattr(descriptions(), kind)["components"]["schemas"]
    return {"schemas": closed(found) if strict else found}


@cache
def validator(kind: str, schema: str, *, strict: bool) -> Any:
    """Compiled once; `schema` is JSON."""
    whole = json.loads(schema)
    return jsonschema_rs.validator_for(
        {**(closed(whole) if strict else whole), "components": components(kind, strict=strict)},
        validate_formats=True,
    )


def check(kind: str, schema: Any, value: Any, what: str, *, strict: bool = True) -> None:
    """Raises AssertionError where a value is not as described."""
    compiled = validator(kind, json.dumps(schema), strict=strict)
    problems = [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in compiled.iter_errors(value)
    ]
    assert not problems, f"{what} is not as described: {problems}\n{value}"


def client(url: str, **options: Any) -> httpx.AsyncClient:
    """A client of which every response is checked. It never speaks TLS: to load certificates costs more than a test."""
    hooks = {"response": [check_response]}
    options = {"timeout": PATIENCE, **options}
    return httpx.AsyncClient(base_url=url, event_hooks=hooks, verify=False, trust_env=False, **options)


async def check_response(response: httpx.Response) -> None:
    """Raises AssertionError where a response, or a request that was accepted, is not as described."""
    request = response.request
    # As it is sent: a parameter may have an encoded slash.
    method, path = request.method, request.url.raw_path.decode().partition("?")[0]
    if method == HTTPMethod.OPTIONS or NOT_DESCRIBED.fullmatch(path):
        return
    what = f"{method} {path}: {response.status_code}"
    assert response.headers["x-request-id"], what
    if response.headers.get("content-type") == "application/json":
        await response.aread()
    item = path_item(path)
    if item is None:
        assert response.status_code == 404, what
        check_body(ERROR, response, what)
        return
    operation = item.get("get" if method == HTTPMethod.HEAD else method.lower())
    if operation is None:
        assert response.status_code == 405, what
        check_body(ERROR, response, what)
        return
    described = operation["responses"].get(str(response.status_code))
    assert described is not None, f"{what} is not described: {response.text}"
    check_body(described, response, what)
    if response.is_success:
        check_accepted(operation, request, what)


def check_body(described: Mapping[str, Any], response: httpx.Response, what: str) -> None:
    if "$ref" in described:
        name = described["$ref"].rpartition("/")[2]
        described = descriptions().openapi["components"]["responses"][name]
    content = described.get("content")
    kind = response.headers.get("content-type")
    if content is None:
        assert kind is None or response.status_code == 304, f"{what} has a body of {kind}"
    elif "application/json" in content:
        assert kind == "application/json", f"{what} is {kind}"
        if response.request.method != HTTPMethod.HEAD:
            check("openapi", content["application/json"]["schema"], response.json(), what)
    else:
        assert kind in content or "*/*" in content, f"{what} is {kind}"


def check_accepted(operation: Mapping[str, Any], request: httpx.Request, what: str) -> None:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        value = json.loads(request.read() or b"{}")
        check("openapi", body["schema"], value, f"the body of {what}", strict=False)
    names = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    assert set(request.url.params) <= names, f"{what} was asked for with {request.url.params}"


@cache
def path_item(path: str) -> Any:
    """What is described for a path, fixed ones before those with parameters; None for nothing."""
    paths = descriptions().openapi["paths"]
    for template in sorted(paths, key=lambda template: template.replace("{", "~")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            return paths[template]
    return None


def check_event(event: str, payload: Any) -> None:
    """Raises AssertionError where what the server emitted is not as described; `test:…` is what a test has it emit."""
    if event.startswith("test:"):
        return
    check("asyncapi", messages("send", event)["payload"]["payload"], payload, f"the event {event}")


def check_ack(event: str, payload: Any, ack: Any) -> None:
    """Raises AssertionError where an ack, or an event that was accepted, is not as described."""
    found = messages("receive", event)
    refused = {"$ref": "#/components/schemas/Refused"}
    check("asyncapi", found["ack"]["payload"] if found else refused, ack, f"the ack of {event}")
    if ack["ok"]:
        taken = {} if payload is None else payload
        check("asyncapi", found["payload"]["payload"], taken, f"the payload of {event}", strict=False)


@cache
def messages(action: str, event: str) -> Any:
    """The messages of an event that the server receives or sends, by name; none for what is not described."""
    document = descriptions().asyncapi
    for name, operation in document["operations"].items():
        if operation["action"] == action and document["channels"][name]["address"] == event:
            return document["channels"][name]["messages"]
    assert action == "receive", f"the event {event} is not described"
    return {}
