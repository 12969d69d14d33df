"""The errors of the database. Loads no driver, for commands that need none."""

from app.core.errors import CannotStart, NotStorable, Unavailable


class DatabaseUnavailable(Unavailable):
    """PostgreSQL could not be reached or did not answer in time; nothing is known to have been written."""


class MigrationError(CannotStart):
    """The database cannot get the schema of schema.sql, or the two contradict each other."""


class DatabaseRefused(NotStorable):
    """PostgreSQL does not take a value: it is no text that it can store, or more than it can work with."""
