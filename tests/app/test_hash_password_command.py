"""The command that hashes a password, for ADMIN_UI_PASSWORD_HASH."""

import io
import sys

import argon2
import pytest

from app.cli import main
from app.config.settings import load_settings


def test_a_password_from_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long password \r\nnot this\n"))
    assert main(["hash-password"], {}) == 0
    printed = capsys.readouterr().out.strip()
    assert argon2.PasswordHasher().verify(printed, "a long password ")
    assert load_settings({"ADMIN_UI_USER": "ops", "ADMIN_UI_PASSWORD_HASH": printed})


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("a long password", "a long passwort"), "The passwords are not the same."),
        (("short", "short"), "The password must have at least 12 characters."),
    ],
)
def test_a_password_that_is_none(
    typed: tuple[str, str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    answers = iter(typed)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    assert main(["hash-password"], {}) == 1
    assert capsys.readouterr().err == f"parley: {expected}\n"
