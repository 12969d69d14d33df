"""The description of the events, AsyncAPI 3.0, made from the table of operations and the list of what is emitted.

Each event is a channel whose address is the event's name. What a client emits is an operation with a reply, its ack.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api_docs.json_schema import Schema, Schemas
from app.api_docs.openapi import LICENSE, VERSION, camel, operation_id
from app.contract.operation import Operation
from app.payloads.server_events import ErrorBody

ABOUT = """\
What clients emit and hear on the main namespace of a Socket.IO 4 connection, over websocket or polling. The same can
be asked for over REST: see [the operations](/docs).

A client connects, with its token in the handshake's `auth.token`, in an `Authorization: Bearer` header or in the event
itself, and emits `authenticate` within 10 seconds; it is told `authenticated`, or `unauthenticated` and disconnected.
Before that it hears nothing else and every other event is refused.

An event has one argument, the payload, and an ack, if the client asks for one: `{ok: true, data}`, or
`{ok: false, error}`. Without one, a refusal comes as the event `error`. The events of one socket are handled in the
order in which they were sent.

Every change in a room has a number. Who has missed one, after a gap in `changeSeq` or `seq` or after being away, asks
for what has changed since with `room:sync`.
"""

Emitted = Mapping[str, tuple[Any, str]]  # by event: the type of what it carries, and when it comes


def asyncapi(operations: Sequence[Operation], emitted: Emitted) -> dict[str, Any]:
    """The document, as plain objects."""
    taken = [operation for operation in operations if operation.event is not None]
    schemas = Schemas(
        [
            ErrorBody,
            *(kind for operation in taken for kind in (operation.takes, operation.gives)),
            *(kind for kind, _ in emitted.values()),
        ]
    )
    channels = {operation_id(operation): _asked(operation, schemas) for operation in taken}
    channels |= {camel(event): _told(event, *emitted[event], schemas) for event in emitted}
    refused = _ack(False, error=schemas.of(ErrorBody))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parley",
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": LICENSE["name"]},
        },
        "defaultContentType": "application/json",
        "servers": {
            "chat": {
                "host": "{host}",
                "pathname": "/io/",
                "protocol": "socket.io",
                "protocolVersion": "5",
                "variables": {"host": {"default": "localhost:3000", "description": "Where the chat is."}},
                "security": [{"$ref": "#/components/securitySchemes/bearer"}],
            }
        },
        "channels": channels,
        "operations": {
            **{operation_id(operation): _receives(operation) for operation in taken},
            **{camel(event): _sends(event) for event in emitted},
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {
                "Refused": {
                    "title": "Refused",
                    "description": "The ack of an event that was refused.",
                    **refused,
                },
                **_plain(schemas.reached_from(channels, refused)),
            },
        },
    }


def _asked(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    data = {} if operation.gives is None else schemas.of(operation.gives)
    ack = {"oneOf": [_ack(True, data=data), {"$ref": "#/components/schemas/Refused"}]}
    messages = {
        "payload": {"title": "Payload", "payload": schemas.of(operation.takes)},
        "ack": {"title": "Ack", "payload": ack},
    }
    return {"address": operation.event, "messages": messages}


def _told(event: str, kind: Any, when: str, schemas: Schemas) -> dict[str, Any]:
    return {
        "address": event,
        "messages": {"payload": {"title": "Payload", "summary": when, "payload": schemas.of(kind)}},
    }


def _ack(ok: bool, **field: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"ok": {"const": ok}, **field},
        "required": ["ok", *field],
    }


def _receives(operation: Operation) -> dict[str, Any]:
    channel = f"#/channels/{operation_id(operation)}"
    summary, _, more = operation.documentation.partition("\n")
    code = f"The code of its error is `{operation.code}`."
    return {
        "action": "receive",
        "channel": {"$ref": channel},
        "summary": summary,
        "description": f"{more.strip()}\n\n{code}".strip(),
        "messages": [{"$ref": f"{channel}/messages/payload"}],
        "reply": {"channel": {"$ref": channel}, "messages": [{"$ref": f"{channel}/messages/ack"}]},
    }


def _sends(event: str) -> dict[str, Any]:
    channel = f"#/channels/{camel(event)}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/payload"}],
    }


def _plain(schema: Any) -> Any:
    """The same without `discriminator`, which is an object in OpenAPI and a text in AsyncAPI."""
    match schema:
        case {"discriminator": {"propertyName": _}}:
            return _plain({name: value for name, value in schema.items() if name != "discriminator"})
        case Mapping():
            return {name: _plain(value) for name, value in schema.items()}
        case list():
            return [_plain(value) for value in schema]
        case _:
            return schema
