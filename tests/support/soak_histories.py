"""Histories to check, put together from a few words: device `a` is of user `A`, room `r` has A and B as members."""

from typing import Any

from scripts.soaking.history import (
    Admitted,
    Answered,
    AnyEntry,
    Began,
    Called,
    Calm,
    Committed,
    Connected,
    Fault,
    Heard,
    Lost,
    Synced,
)
from scripts.soaking.invariants.all_invariants import INVARIANTS
from scripts.soaking.timeline import Timeline

END = 100.0


def broken(name: str, *entries: AnyEntry) -> list[str]:
    """What an invariant finds in a history of a calm room: the subjects."""
    history = sorted([*room(), *entries], key=lambda entry: entry.at)
    return [violation.subject for violation in INVARIANTS[name](Timeline(history))]


def room() -> list[AnyEntry]:
    """A and B enter a room, and their devices connect: changes 1 and 2."""
    return [
        Began(
            at=0,
            clock=0,
            seed=1,
            options={},
            devices={"a": ("ours", "A"), "b": ("ours", "B"), "c": ("ours", "C")},
        ),
        member(1, "A", at=0.1),
        member(2, "B", at=0.2),
        *(connects(device) for device in "abc"),
        *(Admitted(at=1, device=device, session=1) for device in "abc"),
        Calm(at=END - 5, ended=END),
    ]


def connects(device: str, session: int = 1, *, at: float = 0.9, recovered: bool = False) -> Connected:
    return Connected(at=at, device=device, session=session, recovered=recovered)


def member(number: int, user: str, state: str = "member", *, at: float) -> Committed:
    value = {"state": state, "role": "member"}
    return Committed(at=at, room="r", number=number, what="member", item=user, value=value)


def fields(number: int, *, archived: bool = False, group: bool = False, at: float) -> Committed:
    """A change of the room's own fields."""
    value = {"name": "a room", "archived": archived, "group": group}
    return Committed(at=at, room="r", number=number, what="room", item="r", value=value)


def text(number: int, words: str = "", *, sender: str = "A", deleted: bool = False) -> dict[str, Any]:
    return {"sender": sender, "seq": number, "text": words or f"text {number}", "deleted": deleted}


def message(number: int, words: str = "", *, at: float, sender: str = "A", item: str = "") -> Committed:
    """A new message, which is the change of that number."""
    value = text(number, words, sender=sender)
    return Committed(at=at, room="r", number=number, what="message", item=item or f"m{number}", value=value)


def hears(
    device: str,
    number: int,
    words: str = "",
    *,
    at: float,
    session: int = 1,
    event: str = "message:new",
    item: str = "",
) -> Heard:
    return Heard(
        at=at,
        device=device,
        session=session,
        event=event,
        room="r",
        number=number,
        item=item or f"m{number}",
        value=text(number, words),
    )


def sends(call: int, words: str, *, at: float, device: str = "a", client_id: str = "") -> Called:
    payload = {"roomId": "r", "content": words, "clientId": client_id or words}
    return Called(at=at, device=device, call=call, event="message:send", payload=payload)


def acked(
    call: int, number: int, words: str = "", *, at: float, device: str = "a", item: str = ""
) -> Answered:
    value = {"room": "r", "number": number, "item": item or f"m{number}", **text(number, words)}
    return Answered(at=at, device=device, call=call, value=value)


def loses(
    device: str, *, at: float, reason: str = "transport close", session: int = 1, wanted: bool = False
) -> Lost:
    return Lost(at=at, device=device, session=session, reason=reason, wanted=wanted)


def synced(device: str, upto: int, *, at: float) -> Synced:
    return Synced(at=at, device=device, session=1, room="r", after=0, upto=upto, complete=True)


def fault(name: str, at: float, until: float) -> Fault:
    return Fault(at=at, until=until, fault=name, target="")
