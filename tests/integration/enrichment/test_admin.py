"""The admin, as staff use it."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ, Task

from cachestats.models import Audit, CacheEntry, ConfigRevision
from enrichment import jobs, tasks
from enrichment.models import Job, Reflection, Status
from tests.conftest import TokenMaker
from tests.people import sign_in
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases", "one_variant")

SECRET = "zyxgrobble and a grateful evening"


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def reflection(api: TokenMaker, model: Script) -> Reflection:
    """A reflection that went through both stages."""
    api("enrich:run").post("/api/v1/reflections/", {"text": SECRET}, format="json")
    tasks.run_next_job()
    return Reflection.objects.get()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "enrichment/reflection/",
        "enrichment/job/",
        "enrichment/warmup/",
        "enrichment/inferencecall/",
        "enrichment/inferencecall/?outcome=failed",
        "enrichment/tuningrun/",
        "enrichment/webhookendpoint/",
        "enrichment/webhookdelivery/",
        "cachestats/entryuse/?used=7",
        "cachestats/entryuse/?used=x",
        "auth/user/",
        "auth/group/",
        "cachestats/cacheentry/",
        "cachestats/lookupbatch/",
        "cachestats/audit/",
        "cachestats/configrevision/",
        "cachestats/configrevision/add/",
        "perfsite/accesstoken/",
        "django_q/ormq/",
        "django_q/success/",
        "django_q/failure/",
        "django_q/schedule/",
    ],
)
def test_every_list_opens(admin: Client, reflection: Reflection, path: str):
    """Each page of the admin answers with rows in it."""
    assert admin.get(f"/admin/{path}").status_code == 200


def test_details_open(admin: Client, reflection: Reflection):
    """Reflection, job and entry have a page of their own."""
    job, entry = Job.objects.get(), CacheEntry.objects.first()

    for path in (
        f"enrichment/reflection/{reflection.pk}/change/",
        f"enrichment/job/{job.pk}/change/",
        f"cachestats/cacheentry/{entry.pk}/change/",
    ):
        assert admin.get(f"/admin/{path}").status_code == 200


def test_deleting_a_reflection_on_its_page_forgets_it(admin: Client, reflection: Reflection):
    """The admin's own page, which runs in a transaction, forgets as the API does."""
    response = admin.post(f"/admin/enrichment/reflection/{reflection.pk}/delete/", {"post": "yes"})

    assert response.status_code == 302
    assert not Reflection.objects.exists()
    assert not CacheEntry.objects.filter(cache_type="stage1_enrichment").exists()


def test_text_is_masked_without_its_permission(reflection: Reflection):
    """Who may see reflections sees no text; who may read texts does."""
    path = f"/admin/enrichment/reflection/{reflection.pk}/change/"
    clerk = sign_in("view_reflection", staff=True)
    reader = sign_in("view_reflection", "view_text", name="rita", staff=True)

    assert "zyxgrobble" not in clerk.get(path).content.decode()
    assert "zyxgrobble" in reader.get(path).content.decode()


def test_reading_is_not_deleting(reflection: Reflection):
    """The permission to read other people's texts deletes none of them."""
    reader = sign_in("view_text", staff=True)

    assert reader.get(f"/reflections/{reflection.pk}/").status_code == 200
    assert reader.post(f"/reflections/{reflection.pk}/delete/").status_code == 403
    assert reader.delete(f"/api/v1/reflections/{reflection.pk}/").status_code in {403, 404}
    assert Reflection.objects.exists()


def test_purge_action_deletes_and_is_audited(admin: Client, reflection: Reflection):
    """Selected entries go, and the audit says who did it."""
    chosen = CacheEntry.objects.filter(cache_type="stage1_enrichment").get()

    body = {"action": "purge", "_selected_action": [chosen.pk], "confirmed": "yes"}
    admin.post("/admin/cachestats/cacheentry/", body)

    assert not CacheEntry.objects.filter(pk=chosen.pk).exists()
    assert Audit.objects.get().actor == "root"


def test_revision_with_a_wrong_key_is_refused_at_the_field(admin: Client):
    """The form says which key is wrong and stores nothing."""
    response = admin.post(
        "/admin/cachestats/configrevision/add/",
        {"overlay": '{"caching": {"enabled": 7, "colour": 1}}', "reason": ""},
    )

    page = response.content.decode()
    assert "caching.enabled" in page
    assert "caching.colour" in page
    assert not ConfigRevision.objects.exists()


def test_revision_switches_the_cache_off(admin: Client, api: TokenMaker, reflection: Reflection):
    """A saved revision is in force at once: what was a hit goes through the queue again."""
    admin.post(
        "/admin/cachestats/configrevision/add/",
        {"overlay": '{"caching": {"enabled": false}}', "reason": "maintenance"},
    )

    response = api("enrich:run").post("/api/v1/reflections/", {"text": SECRET}, format="json")

    assert response.status_code == 202
    assert ConfigRevision.objects.get().author.username == "root"


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [("retry", Status.QUARANTINED, Status.QUEUED), ("cancel", Status.QUEUED, Status.CANCELLED)],
)
def test_job_action_needs_its_permission(
    admin: Client, reflection: Reflection, action: str, before: Status, after: Status
):
    """Who may only look is not offered it; who may change jobs retries and cancels them."""
    Job.objects.update(status=before, finished_at=None)
    chosen = {"action": action, "_selected_action": [Job.objects.get().pk]}

    sign_in("view_job", staff=True).post("/admin/enrichment/job/", chosen)
    assert Job.objects.get().status == before

    admin.post("/admin/enrichment/job/", chosen)
    assert Job.objects.get().status == after


@pytest.mark.parametrize(
    ("action", "before", "after", "said"),
    [
        ("retry", Status.FAILED, Status.QUEUED, "2000 of 2000 queued again."),
        ("cancel", Status.QUEUED, Status.CANCELLED, "2000 of 2000 cancelled."),
    ],
)
def test_job_action_on_all_that_a_filter_shows_takes_few_queries(
    admin: Client, action: str, before: Status, after: Status, said: str
):
    """Thousands change in one statement, and the message counts what was chosen."""
    now = timezone.now()
    reflections = [Reflection(text="A day", key_scope="site", timestamp=now) for _ in range(2001)]
    Reflection.objects.bulk_create(reflections)
    made = Job.objects.bulk_create(
        Job(reflection=reflection, status=before, available_at=now) for reflection in reflections
    )
    spared = made.pop()
    Job.objects.filter(pk=spared.pk).update(status=Status.COMPLETE)
    chosen = {"action": action, "_selected_action": [made[0].pk], "select_across": "1"}

    with CaptureQueriesContext(connection) as captured:
        answer = admin.post(f"/admin/enrichment/job/?status__exact={before}", chosen)

    tickets = sum("django_q_ormq" in query["sql"] for query in captured)
    assert tickets <= jobs.TICKETS_AT_ONCE
    assert len(captured) - tickets <= 12
    assert Job.objects.filter(status=after).count() == 2000
    assert said in admin.get(answer["Location"]).content.decode()


def test_tickets_are_never_resubmitted_by_hand(admin: Client, reflection: Reflection):
    """Not by who may only view them, and not by anybody else: the jobs are the truth."""
    failed = Task.objects.create(
        id="f" * 32,
        name="a-ticket",
        func=jobs.TICKET,
        started=timezone.now(),
        stopped=timezone.now(),
        success=False,
    )
    before = OrmQ.objects.count()
    chosen = {"action": "resubmit_task", "_selected_action": [failed.pk]}
    for client in (sign_in("view_failure", staff=True), admin):
        client.post("/admin/django_q/failure/", chosen)

    assert OrmQ.objects.count() == before
    assert Task.objects.filter(pk=failed.pk).exists()
