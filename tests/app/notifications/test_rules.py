"""What reaches whom."""

import datetime as dt
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.rules import Kind, Outcome, QuietHours, Recipient, decide, kind_of
from app.payloads.fields.notification_fields import NotificationLevel

SEND, HOLD, DROP = Outcome.SEND, Outcome.HOLD, Outcome.DROP
NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
KINDS: tuple[Kind, ...] = ("mention", "group_mention", "direct", "reply", "message")
LEVELS: tuple[NotificationLevel, ...] = ("all", "mentions", "nothing")

# By the level that counts, for the kinds in their order.
TABLE: dict[NotificationLevel, tuple[Outcome, ...]] = {
    "all": (SEND, SEND, SEND, SEND, SEND),
    "mentions": (SEND, SEND, SEND, SEND, DROP),
    "nothing": (DROP, DROP, DROP, DROP, DROP),
}
CELLS = [
    (kind, level, room_level, TABLE[room_level or level][place])
    for (place, kind), level, room_level in product(enumerate(KINDS), LEVELS, (None, *LEVELS))
]


@pytest.mark.parametrize(("kind", "level", "room_level", "expected"), CELLS)
def test_the_level_of_the_room_counts_before_that_of_the_user(
    kind: Kind, level: NotificationLevel, room_level: NotificationLevel | None, expected: Outcome
) -> None:
    recipient = Recipient(level=level, room_level=room_level)
    assert decide(kind, recipient, NOON, active=False) is expected
    # A device that is connected has its time first, once.
    assert decide(kind, recipient, NOON, active=True) is (HOLD if expected is SEND else DROP)
    assert decide(kind, recipient, NOON, active=True, held=True) is expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        (Recipient(level="all", muted_until=NOON + HOUR), DROP),
        (Recipient(level="all", muted_until=NOON), SEND),
        (Recipient(level="all", muted_until=NOON - HOUR), SEND),
        (Recipient(level="all", room_muted=True), DROP),
        (Recipient(level="all", room_level="all", muted_until=NOON + HOUR), DROP),
        (Recipient(level="all", has_read=True), DROP),
        (Recipient(level="all", quiet_hours=QuietHours(dt.time(12), dt.time(13), "UTC")), DROP),
        (Recipient(level="all", quiet_hours=QuietHours(dt.time(13), dt.time(12), "UTC")), SEND),
    ],
)
def test_mutes_quiet_hours_and_reading_silence_every_kind(
    kind: Kind, recipient: Recipient, expected: Outcome
) -> None:
    assert decide(kind, recipient, NOON, active=False) is expected
    assert decide(kind, recipient, NOON, active=True, held=True) is expected


@pytest.mark.parametrize(
    ("start", "end", "time_zone", "now", "quiet"),
    [
        ("22:00", "07:00", "UTC", "2026-07-01T21:59:59Z", False),
        ("22:00", "07:00", "UTC", "2026-07-01T22:00:00Z", True),
        ("22:00", "07:00", "UTC", "2026-07-02T06:59:59Z", True),
        ("22:00", "07:00", "UTC", "2026-07-02T07:00:00Z", False),
        ("09:00", "17:00", "UTC", "2026-07-01T12:00:00Z", True),
        ("09:00", "17:00", "UTC", "2026-07-01T17:00:00Z", False),
        ("22:00", "07:00", "America/New_York", "2026-07-01T03:00:00Z", True),  # 23:00 of the day before
        ("22:00", "07:00", "Asia/Kolkata", "2026-07-01T01:29:00Z", True),  # 06:59
        ("22:00", "07:00", "Asia/Kolkata", "2026-07-01T01:30:00Z", False),  # 07:00
        ("22:00", "07:00", "Europe/Paris", "2026-01-15T06:30:00Z", False),  # 07:30 in winter
        ("22:00", "06:30", "Europe/Paris", "2026-07-15T04:45:00Z", False),  # 06:45 in summer
        ("02:00", "03:00", "Europe/Paris", "2026-03-29T01:30:00Z", False),  # the hour that is left out: 03:30
        ("02:00", "03:00", "Europe/Paris", "2026-10-25T00:30:00Z", True),  # 02:30, the first time
        ("02:00", "03:00", "Europe/Paris", "2026-10-25T01:30:00Z", True),  # 02:30, the second time
        ("22:00", "07:00", "Nowhere/Gone", "2026-07-01T23:00:00Z", True),  # as UTC
    ],
)
def test_quiet_hours_are_those_of_the_clock_in_a_time_zone(
    start: str, end: str, time_zone: str, now: str, quiet: bool
) -> None:
    hours = QuietHours(dt.time.fromisoformat(start), dt.time.fromisoformat(end), time_zone)
    assert hours.cover(dt.datetime.fromisoformat(now)) is quiet


@given(start=st.times(), end=st.times(), now=st.datetimes(timezones=st.just(dt.UTC)))
def test_hours_and_those_from_their_end_to_their_start_share_the_day(
    start: dt.time, end: dt.time, now: dt.datetime
) -> None:
    there, back = QuietHours(start, end, "UTC"), QuietHours(end, start, "UTC")
    if start != end:
        assert there.cover(now) is not back.cover(now)


@pytest.mark.parametrize(
    ("mentioned", "called", "direct", "replied", "kind"),
    [
        (False, False, False, False, "message"),
        (True, True, False, True, "mention"),
        (False, True, False, True, "reply"),
        (False, True, False, False, "group_mention"),
        (False, False, True, True, "direct"),
    ],
)
def test_the_kind_of_a_message_is_the_most_pressing(
    mentioned: bool, called: bool, direct: bool, replied: bool, kind: Kind
) -> None:
    assert kind_of(mentioned=mentioned, called=called, direct=direct, replied=replied) == kind
