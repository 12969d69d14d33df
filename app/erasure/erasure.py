"""All that is erased in parts, put together."""

from collections.abc import Awaitable, Callable

import msgspec

from app.announce.announcer import Announcer
from app.config.settings import Settings
from app.core.background_tasks import every
from app.db.database import Database
from app.erasure import account_sweeper, retention_sweeper, room_sweeper
from app.erasure.account_sweeper import AccountSweeper, MessagesOfDeleted
from app.erasure.retention_sweeper import RetentionSweeper
from app.erasure.room_sweeper import RoomSweeper


class Erasure:
    """The sweepers of an instance; `rooms` is that of deleted rooms."""

    def __init__(self, settings: Settings, db: Database, announcer: Announcer) -> None:
        self.rooms = RoomSweeper(db, announcer)
        messages: MessagesOfDeleted = msgspec.convert(settings.deleted_account_messages, MessagesOfDeleted)
        self._accounts = AccountSweeper(db, announcer, messages)
        self._retention = RetentionSweeper(db)

    def works(self) -> list[Callable[[], Awaitable[None]]]:
        """What is to run as long as the instance does."""
        return [
            every(room_sweeper.LOOK_EVERY, self.rooms.look),
            every(account_sweeper.LOOK_EVERY, self._accounts.look),
            every(retention_sweeper.LOOK_EVERY, self._retention.look),
        ]
