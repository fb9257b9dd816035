"""A broken cache file costs time and nothing else: every page and endpoint goes on."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enrichment import tasks
from enrichment.models import Reflection
from tests.conftest import TokenMaker
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")

TEXT = "I'm feeling grateful for my sister today"
URL = "/api/v1/reflections/"


@pytest.fixture(params=["garbage", "missing", "empty"])
def broken_cache(
    cache_file: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache's file is gone, emptied or overwritten, and the repair has not come yet."""
    monkeypatch.setattr("cachestats.cache.make_usable", lambda _path: None)
    cache_file.unlink()
    if request.param != "missing":
        cache_file.write_bytes(b"no database " * 5000 if request.param == "garbage" else b"")


def test_reflection_goes_through_uncached(broken_cache: None, api: TokenMaker, model: Script):
    """Both stages are computed by the model, marked as misses that were not stored."""
    client = api("enrich:run", "enrich:read")
    for _ in range(2):
        location = client.post(URL, {"text": TEXT}, format="json")["Location"]
        tasks.run_next_job()
        body = client.get(location).json()
        for stage in ("stage1", "stage2"):
            assert (body[stage]["outcome"], body[stage]["cache"]) == ("model", "miss")


def test_one_incident_is_one_warning(broken_cache: None, api: TokenMaker, model: Script, caplog):
    """The log tells the trouble once, however many requests meet it."""
    client = api("enrich:run")
    for _ in range(3):
        client.post(URL, {"text": TEXT}, format="json")
        tasks.run_next_job()

    told = [record for record in caplog.records if "without the cache" in record.getMessage()]
    assert len(told) == 1


def test_pages_and_statistics_go_on_and_say_so(broken_cache: None, api: TokenMaker, client: Client):
    """Overview, statistics and readiness answer, and tell that the cache can't be read."""
    client.force_login(User.objects.create_superuser("root"))

    overview = client.get("/")
    stats = api("cache:read").get("/api/v1/cache/stats/")

    assert overview.status_code == 200
    assert "The cache can" in overview.content.decode()
    assert stats.status_code == 200
    assert stats.json()["healthy"] is False
    assert client.get("/readyz").json()["checks"]["database"] == "ok"


def test_reflection_can_be_forgotten(broken_cache: None, api: TokenMaker, model: Script):
    """Deleting does not need the cache."""
    client = api("enrich:run", "enrich:read")
    location = client.post(URL, {"text": TEXT}, format="json")["Location"]
    tasks.run_next_job()

    assert client.delete(location).status_code == 204
    assert not Reflection.objects.exists()


def test_purge_answers_that_it_could_not(broken_cache: None, api: TokenMaker):
    """A purge that nobody could carry out is 503, never a success or a fault of ours."""
    response = api("cache:purge").post("/api/v1/cache/purge/", {"all": True}, format="json")

    assert response.status_code == 503
    assert response["Retry-After"]
