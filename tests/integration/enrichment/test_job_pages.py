"""The pages of jobs, as operators and others get them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from enrichment import job_listing, jobs
from enrichment.models import Job, Reflection, Status, WorkerHeartbeat
from enrichment.models.jobs import FINISHED
from tests.people import sign_in

pytestmark = pytest.mark.usefixtures("databases")

TEXT = "A secret about my sister"


@pytest.fixture
def viewer() -> Client:
    return sign_in("view_job", name="vera")


@pytest.fixture
def operator() -> Client:
    return sign_in("view_job", "change_job")


def make_jobs(count: int = 1, status: Status = Status.FAILED, **fields) -> list[Job]:
    """Return jobs with reflections of their own; finished ones ended now."""
    now = timezone.now()
    if status in FINISHED:
        fields.setdefault("finished_at", now)
    reflections = Reflection.objects.bulk_create(
        Reflection(text=TEXT, key_scope="site", timestamp=now) for _ in range(count)
    )
    return Job.objects.bulk_create(
        Job(reflection=reflection, status=status, available_at=now, **fields)
        for reflection in reflections
    )


def statuses() -> list[str]:
    return sorted(Job.objects.values_list("status", flat=True))


def shown(page) -> list[int]:
    """Return the jobs that a list shows, in order."""
    return [job.id for job in page.context["jobs"]]


@pytest.mark.parametrize("path", ["/jobs/", "/jobs/1/", "/jobs/retry/", "/jobs/cancel/"])
def test_page_of_jobs_needs_a_sign_in_and_a_permission(client: Client, person: User, path: str):
    """Strangers are sent to the login; who has not the permission is refused."""
    make_jobs()

    stranger = client.get(path)
    client.force_login(person)

    assert stranger.status_code == 302
    assert stranger["Location"].startswith("/login/")
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", ["retry/", "cancel/", "{}/retry/", "{}/cancel/"])
def test_viewer_sees_no_action_and_can_do_none(viewer: Client, path: str):
    """Who may only look has no button for it, and a request made by hand changes nothing."""
    failed, waiting = *make_jobs(), *make_jobs(status=Status.QUEUED)

    pages = [viewer.get("/jobs/"), viewer.get(f"/jobs/{failed.pk}/")]
    answers = [viewer.post(f"/jobs/{path.format(job.pk)}") for job in (failed, waiting)]

    assert all("Retry" not in page.content.decode() for page in pages)
    assert [answer.status_code for answer in answers] == [403, 403]
    assert statuses() == ["failed", "queued"]


def test_pages_of_jobs_show_no_text(operator: Client):
    """What somebody wrote is nobody's affair here, and its page is not linked."""
    (job,) = make_jobs()

    pages = [operator.get("/jobs/"), operator.get(f"/jobs/{job.pk}/")]

    assert all(TEXT not in page.content.decode() for page in pages)
    assert all(str(job.reflection_id) not in page.content.decode() for page in pages)


def test_job_leads_who_may_read_it_to_its_reflection():
    """The permission to read texts opens it."""
    (job,) = make_jobs()

    page = sign_in("view_job", "view_text").get(f"/jobs/{job.pk}/")

    assert f"/reflections/{job.reflection_id}/" in page.content.decode()


def test_tabs_count_up_to_a_bound(operator: Client, monkeypatch: pytest.MonkeyPatch):
    """A number is what it says, or said to be more; it is never counted to the end."""
    monkeypatch.setattr("enrichment.job_listing.COUNTED", 3)
    monkeypatch.setattr("enrichment.job_views.COUNTED", 3)
    make_jobs(2, Status.FAILED)
    make_jobs(3, Status.CANCELLED)
    make_jobs(5, Status.COMPLETE)

    tabs = {tab["title"]: tab for tab in operator.get("/jobs/").context["tabs"]}

    told = {title: (tab["count"], tab["more"]) for title, tab in tabs.items() if tab["count"]}
    assert told == {"Failed": (2, False), "Cancelled": (3, False), "Complete": (3, True)}


def test_tabs_of_an_empty_queue_say_nought(operator: Client):
    """No job is no error."""
    page = operator.get("/jobs/")

    assert {tab["count"] for tab in page.context["tabs"]} == {None, 0}
    assert "Each <a" in page.content.decode()


@pytest.mark.parametrize("tab", ["", "failed"])
def test_list_goes_on_by_key_where_a_page_ends(
    operator: Client, tab: str, monkeypatch: pytest.MonkeyPatch
):
    """All jobs are shown once, newest first, though they have one instant and others come."""
    monkeypatch.setattr("enrichment.job_listing.PAGE_SIZE", 2)
    made = [job.pk for job in make_jobs(5)]

    seen, address = [], f"/jobs/?status={tab}"
    while address:
        page = operator.get(address)
        seen += shown(page)
        make_jobs()
        address = page.context["older"]

    assert seen == sorted(made, reverse=True)


def test_filters_combine(operator: Client):
    """Kind, time and error each narrow the list."""
    now = timezone.now()
    (wanted,) = make_jobs(last_error="HostBusy")
    make_jobs(last_error="HostFailed")
    make_jobs(last_error="HostBusy", finished_at=now - timedelta(days=2))
    make_jobs(last_error="HostBusy", status=Status.CANCELLED)

    page = operator.get("/jobs/?status=failed&error=HostBusy&since=24h&kind=submitted")

    assert shown(page) == [wanted.pk]


@pytest.mark.parametrize("query", ["status=lost", "cursor=1", "kind=x", "since=2y", "error=%00"])
def test_address_that_cannot_be_read_is_told_so(operator: Client, query: str):
    """No list is shown for what nobody can have asked for."""
    page = operator.get(f"/jobs/?{query}")

    assert page.status_code == 400
    assert "jobs" not in page.context


def test_unexpected_error_is_told_in_words(operator: Client):
    """A kind that has no words of its own is named, and it is said where to look."""
    (job,) = make_jobs(last_error="OperationalError")

    page = operator.get(f"/jobs/{job.pk}/").content.decode()

    assert "n unexpected fault (OperationalError)" in page
    assert operator.get("/jobs/?error=OperationalError").context["jobs"]


def test_one_job_is_retried_or_cancelled(operator: Client):
    """Its page does it, and says so."""
    failed, waiting = *make_jobs(), *make_jobs(status=Status.QUEUED)

    retried = operator.post(f"/jobs/{failed.pk}/retry/", follow=True)
    operator.post(f"/jobs/{waiting.pk}/cancel/")

    assert f"Job {failed.pk} is queued again." in retried.content.decode()
    assert statuses() == ["cancelled", "queued"]


def test_job_whose_state_has_changed_is_left_alone(operator: Client):
    """An old page's button does nothing, and says why."""
    (done,) = make_jobs(status=Status.COMPLETE)

    answer = operator.post(f"/jobs/{done.pk}/cancel/", follow=True)

    assert "its state has changed" in answer.content.decode()
    assert statuses() == ["complete"]


@pytest.mark.parametrize(
    ("action", "query", "count", "after"),
    [
        ("retry", "status=failed&error=HostBusy", 2, ["failed", "queued", "queued", "queued"]),
        ("retry", "", 3, ["queued"] * 4),
        ("cancel", "", 1, ["cancelled", "failed", "failed", "failed"]),
    ],
)
def test_what_the_filters_match_is_changed_after_a_question(
    operator: Client, action: str, query: str, count: int, after: list[str]
):
    """The question names the number, asking changes nothing, and the answer changes just these."""
    make_jobs(2, last_error="HostBusy")
    make_jobs(1, last_error="HostFailed")
    make_jobs(1, Status.QUEUED)
    before = statuses()

    question = operator.get(f"/jobs/{action}/?{query}")
    unchanged = statuses() == before
    until = question.context["until"]
    answer = operator.post(f"/jobs/{action}/?{query}", {"until": until}, follow=True)

    assert question.context["count"] == count
    assert unchanged
    assert f"{count} job" in answer.content.decode()
    assert statuses() == after


def test_what_comes_to_match_after_the_question_is_left_alone(operator: Client):
    """Only what was counted is changed."""
    make_jobs(2)
    until = operator.get("/jobs/retry/?status=failed").context["until"]
    make_jobs(1)

    operator.post("/jobs/retry/?status=failed", {"until": until})

    assert statuses() == ["failed", "queued", "queued"]


def test_one_answer_changes_so_many_and_says_that_there_are_more(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    """A hundred thousand jobs are no request of minutes."""
    monkeypatch.setattr("enrichment.job_views.MOST_AT_ONCE", 3)
    monkeypatch.setattr(jobs, "BATCH", 2)
    make_jobs(5)

    question = operator.get("/jobs/retry/")
    answer = operator.post("/jobs/retry/", {"until": question.context["until"]}, follow=True)

    assert (question.context["count"], question.context["more"]) == (3, True)
    assert "There are more" in answer.content.decode()
    assert statuses() == ["failed"] * 2 + ["queued"] * 3


def test_full_queue_says_when_there_is_room(operator: Client, settings: Settings):
    """Who looks knows that submissions are refused."""
    settings.QUEUE_DEPTH = 2
    make_jobs(2, Status.QUEUED)

    page = operator.get("/jobs/").content.decode()

    assert "The queue is full" in page


@pytest.mark.parametrize(
    "path", ["/jobs/", "/jobs/?status=failed&since=30d", "/jobs/{}/", "/jobs/retry/"]
)
def test_page_of_jobs_makes_few_queries(
    operator: Client,
    path: str,
    settings: Settings,
    django_assert_max_num_queries: DjangoAssertNumQueries,
):
    """However many jobs there are, and also while the queue is full."""
    settings.QUEUE_DEPTH = 1
    made = make_jobs(job_listing.PAGE_SIZE + 5)
    make_jobs(5, Status.QUEUED)
    WorkerHeartbeat.objects.create(name="here:1", at=timezone.now())

    with django_assert_max_num_queries(15):
        assert operator.get(path.format(made[0].pk)).status_code == 200
