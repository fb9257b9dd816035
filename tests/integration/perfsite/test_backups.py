"""Backups of SQLite files, and what is refused before anything is touched."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connections
from pytest_django import Settings

from enrichment import occupancy
from tests.databases import leading_to

NAMES = ("perfsite.sqlite3", "cache.sqlite3")


@pytest.fixture
def place(databases: None, tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A site's VAR_DIR with both files and, as in development, both secrets."""
    settings.VAR_DIR = place = tmp_path / "var"
    place.mkdir()
    for name in ("SECRET_KEY", "PERF_CACHE_PEPPER"):
        (place / name.lower()).write_text(getattr(settings, name))
    settings.PERF_CONFIG = place / "tuning.json"
    settings.PERF_CONFIG.write_text("{}")
    for alias, name in zip(("default", "cache"), NAMES, strict=True):
        with connections[alias].cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(place / name)])
    with (
        leading_to(f"sqlite:///{place / NAMES[0]}", "default"),
        leading_to(f"sqlite:///{place / NAMES[1]}", "cache"),
    ):
        yield place


@pytest.fixture
def backup(place: Path, tmp_path: Path) -> Path:
    """A backup of that site when Ada was there alone."""
    User.objects.create_user("ada")
    call_command("backup", str(tmp_path / "backup"))
    return tmp_path / "backup"


def people() -> list[str]:
    return sorted(User.objects.values_list("username", flat=True))


def test_backup_holds_all_that_is_needed_for_its_owner_alone(backup: Path, place: Path):
    """Databases, secrets that are kept in files, and the tuning file; nothing is left half made."""
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in backup.iterdir()}

    assert sorted(modes) == [
        "backup.json",
        "cache.sqlite3",
        "perf_cache_pepper",
        "perf_config.json",
        "perfsite.sqlite3",
        "secret_key",
    ]
    assert set(modes.values()) == {"0o600"}
    assert backup.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in backup.parent.iterdir()) == ["backup", "var"]


def test_backup_is_never_written_over(backup: Path):
    """Nor is any folder that holds something."""
    before = (backup / "backup.json").read_bytes()

    with pytest.raises(CommandError, match="name a new folder"):
        call_command("backup", str(backup))

    assert (backup / "backup.json").read_bytes() == before


def test_restored_is_what_was_and_what_came_between_is_kept_beside(backup: Path, place: Path):
    """Who came after the backup is gone again, and the file that knows them is there."""
    User.objects.create_user("bob")

    call_command("restore", str(backup))

    assert people() == ["ada"]
    (kept,) = place.glob("perfsite.sqlite3.before-*")
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT count(*) FROM auth_user").fetchone() == (2,)


def test_cache_that_the_backup_lacks_is_emptied(
    backup: Path, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A cache of another time would answer for reflections that nobody can forget any more."""
    connections["cache"].close()
    (place / NAMES[1]).write_bytes(b"no database " * 1000)
    call_command("backup", str(tmp_path / "without"))
    assert "The cache is not in the backup" in capsys.readouterr().err
    assert not (tmp_path / "without" / NAMES[1]).exists()

    call_command("restore", str(tmp_path / "without"))

    assert people() == ["ada"]
    assert not (place / NAMES[1]).exists()


def test_backup_over_a_damaged_main_database_is_refused_and_restores_it(backup: Path, place: Path):
    """A damaged file is what one restores over, and no log of it is played into the new one."""
    User.objects.create_user("bob")
    connections["default"].close()
    (place / NAMES[0]).write_bytes(b"no database " * 1000)
    (place / f"{NAMES[0]}-wal").write_bytes(b"of another file")
    with pytest.raises(CommandError, match="No backup was made"):
        call_command("backup", str(backup.parent / "second"))

    call_command("restore", str(backup))

    assert people() == ["ada"]
    assert sorted(path.name for path in backup.parent.iterdir()) == ["backup", "var"]


def test_secrets_in_files_come_back_and_others_are_told_of(
    backup: Path, place: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
):
    """Elsewhere development has made others; what the environment sets is left to who set it."""
    pepper = settings.PERF_CACHE_PEPPER
    settings.PERF_CACHE_PEPPER = "made elsewhere"
    (place / "perf_cache_pepper").write_text("made elsewhere")
    settings.SECRET_KEY = "of the environment"
    settings.PERF_CONFIG.write_text('{"caching": {"enabled": false}}')

    call_command("restore", str(backup))

    assert (place / "perf_cache_pepper").read_text() == pepper
    assert (place / "secret_key").read_text() != settings.SECRET_KEY
    said = capsys.readouterr().err
    assert "SECRET_KEY is not the backup's" in said
    assert "tuning.json differs" in said
    assert "PEPPER" not in said


def change(backup: Path) -> None:
    """Turn one bit round."""
    path = backup / NAMES[1]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def lose(backup: Path) -> None:
    """Lose the main database, also from the list of what there is."""
    (backup / NAMES[0]).unlink()
    manifest = json.loads((backup / "backup.json").read_text())
    del manifest["files"][NAMES[0]]
    (backup / "backup.json").write_text(json.dumps(manifest))


def come_from_the_future(backup: Path) -> None:
    """Have a migration that nobody here knows."""
    path = backup / NAMES[0]
    with closing(sqlite3.connect(path)) as connection, connection:
        row = ("enrichment", "9999_later", "2030-01-01")
        connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES (?,?,?)", row)
    manifest = json.loads((backup / "backup.json").read_text())
    content = path.read_bytes()
    about = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    manifest["files"][path.name] = about
    (backup / "backup.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (change, "not as it was made"),
        (lose, "no whole backup"),
        (come_from_the_future, "newer version .*9999_later"),
    ],
)
def test_backup_that_is_damaged_or_newer_is_refused(backup: Path, place: Path, spoil, said: str):
    """What is there stays as it is."""
    User.objects.create_user("bob")
    spoil(backup)

    with pytest.raises(CommandError, match=said):
        call_command("restore", str(backup))

    assert people() == ["ada", "bob"]
    assert not list(place.glob("*.before-*"))


@pytest.mark.parametrize("user", ["site", "shell"])
def test_nothing_is_restored_under_who_uses_the_files(backup: Path, place: Path, user: str):
    """A site or worker that has just started, and anybody else who has a file open."""
    with closing(sqlite3.connect(place / NAMES[0])) as connection:
        if user == "site":
            occupancy.occupy()
        else:
            connection.execute("SELECT count(*) FROM auth_user").fetchall()
        try:
            with pytest.raises(CommandError, match="stop them first"):
                call_command("restore", str(backup))
        finally:
            for file in occupancy._held:
                file.close()
            occupancy._held.clear()

    assert people() == ["ada"]
    assert not list(place.glob("*.before-*"))
