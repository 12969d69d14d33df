"""The files of messages, and what is found where one is lost or is another."""

from typing import Any

import pytest

from scripts.soaking.history import Answered, AnyEntry, Fetched, Stored, Uploaded
from tests.support.soak_histories import broken

UPLOADED = Uploaded(at=2, device="a", file="f", digest="good")


def sent(item: str = "m3") -> Answered:
    return Answered(at=3, device="a", call=1, value={"room": "r", "number": 3, "item": item, "files": ["f"]})


def stored(*files: str, deleted: bool = False, state: str = "member") -> Stored:
    message: list[Any] = [3, 3, "A", "text", deleted, [], None, True, list(files)]
    members = {"A": [1, state, "member", 0]}
    return Stored(at=100, room="r", last_number=3, messages={"m3": message}, members=members)


def fetched(status: int = 200, digest: str = "good") -> Fetched:
    return Fetched(at=99, device="a", file="f", status=status, digest=digest)


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([stored("f"), fetched()], [], id="kept"),
        pytest.param([stored(), fetched()], ["message m3"], id="not the message's any more"),
        pytest.param([stored("f"), fetched(404)], ["file f"], id="gone"),
        pytest.param([stored("f"), fetched(digest="other")], ["file f"], id="other bytes"),
        pytest.param([stored(deleted=True), fetched(404)], [], id="gone with its message"),
        pytest.param([stored("f", state="left"), fetched(403)], [], id="not for one who has left"),
    ],
)
def test_files_are_kept(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("files-are-kept", UPLOADED, sent(), *entries) == found


def test_a_file_that_no_message_was_acknowledged_with_is_nobodys() -> None:
    assert broken("files-are-kept", UPLOADED, stored(), fetched(404)) == []
