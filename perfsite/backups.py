"""Copies of a site's SQLite files in a folder, taken while it works, and put back while it doesn't.

backup.json in the folder says what is in it:
{"made_at": ISO time, "version": "1.0.0", "files": {NAME: {"bytes": n, "sha256": hex}},
"secrets": {"SECRET_KEY": fingerprint, ...}}. A backup of PostgreSQL is pg_dump's affair.
"""

import hashlib
import json
import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections

from cachestats.keys import fingerprint
from enrichment import occupancy, schema
from perfsite import sqlite_files
from perfsite.databases import SQLITE

MANIFEST = "backup.json"
MAIN, CACHE = "perfsite.sqlite3", "cache.sqlite3"
TUNING = "perf_config.json"
# In development each is kept in a file under VAR_DIR.
SECRETS = ("SECRET_KEY", "PERF_CACHE_PEPPER")


class BackupRefused(Exception):
    """What was asked for can't be done, or would do harm; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done: names of files with their size in bytes, and what somebody should know."""

    files: dict[str, int]
    notes: list[str]


def back_up(folder: Path) -> Done:
    """Make a backup in a new folder, whole or not at all; the site may go on meanwhile.

    Raises:
        BackupRefused: the folder holds something, the database is PostgreSQL, or it can't be read.
    """
    main, folder = _main_file(), folder.absolute()
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BackupRefused(f"{folder} holds something already; name a new folder.")
        draft.mkdir(mode=0o700, parents=True)
        notes = _copy_all(main, draft)
        files = {path.name: _about(path) for path in sorted(draft.iterdir())}
        manifest = {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": settings.VERSION,
            "files": files,
            "secrets": {name: _fingerprint(name) for name in SECRETS},
        }
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        _to_disk(draft)
        # Over an empty folder too, and over nothing else.
        draft.rename(folder)
    except (OSError, sqlite3.Error) as exc:
        raise BackupRefused(f"No backup was made: {exc}") from exc
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Done(files={name: about["bytes"] for name, about in files.items()}, notes=notes)


def restore(folder: Path) -> Done:
    """Put a backup in the place of the site's files, which are kept beside; nothing may run.

    The cache always goes with it: the backup's, or none. One that is older or newer than the main
    database would hold entries that nobody can forget any more.

    Raises:
        BackupRefused: a site or a worker runs, or the backup is damaged or of a newer version.
    """
    main, cache = _main_file(), _file_of("cache")
    manifest = _read(folder)
    gap = schema.gap(sqlite_files.applied_migrations(folder / MAIN))
    if gap.unknown:
        raise BackupRefused(f"The backup is of a newer version ({', '.join(gap.unknown)}).")
    connections.close_all()
    with occupancy.alone() as nobody:
        places = [path for path in (main, cache) if path is not None and path.exists()]
        if not nobody or any(sqlite_files.is_open_elsewhere(path) for path in places):
            raise BackupRefused("The site, a worker or a command uses the files: stop them first.")
        aside = f".before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        notes = [f"What was there is kept as *{aside}." if places else "", str(gap)]
        restored = [MAIN]
        try:
            if cache is not None:
                # First: at no time an old one stands beside a database that it isn't of.
                _set_aside(cache, aside, (cache.name,))
            _exchange(folder / MAIN, main, aside)
            if cache is None:
                notes.append("The cache is in PostgreSQL, of another time: purge_cache --all.")
            elif CACHE in manifest["files"]:
                _exchange(folder / CACHE, cache, aside)
                restored.append(CACHE)
            for name in SECRETS:
                if _fingerprint(name) == manifest["secrets"][name]:
                    continue
                if name.lower() in manifest["files"] and _is_kept_in_file(name):
                    _exchange(folder / name.lower(), _secret_file(name), aside)
                    restored.append(name.lower())
                else:
                    notes.append(f"{name} is not the backup's; what needs that one is lost.")
        except OSError as exc:
            raise BackupRefused(f"Restoring broke off, run it again: {exc}") from exc
    notes.append(_tuning_note(folder))
    sizes = {name: manifest["files"][name]["bytes"] for name in restored}
    return Done(files=sizes, notes=[note for note in notes if note])


def _copy_all(main: Path, draft: Path) -> list[str]:
    notes = []
    sqlite_files.copy(main, draft / MAIN)
    cache = _file_of("cache")
    if cache is None:
        notes.append("The cache is in PostgreSQL and not in the backup.")
    else:
        try:
            sqlite_files.copy(cache, draft / CACHE)
        except sqlite3.Error as exc:
            (draft / CACHE).unlink(missing_ok=True)
            notes.append(f"The cache is not in the backup, and computed anew after it: {exc}.")
    for name in SECRETS:
        if _is_kept_in_file(name):
            shutil.copyfile(_secret_file(name), draft / name.lower())
        else:
            notes.append(f"{name} comes from the environment and is not in the backup: keep it.")
    if settings.PERF_CONFIG.is_file():
        shutil.copyfile(settings.PERF_CONFIG, draft / TUNING)
    return notes


def _read(folder: Path) -> dict[str, Any]:
    """Return a backup's manifest, all of whose files are as they were made."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        for name, about in manifest["files"].items():
            if _about(folder / name) != about:
                raise BackupRefused(f"{folder / name} is not as it was made.")
        for name in {MAIN, *manifest["files"]} & {MAIN, CACHE}:
            sqlite_files.check(folder / name)
    except (OSError, ValueError, LookupError, sqlite3.Error) as exc:
        raise BackupRefused(f"{folder} is no whole backup: {exc!r}") from exc
    return manifest


def _exchange(source: Path, target: Path, aside: str) -> None:
    """Put a copy of one file in the place of another, which is kept; at no time there is none."""
    draft = target.with_name(f"{target.name}.restored")
    shutil.copyfile(source, draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    # A log that stayed would be played into the file that comes.
    _set_aside(target, aside, ())
    if target.exists():
        target.with_name(target.name + aside).hardlink_to(target)
    draft.replace(target)


def _set_aside(path: Path, aside: str, names: tuple[str, ...]) -> None:
    """Rename what stands under these names, and the path's logs."""
    for name in (*names, *(path.name + log for log in sqlite_files.LOGS)):
        if (found := path.with_name(name)).exists():
            found.rename(found.with_name(name + aside))


def _tuning_note(folder: Path) -> str:
    here: Path = settings.PERF_CONFIG
    there = folder / TUNING
    if not there.exists() or (here.is_file() and here.read_bytes() == there.read_bytes()):
        return ""
    return f"{here} differs from the backup's {TUNING} and was left as it is."


def _main_file() -> Path:
    if (path := _file_of("default")) is None:
        raise BackupRefused(
            "The main database is PostgreSQL: pg_dump and pg_restore do this (docs/operations.md)."
        )
    return path


def _file_of(alias: str) -> Path | None:
    config = connections[alias].settings_dict
    return Path(config["NAME"]) if config["ENGINE"] == SQLITE else None


def _secret_file(name: str) -> Path:
    return Path(settings.VAR_DIR) / name.lower()


def _is_kept_in_file(name: str) -> bool:
    path = _secret_file(name)
    return path.exists() and path.read_text() == getattr(settings, name)


def _fingerprint(name: str) -> str:
    return fingerprint(getattr(settings, name).encode())


def _about(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _to_disk(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
