"""Programs that many use, and that none of the package registries that we install from has."""

from scripts.ecosystem.row import Kind, Outcome, Row
from scripts.ecosystem.workshop import NotAvailable, Workshop


def absent(name: str, kind: Kind, why: str) -> Row:
    """A row that says that nobody has tried this, and why."""

    def run(_: Workshop) -> Outcome:
        raise NotAvailable(why)

    return Row(name, kind, ("nothing",), run)
