"""Structured logs: both layouts, the request's id, the standard library's loggers, and what is never written."""

import logging

import orjson
import pytest
import structlog

from app.observability.logging import configure_logs

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in captured.readouterr().err.splitlines()]


def test_a_line_of_json_has_time_level_logger_request_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("app.chat").info("sent", room="r", seq=7)
    (line,) = lines(capsys)
    assert str(line.pop("timestamp")).endswith("Z")
    expected = {
        "event": "sent",
        "level": "info",
        "logger": "app.chat",
        "request_id": "r1",
        "room": "r",
        "seq": 7,
    }
    assert line == expected


def test_the_standard_librarys_loggers_write_the_same_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    with structlog.contextvars.bound_contextvars(request_id="r2"):
        logging.getLogger("protocol.server").warning("slow client %s", "c1", extra={"buffered": 9})
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("slow client c1", "warning", "protocol.server")
    assert (line["request_id"], line["buffered"]) == ("r2", 9)


def test_lines_for_people_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "text")
    logging.getLogger("app").info("ready", extra={"port": 3000, "color_message": "\x1b[1mready\x1b[0m"})
    text = capsys.readouterr().err
    assert "ready" in text
    assert "port=3000" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("layout", ["text", "json"])
def test_less_severe_lines_are_left_out(layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning", layout)
    logging.getLogger("app").info("not this")
    structlog.get_logger("app").info("nor this")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("layout", ["text", "json"])
def test_an_exception_is_written_with_its_place(layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", layout)
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("app").exception("failed")
    text = capsys.readouterr().err
    assert "ValueError" in text
    assert "broken" in text
    assert "test_logging.py" in text


@pytest.mark.parametrize("layout", ["text", "json"])
def test_secrets_are_hidden(layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", layout)
    structlog.get_logger("app").info(
        "GET /?token=hunter2&x=1",
        authorization="hunter2",
        auth={"token": "hunter2", "Set-Cookie": "hunter2"},
        headers=[{"Authorization": "hunter2"}, "Bearer hunter2"],
        tried_password="hunter2",
        address="10.0.0.1",
    )
    logging.getLogger("app").info(
        "header was Bearer %s", "hunter2", extra={"credential": {"value": "hunter2"}}
    )
    text = capsys.readouterr().err
    assert "hunter2" not in text
    assert "10.0.0.1" in text
    assert "x=1" in text


@pytest.mark.parametrize("layout", ["text", "json"])
def test_an_exception_shows_no_secret(layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", layout)
    password = "hunter" + "2"  # a local variable of the frame
    try:
        raise ValueError(f"cannot reach postgresql://me:{password}@10.0.0.1:5432/chat")
    except ValueError:
        logging.getLogger("app").exception("failed")
    text = capsys.readouterr().err
    assert "hunter2" not in text
    assert "10.0.0.1:5432/chat" in text
