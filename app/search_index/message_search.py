"""The search of messages: a query with its filters, in the rooms of a user."""

from collections.abc import Sequence
from functools import partial

from app import store
from app.accounts.user_search import ids_named
from app.core.caller import Caller
from app.core.errors import NO_MESSAGE, Refusal
from app.db.database import Database
from app.payloads.fields.validation import is_id
from app.payloads.from_rows import message_of
from app.payloads.requests import SearchMessages
from app.payloads.responses import Message
from app.rooms.rooms import check_member
from app.search.folding import fold
from app.search.names import name_asked
from app.search.query import Filter, FilterKind, ParsedQuery, parse
from app.search.tsquery import asked, either, mark
from app.store.log.pages import MAX_PAGE
from app.store.search.message_words import MessagePlace, Span

# Messages, the newest of some rooms, that are read one by one before the index is asked. Where the first have some that
# fit, the words are frequent, so that more are read; else the index finds few.
FIRST, SECOND = 500, 4_000
ENOUGH = 5  # of the first, so that a page is likely to be among the second
OF_ALL = 5  # times as many of all rooms, since they are side by side on the disk, and some are not the user's
WALKED_ROOMS = 100  # the most rooms that are read each by itself
MARKED_ROOMS = 8  # the most rooms that the index is asked for


class MessageSearch:
    """Searches the messages of rooms for their members. A page ends with the message that makes it `max_bytes` or
    more.
    """

    def __init__(self, db: Database, *, max_bytes: int = MAX_PAGE) -> None:
        self._db = db
        self._max_bytes = max_bytes

    async def search(self, caller: Caller, payload: SearchMessages) -> list[Message]:
        """Messages of the user's own rooms that have all the words of `query`, newest first; the last may be begun.

        Names of attached files are searched too. "…" is a phrase, `-` before a word excludes it, `or` stands between
        alternatives. `from:name`, `in:room`, `has:file`, `has:link`, `before:2026-11-28` and `after:2026-11-28` filter,
        as the fields do. What only excludes, or is only dates, finds nothing. A page of large messages has fewer than
        `limit`, and is empty only where there are no more. Refused: `not_a_member` for a room, and `not_found` for a
        room, or for a message that is not in what is searched.
        """
        if payload.room_id is not None:
            await check_member(self._db, payload.room_id, caller.user_id)
            rooms = [payload.room_id]
        else:
            rooms = await store.members.room_ids_of_user(self._db, caller.user_id)
        before = await self._place(rooms, payload.before) if payload.before is not None else None
        query = parse(payload.query or "")
        rooms = await self._rooms_meant(rooms, query)
        expression = await self._asked(caller, payload, query, rooms)
        if expression is None or not rooms:
            return []
        span = Span(
            before,
            max(filter(None, (query.since, payload.sent_after)), default=None),
            min(filter(None, (query.until, payload.sent_before)), default=None),
        )
        while places := await self._places(rooms, expression, span, payload.limit):
            rows = await store.message_words.shown(self._db, places, max_bytes=self._max_bytes)
            if rows:
                return [message_of(row) for row in rows]
            span = Span(places[-1], span.since, span.until)  # they have all just been deleted
        return []

    async def _place(self, rooms: Sequence[str], message_id: str) -> MessagePlace:
        place = await store.message_words.place_of(self._db, rooms, message_id) if is_id(message_id) else None
        if place is None:
            raise Refusal("not_found", f"{NO_MESSAGE} in your rooms")
        return place

    async def _rooms_meant(self, rooms: list[str], query: ParsedQuery) -> list[str]:
        """Those of some rooms that the query's `in:` leaves."""
        meant: list[Filter] = [limit for limit in query.filters if limit.kind == "in"]
        found = {limit: await self._named(rooms, limit.value) for limit in meant}
        wanted = [limit for limit in meant if not limit.excluded]
        if wanted:
            rooms = [room for room in rooms if any(room in found[limit] for limit in wanted)]
        return [room for room in rooms if not any(room in found[limit] for limit in meant if limit.excluded)]

    async def _named(self, rooms: list[str], name: str) -> set[str]:
        """The rooms with a name, or else those whose names have all words of it."""
        words = name_asked(name)
        rows = await store.name_words.rooms_named(self._db, rooms, words) if words is not None else []
        exact = {row.id for row in rows if fold(row.name) == fold(name)}
        return exact or {row.id for row in rows}

    async def _asked(
        self, caller: Caller, payload: SearchMessages, query: ParsedQuery, rooms: Sequence[str]
    ) -> str | None:
        """What the index is asked for; None for a search that finds nothing."""
        wanted = [*(payload.has or ()), *(limit.value for limit in query.filters if _wants(limit, "has"))]
        required = [either([mark("has", what)]) for what in wanted]
        if payload.sender_id is not None:
            required.append(either([mark("from", payload.sender_id)]))
        if any(_wants(limit, "from") for limit in query.filters):
            required.append(await self._from(caller, query, excluded=False))
        unwanted = [
            mark("has", limit.value) for limit in query.filters if limit == Filter("has", limit.value, True)
        ]
        excluded = [either(unwanted), await self._from(caller, query, excluded=True)]
        of_rooms = either(mark("room", room_id) for room_id in rooms) if len(rooms) <= MARKED_ROOMS else None
        if of_rooms is not None and any(_wants(limit, "in") for limit in query.filters):
            required.append(of_rooms)
        expression = asked(query, required, excluded)
        return expression if expression is None or of_rooms is None else f"({expression}) & ({of_rooms})"

    async def _from(self, caller: Caller, query: ParsedQuery, *, excluded: bool) -> str | None:
        """The expression for messages of the people whom the query names; None where it finds no one."""
        people: list[str] = []
        for limit in query.filters:
            if limit.kind == "from" and limit.excluded == excluded:
                people += [caller.user_id] if limit.value == "me" else await ids_named(self._db, limit.value)
        return either(mark("from", user_id) for user_id in people)

    async def _places(self, rooms: list[str], expression: str, span: Span, limit: int) -> list[MessagePlace]:
        """Where the messages of a page are."""
        asked_for = partial(self._walk, rooms, expression, span, limit)
        places, read_all = await asked_for(FIRST)
        if not read_all and ENOUGH <= len(places) < limit:
            places, read_all = await asked_for(SECOND)
        if read_all or len(places) == limit:
            return places
        return await store.message_words.indexed(self._db, rooms, expression, span, limit=limit)

    async def _walk(
        self, rooms: list[str], expression: str, span: Span, limit: int, most: int
    ) -> tuple[list[MessagePlace], bool]:
        """What fits of about `most` of the newest messages, and whether that is all there is."""
        words, places, read_all = store.message_words, list[MessagePlace](), False
        if len(rooms) == 1:
            places = await words.newest_of_room(self._db, rooms[0], expression, span, limit=limit, most=most)
            if len(places) < limit:
                read_all = not await words.has_more_than(self._db, rooms[0], most, span.before)
        elif len(rooms) <= WALKED_ROOMS:
            each = max(1, most // len(rooms))
            places, read_all = await words.newest_of_rooms(
                self._db, rooms, expression, span, limit=limit, each=each
            )
        if len(rooms) > 1 and not read_all and len(places) < limit:
            # That is less where most messages are in others' rooms, and more where one of the rooms has most.
            among = await words.newest(self._db, rooms, expression, span, limit=limit, most=OF_ALL * most)
            places = max(places, among, key=len)
        return places, read_all


def _wants(limit: Filter, kind: FilterKind) -> bool:
    return limit.kind == kind and not limit.excluded
