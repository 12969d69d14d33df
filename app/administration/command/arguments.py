"""The arguments of `parley admin`."""

import argparse
from collections.abc import Callable
from typing import Any

MAX_NOTE = 200  # characters


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Define the arguments of `parley admin`."""
    acts = command.add_subparsers(dest="act", required=True, metavar="act")
    invite = acts.add_parser("invite", help="make a link to sign up with; it is printed once")
    invite.add_argument(
        "--days", type=whole(365), default=7, metavar="N", help="days until it expires; default: 7"
    )
    invite.add_argument(
        "--uses", type=whole(1_000_000), metavar="N", help="people who can use it; default: any number"
    )
    invite.add_argument(
        "--room",
        action="append",
        default=[],
        dest="rooms",
        metavar="ID",
        help="room that they enter; may be given several times",
    )
    invite.add_argument("--note", type=note, metavar="TEXT", help="note for the list of invitations")
    invite.add_argument(
        "--url", default="", metavar="URL", help="address of the chat, for the link; default: only its end"
    )
    acts.add_parser("revoke-invite", help="end an invitation").add_argument("id", metavar="ID")
    for name, help_text in (
        ("grant", "make a user an administrator"),
        ("revoke", "make an administrator a user like others"),
        ("deactivate", "end all sessions of a user, who cannot sign in from now on"),
        ("reactivate", "let a deactivated user sign in again"),
    ):
        acts.add_parser(name, help=help_text).add_argument("name", metavar="NAME", help="the username")
    reset = acts.add_parser("reset-password", help="make a link that sets a user's password once")
    reset.add_argument("name", metavar="NAME", help="the username")
    reset.add_argument(
        "--hours", type=whole(168), default=24, metavar="N", help="until it expires; default: 24"
    )
    reset.add_argument("--url", default="", metavar="URL", help="address of the chat, for the link")
    users = acts.add_parser("users", help="list people")
    users.add_argument("search", nargs="?", default="", metavar="SEARCH", help="a part of a name")
    users.add_argument("--json", action="store_true", help="one JSON object per line")
    _add_room_acts(acts)
    for name, help_text in (
        ("invites", "list all invitations"),
        ("audit", "print the log of all acts"),
        ("default-rooms", "list the rooms that new people enter"),
        ("figures", "print how much there is"),
    ):
        acts.add_parser(name, help=help_text).add_argument(
            "--json", action="store_true", help="one JSON object per line"
        )


def _add_room_acts(acts: Any) -> None:
    rooms = acts.add_parser("rooms", help="list rooms")
    rooms.add_argument("search", nargs="?", default="", metavar="SEARCH", help="a part of a name")
    rooms.add_argument("--without-admin", action="store_true", help="only rooms that have no admin")
    rooms.add_argument("--json", action="store_true", help="one JSON object per line")
    take_over = acts.add_parser("take-over-room", help="make a user the admin of a room that has none")
    take_over.add_argument("id", metavar="ID", help="the room's id")
    take_over.add_argument("name", metavar="NAME", help="the username")
    keep = acts.add_parser("keep-messages", help="have a room keep its messages for some days alone")
    keep.add_argument("id", metavar="ID", help="the room's id")
    keep.add_argument("days", type=days, metavar="DAYS", help="number of days, or ever")
    for name, help_text in (
        ("export-room", "print a room with its members and messages, one JSON object per line"),
        ("archive-room", "let a room be read, and nothing be written in it"),
        ("unarchive-room", "let a room that is archived be written in again"),
        ("delete-room", "delete a room with all that was said in it, for good"),
        ("add-default-room", "let new people enter a room"),
        ("remove-default-room", "let new people not enter a room any more"),
    ):
        acts.add_parser(name, help=help_text).add_argument("id", metavar="ID", help="the room's id")


def whole(most: int) -> Callable[[str], int]:
    """A parser of whole numbers from 1 to `most`."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text:.40} is no whole number from 1 to {most}")
        return int(text)

    return number


def days(text: str) -> int | None:
    """Parse a number of days; None for ever."""
    return None if text == "ever" else whole(3650)(text)


def note(text: str) -> str:
    """Parse a note."""
    if not 1 <= len(text) <= MAX_NOTE or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a note has 1 to {MAX_NOTE} characters, in one line")
    return text
