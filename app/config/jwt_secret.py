"""The key that tokens are signed with, for instances without JWT_SECRET."""

import logging
import os
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path

from app.config.settings import ConfigError, Settings
from app.config.value_parsers import SECRET_CHARACTERS
from app.core.private_files import NotPrivate, close_to_others, make_data_folder

log = logging.getLogger(__name__)


def with_secret(settings: Settings) -> Settings:
    """The same settings with a key: the one given, else one that is made once and kept in the data folder.

    Raises ConfigError where a key must be given: in production, and when the database may be shared by others.
    """
    if settings.jwt_secret:
        return settings
    if settings.environment == "production" or settings.database_url:
        why = "ENVIRONMENT=production" if settings.environment == "production" else "DATABASE_URL is given"
        raise ConfigError(
            f"JWT_SECRET must be given when {why}: a random text of at least {SECRET_CHARACTERS} characters, "
            "the same for every instance."
        )
    file = settings.data_dir / "jwt_secret"
    try:
        make_data_folder(settings.data_dir)
        return replace(settings, jwt_secret=kept_secret(file))
    except NotPrivate as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(
            f"cannot keep a JWT_SECRET in {file}: {error.strerror}; set DATA_DIR to a folder that can be written to."
        ) from error


def kept_secret(file: Path) -> str:
    """The key in `file`, made at the first call. Of several callers at once all get the same."""
    if not file.exists():
        make_secret(file)
    with file.open() as kept:
        if close_to_others(file, kept.fileno()):
            log.warning(
                "other users of this machine could read %s: remove it, if any of them should not", file
            )
        try:
            text = kept.read().strip()
        except UnicodeDecodeError:
            raise ConfigError(f"{file} holds no text; remove it, or set JWT_SECRET.") from None
    if len(text) < SECRET_CHARACTERS:
        raise ConfigError(
            f"{file} holds fewer than {SECRET_CHARACTERS} characters; remove it, or set JWT_SECRET."
        )
    return text


def make_secret(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="jwt_secret-", dir=file.parent)  # for its owner alone
    unnamed = Path(name)
    try:
        with os.fdopen(handle, "w") as output:
            output.write(f"{secrets.token_urlsafe(SECRET_CHARACTERS)}\n")
            output.flush()
            os.fsync(output.fileno())
        file.hardlink_to(unnamed)  # whole or not at all, and never over one that is there
    except FileExistsError:
        pass  # another process was first, and its key is the one
    finally:
        unnamed.unlink()
