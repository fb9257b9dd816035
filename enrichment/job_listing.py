"""Jobs as operators list them: by tabs and filters, in pages by key, with bounded numbers.

A list of what has ended goes by its end, which an index has; of what has not, and of all, by when
it was made. No number here is counted beyond a bound.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet, Subquery
from django.utils import timezone

from enrichment.jobs import RETRYABLE
from enrichment.models import Job, Status
from enrichment.models.jobs import FINISHED, RUNNING, UNFINISHED, Priority
from enrichment.words import STATUS_WORDS

PAGE_SIZE = 50
# Beyond it a tab says "1,000+".
COUNTED = 1_000
# As many jobs one confirmation changes at most.
MOST_AT_ONCE = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR = re.compile(r"(\d{1,16})-(\d{1,18})")


@dataclass(frozen=True, kw_only=True)
class Tab:
    """Jobs of some statuses, listed together. name: in addresses."""

    name: str
    title: str
    statuses: tuple[Status, ...]

    @property
    def order(self) -> str:
        """The column that the list goes by."""
        return "finished_at" if set(self.statuses) <= set(FINISHED) else "created_at"


def _tab(name: str, status: Status) -> Tab:
    return Tab(name=name, title=STATUS_WORDS[status].capitalize(), statuses=(status,))


ALL = Tab(name="", title="All", statuses=tuple(Status))
TABS = {
    tab.name: tab
    for tab in (
        ALL,
        _tab("waiting", Status.QUEUED),
        Tab(name="working", title="At work", statuses=RUNNING),
        _tab("complete", Status.COMPLETE),
        _tab("failed", Status.FAILED),
        _tab("quarantined", Status.QUARANTINED),
        _tab("cancelled", Status.CANCELLED),
    )
}


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The row after which a page begins, by the list's order."""

    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}-{self.id}"


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """What to list; the filters combine with AND. since: made, or ended where the list goes by
    that, no longer ago. error: the kind of the last one.
    """

    tab: Tab = ALL
    kind: str = ""
    since: timedelta | None = None
    error: str = ""
    cursor: Cursor | None = None


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """One job; nothing of what its reflection says.

    crashes: claims that ended without a word. error: the kind of the last one; "" for none.
    waited_seconds: until it was begun, or until now. took_seconds: from then until it ended; None
    while it has not. due_at: when it may be worked on; None where it is not waiting.
    """

    id: int
    reflection_id: str
    kind: str
    status: str
    priority: Priority
    attempts: int
    errors: int
    crashes: int
    error: str
    worker: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    due_at: datetime | None
    lease_until: datetime | None
    waited_seconds: float
    took_seconds: float | None
    can_retry: bool
    can_cancel: bool


@dataclass(frozen=True, kw_only=True)
class JobPage:
    """Some jobs, newest first. next: where the following page begins; "" after the last."""

    jobs: list[JobReport]
    next: str


def read_cursor(text: str) -> Cursor:
    """Return what a cursor says.

    Raises:
        ValueError: it is none.
    """
    found = CURSOR.fullmatch(text)
    if not found:
        raise ValueError("must be that of the page before")
    return Cursor(at=EPOCH + timedelta(microseconds=int(found[1])), id=int(found[2]))


def list_jobs(query: JobQuery) -> JobPage:
    """Return a page of jobs, in one query."""
    now, order = timezone.now(), query.tab.order
    rows = matching(query)
    if query.cursor:
        at, last = query.cursor.at, query.cursor.id
        beyond = Q(**{f"{order}__lt": at}) | Q(**{order: at, "id__lt": last})
        # The first part is what the index is searched with.
        rows = rows.filter(**{f"{order}__lte": at}).filter(beyond)
    found = list(rows.order_by(f"-{order}", "-id")[: PAGE_SIZE + 1])
    page, more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
    following = Cursor(at=getattr(page[-1], order), id=page[-1].pk) if more else ""
    return JobPage(jobs=[job_report(job, now) for job in page], next=str(following))


def matching(query: JobQuery) -> QuerySet[Job]:
    """Return the jobs that the filters match, from wherever the page begins."""
    rows = Job.objects.all()
    if query.tab is not ALL:
        rows = rows.filter(status__in=query.tab.statuses)
    if query.tab.order == "finished_at":
        rows = rows.filter(finished_at__isnull=False)
    if query.kind:
        rows = rows.filter(purpose=query.kind)
    if query.since:
        rows = rows.filter(**{f"{query.tab.order}__gte": timezone.now() - query.since})
    if query.error:
        rows = rows.filter(last_error=query.error)
    return rows


def to_retry(query: JobQuery, until: datetime) -> QuerySet[Job]:
    """Return those that can be queued again, of what had ended by then."""
    return matching(query).filter(
        purpose=Job.Purpose.SUBMITTED, status__in=RETRYABLE, finished_at__lte=until
    )


def to_cancel(query: JobQuery, until: datetime) -> QuerySet[Job]:
    """Return those that can be ended, of what had been made by then."""
    return matching(query).filter(status__in=UNFINISHED, created_at__lte=until)


def count_up_to(jobs: QuerySet[Job], most: int) -> int:
    """Return how many there are, but at most one more than `most`."""
    return jobs.order_by()[: most + 1].count()


class _BoundedCount(Subquery):
    """How many rows a sliced query has."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS bounded)"


def tab_counts() -> Mapping[str, int]:
    """Return how many jobs each tab has, but for that of all; at most one more than `COUNTED`."""
    tabs = [tab for tab in TABS.values() if tab is not ALL]
    counts = {
        f"in_{tab.name}": _BoundedCount(_of(tab.statuses).values("pk")[: COUNTED + 1])
        for tab in tabs
    }
    row = Job.objects.order_by().annotate(**counts).values(*counts).first()
    return {tab.name: row[f"in_{tab.name}"] if row else 0 for tab in tabs}


def _of(statuses: Sequence[Status]) -> QuerySet[Job]:
    return Job.objects.filter(status__in=statuses).order_by()


def job_report(job: Job, now: datetime) -> JobReport:
    """Return what operators see of a job."""
    waiting = job.status == Status.QUEUED
    submitted = job.purpose == Job.Purpose.SUBMITTED
    begun, ended = job.started_at, job.finished_at
    until = begun or ended or now
    # The claim that went well, or goes on.
    at_last = job.status == Status.COMPLETE or job.status in RUNNING
    return JobReport(
        id=job.pk,
        reflection_id=str(job.reflection_id),
        kind=job.purpose,
        status=job.status,
        priority=Priority(job.priority),
        attempts=job.attempts,
        errors=job.errors,
        crashes=max(0, job.crashes - at_last),
        error=job.last_error,
        worker=job.claimed_by,
        created_at=job.created_at,
        started_at=begun,
        finished_at=ended,
        due_at=job.available_at if waiting else None,
        lease_until=job.lease_until,
        waited_seconds=max(0.0, (until - job.created_at).total_seconds()),
        took_seconds=(ended - begun).total_seconds() if begun and ended else None,
        can_retry=submitted and job.status in RETRYABLE,
        can_cancel=job.status in UNFINISHED,
    )
