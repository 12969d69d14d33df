"""Keeps the users that messages mention, with the messages."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app import store
from app.db.queries import Queries
from app.messages.group_mentions import Call
from app.store.log.mentions import Group


class Mentioned(NamedTuple):
    """The users whom a message mentions and did not before: by their names, and by calling a group."""

    named: Sequence[str] = ()
    called: Sequence[str] = ()
    group: Group | None = None


NOBODY = Mentioned()


async def mention(
    q: Queries, messages: Mapping[str, tuple[list[list[str]], Call]], *, edited: bool = False
) -> dict[str, Mentioned]:
    """Keeps whom messages of locked rooms mention, given by their ids; returns the new ones, in the order of ids.

    Each message has its names, as `names_in` has them, and its call. Of `edited` messages, users mentioned no longer
    are taken off.
    """
    names = [
        (message_id, place, name)
        for message_id, (found, _) in messages.items()
        for place, readings in enumerate(found)
        for name in readings
    ]
    if not (names or edited):
        return {}
    rows = await store.mentions.put(
        q,
        list(messages),
        names=names,
        groups=[(message_id, group) for message_id, (_, call) in messages.items() for group in call.groups],
        called=[(message_id, user) for message_id, (_, call) in messages.items() for user in call.user_ids],
    )
    mentioned: dict[str, Mentioned] = {}
    for row in sorted(rows, key=lambda row: row.user_id):
        named, called, group = mentioned.get(row.message_id, NOBODY)
        if row.via == "name":
            mentioned[row.message_id] = Mentioned([*named, row.user_id], called, group)
        else:
            group = row.via if group is None else min(group, row.via)
            mentioned[row.message_id] = Mentioned(named, [*called, row.user_id], group)
    return mentioned
