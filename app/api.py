"""The REST routes."""

import re
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.auth import Auth
from app.events import CreateRoom, SignIn, SignUp, User
from app.refusals import Refusal, refuse
from app.requests import Endpoint, InFlight, RequestContext, answering, http_error, json_response, read_json
from app.rooms import NO_ROOM, Rooms
from app.validation import refusal_of_field

DEFAULT_PAGE = 50  # messages
MAX_PAGE = 100  # messages
ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


class Api:
    """The routes of accounts and rooms."""

    def __init__(self, auth: Auth, rooms: Rooms) -> None:
        self._auth = auth
        self._rooms = rooms

    def routes(self) -> list[Route]:
        """Each path, with the endpoint of each of its methods."""
        return [
            route("/auth/sign-up", POST=self.sign_up),
            route("/auth/sign-in", POST=self.sign_in),
            route("/auth/who-am-i", GET=self.who_am_i),
            route("/chat/rooms", GET=self.list_rooms, POST=self.create_room),
            route("/chat/rooms/{room_id}/join", POST=self.join_room),
            route("/chat/rooms/{room_id}/leave", POST=self.leave_room),
            route("/chat/rooms/{room_id}/messages", GET=self.list_messages),
        ]

    async def sign_up(self, request: Request) -> Response:
        """POST /auth/sign-up: 201 with a session."""
        return json_response(await self._auth.sign_up(await read_json(request, SignUp)), 201)

    async def sign_in(self, request: Request) -> Response:
        """POST /auth/sign-in: a session."""
        return json_response(await self._auth.sign_in(await read_json(request, SignIn)))

    async def who_am_i(self, request: Request) -> Response:
        """GET /auth/who-am-i: the user whose token it is."""
        return json_response(await self._user(request))

    async def list_rooms(self, request: Request) -> Response:
        """GET /chat/rooms: the rooms that the user is a member of, by name."""
        user = await self._user(request)
        return json_response(await self._rooms.of_user(user.id))

    async def create_room(self, request: Request) -> Response:
        """POST /chat/rooms: 201 with the room."""
        user = await self._user(request)
        return json_response(await self._rooms.create(user.id, await read_json(request, CreateRoom)), 201)

    async def join_room(self, request: Request) -> Response:
        """POST /chat/rooms/{roomId}/join: the room."""
        user = await self._user(request)
        return json_response(await self._rooms.join(user.id, room_id_of(request)))

    async def leave_room(self, request: Request) -> Response:
        """POST /chat/rooms/{roomId}/leave: the change of membership."""
        user = await self._user(request)
        return json_response(await self._rooms.leave(user.id, room_id_of(request)))

    async def list_messages(self, request: Request) -> Response:
        """GET /chat/rooms/{roomId}/messages?limit&before: newest first, without the deleted ones."""
        user = await self._user(request)
        before = request.query_params.get("before")
        if before is not None and not ID.fullmatch(before):
            raise Refusal("not_found", "There is no such message in this room")
        limit = limit_of(request)
        return json_response(await self._rooms.history(user.id, room_id_of(request), before, limit))

    async def _user(self, request: Request) -> User:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user, _expires_at = await self._auth.user_of_token(
            token.strip() if scheme.lower() == "bearer" else None
        )
        return user


def route(path: str, **endpoints: Endpoint) -> Route:
    """A path with an endpoint for each method; any other is answered with 405 and the list of these."""

    async def endpoint(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, answering(endpoint), methods=list(endpoints))


def rest(routes: Sequence[BaseRoute], origins: Sequence[str], in_flight: InFlight) -> Starlette:
    """The application of all REST routes; pages of `origins` ("*" for any) may call it."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-Request-Id"],
        expose_headers=["X-Request-Id", "Retry-After"],
        allow_credentials="*" not in origins,
    )
    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestContext, in_flight=in_flight), cors],
        exception_handlers={HTTPException: http_error},
    )


def room_id_of(request: Request) -> str:
    """The room in the path. Raises Refusal."""
    room_id: str = request.path_params["room_id"]
    return room_id if ID.fullmatch(room_id) else refuse("not_found", NO_ROOM)


def limit_of(request: Request) -> int:
    """The size of the page that is asked for. Raises Refusal."""
    text = request.query_params.get("limit", str(DEFAULT_PAGE))
    if not re.fullmatch(r"0*[1-9][0-9]{0,2}", text, re.ASCII) or int(text) > MAX_PAGE:
        raise refusal_of_field("limit", f"must be a whole number from 1 to {MAX_PAGE}", "out_of_range")
    return int(text)
