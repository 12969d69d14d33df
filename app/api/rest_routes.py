"""The REST routes: each operation that has a path, behind the same types as its event."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from app.accounts.auth import Auth
from app.accounts.sessions.user_agents import kept_agent
from app.contract.operation import Operation
from app.core.caller import Caller, bearer
from app.core.errors import Refusal
from app.http.address_allowance import AddressAllowance, AllowAddress, address_of
from app.http.budgets import Budgeted, Budgets, claim_of
from app.http.cross_site import CrossSite
from app.http.requests import (
    Endpoint,
    InFlight,
    RequestContext,
    answering,
    http_error,
    json_response,
    read_json,
)
from app.http.slow_refusals import RefusalPace, SlowRefusals
from app.limits.rate_limits import Limits
from app.observability.health import LIVE, READY
from app.payloads.fields.validation import fit, is_id, refusal_of_field


class Api:
    """The routes of the operations that have one."""

    def __init__(self, auth: Auth, limits: Limits, operations: Sequence[Operation]) -> None:
        self._auth = auth
        self._limits = limits
        self._operations = operations

    def routes(self) -> list[Route]:
        """Each path, with the endpoint of each of its methods; fixed paths before those with a parameter."""
        paths: dict[str, dict[str, Endpoint]] = defaultdict(dict)
        for operation in self._operations:
            if operation.http is not None:
                method, path = operation.http
                paths[path][method] = self._endpoint(operation)
        ordered = sorted(paths, key=lambda path: path.replace("{", "~"))
        return [route(with_slashes(path), **paths[path]) for path in ordered]

    async def caller(self, request: Request) -> Caller:
        """The caller, from the bearer token; one who asks too much is refused. Raises Refusal."""
        token = self._auth.verify(bearer(request.headers.get("authorization", "")))
        await self._limits.take("event", token.user_id)
        claim_of(request).of_user(token.user_id)
        await self._auth.check(token)
        return Caller(token.user_id, address_of(request.scope), token=token, agent=agent_of(request))

    async def stranger(self, request: Request) -> Caller:
        """A caller, signed in or not. Raises Refusal."""
        claim_of(request).of_stranger()
        return Caller("", address_of(request.scope), agent=agent_of(request))

    async def administrator(self, request: Request) -> Caller:
        """The caller, who administers this server. Raises Refusal: also `forbidden`, whatever is asked for."""
        caller = await self.caller(request)
        name = await self._auth.administrator(caller.user_id)
        return msgspec.structs.replace(caller, administrator=name)

    def _endpoint(self, operation: Operation) -> Endpoint:
        takes = operation.takes
        identify = {"anybody": self.stranger, "administrator": self.administrator}.get(
            operation.who, self.caller
        )
        read = {field.encode_name: _READERS[kind] for field, kind in query_fields(takes)}

        async def endpoint(request: Request) -> Response:
            caller = await identify(request)
            fields = await given_fields(request, operation, read)
            answer = await operation.run(caller, fit(takes, fields))
            if operation.status == 204:
                return Response(status_code=204)
            page = operation.rest_page
            if page is not None:
                link = next_link(request, page.cursor, answer.next, read)
                return json_response(getattr(answer, page.items), operation.status, link)
            return json_response(answer, operation.status)

        return endpoint


def agent_of(request: Request) -> str | None:
    """What the client says that it is."""
    return kept_agent(request.headers.get("user-agent", ""))


def next_link(
    request: Request, cursor: str, following: str | None, parameters: Container[str]
) -> dict[str, str]:
    """The header with the link to the next page, with the `parameters` of this request; none where there is none."""
    if following is None:
        return {}
    kept = {name: text for name, text in request.query_params.items() if name in parameters}
    return {"link": f'<{request.url.path}?{urlencode({**kept, cursor: following})}>; rel="next"'}


async def given_fields(
    request: Request, operation: Operation, read: Mapping[str, Callable[[str, str], Any]]
) -> dict[str, Any]:
    """The fields of a payload: from the path, and from the query of a GET or else the body.

    Raises Refusal; `not_found` for what cannot be the id of anything.
    """
    if request.method in ("GET", "HEAD"):
        query = {operation.renamed.get(name, name): text for name, text in request.query_params.items()}
        fields = {name: read[name](name, text) for name, text in query.items() if name in read}
    else:
        with claim_of(request).body():
            fields = await read_json(request)
    for name, text in request.path_params.items():
        if name.endswith("Id") and not is_id(text):
            raise Refusal("not_found", "There is nothing with this id")
        fields[operation.renamed.get(name, name)] = text
    return fields


@cache
def query_fields(takes: type[Struct]) -> Sequence[tuple[FieldInfo, type]]:
    """The fields that a query can have, and what each holds: an `int`, `bool`, `str` or time, or a `list` of texts."""
    found: list[tuple[FieldInfo, type]] = []
    for field in msgspec.structs.fields(takes):
        union = get_origin(field.type) in (Union, UnionType)
        alternatives = get_args(field.type) if union else (field.type,)
        kinds = {inner(kind) for kind in alternatives} & _READERS.keys()
        if len(kinds) == 1:
            found.append((field, kinds.pop()))
    return found


def inner(annotation: Any) -> Any:
    """The type in an annotation, without its constraints or items."""
    if get_origin(annotation) is Annotated:
        return inner(get_args(annotation)[0])
    return get_origin(annotation) or annotation


def whole_number(name: str, text: str) -> int:
    """A number in a query. Raises Refusal."""
    if not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII):
        raise refusal_of_field(name, "must be a whole number in the allowed range", "out_of_range")
    return int(text)


def yes_or_no(name: str, text: str) -> bool:
    """A truth in a query. Raises Refusal."""
    if text not in ("true", "false"):
        raise refusal_of_field(name, "must be true or false", "invalid_type")
    return text == "true"


_READERS: dict[type, Callable[[str, str], Any]] = {
    bool: yes_or_no,
    int: whole_number,
    str: lambda _, text: text,
    dt.datetime: lambda _, text: text,
    list: lambda _, text: text.split(",") if text else [],
}


def route(path: str, **endpoints: Endpoint) -> Route:
    """A path with an endpoint for each method; any other is answered with 405 and the list of these."""

    async def endpoint(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, answering(endpoint), methods=list(endpoints))


def with_slashes(path: str) -> str:
    """A path whose last parameter, if it is no id, may have a slash: routes are found in decoded paths."""
    return re.sub(r"\{(\w+)(?<!Id)\}$", r"{\1:path}", path)


def path_finder(routes: Sequence[Route]) -> Callable[[Scope], str | None]:
    """Gives the path of the route that has answered a request, None where none has."""
    # Of several paths with one endpoint, the first.
    paths: dict[Any, str] = {route.endpoint: route.path_format for route in reversed(routes)}
    return lambda scope: paths.get(scope.get("endpoint"))


def rest(
    routes: Sequence[Route],
    origins: Sequence[str],
    in_flight: InFlight,
    allow: AllowAddress,
    budgets: Budgets,
    pace: RefusalPace,
    answered: Callable[[str, str | None, int, float], None],
    unknown: Callable[[Request, Exception], Awaitable[Response]] = http_error,
) -> Starlette:
    """The application of all REST routes; pages of `origins` ("*" for any) may call it, and addresses that `allow` does
    not refuse.

    `pace` says how long refusals take. `answered` is told of each request: its method, the path of its route, if it has
    one, the status, and the seconds. `unknown` answers requests without a route.
    """
    path_of = path_finder(routes)

    def tell(scope: Scope, status: int, seconds: float) -> None:
        answered(scope["method"], path_of(scope), status, seconds)

    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-Request-Id"],
        expose_headers=["Link", "X-Request-Id", "Retry-After"],
        allow_credentials="*" not in origins,
    )
    middleware = [
        Middleware(SlowRefusals, pace=pace),
        Middleware(RequestContext, in_flight=in_flight, answered=tell),
        cors,
        Middleware(AddressAllowance, allow=allow, free={LIVE, READY}),
        Middleware(Budgeted, budgets=budgets),
        Middleware(CrossSite, origins=origins),
    ]
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: unknown})
    app.router.redirect_slashes = False  # a redirect would repeat the Host that the client sent
    return app
