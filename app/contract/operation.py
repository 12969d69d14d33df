"""Everything that a client can ask for, in one table.

The handlers of events, the REST routes and both API descriptions are made from it, so each thing has one implementation
and one set of types, whichever way it is asked for.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from types import NoneType
from typing import Any, Literal, get_type_hints

from msgspec import Struct
from starlette.requests import Request

from app.payloads.fields.field_types import Received

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Run = Callable[[Any, Any], Awaitable[Any]]


class RestPage(Struct, frozen=True):
    """How a page is answered over REST: with the list in the answer's field `items` alone. The answer's `next` is the
    value of the parameter `cursor` in the link to the next page, in the header `Link` (RFC 8288 §3, relation "next").
    """

    items: str
    cursor: str


class Operation(Struct, frozen=True, kw_only=True):
    """`run(caller, payload)` does it; its docstring is the documentation, its annotations tell what it takes and gives.

    `event` and `http` are the doors. `code` is the error code of a refused event. The fields of `takes` come from an
    event's first argument; over REST from the path, from the query of a GET, and from the body's JSON object otherwise.
    `renamed` tells the field that a name in the path or the query stands for, where that is another. With a `rest_page`
    REST answers with a list, where the event's answer is an object.

    `who` may ask: a `user`, whom `run` gets as a `Caller`; `anybody`, whose `Caller` has no `user_id`; or a `socket`,
    which `run` gets itself, for what is about one socket and no other door leads to. An `administrator` is a user whose
    `Caller` has the name under which what they do is noted; over REST alone.
    """

    run: Run
    event: str | None = None
    code: str = ""
    http: tuple[Method, str] | None = None
    status: int = 200
    renamed: Mapping[str, str] = {}
    rest_page: RestPage | None = None
    who: Literal["user", "anybody", "socket", "administrator"] = "user"

    @property
    def takes(self) -> type[Received]:
        """The type of the payload."""
        hints = get_type_hints(self.run)
        taken: list[type[Received]] = [
            kind for name, kind in hints.items() if name != "return" and issubclass(kind, Received)
        ]
        return taken[0]

    @property
    def gives(self) -> Any:
        """The type of the answer, None for none."""
        given = get_type_hints(self.run)["return"]
        return None if given is NoneType else given

    @property
    def gives_over_rest(self) -> Any:
        """The type of the body that REST answers with, None for none."""
        return self.gives if self.rest_page is None else get_type_hints(self.gives)[self.rest_page.items]

    @property
    def documentation(self) -> str:
        """The documentation, a line for the summary first."""
        return inspect.getdoc(self.run) or ""


class OtherRoute(Struct, frozen=True, kw_only=True):
    """A REST route that is no operation, as it is described: what it takes or gives are bytes, or no user asks for it.

    `run(request)` answers, and its docstring is the documentation. `answers` are those besides the errors that any
    operation may have: by status, the type of a JSON body, the media type of bytes, or None for no body.
    `upload` is the field of a form that holds the file.
    """

    run: Callable[[Request], Awaitable[Any]]
    http: tuple[Method, str]
    answers: Mapping[int, Any]
    upload: str = ""
    who: Literal["user", "anybody", "administrator"] = "user"

    @property
    def documentation(self) -> str:
        """The documentation, a line for the summary first."""
        return inspect.getdoc(self.run) or ""
