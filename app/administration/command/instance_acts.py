"""What is read of the instance: the audit log, and figures."""

import argparse

import msgspec

from app.administration import audit
from app.administration.command.shell import Shell, moment, say, say_json
from app.administration.figures import FiguresReader


async def print_audit(shell: Shell, chosen: argparse.Namespace) -> None:
    async for row in audit.acts(shell.db):
        if chosen.json:
            say_json({**msgspec.structs.asdict(row), "details": msgspec.Raw(row.details.encode())})
        else:
            say(
                f"{moment(row.at)}  {row.actor}  {row.action}  {row.subject or row.subject_id}  {row.details}"
            )


async def figures(shell: Shell, chosen: argparse.Namespace) -> None:
    found = msgspec.to_builtins(await FiguresReader(shell.db).read())
    if chosen.json:
        say_json(found)
        return
    for name, number in found.items():
        say(f"{name}  {number}")
