"""`parley admin` on the database of the test's instances, in the event loop that these run on."""

from typing import Protocol

import pytest

from app.administration.command import command
from app.administration.command.shell import NotDone
from app.cli import parser


class Admin(Protocol):
    """Runs `parley admin` with arguments; gives the lines that it prints, or the sentence why not."""

    async def __call__(self, *arguments: str, refused: bool = False) -> list[str]: ...


def admin_command(database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]) -> Admin:
    """The command on a database and a Redis; what it prints is taken from `capsys`."""

    async def run(*arguments: str, refused: bool = False) -> list[str]:
        capsys.readouterr()
        chosen = parser().parse_args(["admin", *arguments])
        if refused:
            with pytest.raises(NotDone) as not_done:
                await command.act(chosen, database_url, redis_url)
            return [str(not_done.value)]
        await command.act(chosen, database_url, redis_url)
        return capsys.readouterr().out.splitlines()

    return run
