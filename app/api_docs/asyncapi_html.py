"""The description of the events as a page to read, made from the AsyncAPI document and nothing else."""

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from app.api_docs.json_schema import PLACE

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: events</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/events.css">
</head>
<body>
<main>
<h1>{title}: events</h1>
<p><a href="/docs">REST</a> · <a href="/asyncapi.json">asyncapi.json</a> · <a href="/openapi.json">openapi.json</a></p>
{about}
{contents}
<h2 id="asked">What clients emit</h2>
{asked}
<h2 id="told">What clients hear</h2>
{told}
<h2 id="types">Types</h2>
{types}
</main>
</body>
</html>
"""
LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "maxItems": "at most {}",
    "pattern": "as {}",
    "default": "{} if absent",
}


def asyncapi_page(document: dict[str, Any]) -> str:
    """The page, as HTML."""
    operations: dict[str, Any] = document["operations"]
    asked = {name: operation for name, operation in operations.items() if operation["action"] == "receive"}
    told = {name: operation for name, operation in operations.items() if operation["action"] == "send"}
    channels, schemas = document["channels"], document["components"]["schemas"]
    return PAGE.format(
        title=escape(document["info"]["title"]),
        about=prose(document["info"]["description"]),
        contents=f"<nav>{links(asked, channels)}{links(told, channels)}</nav>",
        asked="".join(asked_event(name, asked[name], channels[name]) for name in asked),
        told="".join(told_event(name, channels[name]) for name in told),
        types="".join(type_table(name, schema) for name, schema in schemas.items()),
    )


def links(operations: dict[str, Any], channels: dict[str, Any]) -> str:
    """A list of links to events."""
    items = "".join(
        f'<li><a href="#{name}"><code>{escape(channels[name]["address"])}</code></a></li>'
        for name in operations
    )
    return f"<ul>{items}</ul>"


def asked_event(name: str, operation: dict[str, Any], channel: dict[str, Any]) -> str:
    """The section of an event that a client may emit."""
    messages = channel["messages"]
    good, _ = messages["ack"]["payload"]["oneOf"]
    return (
        f'<section id="{name}"><h3><code>{escape(channel["address"])}</code></h3>'
        f"{prose(operation['summary'])}{prose(operation['description'])}"
        f"<dl><dt>Payload</dt><dd>{words(messages['payload']['payload'])}</dd>"
        f"<dt>Data of its ack</dt><dd>{words(good['properties']['data'])}</dd></dl></section>"
    )


def told_event(name: str, channel: dict[str, Any]) -> str:
    """The section of an event that the server emits."""
    message = channel["messages"]["payload"]
    return (
        f'<section id="{name}"><h3><code>{escape(channel["address"])}</code></h3>{prose(message["summary"])}'
        f"<dl><dt>Payload</dt><dd>{words(message['payload'])}</dd></dl></section>"
    )


def type_table(name: str, schema: dict[str, Any]) -> str:
    """A type with its fields."""
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><th scope=row><code>{escape(field)}</code>{'' if field in required else ' <i>optional</i>'}</th>"
        f"<td>{words(kind)}</td></tr>"
        for field, kind in schema.get("properties", {}).items()
    )
    table = f"<table>{rows}</table>" if rows else ""
    return f'<section id="type-{name}"><h3>{name}</h3>{prose(schema.get("description", ""))}{table}</section>'


def prose(text: str) -> str:
    """Paragraphs with `code` and [links](address)."""
    html = escape(text.strip())
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
    html = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', html)
    return "".join(f"<p>{paragraph}</p>" for paragraph in re.split(r"\n\s*\n", html) if paragraph)


def words(schema: dict[str, Any]) -> str:
    """The values that a schema allows, as a phrase."""
    limits = "; ".join(
        escape(phrase.format(schema[limit])) for limit, phrase in LIMITS.items() if limit in schema
    )
    kind = "".join(_kind(schema))
    return f"{kind} <small>{limits}</small>" if limits else kind


def _kind(schema: dict[str, Any]) -> Iterator[str]:
    match schema:
        case {"$ref": str(place)}:
            name = place.removeprefix(PLACE)
            yield f'<a href="#type-{name}">{name}</a>'
        case {"anyOf": list(kinds)} | {"oneOf": list(kinds)}:
            yield " or ".join(words(kind) for kind in kinds)
        case {"enum": list(values)}:
            yield " | ".join(f"<code>{escape(str(value))}</code>" for value in values)
        case {"const": value}:
            yield f"<code>{escape(str(value).lower())}</code>"
        case {"type": "array", "items": dict(item)}:
            yield f"list of {words(item)}"
        case {"format": "date-time"}:
            yield "time"
        case {"type": str(kind)}:
            yield {"string": "text", "integer": "whole number"}.get(kind, kind)
        case _:
            yield "nothing"
