"""The token buckets that the settings ask for."""

from app.config.settings import Settings
from app.limits.rate_limits import LimitKind
from app.limits.token_bucket import Bucket

# Of a name in one network, of a known device, and of a user who changes the password. A failed attempt costs three:
# ten at once, then three a minute.
WAY_IN_RATE = 9
WAY_IN_BURST = 30


def buckets_of(settings: Settings) -> dict[LimitKind, Bucket]:
    """The buckets that the settings ask for; a rate of 0 is no limit."""
    minute, hour = 60, 3600
    own = (minute, WAY_IN_RATE if settings.sign_in_rate_of_name else 0, WAY_IN_BURST)
    buckets: dict[LimitKind, tuple[int, int, int | None]] = {
        "event": (1, settings.event_rate, settings.event_burst),
        "address": (1, settings.address_rate, settings.address_burst),
        "sign_in": (minute, settings.sign_in_rate, None),
        "username": (minute, settings.sign_in_rate_of_name, None),
        "place": own,
        "device": own,
        "credential": own,
        "sign_up": (hour, settings.sign_up_rate, None),
        "conversation": (hour, settings.conversation_rate, None),
        "room": (hour, settings.room_rate, None),
        "invitation": (hour, settings.invitation_rate, None),
        "group_mention": (hour, settings.group_mention_rate, None),
        "upload": (minute, settings.upload_rate, None),
    }
    return {kind: Bucket.per(*bucket) for kind, bucket in buckets.items() if bucket[1]}
