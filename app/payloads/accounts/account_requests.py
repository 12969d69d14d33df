"""The payloads about accounts: signing up, in and out, sessions, and searching users. See `app.payloads.requests`."""

from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import force_setattr

from app.payloads.fields.field_types import (
    Cursor,
    DisplayName,
    Id,
    NewUsername,
    PageSize,
    Password,
    Query,
    Received,
)
from app.payloads.fields.names import clean_display_name
from app.payloads.fields.validation import check_text
from app.payloads.responses import Sent, Time

OneTimeToken = Annotated[str, Meta(min_length=1, max_length=100)]


class Authenticate(Received, frozen=True):
    """`token` is needed only when it is neither in the handshake's auth nor in its headers."""

    token: str | None = None


class SignUp(Received, frozen=True):
    """`credential` is the password, `invitation` the token of an invitation."""

    username: NewUsername
    credential: Password
    display_name: DisplayName | None = None
    invitation: OneTimeToken | None = None

    def __post_init__(self) -> None:
        if self.display_name is not None:
            force_setattr(self, "display_name", clean_display_name("displayName", self.display_name))


class Identifier(Received, frozen=True):
    """The name to sign in with."""

    scheme: Literal["username"]
    value: Annotated[str, Meta(max_length=256)]


class Credential(Received, frozen=True):
    """The password of that name."""

    scheme: Literal["basic"]
    value: Annotated[str, Meta(max_length=256)]


class SignIn(Received, frozen=True):
    """A name and a password; `deviceToken` is that of an earlier session, and one that is no good is ignored."""

    identifier: Identifier
    credential: Credential
    device_token: Annotated[str, Meta(max_length=1000)] | None = None


class ChangePassword(Received, frozen=True):
    """`credential` is the password that the user has, `newCredential` the one to have from now on."""

    credential: Annotated[str, Meta(max_length=256)]
    new_credential: Password


class DeleteAccount(Received, frozen=True):
    """`credential` is the password that the user has."""

    credential: Annotated[str, Meta(max_length=256)]


class ForgotPassword(Received, frozen=True):
    """The name of the user who forgot the password."""

    username: Annotated[str, Meta(min_length=1, max_length=256)]

    def __post_init__(self) -> None:
        check_text("username", self.username)


class ResetPassword(Received, frozen=True):
    """`token` is the one that an administrator gave, `credential` the password to have from now on."""

    token: OneTimeToken
    credential: Password


class SessionRef(Received, frozen=True):
    """A session of the user's."""

    session_id: Id


class OpenSession(Sent, frozen=True):
    """A session that is open. `device` is what its client said of itself at the sign-in, null where it said nothing.

    `isCurrent` is true of the session that asks.
    """

    id: str
    device: str | None
    created_at: Time
    last_seen_at: Time
    is_current: bool


class OpenSessions(Sent, frozen=True):
    """Open sessions of one user."""

    sessions: list[OpenSession]


class SignOut(Received, frozen=True):
    """With `everywhere`, all of the user's tokens and not only the one that is presented."""

    everywhere: bool | None = None


class SearchUsers(Received, frozen=True):
    """`query` are parts of names, in any case and with any accents; without it all users are listed.

    `after` is the id of the last user of another page.
    """

    query: Query | None = None
    after: Cursor | None = None
    limit: PageSize = 20

    def __post_init__(self) -> None:
        if self.query is not None:
            check_text("query", self.query)
