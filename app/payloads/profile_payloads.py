"""The payloads of what users tell of themselves."""

from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import force_setattr

from app.payloads.fields.field_types import STORABLE, Id, Moment, Received, Rules, at_least_one
from app.payloads.fields.names import check_visible, clean_display_name
from app.payloads.fields.notification_fields import TimeZone, check_time_zone
from app.payloads.responses import Sent, Time, UserRef

MAX_STATUS = 100  # characters

Removable = Annotated[str, Meta(max_length=100, extra_json_schema=STORABLE)]  # empty for none


class ProfileRef(Received, frozen=True):
    """A user."""

    user_id: Id


class UpdateProfile(Received, frozen=True):
    """What is absent or null stays as it is; an empty `displayName` or `status` is none.

    `statusUntil` goes with a `status`; without it that has no end. `avatar` is the id of a picture that the user has
    uploaded and no message has; `removeAvatar` takes the present one away.
    """

    RULES: ClassVar[Rules] = at_least_one("displayName", "status", "timeZone", "avatar", "removeAvatar")

    display_name: Removable | None = None
    status: Removable | None = None
    status_until: Moment | None = None
    time_zone: TimeZone | None = None
    avatar: Id | None = None
    remove_avatar: bool | None = None

    def __post_init__(self) -> None:
        if all(
            value is None
            for value in (self.display_name, self.status, self.time_zone, self.avatar, self.remove_avatar)
        ):
            raise ValueError("at least one part of the profile must be given")
        if self.display_name:
            force_setattr(self, "display_name", clean_display_name("displayName", self.display_name))
        if self.status:
            check_visible("status", self.status.strip())
            force_setattr(self, "status", " ".join(self.status.split()))
        if self.time_zone is not None:
            check_time_zone("timeZone", self.time_zone)


class Profile(Sent, frozen=True):
    """What a user tells of themself. `statusUntil` is null where the status has no end, or there is none.

    Where one of the two has blocked the other, the asking user is told neither status nor time zone.
    """

    user: UserRef
    status: str | None
    status_until: Time | None
    time_zone: str | None
