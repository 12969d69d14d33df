"""The key that tokens are signed with: when one must be given, and how one is made and kept."""

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from app.config.jwt_secret import kept_secret, with_secret
from app.config.settings import ConfigError, Settings

GIVEN = "0123456789abcdef0123456789abcdef"


def test_the_key_that_is_given_is_used(tmp_path: Path) -> None:
    settings = Settings(environment="production", jwt_secret=GIVEN, data_dir=tmp_path)
    assert with_secret(settings) == settings
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (Settings(environment="production"), "ENVIRONMENT=production"),
        (Settings(database_url="postgresql://db/chat"), "DATABASE_URL is given"),
    ],
)
def test_a_key_must_be_given_where_others_may_need_the_same(
    settings: Settings, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"JWT_SECRET must be given when {why}"):
        with_secret(replace(settings, data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "var")
    first = with_secret(settings)
    file = tmp_path / "var" / "jwt_secret"
    assert len(first.jwt_secret) >= 32
    assert with_secret(settings) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_all_who_ask_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: kept_secret(tmp_path / "jwt_secret"), range(64)))
    assert len(keys) == 1


def test_a_key_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jwt_secret").write_text("short\n")
    with pytest.raises(ConfigError, match="holds fewer than 32 characters"):
        with_secret(Settings(data_dir=tmp_path))


def test_a_folder_that_cannot_hold_the_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot keep a JWT_SECRET in .*/file/jwt_secret"):
        with_secret(Settings(data_dir=tmp_path / "file"))


def test_a_key_that_others_can_read_is_closed_to_them_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "jwt_secret"
    file.write_text(GIVEN)
    file.chmod(0o644)
    assert kept_secret(file) == GIVEN
    assert kept_secret(file) == GIVEN
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        f"other users of this machine could read {file}"
    ]


def test_a_key_is_not_kept_where_everybody_may_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match=r"every user of this machine may write to .*; set DATA_DIR to"):
        with_secret(Settings(data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"\xff\xfe" * 40, b"", b"short"])
def test_a_kept_secret_that_was_damaged_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "jwt_secret"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{file} holds .*; remove it, or set JWT_SECRET"):
        with_secret(Settings(data_dir=tmp_path))
