"""Requests about accounts: signing up, in and out, and searching users. See `app.payloads.requests`."""

from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import force_setattr

from app.payloads.fields.field_types import DisplayName, PageSize, Password, Query, Received, Username
from app.payloads.fields.names import clean_display_name
from app.payloads.fields.validation import check_text


class Authenticate(Received, frozen=True):
    """`token` is needed only when it is neither in the handshake's auth nor in its headers."""

    token: str | None = None


class SignUp(Received, frozen=True):
    """`credential` is the password."""

    username: Username
    credential: Password
    display_name: DisplayName | None = None

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


class SignOut(Received, frozen=True):
    """With `everywhere`, all of the user's tokens and not only the one that is presented."""

    everywhere: bool | None = None


class SearchUsers(Received, frozen=True):
    """`query` is the beginning of a username, in any case."""

    query: Query
    limit: PageSize = 20

    def __post_init__(self) -> None:
        check_text("query", self.query)
