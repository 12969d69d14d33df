"""The descriptions of REST and the events: valid, whole, served; and what holds the other tests' traffic to them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.routing import Route

from app.api_docs.json_schema import referred
from app.config.settings import Settings
from app.core.errors import STATUS
from app.http.web_files import WebFiles
from app.payloads.server_events import EMITTED
from app.serving.application import create_app
from tests.support.chat import descriptions as described
from tests.support.chat.people import Instance, Person
from tests.support.paths import CLIENTS

pytestmark = pytest.mark.over_websocket

SPECS = CLIENTS / "node_modules" / "@asyncapi" / "specs" / "schemas"
DOCUMENTS = ("openapi", "asyncapi")


def document(kind: str) -> Any:
    return getattr(described.descriptions(), kind)


def test_openapi_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document("openapi")).iter_errors()] == []


def test_asyncapi_is_valid() -> None:
    meta_schema = json.loads((SPECS / "3.0.0-without-$id.json").read_text("utf-8"))
    errors = jsonschema_rs.validator_for(meta_schema).iter_errors(document("asyncapi"))
    assert [f"{error.instance_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_every_reference_leads_somewhere_and_every_schema_is_referred_to(kind: str) -> None:
    found = document(kind)
    assert set(referred(found)) == set(found["components"]["schemas"])
    for place in references(found):
        target = found
        for step in place.removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/")]


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_every_schema_is_one_of_draft_2020_12(kind: str) -> None:
    for schema in document(kind)["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def references(value: Any) -> Iterator[str]:
    match value:
        case {"$ref": str(place)}:
            yield place
        case dict():
            for inner in value.values():
                yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)


def test_every_route_is_described_and_everything_described_is_a_route(settings: Settings) -> None:
    app = create_app(settings)
    web = app.router.default
    assert isinstance(web, Starlette)
    pages = {
        "/openapi.json",
        "/asyncapi.json",
        "/docs/events",
        "/metrics",
        *(route.path for route in WebFiles().routes()),
    }
    routes = {
        (method, route.path_format)
        for route in web.routes
        if isinstance(route, Route) and route.path not in pages
        for method in (route.methods or set()) - {"HEAD"}
    }
    paths = document("openapi")["paths"]
    assert routes == {(method.upper(), path) for path, item in paths.items() for method in item}


async def test_every_event_described_is_one(people: Callable[..., Any]) -> None:
    device = await (await people()).device()
    found = document("asyncapi")
    for name, operation in found["operations"].items():
        if operation["action"] == "receive":
            error = await device.refused(found["channels"][name]["address"], 7)
            assert f"`{error['code']}`" in operation["description"]
            assert error["reason"] == "invalid"


def test_every_event_emitted_is_described() -> None:
    found = document("asyncapi")
    sent = {name for name, operation in found["operations"].items() if operation["action"] == "send"}
    assert {found["channels"][name]["address"] for name in sent} == EMITTED.keys()


def test_the_same_thing_has_one_name_and_everything_is_documented() -> None:
    rest = [operation for item in document("openapi")["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in rest]
    assert len(set(names)) == len(names)
    assert "messageSend" in {*names} & {*document("asyncapi")["operations"]}
    for operation in rest:
        assert len(operation["summary"]) > 10, operation["operationId"]
    for name, operation in document("asyncapi")["operations"].items():
        assert operation["action"] == "send" or operation["summary"], name
    for kind in DOCUMENTS:
        undocumented = [
            name
            for name, schema in document(kind)["components"]["schemas"].items()
            if not schema["description"]
        ]
        assert undocumented == []


def test_what_is_in_the_path_is_not_in_the_body() -> None:
    for path, item in document("openapi")["paths"].items():
        for operation in item.values():
            in_path = {field["name"] for field in operation.get("parameters", ()) if field["in"] == "path"}
            assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body and "properties" in body["schema"]:
                assert not in_path & body["schema"]["properties"].keys()


def test_every_status_of_a_refusal_is_described_where_something_is_sent() -> None:
    operation = document("openapi")["paths"]["/chat/rooms/{roomId}/messages"]["post"]
    assert {str(status) for status in STATUS.values()} <= operation["responses"].keys()


def test_a_list_in_a_query_is_separated_by_commas() -> None:
    (user_ids,) = document("openapi")["paths"]["/chat/presence"]["get"]["parameters"]
    assert (user_ids["name"], user_ids["style"], user_ids["explode"]) == ("userIds", "form", False)


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_they_are_served(http: httpx.AsyncClient, kind: str) -> None:
    answer = await http.get(f"/{kind}.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == document(kind)
    again = await http.get(f"/{kind}.json", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = await http.head(f"/{kind}.json")
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(answer.content)))


async def test_the_events_can_be_read(http: httpx.AsyncClient) -> None:
    answer = await http.get("/docs/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for channel in document("asyncapi")["channels"].values():
        assert f"<code>{channel['address']}</code></h3>" in answer.text
    for name in document("asyncapi")["components"]["schemas"]:
        assert f'id="type-{name}"' in answer.text
    assert "<script" not in answer.text
    assert "style=" not in answer.text


# What holds the traffic to them


def answered(path: str, status: int, body: Any, *, method: str = "GET", sent: Any = None) -> httpx.Response:
    request = httpx.Request(method, f"http://chat{path}", json=sent)
    return httpx.Response(status, json=body, headers={"x-request-id": "x"}, request=request)


ERROR = {
    "message": "m",
    "statusCode": 404,
    "requestId": "x",
    "details": {"reason": "not_found", "cause": []},
}
USER = {
    "id": "1",
    "username": "ann",
    "displayName": None,
    "avatar": None,
    "lastSeenAt": None,
    "isOnline": False,
    "createdAt": "2026-01-01T00:00:00Z",
    "isAdministrator": False,
    "modifiedAt": "2026-01-01T00:00:00Z",
}


async def test_traffic_as_described_passes() -> None:
    await described.check_response(answered("/auth/who-am-i", 200, USER))
    await described.check_response(answered("/auth/who-am-i", 401, ERROR))
    await described.check_response(answered("/nowhere/at/all", 404, ERROR))
    await described.check_response(answered("/auth/who-am-i", 405, ERROR, method="DELETE"))
    described.check_event("ping", {"time": "2026-01-01T00:00:00Z"})
    described.check_ack("room:list", {}, {"ok": True, "data": []})


@pytest.mark.parametrize(
    "answer",
    [
        answered("/auth/who-am-i", 200, USER | {"credential": "secret"}),
        answered("/auth/who-am-i", 200, {name: USER[name] for name in USER if name != "avatar"}),
        answered("/auth/who-am-i", 200, USER | {"createdAt": "yesterday"}),
        answered("/auth/who-am-i", 202, USER),
        answered("/auth/who-am-i", 404, ERROR | {"stack": []}),
        answered(
            "/auth/who-am-i", 405, ERROR | {"details": {"reason": "invalid", "cause": [{}]}}, method="DELETE"
        ),
        answered("/nowhere", 404, ERROR | {"details": {"reason": "nowhere", "cause": []}}),
        answered("/nowhere", 404, {"detail": "Not Found"}),
        answered("/nowhere", 200, USER),
        answered("/chat/rooms/r/messages", 200, {}),
        answered("/auth/sign-up", 201, {"token": "t", "user": USER}, method="POST", sent={"username": "a b"}),
        answered("/auth/who-am-i?verbose=1", 200, USER),
    ],
    ids=lambda answer: f"{answer.request.method} {answer.request.url.raw_path.decode()} {answer.text[:60]}",
)
async def test_other_answers_do_not(answer: httpx.Response) -> None:
    with pytest.raises(AssertionError):
        await described.check_response(answer)


@pytest.mark.parametrize(
    "check",
    [
        lambda: described.check_event("ping", {"time": "2026-01-01T00:00:00Z", "more": 1}),
        lambda: described.check_event("ping", {}),
        lambda: described.check_event("pong", {}),
        lambda: described.check_ack("room:list", {}, {"ok": True}),
        lambda: described.check_ack("room:list", {}, {"ok": True, "data": [{}]}),
        lambda: described.check_ack("room:list", {}, {"ok": False, "error": {"message": "no"}}),
        lambda: described.check_ack("nothing", {}, {"ok": True, "data": None}),
        lambda: described.check_ack("join", {"rooms": "all"}, {"ok": True, "data": {"rooms": []}}),
    ],
)
def test_other_events_do_not(check: Callable[[], None]) -> None:
    with pytest.raises(AssertionError):
        check()


async def test_devices_and_people_are_checked(instance: Instance, people: Callable[..., Any]) -> None:
    ann: Person = await people()
    assert described.check_response in ann.http.event_hooks["response"]
    device = await ann.device()
    await instance.server.io.in_(f"user:{ann.id}").emit("ping", {"time": "soon"})
    await device.ok("room:list")
    assert "is not as described" in device.undescribed.pop()
