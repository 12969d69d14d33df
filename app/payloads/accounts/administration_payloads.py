"""The payloads of what administrators ask for and get."""

from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import force_setattr

from app.payloads.fields.field_types import Cursor, Id, PageSize, Query, Received, RoomKind, Seq
from app.payloads.fields.names import clean_name
from app.payloads.fields.validation import check_text
from app.payloads.requests import RoomRef
from app.payloads.responses import Sent, Time

MOST_DAYS = 365  # that an invitation is open
MOST_USES = 1_000_000  # of an invitation
MOST_ROOMS = 20  # of an invitation
MOST_RETENTION = 3650  # days that a room keeps its messages
MOST_HOURS = 168  # that a link to reset a password is good

# What administrators send


class ListPeople(Received, frozen=True):
    """`query` is a part of a username or display name, in any case; `after` is the `next` of another page."""

    query: Query | None = None
    after: Cursor | None = None
    limit: PageSize = 50

    def __post_init__(self) -> None:
        check_text("query", self.query or "", blank=True)


class PersonRef(Received, frozen=True):
    """A user."""

    user_id: Id


class AllowReset(PersonRef, frozen=True):
    """How long the link is good."""

    hours: Annotated[int, Meta(ge=1, le=MOST_HOURS)] = 24


class ListSignUpInvitations(Received, frozen=True):
    """`after` is the `next` of another page."""

    after: Cursor | None = None
    limit: PageSize = 50


class InviteToSignUp(Received, frozen=True):
    """An invitation that is open for so many `days`, for `uses` people, or any number, who enter the rooms."""

    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] = 7
    uses: Annotated[int, Meta(ge=1, le=MOST_USES)] | None = None
    room_ids: Annotated[list[Id], Meta(max_length=MOST_ROOMS)] | None = None
    note: Annotated[str, Meta(min_length=1, max_length=100)] | None = None

    def __post_init__(self) -> None:
        if self.note is not None:
            force_setattr(self, "note", clean_name("note", self.note))


class SignUpInvitationRef(Received, frozen=True):
    """An invitation to sign up."""

    invitation_id: Id


class ListAllRooms(Received, frozen=True):
    """`query` is a part of a name, in any case; with `withoutAdmin` only rooms that have none.

    `after` is the `next` of another page.
    """

    query: Query | None = None
    without_admin: bool | None = None
    after: Cursor | None = None
    limit: PageSize = 50

    def __post_init__(self) -> None:
        check_text("query", self.query or "", blank=True)


class KeepMessages(RoomRef, frozen=True):
    """For how many days; without, or with null, for ever."""

    days: Annotated[int, Meta(ge=1, le=MOST_RETENTION)] | None = None


class ListAudit(Received, frozen=True):
    """`before` is the `next` of another page."""

    before: Seq | None = None
    limit: PageSize = 50


# What they get


class AdministeredPerson(Sent, frozen=True):
    """An account; `deactivatedAt` is null while it is active, `lastSeenAt` where no device was ever gone.

    Of one that its user has deleted, at `deletedAt`, only this row is left, for what refers to it.
    """

    id: str
    username: str
    display_name: str | None
    is_administrator: bool
    deactivated_at: Time | None
    deleted_at: Time | None
    created_at: Time
    last_seen_at: Time | None


class AdministeredPeople(Sent, frozen=True):
    """A page of people in the order in which they signed up; `next` is the `after` of the next one, null at the end."""

    people: list[AdministeredPerson]
    next: str | None


class PasswordResetLink(Sent, frozen=True):
    """`token` is the last part of the link `/#/reset-password/…`; it is told once."""

    token: str
    expires_at: Time


class InvitationRoom(Sent, frozen=True):
    """A room that an invitation leads into."""

    id: str
    name: str


class SignUpInvitation(Sent, frozen=True):
    """An invitation to sign up, into some rooms. `mostUses` is null for any number."""

    id: str
    note: str | None
    most_uses: int | None
    uses: int
    created_at: Time
    expires_at: Time
    revoked_at: Time | None
    is_open: bool
    rooms: list[InvitationRoom]


class SignUpInvitations(Sent, frozen=True):
    """A page of invitations in the order in which they were made; `next` is the `after` of the next one."""

    invitations: list[SignUpInvitation]
    next: str | None


class SignUpLink(Sent, frozen=True):
    """`token` is the last part of the link `/#/sign-up/…`; it is told once."""

    id: str
    token: str
    expires_at: Time


class AdministeredRoom(Sent, frozen=True):
    """A public or private room. `memberCount` counts up to 1,000; whoever signs up enters a default room.

    It keeps its messages for `retentionDays`; null for ever. In one that is archived, since `archivedAt`, nothing is
    written.
    """

    id: str
    kind: RoomKind
    name: str
    description: str | None
    created_at: Time
    member_count: int
    has_admin: bool
    is_default: bool
    retention_days: int | None
    archived_at: Time | None


class AdministeredRooms(Sent, frozen=True):
    """A page of rooms in the order in which they were made; `next` is the `after` of the next one, null at the end."""

    rooms: list[AdministeredRoom]
    next: str | None


class Figures(Sent, frozen=True):
    """How much there is, a minute ago at most. People are active who used a session in the last day, or week.

    Beyond 100,000 messages, or files, their numbers are PostgreSQL's estimates.
    """

    people: int
    administrators: int
    deactivated: int
    active_in_day: int
    active_in_week: int
    public_rooms: int
    private_rooms: int
    conversations: int
    messages: int
    files: int
    file_bytes: int
    database_bytes: int


class AuditEntry(Sent, frozen=True):
    """An act: when, by whom, what, about whom or what with which name at that time, and more."""

    id: int
    at: Time
    actor: str
    action: str
    subject_id: str
    subject: str
    details: dict[str, Any]


class AuditPage(Sent, frozen=True):
    """Acts, the newest first; `next` is the `before` of the next page, null at the end."""

    entries: list[AuditEntry]
    next: int | None
