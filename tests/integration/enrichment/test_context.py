"""What an owner's history says beside a reflection, on its page and in the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cachestats.models import CacheEntry
from enrichment import jobs, reports, tasks
from enrichment.models import Reflection, StageResult, Status
from enrichment.models.jobs import Priority
from tests.conftest import TokenMaker
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
NOW = datetime(2026, 3, 29, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CONTENT = {
    "wheel": {"primary": "peaceful", "secondary": "content", "tertiary": None},
    "undetermined": False,
    "invoked": [],
    "expressed": [],
    "confidence": 0.6,
    "events": [],
    "congruence": None,
    "warnings": [],
    "provenance": {"signals": {"lexicon": {}, "model": None}},
}


@pytest.fixture
def browser(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def write(
    user: User, at: datetime, valence: float = 0.5, arousal: float = 0.5, **fields: Any
) -> Reflection:
    """Store a reflection with its Stage 1."""
    undetermined = fields.pop("undetermined", False)
    reflection = Reflection.objects.create(
        **{"text": "words", "owner": "ada", "submitted_by": user, "timestamp": at, **fields}
    )
    jobs.create(reflection, priority=Priority.INTERACTIVE, status=Status.COMPLETE)
    content = {"valence": valence, "arousal": arousal, "undetermined": undetermined}
    StageResult.objects.create(
        reflection=reflection,
        stage=1,
        result=CONTENT | content,
        outcome="model",
        cache="miss",
        duration_ms=1.0,
    )
    return reflection


def write_daily(user: User, days: int) -> None:
    """Store a reflection on each of the days before, by turns a little up and down."""
    for back in range(1, days + 1):
        write(user, NOW - back * DAY, 0.4 + 0.1 * (back % 2), 0.6 + 0.1 * (back % 2))


def stage1(client: Any, reflection: Reflection) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{URL}{reflection.pk}/").json()["stage1"]
    return found


def page(client: Client, reflection: Reflection) -> str:
    words = client.get(f"/reflections/{reflection.pk}/").content.decode().split()
    return " ".join(words)


def test_api_and_page_tell_days_the_usual_and_the_week(browser: Client, person: User):
    """Both show the same numbers and the same sentences."""
    write_daily(person, 20)
    write(person, NOW - 90 * DAY, 0.45, 0.65)
    latest = write(person, NOW, 0.9, 0.2)

    found = stage1(browser, latest)

    context, remarks = found["context"], found["remarks"]
    assert context["streaks"] == {"writing_days": 21, "pleasant_days": 1, "unpleasant_days": 0}
    assert context["week_over_week"] == {"valence": 0.0143, "arousal": 0.0143}
    assert (context["baseline"]["days"], context["baseline"]["count"]) == (90, 21)
    assert context["baseline"]["valence"]["mean"] == 0.45
    assert context["baseline"]["arousal"]["mean"] == 0.65
    assert context["baseline"]["valence"]["deviation"] > 8
    assert context["baseline"]["arousal"]["deviation"] < -8
    assert remarks == ["21 days in a row.", "Brighter and calmer than usual."]
    assert "21 days in a row. Brighter and calmer than usual." in page(browser, latest)


def test_first_reflection_has_nothing_to_be_compared_with(browser: Client, person: User):
    """No sentence, and no number that looks like a finding."""
    only = write(person, NOW, 0.9, 0.2)

    found = stage1(browser, only)

    assert found["remarks"] == []
    assert found["context"]["baseline"] is found["context"]["week_over_week"] is None
    assert 'class="remarks"' not in page(browser, only)


def test_history_is_of_the_same_owner_and_submitter_alone(api: TokenMaker, person: User):
    """Neither another owner's days nor those that another service claims for her are told."""
    client = api("enrich:read", name="web")
    web = User.objects.get(username="web")
    latest = write(web, NOW)
    write(web, NOW - DAY, owner="bob")
    write(person, NOW - DAY, owner="ada")
    assert stage1(client, latest)["context"]["streaks"]["writing_days"] == 1

    write(web, NOW - DAY)
    assert stage1(client, latest)["context"]["streaks"]["writing_days"] == 2


def test_reflection_without_an_owner_has_no_history(api: TokenMaker):
    """Those without an owner may be of anybody, and are not put together."""
    client = api("enrich:read", name="web")
    web = User.objects.get(username="web")
    write(web, NOW - DAY, owner="")
    latest = write(web, NOW, owner="")
    assert stage1(client, latest)["context"]["streaks"]["writing_days"] == 1


def test_day_is_that_of_the_zone_where_it_was_written(browser: Client, person: User):
    """Around midnight, the same instants are two days in Kolkata and one in Los Angeles."""
    instants = [datetime(2026, 3, 9, 14, 0, tzinfo=UTC), datetime(2026, 3, 9, 20, 0, tzinfo=UTC)]
    for zone, days in (("Asia/Kolkata", 2), ("America/Los_Angeles", 1)):
        Reflection.objects.all().delete()
        write(person, instants[0])
        latest = write(person, instants[1], timezone=zone)
        assert stage1(browser, latest)["context"]["streaks"]["writing_days"] == days, zone


def test_what_has_no_feeling_counts_as_a_day_of_writing_alone(browser: Client, person: User):
    """Undetermined, or still without Stage 1: the day was written, no average holds it."""
    write(person, NOW - DAY, undetermined=True)
    pending = write(person, NOW - 2 * DAY)
    pending.results.all().delete()
    write(person, NOW - 3 * DAY, 0.9, 0.3)
    latest = write(person, NOW, undetermined=True)

    context = stage1(browser, latest)["context"]

    assert context["streaks"] == {"writing_days": 4, "pleasant_days": 0, "unpleasant_days": 0}
    assert context["averages"][1] == {"days": 7, "count": 1, "valence": 0.9, "arousal": 0.3}


def test_newest_of_a_long_history_are_read_each_by_its_stage_1(
    browser: Client, person: User, monkeypatch: pytest.MonkeyPatch
):
    """Beyond the limit the oldest are left out; Stage 2's results take nobody's place."""
    monkeypatch.setattr(reports, "HISTORY_ROWS", 2)
    for back, valence in ((3, 0.1), (1, 0.9), (2, 0.7)):
        StageResult.objects.create(
            reflection=write(person, NOW - back * DAY, valence, 0.3),
            stage=2,
            result={"poem": []},
            outcome="model",
            cache="miss",
            duration_ms=1.0,
        )
    context = stage1(browser, write(person, NOW))["context"]
    assert context["averages"][1] == {"days": 7, "count": 2, "valence": 0.8, "arousal": 0.3}


def test_nothing_is_remarked_to_somebody_in_danger(browser: Client, person: User):
    """Beside the safety text there is no streak to be proud of."""
    write_daily(person, 20)
    latest = write(person, NOW, 0.1, 0.9, risk_signals=["self_harm"])

    assert stage1(browser, latest)["remarks"] == []
    assert 'class="remarks"' not in page(browser, latest)


def test_context_is_made_on_each_look_and_kept_nowhere(api: TokenMaker, model: Script):
    """A day that is added later shows at once; results and cached answers stay as they were."""
    client = api("enrich:run", "enrich:read", owner="ada")
    fields = {"text": "A calm day by the sea", "timestamp": NOW.isoformat()}
    client.post(URL, fields, format="json")
    tasks.run_next_job()
    latest = Reflection.objects.get()
    before, kept = stage1(client, latest), list(CacheEntry.objects.order_by("pk").values())

    write_daily(latest.submitted_by, 20)
    after = stage1(client, latest)

    assert before["context"]["streaks"]["writing_days"] == 1
    assert after["context"]["streaks"]["writing_days"] == 21
    assert after["result"] == before["result"] == latest.results.get(stage=1).result
    assert not {"context", "streaks", "baseline", "averages"} & after["result"].keys()
    assert list(CacheEntry.objects.order_by("pk").values()) == kept


def test_queries_do_not_grow_with_the_history(browser: Client, person: User):
    """One query reads the history, for the page and for the API."""
    latest = write(person, NOW)

    def queries() -> list[int]:
        counts = []
        for path in (f"{URL}{latest.pk}/", f"/reflections/{latest.pk}/"):
            with CaptureQueriesContext(connection) as captured:
                assert browser.get(path).status_code == 200
            counts.append(len(captured))
        return counts

    alone = queries()
    write_daily(person, 30)

    assert queries() == alone
