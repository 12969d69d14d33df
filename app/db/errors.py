"""The errors of the database. Loads no driver, for commands that need none."""

from app.core.errors import CannotStart, NotStorable, Unavailable


class DatabaseUnavailable(Unavailable):
    """PostgreSQL could not be reached or did not answer in time; nothing is known to have been written."""


class DatabaseReadOnly(DatabaseUnavailable):
    """PostgreSQL answers and takes no changes: it is a standby, or set to be read-only."""

    shown = "The chat cannot store anything right now: it can only be read. Try again later"


class DatabaseFull(DatabaseUnavailable):
    """PostgreSQL has no space left on its disk for a change."""

    shown = "The chat cannot store anything right now: its disk is full. Try again later"


class MigrationError(CannotStart):
    """The database cannot get the schema of schema.sql, or the two contradict each other."""


class DatabaseRefused(NotStorable):
    """PostgreSQL does not take a value: it is no text that it can store, or more than it can work with."""
