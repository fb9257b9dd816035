"""What the overview tells of the cache beyond its hit rate."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cachestats.cache import get_cache

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def page(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def test_overview_tells_why_look_ups_were_no_hits(page: Client):
    """The most frequent reason first, each with one sentence of what would help."""
    cache = get_cache()
    cache.get_or_compute({"text": "a"}, lambda: 1, {"model": "small"})
    cache.flush()
    for model in ("large", "huge"):
        cache.get({"text": "a"}, {"model": model})
    cache.flush()
    html = page.get("/").content.decode()
    changed, first_seen = html.index("changed: model"), html.index("never seen before")
    assert changed < first_seen
    assert "Keep to one value of model" in html
    assert "67%" in html


def test_overview_without_misses_has_no_table_of_reasons(page: Client):
    """Where nothing was missed there is nothing to explain."""
    html = page.get("/").content.decode()
    assert 'class="reasons"' not in html
    assert "Nothing was missed in this range of time." in html


def test_overview_names_damaged_files_that_are_kept(page: Client, cache_file: Path):
    """Whoever wants to look at one finds its name."""
    kept = cache_file.with_name(f"{cache_file.name}.unusable-20260101T000000000000")
    assert kept.name not in page.get("/").content.decode()
    kept.touch()
    html = page.get("/").content.decode()
    assert "1 damaged file replaced and kept" in html
    assert kept.name in html
