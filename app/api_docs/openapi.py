"""The description of the REST API, OpenAPI 3.1, made from the table of operations and the types that validate."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from app.api.rest_routes import query_fields
from app.api_docs.json_schema import Schema, Schemas, not_null, required_names
from app.contract.operation import Operation, OtherRoute
from app.http.requests import REQUEST_ID as REQUEST_ID_OF_CLIENT
from app.http.requests import ErrorResponse

Described = Operation | OtherRoute

VERSION = "1.0.0"  # of the API
ABOUT = """\
Rooms and direct messages, in real time. What is asked for here can also be asked for with events, and what changes is
told by events: see [the events](/docs/events).

Every response has an `X-Request-Id`, the request's own where it is 1 to 128 letters, digits or `._~:;=+/@-`. Fields of
a body that are not described are ignored; a field that may be absent may also be null. Ids are text to compare and no
more.
"""
ERRORS = {
    400: "The body or form cannot be read.",
    401: "The bearer token is missing or not valid; for sign-in, the name or the password is wrong.",
    403: "The user may not do this: not a member, not an admin, banned, or not the author.",
    404: "There is no such thing, or its id is malformed.",
    408: "The body took too long.",
    409: "Something stands against it: a name that is taken, a limit that is reached, a last admin.",
    413: "The body is larger than it may be.",
    415: "The body is of another media type than it must be.",
    416: "There are no such bytes.",
    422: "A field is missing or not as it may be; `details.cause` tells which, and why.",
    429: "Too much was asked in too short a time; `Retry-After` tells when to try again.",
    500: "The server failed; `requestId` finds out why.",
    503: "PostgreSQL or Redis cannot be reached; try again.",
}
RARE = (408, 415, 416)  # which only some answer with
RETRY = (409, 429, 503)  # errors that may tell when to try again
PARAMETER = re.compile(r"\{(\w+)\}")


def openapi(operations: Sequence[Operation], others: Sequence[OtherRoute]) -> dict[str, Any]:
    """The document, as plain objects."""
    described: list[Described] = [*(found for found in operations if found.http), *others]
    schemas = Schemas([ErrorResponse, *_types(described)])
    paths: dict[str, dict[str, Any]] = {}
    for found in described:
        assert found.http is not None
        method, path = found.http
        paths.setdefault(path, {})[method.lower()] = _operation(found, path, schemas)
    responses = {_error_name(status): _error(status, schemas) for status in ERRORS if status not in RARE}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parley", "version": VERSION, "description": ABOUT, "license": LICENSE},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(found) for found in described)],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "headers": HEADERS,
            "responses": responses,
            "schemas": schemas.reached_from(paths, responses),
        },
    }


LICENSE = {"name": "MIT", "identifier": "MIT"}
HEADERS = {
    "RequestId": {
        "description": "Finds the request in the server's log.",
        "schema": {"type": "string", "pattern": f"^{REQUEST_ID_OF_CLIENT.pattern}$"},
    },
    "RetryAfter": {
        "description": "The seconds to wait before trying again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "NextPage": {
        "description": 'The next page, as `</path?query>; rel="next"` (RFC 8288); absent at the end.',
        "schema": {"type": "string"},
    },
    "Authenticate": {"description": "Bearer.", "schema": {"type": "string"}},
}
REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}


def operation_id(found: Operation | OtherRoute) -> str:
    """The name of an operation in both descriptions: `messageSend` of `message:send`."""
    event = found.event if isinstance(found, Operation) else None
    return camel(event or found.run.__name__)


def camel(name: str) -> str:
    """`room:user-joined` or `room_user_joined` as `roomUserJoined`."""
    first, *others = re.split(r"[^0-9A-Za-z]+", name)
    return first + "".join(word.capitalize() for word in others)


def _types(described: Iterable[Described]) -> Iterator[Any]:
    for found in described:
        if isinstance(found, Operation):
            yield found.takes
        yield from (body for body in _answers(found).values() if not _is_bytes(body))


def _tag(found: Described) -> str:
    """The area: of `message:send` it is `message`, of /auth/sign-up `auth`, of /chat/files `files`."""
    assert found.http is not None
    if isinstance(found, Operation) and found.event:
        return found.event.partition(":")[0]
    first, *others = found.http[1].strip("/").split("/")
    return others[0] if first == "chat" else first


def _operation(found: Described, path: str, schemas: Schemas) -> dict[str, Any]:
    assert found.http is not None
    method, in_path = found.http[0], PARAMETER.findall(path)
    summary, _, more = found.documentation.partition("\n")
    described: dict[str, Any] = {
        "operationId": operation_id(found),
        "tags": [_tag(found)],
        "summary": summary,
        "description": more.strip(),
    }
    if isinstance(found, Operation):
        parameters = _parameters(found, in_path, schemas)
        body = None if method == "GET" else _body(found, in_path, schemas)
    else:
        parameters = [_parameter(name, "path", {"type": "string"}, required=True) for name in in_path]
        body = _form(found.upload) if found.upload else None
    if parameters:
        described["parameters"] = parameters
    if body is not None:
        described["requestBody"] = body
    if found.who == "anybody":
        described["security"] = []
    asks = bool(parameters) or body is not None
    errors = (
        {401, 429, 500, 503} | ({403, 404, 409, 422} if asks else set()) | ({400, 413} if body else set())
    )
    errors |= {409} if method != "GET" else set()
    errors |= {403} if found.who == "administrator" else set()
    described["responses"] = _responses(found, errors, schemas)
    return described


def _parameters(operation: Operation, in_path: Sequence[str], schemas: Schemas) -> list[dict[str, Any]]:
    assert operation.http is not None
    fields, needed = schemas.fields(operation.takes), required_names(operation.takes)
    renamed = operation.renamed
    found = [_parameter(name, "path", fields[renamed.get(name, name)], required=True) for name in in_path]
    if operation.http[0] == "GET":
        names = {field: name for name, field in renamed.items()}
        for field, _ in query_fields(operation.takes):
            name = field.encode_name
            if name not in in_path:
                schema = not_null(fields[name])
                found.append(_parameter(names.get(name, name), "query", schema, required=name in needed))
    return found


def _parameter(name: str, place: str, schema: Schema, *, required: bool) -> dict[str, Any]:
    described: dict[str, Any] = {"name": name, "in": place, "required": required, "schema": schema}
    if schema.get("type") == "array":
        described |= {"style": "form", "explode": False}  # separated by commas
    return described


def _body(operation: Operation, in_path: Sequence[str], schemas: Schemas) -> dict[str, Any] | None:
    elsewhere = {operation.renamed.get(name, name) for name in in_path}
    if not schemas.fields(operation.takes).keys() - elsewhere:
        return None
    schema = schemas.without(operation.takes, elsewhere) if elsewhere else schemas.of(operation.takes)
    needed = bool(required_names(operation.takes) - elsewhere or operation.takes.RULES)
    return {"required": needed, "content": {"application/json": {"schema": schema}}}


def _form(field: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {field: {"type": "string", "format": "binary", "minLength": 1}},
        "required": [field],
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _responses(found: Described, errors: Iterable[int], schemas: Schemas) -> dict[str, Any]:
    responses: dict[int, Any] = {}
    if isinstance(found, Operation) or found.who != "anybody":
        responses = {status: {"$ref": f"#/components/responses/{_error_name(status)}"} for status in errors}
    responses |= {status: _answer(status, body, schemas) for status, body in _answers(found).items()}
    if isinstance(found, Operation) and found.rest_page is not None:
        responses[found.status]["headers"] = {**REQUEST_ID, "Link": {"$ref": "#/components/headers/NextPage"}}
    return {str(status): responses[status] for status in sorted(responses)}


def _answers(found: Described) -> Mapping[int, Any]:
    """The bodies of answers by status, but for those of the errors that all have."""
    return {found.status: found.gives_over_rest} if isinstance(found, Operation) else found.answers


def _answer(status: int, body: Any, schemas: Schemas) -> dict[str, Any]:
    text = ERRORS.get(status) or HTTPStatus(status).phrase
    described: dict[str, Any] = {"description": text, "headers": REQUEST_ID}
    if isinstance(body, str):
        described["content"] = {body: {"schema": {"type": "string", "format": "binary"}}}
    elif body is not None:
        described["content"] = {"application/json": {"schema": schemas.of(body)}}
    return described


def _is_bytes(body: Any) -> bool:
    return body is None or isinstance(body, str)


def _error_name(status: int) -> str:
    return f"Error{status}"


def _error(status: int, schemas: Schemas) -> dict[str, Any]:
    headers: dict[str, Any] = dict(REQUEST_ID)
    if status in RETRY:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == 401:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/Authenticate"}
    content = {"application/json": {"schema": schemas.of(ErrorResponse)}}
    return {"description": ERRORS[status], "headers": headers, "content": content}
