"""The key of a direct conversation, which has the ids of both people, and what statements read from it.

The parts of statements here are about a room `r`; what they are told of a user is itself SQL, a column or a value.
"""

PEOPLE = "split_part(r.direct_key, ':', 1), split_part(r.direct_key, ':', 2)"


def key_of(user_id: str, other_id: str) -> str:
    """The key that only the room of these two has."""
    return ":".join(sorted((user_id, other_id)))


def other_person(user_id: str) -> str:
    """The id of the person to whom a user writes there, their own in their notes; null for any other room."""
    return f"""case split_part(r.direct_key, ':', 1)
                    when {user_id} then split_part(r.direct_key, ':', 2)
                    else split_part(r.direct_key, ':', 1) end"""


def has_blocked_other(user_id: str) -> str:
    """SQL that is true if a user has blocked the other person; false for any other room."""
    return _is_there(f"b.blocker_id = {user_id} and b.blocked_id in ({PEOPLE})")


def is_blocked_by_other(user_id: str) -> str:
    """SQL that is true if the other person has blocked a user; false for any other room."""
    return _is_there(f"b.blocked_id = {user_id} and b.blocker_id in ({PEOPLE})")


def one_has_blocked() -> str:
    """SQL that is true if one of both people has blocked the other; false for any other room."""
    return _is_there(f"b.blocker_id in ({PEOPLE}) and b.blocked_id in ({PEOPLE})")


def _is_there(block: str) -> str:
    return f"(r.direct_key is not null and exists (select from user_blocks b where {block}))"
