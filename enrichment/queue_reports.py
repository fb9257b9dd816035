"""The queue as people look at it: page, API and monitors show the same objects."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q, Value
from django.utils import timezone

from enrichment.models import Job, Status, WorkerHeartbeat
from enrichment.models.heartbeats import is_alive, runs_this_code
from enrichment.models.jobs import DONE_BY_WORKERS, FREE_SINCE, UNFINISHED, is_free, is_held

MINUTE = timedelta(minutes=1)
# Over so long throughput is measured: a job takes seconds to minutes on a CPU.
RECENT = 5 * MINUTE
# Missing tickets are issued within 5 s and a dead worker's lease runs out within 30: a job that
# waits for so long while nobody is at work waits for nobody.
STALLED_AFTER = timedelta(seconds=120)


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """The work there is that somebody waits for, and who is there to do it.

    depth: unfinished jobs that nobody is at work on, those that wait out a back-off included.
    oldest_waiting_seconds: for how long the first of them could have been worked on; None when
    none can be now.
    running: jobs that a worker is at work on.
    completed_recently: jobs that workers completed within `RECENT`; what the cache answered in
    the submission itself is none.
    last_completed_seconds: age of the newest of those; None without one.
    background: unfinished jobs that make texts ahead, or compare; they count in no other number.
    workers_alive: processes that gave a sign of life lately.
    last_heartbeat_seconds: age of the newest sign of life; None without one.
    workers_of_other_versions: those alive whose code is not this process's.
    """

    depth: int
    oldest_waiting_seconds: float | None
    running: int
    completed_recently: int
    last_completed_seconds: float | None
    background: int
    workers_alive: int
    last_heartbeat_seconds: float | None
    workers_of_other_versions: int

    @property
    def throughput_per_minute(self) -> float:
        """Jobs that workers completed in a minute, the mean of the last five."""
        return self.completed_recently / (RECENT / MINUTE)

    @property
    def stalled(self) -> bool:
        """Whether workers live and jobs wait, and yet nothing is done; a backlog alone is not."""
        long = STALLED_AFTER.total_seconds()
        idle = self.last_completed_seconds is None or self.last_completed_seconds > long
        return (
            self.workers_alive > 0
            and self.oldest_waiting_seconds is not None
            and self.oldest_waiting_seconds > long
            and not self.running
            and idle
        )


@dataclass(frozen=True, kw_only=True)
class QueueReport(QueueState):
    """The same with all jobs there ever were, which takes longer to count.

    by_status: only statuses that have any.
    """

    by_status: dict[str, int]


def queue_state() -> QueueState:
    """Return how much work there is, how fast it goes, and who is there to do it.

    It reads unfinished jobs and what was finished lately, however many there ever were.
    """
    now = timezone.now()
    ahead = Q(purpose__in=Job.BESIDES)
    unfinished = Q(status__in=UNFINISHED)
    recent = DONE_BY_WORKERS & Q(finished_at__gt=now - RECENT)
    work = (
        Job.objects.filter(unfinished | recent)
        .order_by()
        .values(of=Value("jobs"))
        .annotate(
            total=Count("id", filter=unfinished & ~ahead),
            running=Count("id", filter=is_held(now) & ~ahead),
            others=Value(0),
            background=Count("id", filter=unfinished & ahead),
            done=Count("id", filter=recent & ~ahead),
            oldest=Min(FREE_SINCE, filter=is_free(now) & ~ahead),
            last=Max("finished_at", filter=recent & ~ahead),
        )
    )
    alive = (
        WorkerHeartbeat.objects.order_by()
        .values(of=Value("workers"))
        .annotate(
            total=Count("name", filter=is_alive(now)),
            running=Value(0),
            others=Count("name", filter=is_alive(now) & ~runs_this_code()),
            **dict.fromkeys(("background", "done"), Value(0)),
            oldest=Min("at"),
            last=Max("at"),
        )
    )
    # In one statement, for pages ask much else. Each side is one row, also where it adds up none.
    found = {row["of"]: row for row in work.union(alive, all=True)}
    jobs, workers = found["jobs"], found["workers"]
    return QueueState(
        depth=jobs["total"] - jobs["running"],
        oldest_waiting_seconds=_age_seconds(jobs["oldest"], now),
        running=jobs["running"],
        completed_recently=jobs["done"],
        last_completed_seconds=_age_seconds(jobs["last"], now),
        background=jobs["background"],
        workers_alive=workers["total"],
        last_heartbeat_seconds=_age_seconds(workers["last"], now),
        workers_of_other_versions=workers["others"],
    )


def queue_report() -> QueueReport:
    """Return the queue's state and all jobs by their status."""
    by_status = dict(
        Job.objects.for_people().order_by().values_list("status").annotate(Count("id"))
    )
    return QueueReport(
        by_status={status: by_status[status] for status in Status if status in by_status},
        **vars(queue_state()),
    )


def _age_seconds(at: datetime | None, now: datetime) -> float | None:
    # What was written while the report was made is no older than nothing.
    return None if at is None else max(0.0, (now - at).total_seconds())
