"""JSON Schema, draft 2020-12, of what is on the wire: made by msgspec from the very types that validate."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from app.payloads.fields.field_types import Received

Schema = dict[str, Any]

PLACE = "#/components/schemas/"  # of the types' schemas, in both API descriptions


class Schemas:
    """The schemas of types: each type has one, by its name, and is referred to elsewhere."""

    def __init__(self, types: Iterable[Any]) -> None:
        kinds = list(types)
        schemas, components = msgspec.json.schema_components(kinds, ref_template=f"{PLACE}{{name}}")
        self._of = {repr(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
        plain: dict[str, Schema] = msgspec.json.decode(
            msgspec.json.encode(components)
        )  # defaults may be tuples
        self._components = {name: _tidy(schema) for name, schema in plain.items()}
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, Received):
                self._resolved(kind).update(kind.RULES)

    def of(self, kind: Any) -> Schema:
        """The schema of a type: a reference, or a list of one."""
        return self._of[repr(kind)]

    def fields(self, kind: type[Struct]) -> dict[str, Schema]:
        """The schema of each field of a type, by its name on the wire."""
        found: dict[str, Schema] = self._resolved(kind).get("properties", {})
        return found

    def without(self, kind: type[Struct], names: Iterable[str]) -> Schema:
        """The schema of a type that has not the fields of these names."""
        left_out = set(names)
        whole = self._resolved(kind)
        kept = {name: field for name, field in self.fields(kind).items() if name not in left_out}
        required = [name for name in whole.get("required", ()) if name not in left_out]
        return whole | {"properties": kept, "required": required}

    def reached_from(self, *documents: Any) -> dict[str, Schema]:
        """The schemas of types that documents refer to, and those that they refer to, by name."""
        found: dict[str, Schema] = {}
        new = self._referred(documents)
        while new:
            found |= {name: self._components[name] for name in new}
            new = self._referred([self._components[name] for name in new]) - found.keys()
        return dict(sorted(found.items()))

    def _referred(self, documents: Iterable[Any]) -> set[str]:
        return {name for document in documents for name in referred(document)} & self._components.keys()

    def _resolved(self, kind: type[Struct]) -> Schema:
        return self._components[self.of(kind)["$ref"].removeprefix(PLACE)]


def referred(document: Any) -> Iterator[str]:
    """The names of the schemas that any part of a document refers to."""
    match document:
        case {"$ref": str(place)} if place.startswith(PLACE):
            yield place.removeprefix(PLACE)
        case Mapping():
            for value in document.values():
                yield from referred(value)
        case list() | tuple():
            for value in document:
                yield from referred(value)


def required_names(kind: type[Struct]) -> set[str]:
    """The names, on the wire, of the fields that must be given."""
    return {field.encode_name for field in msgspec.structs.fields(kind) if field.required}


def not_null(schema: Schema) -> Schema:
    """The schema without null, which a query cannot say."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**rest, **kinds[0]}


def _tidy(schema: Schema) -> Schema:
    """A type's schema, its docstring without indentation; fields that may be absent need no default of null."""
    properties = {
        name: {key: value for key, value in field.items() if (key, value) != ("default", None)}
        for name, field in schema.get("properties", {}).items()
    }
    tidy = schema | {"properties": properties} if properties else schema
    return tidy | {"description": inspect.cleandoc(tidy.get("description", ""))}
