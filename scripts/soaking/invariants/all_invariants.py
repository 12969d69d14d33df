"""All invariants by their names, and the check of a history by them."""

from collections.abc import Iterable

from scripts.soaking.history import History
from scripts.soaking.invariants.clients import ended_with_a_reason, nobody_hangs, nothing_unforeseen
from scripts.soaking.invariants.delivery import no_holes, one_order, silent_after_leaving, told_once
from scripts.soaking.invariants.files import files_are_kept
from scripts.soaking.invariants.log import (
    acknowledged_is_kept,
    archived_is_closed,
    no_phantoms,
    once_in_the_log,
)
from scripts.soaking.invariants.people import blocks_hold, invitations_arrive
from scripts.soaking.invariants.soft_state import leases_settle, presence_settles, typing_settles
from scripts.soaking.invariants.states import marks_never_go_back, unread_is_counted, views_converge
from scripts.soaking.invariants.violation import Invariant, Violation
from scripts.soaking.timeline import Timeline

INVARIANTS: dict[str, Invariant] = {
    "acknowledged-is-kept": acknowledged_is_kept,
    "once-in-the-log": once_in_the_log,
    "archived-is-closed": archived_is_closed,
    "told-once": told_once,
    "one-order": one_order,
    "no-holes": no_holes,
    "no-phantoms": no_phantoms,
    "views-converge": views_converge,
    "unread-is-counted": unread_is_counted,
    "marks-never-go-back": marks_never_go_back,
    "files-are-kept": files_are_kept,
    "blocks-hold": blocks_hold,
    "invitations-arrive": invitations_arrive,
    "presence-settles": presence_settles,
    "typing-settles": typing_settles,
    "leases-settle": leases_settle,
    "silent-after-leaving": silent_after_leaving,
    "ended-with-a-reason": ended_with_a_reason,
    "nobody-hangs": nobody_hangs,
    "nothing-unforeseen": nothing_unforeseen,
}


def check(history: History, names: Iterable[str] = INVARIANTS) -> dict[str, list[Violation]]:
    """What breaks each of the invariants, for those that are broken."""
    timeline = Timeline(history)
    found = {name: list(INVARIANTS[name](timeline)) for name in names}
    return {name: violations for name, violations in found.items() if violations}
