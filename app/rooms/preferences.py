"""Preferences of members for themselves: favourites, muted rooms and hidden conversations.

The other devices of the user are told; the room is not.
"""

from app import store
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.payloads.preference_requests import ConversationHidden, Favorite, Mute, MuteRoom
from app.payloads.requests import RoomRef
from app.payloads.server_events import CONVERSATION_HIDDEN, FAVORITE_UPDATED, MUTE_UPDATED
from app.rooms.rooms import check_member


class RoomPreferences:
    """Makes favourites of rooms, mutes them, and hides conversations."""

    def __init__(self, db: Database, announcer: Announcer) -> None:
        self._db = db
        self._announcer = announcer

    async def mute(self, caller: Caller, payload: MuteRoom) -> Mute:
        """Mutes a room or direct conversation for the user: clients count it in no total and do not call for attention.

        Its messages come as before, and so does `mention:new`. Refused: `not_found`, `not_a_member`.
        """
        return await self._mute(caller, payload.room_id, payload.seconds)

    async def unmute(self, caller: Caller, payload: RoomRef) -> Mute:
        """Ends the mute of a room or direct conversation. Refused: `not_found`, `not_a_member`."""
        return await self._mute(caller, payload.room_id, 0)

    async def add_favorite(self, caller: Caller, payload: RoomRef) -> Favorite:
        """Makes a room or direct conversation one of the user's favourites, which clients list before others.

        It ends with the membership. Refused: `not_found`, `not_a_member`.
        """
        return await self._set_favorite(caller, payload.room_id, favorite=True)

    async def remove_favorite(self, caller: Caller, payload: RoomRef) -> Favorite:
        """Takes a room or direct conversation from the user's favourites. Refused: `not_found`, `not_a_member`."""
        return await self._set_favorite(caller, payload.room_id, favorite=False)

    async def hide(self, caller: Caller, payload: RoomRef) -> ConversationHidden:
        """Takes a direct conversation, or a group, off the user's list until the next message in it, by whomever.

        Nothing is deleted, and the others are not told. Refused: `not_found`, `not_a_member`, and `forbidden` for
        any other room: that is left instead.
        """
        seq = await store.preferences.hide(self._db, room_id=payload.room_id, user_id=caller.user_id)
        if seq is None:
            await check_member(self._db, payload.room_id, caller.user_id)
            raise Refusal("forbidden", "Only a conversation can be hidden; any other room can be left")
        hidden = ConversationHidden(room_id=payload.room_id, seq=seq)
        await self._announcer.user(caller.user_id, CONVERSATION_HIDDEN, hidden)
        return hidden

    async def _set_favorite(self, caller: Caller, room_id: str, *, favorite: bool) -> Favorite:
        changed = await store.preferences.set_favorite(
            self._db, room_id=room_id, user_id=caller.user_id, favorite=favorite
        )
        told = Favorite(room_id=room_id, favorite=favorite)
        if changed:
            await self._announcer.user(caller.user_id, FAVORITE_UPDATED, told)
        else:
            await check_member(self._db, room_id, caller.user_id)
        return told

    async def _mute(self, caller: Caller, room_id: str, seconds: int | None) -> Mute:
        row = await store.preferences.mute(self._db, room_id=room_id, user_id=caller.user_id, seconds=seconds)
        if row is None:
            await check_member(self._db, room_id, caller.user_id)
            raise Refusal("unavailable", "The membership is changing, try again", retry_after=1000)
        mute = Mute(room_id=room_id, muted=row.muted, muted_until=row.muted_until)
        await self._announcer.user(caller.user_id, MUTE_UPDATED, mute)
        return mute
