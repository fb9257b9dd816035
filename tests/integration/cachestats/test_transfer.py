"""A warm cache moves as a file: whole and byte for byte, or not at all."""

import json
import stat
import zlib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from pytest_django import Settings

from cachestats import services
from cachestats.cache import get_cache
from cachestats.models import CacheEntry, EntryTotal, EntryUse
from cachestats.services import PurgeFilter

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

VALUES = [{"poem": "Rain, é\u2028"}, 0, None, "", [1.0, 1]]


@pytest.fixture
def exported(databases: None, tmp_path: Path) -> Path:
    """A file of some entries, which are then purged here."""
    cache = get_cache()
    for number, value in enumerate(VALUES):
        cache.set({"n": number}, value, {"model": "m"}, cache_type="api" if number else "vision")
    cache.flush()
    path = tmp_path / "cache.jsonl"
    call_command("export_cache", str(path), stderr=StringIO())
    cache.purge(PurgeFilter(all=True), "somebody")
    return path


def _import(path: Path) -> dict[str, int]:
    out = StringIO()
    call_command("import_cache", str(path), "--json", stdout=out)
    return json.loads(out.getvalue())


def _lines(path: Path) -> list[str]:
    return path.read_text().removesuffix("\n").split("\n")


def test_import_brings_each_entry_back(exported: Path) -> None:
    """Values, ages, lists and totals are as they were; the file is its owner's alone."""
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    result = _import(exported)
    assert (result["imported"], result["skipped"]) == (len(VALUES), 0)
    cache = get_cache()
    for number, value in enumerate(VALUES):
        found = cache.peek({"n": number}, {"model": "m"}, "api" if number else "vision")
        assert json.dumps(found.value) == json.dumps(value)
    totals = dict(EntryTotal.objects.values_list("cache_type", "entries"))
    assert totals == {"api": 4, "vision": 1}
    assert services.count_bytes() == result["bytes"]
    # What is known of the content moved along: another model is a change, not a first sight.
    missed = cache.get_or_compute({"n": 1}, lambda: 2, {"model": "other"}, cache_type="api")
    assert missed.reason == "changed: model"


def test_import_again_changes_nothing(exported: Path) -> None:
    """What is here as new as in the file stays."""
    _import(exported)
    assert _import(exported)["skipped"] == len(VALUES)
    assert services.count_entries() == CacheEntry.objects.count() == len(VALUES)


def test_import_keeps_what_is_newer(exported: Path) -> None:
    """An answer that was computed since is not overwritten by an older one."""
    get_cache().set({"n": 0}, "newer", {"model": "m"}, cache_type="vision")
    CacheEntry.objects.update(created_ms=F("created_ms") + 1000)
    assert _import(exported)["imported"] == len(VALUES) - 1
    assert get_cache().get({"n": 0}, {"model": "m"}, "vision") == "newer"


def test_import_leaves_expired_out(exported: Path) -> None:
    """What expired on the way is skipped."""
    lines = _lines(exported)
    entry = json.loads(lines[1])
    lines[1] = json.dumps({**entry, "expires_ms": 1})
    exported.write_text("\n".join(lines))
    assert _import(exported)["skipped"] == 1


def test_import_of_another_pepper_is_refused(exported: Path, settings: Settings) -> None:
    """Its keys would never be found; the error says why."""
    settings.PERF_CACHE_PEPPER = "another"
    with pytest.raises(CommandError, match="PERF_CACHE_PEPPER"):
        _import(exported)


def _cut(lines: list[str]) -> None:
    lines.pop()


def _drop_entry(lines: list[str]) -> None:
    del lines[2]


def _change(field: str, value: Any) -> Any:
    def change(lines: list[str]) -> None:
        lines[3] = json.dumps({**json.loads(lines[3]), field: value})

    return change


def _append(lines: list[str]) -> None:
    lines.append(lines[1])


def _no_header(lines: list[str]) -> None:
    del lines[0]


def _no_json(lines: list[str]) -> None:
    lines[3] = "{"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut, "cut off"),
        (_drop_entry, "5 entries, but 4 came"),
        (_change("value", '"other"'), "Line 4: value: its checksum"),
        (_change("key", "abc"), "Line 4: key"),
        (_change("cache_type", "A"), "Line 4: cache_type"),
        (_change("created_ms", -1), "Line 4: created_ms"),
        (_change("more", 1), "Line 4: more"),
        (_change("marks", "[1]"), "Line 4: marks: must be a JSON object"),
        (_append, "nothing is expected after"),
        (_no_header, "no export of a cache"),
        (_no_json, "Line 4"),
    ],
)
def test_import_of_a_damaged_file_takes_in_nothing(exported: Path, damage: Any, told: str) -> None:
    """The error names the line and the field, and nothing of the file is taken in."""
    lines = _lines(exported)
    damage(lines)
    exported.write_text("\n".join(lines))
    with pytest.raises(CommandError, match=told):
        _import(exported)
    assert not CacheEntry.objects.exists()
    assert not EntryUse.objects.filter(gone="").exists()


def test_export_filters_by_type_and_model(databases: None, tmp_path: Path) -> None:
    """Only what was asked for leaves the site."""
    for kind, model in [("api", "a"), ("api", "b"), ("vision", "a")]:
        get_cache().set({}, 1, {"model": model}, cache_type=kind)
    path = tmp_path / "some.jsonl"
    call_command("export_cache", str(path), "--type", "api", "--model", "a", stderr=StringIO())
    assert json.loads(_lines(path)[-1]) == {"entries": 1}


def test_export_that_fails_leaves_the_former_file(
    databases: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is whole or it is not there; nothing half-written is left behind."""

    def broken(*_filters: Any) -> Any:
        yield b"half"
        raise OSError("no space left")

    path = tmp_path / "cache.jsonl"
    path.write_text("former")
    monkeypatch.setattr(services, "export_entries", broken)
    with pytest.raises(CommandError, match="no space left"):
        call_command("export_cache", str(path))
    assert [file.read_text() for file in tmp_path.iterdir()] == ["former"]


def test_export_leaves_damaged_entries_out(databases: None, tmp_path: Path) -> None:
    """One bad row spoils neither the export nor its import."""
    for number in range(3):
        get_cache().set({"n": number}, number)
    damaged, no_text = CacheEntry.objects.all()[:2]
    CacheEntry.objects.filter(id=damaged.id).update(checksum=damaged.checksum ^ 1)
    CacheEntry.objects.filter(id=no_text.id).update(value=b"\xff", checksum=zlib.crc32(b"\xff"))
    path = tmp_path / "some.jsonl"
    call_command("export_cache", str(path), stderr=StringIO())
    assert json.loads(_lines(path)[-1]) == {"entries": 1}


def test_export_onto_what_is_no_file_is_refused(databases: None, tmp_path: Path) -> None:
    """A folder, a pipe or a device stays what it is."""
    with pytest.raises(CommandError, match="is no file"):
        call_command("export_cache", str(tmp_path))
