"""The command `parley hash-password`: the hash of a password, to be a setting."""

import getpass
import sys

import argon2

from app.core.errors import CannotStart

LEAST = 12  # characters


class BadPassword(CannotStart):
    """A password that is none, or that was typed differently the second time."""


def run() -> None:
    """Ask for a password, or read it from a pipe, and print its hash. Raises `BadPassword`."""
    if sys.stdin.isatty():
        password = getpass.getpass("password: ")
        if getpass.getpass("again: ") != password:
            raise BadPassword("The passwords are not the same.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < LEAST:
        raise BadPassword(f"The password must have at least {LEAST} characters.")
    print(argon2.PasswordHasher().hash(password))  # noqa: T201
