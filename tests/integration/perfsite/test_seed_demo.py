"""The command that fills a site with invented data."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from cachestats.models import Audit, CacheEntry, ConfigRevision
from cachestats.spans import RANGES
from enrichment.call_reports import call_report
from enrichment.call_trends import call_trend
from enrichment.models import Job, QueueSample, Reflection, StageResult, Status
from enrichment.models.jobs import UNFINISHED
from enrichment.queue_trends import queue_trend
from perfsite.markers import markers

pytestmark = pytest.mark.usefixtures("main_database")


def seed(*arguments: str) -> str:
    out = StringIO()
    numbers = ["--days", "2", "--reflections", "80", "--entries", "60", "--samples", "400"]
    call_command("seed_demo", *numbers, *arguments, stdout=out)
    return out.getvalue()


def texts() -> list[tuple]:
    return list(Reflection.objects.order_by("id").values_list("id", "text", "owner"))


def test_seeding_fills_what_pages_show(client: Client):
    """Reflections with both stages, jobs that are over, calls, samples, entries and markers."""
    said = seed()

    assert "80 reflections" in said
    assert "60 cache entries" in said
    assert Reflection.objects.count() == 80
    assert not Job.objects.filter(status__in=UNFINISHED).exists()
    complete = Job.objects.filter(status=Status.COMPLETE).count()
    assert StageResult.objects.count() == 2 * complete > 100
    assert CacheEntry.objects.count() == 60
    assert f"{call_report(RANGES['7d'].length).overall.calls:,} calls" in said
    now = Reflection.objects.latest("created_at").created_at
    assert call_trend(RANGES["7d"], now).overall.calls > 50
    done = Job.objects.done_by_workers().count()
    assert sum(QueueSample.objects.values_list("done", flat=True)) == pytest.approx(done, abs=2)
    assert any(queue_trend(RANGES["7d"], now).throughput)
    kinds = [marker.kind for marker in markers(RANGES["7d"].grid(now), now)]
    assert {kind: kinds.count(kind) for kind in kinds} == {"config": 3, "restart": 2, "purge": 1}
    client.force_login(User.objects.create_superuser("root"))
    assert client.get("/").status_code == 200


def test_site_with_data_is_refused_unless_it_is_forced():
    """Invented data must not be mixed with anybody's by mistake; nothing is written."""
    Reflection.objects.create(text="mine", key_scope="site", timestamp="2026-03-14T15:09:26Z")

    with pytest.raises(CommandError, match="This site has data"):
        seed()
    assert (Reflection.objects.count(), Audit.objects.count()) == (1, 0)

    seed("--force")
    assert Reflection.objects.count() == 81


def test_configuration_in_force_stays_in_force():
    """Invented revisions are for a site that has none."""
    mine = ConfigRevision.objects.create(overlay={"caching": {"ttl_api": 77}}, reason="mine")
    seed("--force")
    assert ConfigRevision.objects.get() == mine


def test_same_seed_makes_the_same_texts():
    """And another one others."""
    seed("--seed", "7")
    first = texts()
    Reflection.objects.all().delete()
    seed("--seed", "7", "--force")
    assert texts() == first
    Reflection.objects.all().delete()
    seed("--seed", "8", "--force")
    assert texts() != first


@pytest.mark.parametrize("wrong", ["--days=0", "--reflections=-1"])
def test_numbers_that_make_no_sense_are_refused(wrong: str):
    """With the usage's exit code."""
    with pytest.raises(CommandError) as refused:
        seed(wrong)
    assert refused.value.returncode == 2
