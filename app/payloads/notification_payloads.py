"""The payloads about notifications: settings of users and rooms, and subscriptions of devices."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta
from msgspec.structs import force_setattr

from app.payloads.fields.field_types import DisplayName, Id, Received, Rules, at_least_one
from app.payloads.fields.names import clean_name
from app.payloads.fields.notification_fields import (
    AuthSecret,
    Clock,
    Endpoint,
    NotificationLevel,
    PublicKey,
    PushContent,
    TimeZone,
    check_endpoint,
    check_time_zone,
)
from app.payloads.requests import RoomRef
from app.payloads.responses import Sent, Time

RoomLevel: TypeAlias = Literal["default", "all", "mentions", "nothing"]
NotMoreThanAYear = Annotated[int, Meta(ge=0, le=366 * 24 * 60 * 60)]

# What clients send


class UpdateNotifications(Received, frozen=True):
    """A setting that is absent or null stays as it is.

    `quiet` turns the quiet hours on or off: each day from `quietFrom` until `quietTo`, as `HH:MM` in `timeZone`, an
    IANA name. `muteSeconds` silences all rooms for so long; 0 ends that.
    """

    RULES: ClassVar[Rules] = at_least_one(
        "level", "content", "quiet", "quietFrom", "quietTo", "timeZone", "muteSeconds"
    )

    level: NotificationLevel | None = None
    content: PushContent | None = None
    quiet: bool | None = None
    quiet_from: Clock | None = None
    quiet_to: Clock | None = None
    time_zone: TimeZone | None = None
    mute_seconds: NotMoreThanAYear | None = None

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in self.__struct_fields__):
            raise ValueError("at least one setting must be given")
        if self.time_zone is not None:
            check_time_zone("timeZone", self.time_zone)


class SetRoomNotifications(RoomRef, frozen=True):
    """`default` stands for the user's own level."""

    level: RoomLevel


class Subscribe(Received, frozen=True):
    """What a browser's `PushSubscription` has: its endpoint, and its keys `p256dh` and `auth` in base64url."""

    endpoint: Endpoint
    p256dh: PublicKey
    auth: AuthSecret
    device: DisplayName | None = None

    def __post_init__(self) -> None:
        check_endpoint("endpoint", self.endpoint)
        if self.device is not None:
            force_setattr(self, "device", clean_name("device", self.device))


class SubscriptionRef(Received, frozen=True):
    """A subscription of the user's."""

    subscription_id: Id


# What clients see


class NotificationSettings(Sent, frozen=True):
    """Which messages notify the user in rooms without a level of their own, and how much of them is shown.

    Push services never see what is shown: it is encrypted. `mutedUntil` is null where not everything is muted.
    """

    level: NotificationLevel
    content: PushContent
    quiet: bool
    quiet_from: str
    quiet_to: str
    time_zone: str
    muted_until: Time | None


class RoomNotifications(Sent, frozen=True):
    """The level of the user for a room; `default` is the user's own."""

    room_id: str
    level: RoomLevel


class PushSubscription(Sent, frozen=True):
    """A device of the user that takes pushes. `refreshedAt` is when it last subscribed."""

    id: str
    device: str | None
    created_at: Time
    refreshed_at: Time


class PushSubscriptions(Sent, frozen=True):
    """`vapidPublicKey` is the `applicationServerKey` that browsers subscribe with, in base64url."""

    vapid_public_key: str
    subscriptions: list[PushSubscription]
