"""Content, signatures and answers of what is sent."""

import base64
import datetime as dt

import msgspec
import pytest

from app.notifications.sending.http_sender import HttpSender, Verdict, answer_of
from app.notifications.sending.notices import content_of, packed
from app.notifications.sending.outputs import signature, topic_of
from app.store.notifications.notifications_due import NoticeRow

ID = "0191d4d2-5d7c-7c3e-8a5e-0123456789ab"


def test_the_example_of_standard_webhooks() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_topic_is_as_short_as_push_services_want_it() -> None:
    topic = topic_of(ID)
    assert len(topic) == 22
    assert topic != topic_of(ID.replace("9ab", "9ac"))


@pytest.mark.parametrize("text", ["x", "\x01" * 10_000, "\U0001f600" * 10_000, '"' * 10_000, "a " * 5_000])
def test_a_notification_fits_whatever_its_text(text: str) -> None:
    row = NoticeRow(
        "room", "public", "\x01" * 100, 1, text, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "ann", "\x01" * 100, "text"
    )  # fmt: skip
    data = packed(content_of(row, message_id=ID, user_id="bob", kind="mention"))
    assert len(data) <= 3_000
    assert text.startswith(msgspec.json.decode(data)["text"].rstrip("…"))


@pytest.mark.parametrize(
    ("status", "retry_after", "verdict", "wait"),
    [
        (200, None, Verdict.SENT, None),
        (201, None, Verdict.SENT, None),
        (301, None, Verdict.REFUSED, None),
        (400, None, Verdict.REFUSED, None),
        (404, None, Verdict.GONE, None),
        (410, None, Verdict.GONE, None),
        (413, None, Verdict.REFUSED, None),
        (429, "7", Verdict.FAILED, 7.0),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", Verdict.FAILED, None),
        (503, "999999", Verdict.FAILED, 3600.0),
        (500, None, Verdict.FAILED, None),
    ],
)
def test_answers(status: int, retry_after: str | None, verdict: Verdict, wait: float | None) -> None:
    answer = answer_of(status, retry_after)
    assert (answer.verdict, answer.retry_after) == (verdict, wait)


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("https://127.0.0.1:1/", Verdict.REFUSED),
        ("https://[::ffff:127.0.0.1]:1/", Verdict.REFUSED),
        ("https://localhost:1/", Verdict.FAILED),
        ("https://0x7f000001:1/", Verdict.FAILED),  # which the system's resolver takes for 127.0.0.1
    ],
)
async def test_private_addresses_are_not_asked_whatever_their_form(url: str, verdict: Verdict) -> None:
    sender = HttpSender(allow_private=False)
    answer = await sender.post(url, b"", {})
    await sender.close()
    assert answer.verdict is verdict
    assert "public address" in answer.words


async def test_what_is_no_url_is_refused() -> None:
    sender = HttpSender(allow_private=False)
    answer = await sender.post("https://127.1:1/", b"", {})
    await sender.close()
    assert answer.verdict is Verdict.REFUSED
