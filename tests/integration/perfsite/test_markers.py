"""What happened to the site, as pictures mark it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from cachestats.models import Audit, ConfigRevision
from cachestats.services import save_revision
from cachestats.spans import RANGES
from enrichment.models import SiteStart
from enrichment.starts import Role, record_start
from perfsite.markers import Marker, markers
from tests.pruning import prune
from tests.threads import at_once

pytestmark = pytest.mark.usefixtures("databases")

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRID = RANGES["24h"].grid(NOW)


def revised(at: datetime, author: User | None = None, token_name: str = "") -> int:
    number = save_revision({}, author, token_name=token_name).number
    ConfigRevision.objects.filter(number=number).update(created_at=at)
    return number


def purged(at: datetime, deleted: int) -> None:
    row = Audit.objects.create(
        actor="ada", filters={"cache_type": "api"}, deleted=deleted, freed_bytes=1
    )
    Audit.objects.filter(pk=row.pk).update(at=at)


def test_markers_tell_revisions_starts_and_purges_in_order(person: User):
    """Who and what in a few words; what deleted nothing explains nothing."""
    by_person = revised(NOW - 5 * HOUR, person)
    by_token = revised(NOW - 4 * HOUR, token_name="deploy")
    record_start(Role.WEB, NOW - 3 * HOUR)
    record_start(Role.WORKER, NOW - 2 * HOUR)
    purged(NOW - HOUR, 1_200)
    purged(NOW - HOUR, 0)

    assert [(marker.kind, marker.label, marker.who) for marker in markers(GRID, NOW)] == [
        ("config", f"Configuration {by_person}", "ada"),
        ("config", f"Configuration {by_token}", "deploy"),
        ("restart", "The site started", ""),
        ("restart", "A worker started", ""),
        ("purge", "Purge of 1,200 entries", "ada"),
    ]


def test_markers_lie_within_the_steps():
    """None from before the first, and none from the future."""
    for at in (GRID.since - HOUR, GRID.since, NOW, NOW + HOUR):
        purged(at, 1)

    assert markers(GRID, NOW) == [
        Marker(at=GRID.since, kind="purge", label="Purge of 1 entry", who="ada"),
        Marker(at=NOW, kind="purge", label="Purge of 1 entry", who="ada"),
    ]


def test_processes_that_start_together_are_one_marker():
    """Also on either side of a full minute; one that starts later is another."""
    for done in at_once(lambda: record_start(Role.WORKER, NOW - HOUR), 3):
        done.result()
    record_start(Role.WORKER, NOW - HOUR + timedelta(minutes=1))
    assert SiteStart.objects.count() == 2
    assert len(markers(GRID, NOW)) == 1

    record_start(Role.WORKER, NOW)
    assert len(markers(GRID, NOW)) == 2


def test_site_and_worker_that_start_together_are_one_marker():
    """As they do on one machine; it says that both did."""
    record_start(Role.WEB, NOW - HOUR)
    record_start(Role.WORKER, NOW - HOUR)
    assert [marker.label for marker in markers(GRID, NOW)] == ["Site and worker started"]


def test_of_very_many_the_newest_are_told():
    """Fifty at most, the oldest first."""
    for number in range(60):
        purged(NOW - timedelta(minutes=number), number + 1)

    found = markers(GRID, NOW)

    assert len(found) == 50
    assert found[-1].at == NOW
    assert found[0].at == NOW - timedelta(minutes=49)


def test_starts_are_kept_for_400_days():
    """So that there are never many."""
    record_start(Role.WEB, NOW - timedelta(days=401))
    record_start(Role.WEB, NOW)
    prune(SiteStart, now=NOW)
    assert [start.at for start in SiteStart.objects.all()] == [NOW.replace(second=0)]
