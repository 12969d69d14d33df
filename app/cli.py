"""The console command `parley`."""

import argparse
import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import Field, replace
from typing import Any

from app import backup_command, hash_password_command
from app import emit_command as emitting
from app.administration.command import arguments as administration
from app.administration.command import command as administering
from app.config.jwt_secret import with_secret
from app.config.settings import Settings, load_settings, variables
from app.core.private_files import private_files
from app.embedded import embedded
from app.observability.logging import configure_logs
from app.runtime.guarded_command import guarded
from app.workers.supervisor import outlive_hangup, supervise


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run one command. Returns the exit status: 1 if a server cannot start, 2 for a setting that is not valid."""
    chosen = parser().parse_args(arguments)
    if chosen.command == "serve" and chosen.workers is not None:
        environ = {**environ, "WORKERS": chosen.workers}

    def command() -> None:
        settings = load_settings(environ)
        configure_logs(settings.log_level, settings.log_format)
        if chosen.command == "serve":
            serve(settings, environ)
        elif chosen.command == "migrate":
            migrate(settings)
        elif chosen.command == "backup":
            backup_command.run_backup(settings, chosen)
        elif chosen.command == "restore":
            backup_command.run_restore(settings, chosen)
        elif chosen.command == "admin":
            administering.run(settings, chosen)
        elif chosen.command == "contract":
            contract(settings)
        else:
            asyncio.run(emitting.emit(settings, chosen))

    if chosen.command == "hash-password":
        return guarded(hash_password_command.run)
    with private_files():
        return guarded(command)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="parley",
        description="A chat server based on Socket.IO.",
        epilog=described_settings(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    serving = commands.add_parser("serve", help="serve the chat until stopped")
    serving.add_argument(
        "--workers",
        metavar="N",
        help="number of worker processes, or auto for one per processor: see WORKERS",
    )
    commands.add_parser(
        "hash-password", help="ask for a password and print its hash, for ADMIN_UI_PASSWORD_HASH"
    )
    commands.add_parser("migrate", help="update the database schema and exit")
    backup_command.add_backup_arguments(
        commands.add_parser("backup", help="copy the database and the files of one moment into a folder")
    )
    backup_command.add_restore_arguments(
        commands.add_parser("restore", help="fill an empty database and storage with a backup")
    )
    administration.add_arguments(
        commands.add_parser("admin", help="administer people and rooms, see docs/admin.md")
    )
    commands.add_parser("contract", help="print the TypeScript types of all events, payloads and answers")
    emitting.add_arguments(
        commands.add_parser("emit", help="send an event to the clients of the running instances")
    )
    return top


def described_settings() -> str:
    lines = [
        f"  {name:<20} {field.metadata['documentation']} {default(field)}".rstrip()
        for name, field in variables()
    ]
    return "\n".join(["settings, as environment variables:", *lines])


def default(field: "Field[Any]") -> str:
    """A setting's default, in the form of the environment variable."""
    value = field.default
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return f"[{text.lower()}]" if text else ""


def serve(settings: Settings, environ: Mapping[str, str]) -> None:
    if settings.workers:
        outlive_hangup()
    settings = with_secret(settings)
    wants_postgres, wants_valkey = not settings.database_url, not settings.redis_url
    with embedded(settings.data_dir, postgres=wants_postgres, valkey=wants_valkey) as urls:
        database_url = urls.database or settings.database_url
        redis_url = urls.redis or settings.redis_url
        settings = replace(settings, database_url=database_url, redis_url=redis_url)
        if settings.workers:
            supervise(settings, environ)
        else:
            from app.serving.server import run  # with all there is

            run(settings)


def migrate(settings: Settings) -> None:
    from app.db import migrations

    with embedded(settings.data_dir, postgres=not settings.database_url, valkey=False) as urls:
        applied = asyncio.run(migrations.migrate(urls.database or settings.database_url))
    numbers = ", ".join(map(str, applied))
    print(f"applied the migrations {numbers}" if applied else "the schema is up to date")  # noqa: T201


def contract(settings: Settings) -> None:
    """Prints the contract of an application that is never started."""
    from app.serving.application import create_app

    settings = replace(
        settings, database_url="postgresql:///", redis_url="redis://127.0.0.1", jwt_secret="unused" * 6
    )
    print(create_app(settings).state.descriptions.typescript, end="")  # noqa: T201
