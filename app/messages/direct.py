"""Conversations: direct ones, rooms of two people that the first message makes, with their own names on the wire; and
groups of a few people, which are as rooms are but that nobody else enters.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import uuid_utils

from app import store
from app.accounts.privacy import admits
from app.announce.announcer import Announcer, to_room, to_user
from app.core.caller import Caller
from app.core.errors import NO_MESSAGE, NO_USER, Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.messages.history import MessageHistory
from app.messages.writer import MessageWriter
from app.payloads.fields.validation import is_id, refusal_of_field
from app.payloads.from_rows import message_of, room_of
from app.payloads.requests import (
    ListConversations,
    OpenGroup,
    ReadDirect,
    ReadHistory,
    SendDirect,
    SendMessage,
)
from app.payloads.responses import (
    Conversation,
    Conversations,
    MemberChanged,
    Message,
    PresenceOf,
    Room,
    UserRef,
)
from app.payloads.server_events import ROOM_ADDED, USER_JOINED
from app.rooms.rights import BLOCKED, BLOCKING
from app.rooms.rooms import member_changed, put_member, room_of_member
from app.store.conversations.direct import ConversationRow, DirectRoomRow, GroupRow
from app.store.log.pages import MAX_PAGE

MOST_OF_NAME = 100  # characters


class Direct:
    """Direct conversations of two users; a user alone keeps notes.

    `may_begin` may refuse a user who begins another conversation; `met` is told of two who have one now. A page of
    conversations ends with the last message that makes it `max_bytes` or more.
    """

    def __init__(
        self,
        db: Database,
        announcer: Announcer,
        writer: MessageWriter,
        reading: MessageHistory,
        presence: PresenceOf,
        *,
        may_begin: Callable[[str], Awaitable[None]] | None = None,
        met: Callable[[str, str], None] = lambda _user_id, _other_id: None,
        max_bytes: int = MAX_PAGE,
    ) -> None:
        self._max_bytes = max_bytes
        self._db = db
        self._announcer = announcer
        self._writer = writer
        self._reading = reading
        self._presence = presence
        self._may_begin = may_begin
        self._met = met

    async def send(self, caller: Caller, payload: SendDirect) -> Message:
        """Sends a message to one person, or to oneself; the first one makes their conversation.

        Answers with it, or with the original one for a `clientId` that was used before. Refused: `not_found` for a
        `receiverId` that is no user's, `rate_limited` for one who begins too many conversations, `forbidden` for one
        who may not write to this person, `conflict` for one who has blocked this person, and what `message:send`
        refuses.
        """
        room_id = await self._open(caller.user_id, payload.receiver_id)
        fields = msgspec.structs.asdict(payload)
        del fields["receiver_id"]
        return await self._writer.send(caller, SendMessage(room_id=room_id, **fields))

    async def history(self, caller: Caller, payload: ReadDirect) -> list[Message]:
        """Messages with one person, newest first, without the deleted ones; none before there is a conversation.

        Refused: `not_found` for an unknown person, or for a message that this conversation does not have.
        """
        fields = msgspec.structs.asdict(payload)
        other_id = fields.pop("user_id")
        room = await store.direct.find(self._db, caller.user_id, other_id)
        if room is not None:
            return await self._reading.history(caller, ReadHistory(room_id=room.id, **fields))
        await store.accounts.find(self._db, other_id) or refuse("not_found", NO_USER)
        if (payload.before, payload.after, payload.around) != (None, None, None):
            raise Refusal("not_found", f"{NO_MESSAGE} in this conversation")
        return []

    async def list_page(self, caller: Caller, payload: ListConversations) -> Conversations:
        """The direct conversations of the user, that with the last message first, with what is unread.

        One whose messages were all deleted stands where it began. Hidden ones are left out. A page of large messages
        has fewer conversations than `limit`. Over REST the answer is the list alone, and the header `Link` has the next
        page. Refused: `not_found` for an unknown `before`.
        """
        user_id, before, size = caller.user_id, payload.before, payload.limit
        if before is not None and not (
            is_id(before) and await store.direct.is_conversation(self._db, user_id, before)
        ):
            raise Refusal("not_found", "There is no such conversation")
        rows = await store.direct.conversations(
            self._db, user_id, before=before, limit=size + 1, max_bytes=self._max_bytes
        )
        others = [row.other_id for row in rows[:size]]
        withheld = await store.blocks.between(self._db, user_id, others)
        present = await self._presence([other_id for other_id in others if other_id not in withheld])
        conversations = [
            Conversation(
                room_id=row.conversation_id,
                user=_other_person(row),
                presence=present.get(row.other_id),
                last_seq=row.last_seq,
                last_read_seq=row.last_read_seq,
                unread=row.unread,
                unread_from=row.unread_from,
                muted=row.muted,
                muted_until=row.muted_until,
                favorite=row.is_favorite,
                pins=row.pins,
                last_message=None if row.last_message is None else message_of(row.last_message),
            )
            for row in rows[:size]
        ]
        more = bool(rows) and rows[0].there_are > len(conversations)
        return Conversations(conversations=conversations, next=conversations[-1].room_id if more else None)

    async def _open(self, user_id: str, other_id: str) -> str:
        """The id of the room of two people, which the sockets of both follow. Raises Refusal: `not_found`."""
        if not is_id(other_id):
            raise Refusal("not_found", NO_USER)
        found = await store.direct.find(self._db, user_id, other_id)
        room, made = (found, False) if found is not None else await self._make(user_id, other_id)
        room_id = room.id
        if not room.written:
            # So does a request that finds it empty: the one that made it may not have come this far, or not yet.
            people = dict.fromkeys((user_id, other_id), True)
            told = [
                to_user(person, ROOM_ADDED, await room_of_member(self._db, room_id, person))
                for person in (people if made else ())
            ]
            await self._announcer.change_members(room_id, people, *told)
            if made and user_id != other_id:
                self._met(user_id, other_id)
        return room_id

    async def _make(self, user_id: str, other_id: str) -> tuple[DirectRoomRow, bool]:
        """The room of two people, and whether it was made here: others may make it at the same time."""
        await store.accounts.find(self._db, other_id) or refuse("not_found", NO_USER)
        if self._may_begin is not None:
            await self._may_begin(user_id)
        room_id = str(uuid_utils.uuid7())

        async def work(q: Queries) -> tuple[DirectRoomRow, bool]:
            if other_id != user_id:
                await _check_may_begin(q, user_id, other_id)
            made = await store.direct.insert(q, room_id=room_id, created_by=user_id, other_id=other_id)
            if made:
                for person in dict.fromkeys((user_id, other_id)):
                    await put_member(q, room_id, person)
            room = await store.direct.find(q, user_id, other_id)
            assert room is not None
            return room, made

        return await self._db.transaction(work)


class Groups:
    """Group conversations. `may_begin` may refuse a user who begins another one; `met` is told who is in a new one."""

    def __init__(
        self,
        db: Database,
        announcer: Announcer,
        *,
        may_begin: Callable[[str], Awaitable[None]] | None = None,
        met: Callable[..., None] = lambda *_user_ids: None,
    ) -> None:
        self._db = db
        self._announcer = announcer
        self._may_begin = may_begin
        self._met = met

    async def open(self, caller: Caller, payload: OpenGroup) -> Room:
        """The group of the user and two to nine others, which is made where they have none; the same people have one.

        Nobody joins it later. Who has left it is in it again by opening it, and by nothing else. Refused: `invalid` for
        oneself among the others; for a new one `not_found` for a user, `forbidden` where one of them takes no messages
        from this user, `conflict` where this user has blocked one of them, and `rate_limited`.
        """
        user_id = caller.user_id
        if user_id in payload.user_ids:
            raise refusal_of_field("userIds", "must not name the user who asks", "oneself")
        people = sorted([user_id, *payload.user_ids])
        if self._may_begin is not None and await store.direct.find_group(self._db, people) is None:
            await self._may_begin(user_id)

        async def work(q: Queries) -> tuple[GroupRow, bool, MemberChanged | None]:
            made = await store.direct.find_group(q, people) is None and await _make_group(q, user_id, people)
            group = await store.direct.find_group(q, people)
            assert group is not None
            return group, made, await _come_back(q, group.id, user_id)

        group, made, change = await self._db.transaction(work)
        room = await room_of_member(self._db, group.id, user_id)
        if change is not None:
            joined = to_room(room.id, USER_JOINED, change, user_id)
            await self._announcer.change_members(
                room.id, {user_id: True}, to_user(user_id, ROOM_ADDED, room), joined
            )
        elif not group.written:
            # Also of one that is there: whoever made it may not have come this far. But some may have left it since.
            rows = {person: await store.rooms.of_member(self._db, room.id, person) for person in people}
            here = {person: row for person, row in rows.items() if row is not None}
            told = [to_user(person, ROOM_ADDED, room_of(row)) for person, row in here.items() if made]
            await self._announcer.change_members(room.id, dict.fromkeys(here, True), *told)
            if made:
                self._met(*people)
        return room


async def _make_group(q: Queries, user_id: str, people: Sequence[str]) -> bool:
    """Makes the group of some people; False where they have one by now. Raises Refusal."""
    await store.accounts.lock_all(q, people)  # against blocks that are made now
    names = []
    for person in people:
        row = await store.accounts.find(q, person) or refuse("not_found", NO_USER)
        names.append(row.username)
        if person != user_id:
            await _check_may_begin(q, user_id, person)
    room_id = str(uuid_utils.uuid7())
    name = ", ".join(sorted(names))[:MOST_OF_NAME]
    made = await store.direct.insert_group(q, room_id=room_id, created_by=user_id, user_ids=people, name=name)
    for person in people if made else ():
        await put_member(q, room_id, person)
    return made


async def _come_back(q: Queries, room_id: str, user_id: str) -> MemberChanged | None:
    """Puts a group on the list of one of its people again, who may have left it; returns the change if so."""
    await store.rooms.lock(q, room_id)
    member = await store.members.state(q, room_id, user_id)
    if member is None or member.state != "member":
        await put_member(q, room_id, user_id)
        return await member_changed(q, room_id, user_id)
    await store.direct.unhide_group(q, room_id, user_id)
    return None


def _other_person(row: ConversationRow) -> UserRef:
    return UserRef(
        id=row.other_id,
        username=row.other_username,
        display_name=row.other_display_name,
        avatar=row.other_avatar,
    )


async def _check_may_begin(q: Queries, user_id: str, other_id: str) -> None:
    """Raises Refusal where one of two people has blocked the other, or the other takes no such message."""
    await store.accounts.lock(q, other_id)  # against a block that is made now
    row = await store.privacy.towards(q, user_id, other_id) or refuse("not_found", NO_USER)
    if row.blocking:
        raise Refusal(*BLOCKING)
    if row.blocked or not admits(row.direct_messages_from, share_room=row.share_room):
        raise Refusal(*BLOCKED)
