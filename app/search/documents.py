"""What a message is found by: its text, the names of its files, who wrote it, and where."""

from collections.abc import Sequence

from app.search.tsquery import mark, vector
from app.search.words import has_link, words_of

MAX_AT_ONCE = 2_000  # characters of a message whose words are made while others wait: a few ms


def message_vector(content: str, *, room_id: str, sender_id: str, file_names: Sequence[str] = ()) -> str:
    """The `tsvector` of a message."""
    marks = [mark("room", room_id), mark("from", sender_id)]
    if file_names:
        marks.append(mark("has", "file"))
    if has_link(content):
        marks.append(mark("has", "link"))
    return vector(words_of(content, *file_names), marks)


def prompt_vector(
    content: str, *, room_id: str, sender_id: str, file_names: Sequence[str] = ()
) -> str | None:
    """As `message_vector`, None for a message that is so long that its words are to be made later."""
    if len(content) > MAX_AT_ONCE:
        return None
    return message_vector(content, room_id=room_id, sender_id=sender_id, file_names=file_names)
