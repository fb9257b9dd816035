"""The configuration in force: the last good values, no older than the reread time."""

import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from cachestats.cache import CacheState, get_cache
from cachestats.config import current
from cachestats.config.current import REREAD_SECONDS, _Current, forget
from cachestats.errors import InvalidConfig
from cachestats.models import CacheEntry, ConfigRevision
from cachestats.services import save_revision

pytestmark = pytest.mark.django_db(databases=["default", "cache"])


class Tuning:
    """A tuning file to edit, and a clock to turn on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 1000.0

    def write(self, **sections: Any) -> None:
        self.path.write_text(json.dumps(sections))

    def pass_reread_time(self) -> None:
        self.seconds += REREAD_SECONDS


@pytest.fixture
def tuning(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tuning:
    """The tuning file of this test, read by a clock that stands still."""
    tuning = Tuning(tmp_path / "perf_config.json")
    tuning.write()
    settings.PERF_CONFIG = tuning.path
    clock = SimpleNamespace(monotonic=lambda: tuning.seconds)
    monkeypatch.setattr(sys.modules["cachestats.config.current"], "time", clock)
    return tuning


def _default_ttl() -> int:
    return current().config.caching.default_ttl


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


# The file


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"caching": {"enabled": "yes"}}', "caching.enabled: must be true or false"),
        ('{"caching": {"size": 1}}', "caching.size: is not known here; accepted: enabled, "),
        ('{"caching": ', "perf_config.json: can't be read: "),
        ("[]", "perf_config.json: must be a JSON object"),
        ("\x00", "perf_config.json: can't be read: "),
    ],
)
def test_current_bad_file_at_start_switches_the_cache_off_and_names_the_key(
    tuning: Tuning, text: str, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that starts now lives; what the file may have switched off stays off."""
    tuning.path.write_text(text)

    assert not current().config.caching.enabled
    assert complaint in caplog.text


def test_current_missing_file_at_start_switches_the_cache_off_and_is_named(
    tuning: Tuning, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that is not there is as one that is wrong."""
    tuning.path.unlink()

    assert not current().config.caching.enabled
    assert "perf_config.json: can't be read" in caplog.text


def test_current_mended_file_is_in_force_again(tuning: Tuning) -> None:
    """An error at start is not kept."""
    tuning.path.write_text("{")
    current()
    forget()
    tuning.write(caching={"default_ttl": 5})
    assert _default_ttl() == 5


def test_current_changed_file_is_in_force_after_the_reread_time(tuning: Tuning) -> None:
    """Not before, so that a look-up costs no reading; not later."""
    tuning.write(caching={"default_ttl": 5})
    assert _default_ttl() == 5
    tuning.write(caching={"default_ttl": 6})
    tuning.seconds += REREAD_SECONDS * 0.99
    assert _default_ttl() == 5
    tuning.seconds += REREAD_SECONDS * 0.01
    assert _default_ttl() == 6


@pytest.mark.parametrize("text", ['{"caching": {"default_ttl": "6"}}', "{", "[]", "[" * 100_000])
def test_current_file_turned_bad_keeps_the_last_good_and_warns_once(
    tuning: Tuning, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """A slip of the pen stops no worker: one warning, however often it is read."""
    tuning.write(caching={"default_ttl": 5})
    assert _default_ttl() == 5
    tuning.path.write_text(text)
    for _ in range(3):
        tuning.pass_reread_time()
        assert _default_ttl() == 5
    assert len(_warnings(caplog)) == 1
    assert "the last good values stay" in _warnings(caplog)[0]


def test_current_file_bad_again_warns_again(
    tuning: Tuning, caplog: pytest.LogCaptureFixture
) -> None:
    """Each incident is told, also when it is the same as the last."""
    current()
    for text in ("{", "{}", "{"):
        tuning.path.write_text(text)
        tuning.pass_reread_time()
        current()
    assert len(_warnings(caplog)) == 2


# Revisions


def test_save_revision_is_in_force_at_once_here(
    tuning: Tuning, django_capture_on_commit_callbacks: Any
) -> None:
    """Who saved it sees it, without a second's wait."""
    tuning.write(caching={"default_ttl": 5, "ttl_api": 6})
    assert _default_ttl() == 5
    with django_capture_on_commit_callbacks(execute=True):
        revision = save_revision({"caching": {"default_ttl": 7}}, author=None)
    assert _default_ttl() == 7
    assert current().config.caching.ttl_api == 6
    assert current().sources["caching.default_ttl"] == f"revision {revision.number}"


def test_save_revision_is_in_force_elsewhere_within_the_reread_time(tuning: Tuning) -> None:
    """Another process takes it up by itself."""
    elsewhere = _Current()
    elsewhere.get()
    save_revision({"caching": {"default_ttl": 7}}, author=None)
    assert elsewhere.get().config.caching.default_ttl != 7
    tuning.pass_reread_time()
    assert elsewhere.get().config.caching.default_ttl == 7


def test_save_revision_replaces_the_one_before(tuning: Tuning) -> None:
    """An overlay is whole: what the newest does not name comes from the file again."""
    save_revision({"caching": {"default_ttl": 7}}, author=None)
    save_revision({"caching": {"ttl_api": 8}}, author=None)
    assert _default_ttl() != 7
    assert current().config.caching.ttl_api == 8


def test_save_revision_keeps_author_and_reason(tuning: Tuning, person: User) -> None:
    """History tells who and why."""
    save_revision({}, author=person, reason="as it was")
    revision = ConfigRevision.objects.get()
    assert (revision.overlay, revision.author, revision.reason) == ({}, person, "as it was")


@pytest.mark.parametrize(
    ("overlay", "field"),
    [
        ({"caching": {"default_ttl": -1}}, "caching.default_ttl"),
        ({"caching": {"size": 1}}, "caching.size"),
        ({"cache": {}}, "cache"),
    ],
)
def test_save_revision_wrong_is_refused_by_name_and_not_saved(
    tuning: Tuning, overlay: dict[str, Any], field: str
) -> None:
    """A wrong revision never comes into force anywhere."""
    with pytest.raises(InvalidConfig) as caught:
        save_revision(overlay, author=None)
    assert [error.field for error in caught.value.errors] == [field]
    assert not ConfigRevision.objects.exists()


def test_current_before_the_first_migration_is_the_file_alone(
    tuning: Tuning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a table of revisions, as when a site is set up, the file rules."""

    def missing(*_names: str) -> None:
        raise OperationalError("no such table: cachestats_configrevision")

    monkeypatch.setattr(ConfigRevision.objects, "order_by", missing)
    tuning.write(caching={"default_ttl": 5})
    assert _default_ttl() == 5


def test_current_revision_turned_bad_keeps_the_last_good_and_warns_once(
    tuning: Tuning, caplog: pytest.LogCaptureFixture
) -> None:
    """A revision that this version does not know, as after a downgrade, stops nobody."""
    tuning.write(caching={"default_ttl": 5})
    current()
    ConfigRevision.objects.create(overlay={"caching": {"later": 1}})
    for _ in range(3):
        tuning.pass_reread_time()
        assert _default_ttl() == 5
    assert len(_warnings(caplog)) == 1


# The switch


def test_cache_switched_off_by_the_file_is_bypassed_within_the_reread_time(
    databases: None, tuning: Tuning
) -> None:
    """A running process obeys: nothing is answered from the cache and nothing is written."""
    cache = get_cache()
    assert cache.set({"a": 1}, "stored")
    tuning.write(caching={"enabled": False})
    tuning.pass_reread_time()
    found = cache.get_or_compute({"a": 1}, lambda: "computed")
    assert (found.value, found.state, found.stored) == ("computed", CacheState.BYPASS, False)
    assert cache.set({"b": 1}, "another") is False
    assert CacheEntry.objects.count() == 1


def test_cache_switched_off_by_a_revision_is_bypassed_at_once(
    tuning: Tuning, django_capture_on_commit_callbacks: Any
) -> None:
    """The process that saved it obeys at once."""
    current()
    with django_capture_on_commit_callbacks(execute=True):
        save_revision({"caching": {"enabled": False}}, author=None)
    found = get_cache().get_or_compute({"a": 1}, lambda: "computed")
    assert found.state is CacheState.BYPASS


def test_cache_off_in_the_file_is_not_switched_on_by_a_revision(tuning: Tuning) -> None:
    """The file has the last word."""
    tuning.write(caching={"enabled": False})
    save_revision({"caching": {"enabled": True}}, author=None)
    assert current().config.caching.enabled is False
