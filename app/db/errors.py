"""What can be wrong with the database. Loads nothing else, for commands that need none."""


class DatabaseUnavailable(Exception):
    """PostgreSQL could not be reached or did not answer in time; nothing is known to have been written."""


class MigrationError(Exception):
    """The database cannot get the schema of schema.sql, or the two contradict each other."""


class DatabaseRefused(Exception):
    """PostgreSQL does not take a value: it is no text that it can store, or more than it can work with."""
