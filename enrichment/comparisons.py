"""Asks the model again what an entry is the answer to, and holds both answers side by side.

The cache keeps no question, so this takes a reflection that still exists. A worker asks, past the
cache: what is stored stays, until somebody chooses the new answer. What is compared is kept for a
day, or until its reflection is forgotten.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from cachestats import previews
from cachestats import services as cache_services
from cachestats.cache import Freshness, get_cache
from enrichment import jobs
from enrichment.errors import EnrichmentError
from enrichment.freshness import FreshAnswers
from enrichment.models import Comparison, Job, StageResult, Status
from enrichment.models.jobs import Priority
from enrichment.records import as_stage1, ms_since
from enrichment.stages.answers import Outcome, StageAnswer
from enrichment.stages.prompts import FeelingQuestion, WritingQuestion
from enrichment.tuned_stages import make_enricher, make_scorer

KEPT_FOR = timedelta(days=1)
CACHE_TYPES = {1: FeelingQuestion.CACHE_TYPE, 2: WritingQuestion.CACHE_TYPE}


class NothingToCompare(EnrichmentError):
    """There is no such entry, it is damaged, or nothing is known any more of what was asked."""


@dataclass(frozen=True, kw_only=True)
class ComparisonReport:
    """How far a comparison is, and what came of it.

    id: by which a form says that it is still this one. trouble: why no new answer was had, the kind
    of error; empty where one was. rows: the lines of both answers; for who may not read them their
    fields, without what is in them. keepable: whether the new answer may take the old one's place.
    """

    id: int
    status: Status
    finished: bool
    trouble: str
    identical: bool
    rows: list[previews.Difference]
    differing: int
    old_cost_ms: float | None
    new_cost_ms: float | None
    same_key: bool
    kept: bool
    keepable: bool


def is_possible(digits: str) -> bool:
    """Return whether a reflection is there of which the entry's question can be had."""
    return _asked_by(digits) is not None


def latest(digits: str) -> Comparison | None:
    """Return the comparison of an entry; None where there is none, or none is kept any more."""
    return Comparison.objects.select_related("job").filter(digits=digits).first()


def request(digits: str) -> Comparison:
    """Have a worker ask again; return the comparison, which may be one that is under way already.

    Raises:
        NothingToCompare: says why.
    """
    stored = cache_services.stored_value(digits)
    if stored is None or stored.damaged:
        raise NothingToCompare("There is no such entry any more.")
    asked_by = _asked_by(digits)
    if asked_by is None:
        raise NothingToCompare("The reflection that it was computed for is gone.")
    _forget(Comparison.objects.filter(digits=digits, job__finished_at__isnull=False))
    try:
        with transaction.atomic():
            job = Job.objects.create(
                reflection=asked_by.reflection,
                purpose=Job.Purpose.COMPARE,
                priority=Priority.BULK,
                available_at=timezone.now(),
            )
            comparison = Comparison.objects.create(
                job=job,
                digits=digits,
                key=stored.key,
                stage=asked_by.stage,
                old_value=stored.value.decode(),
                old_cost_ms=stored.cost_ms,
            )
            jobs.issue_ticket()
    except IntegrityError:
        if (under_way := latest(digits)) is None:
            raise
        return under_way
    return comparison


def run(job: Job) -> None:
    """Ask the model, and write its answer beside the old one, if the claim still holds.

    Raises:
        ClaimLost: it does not; nothing was written.
    """
    comparison = Comparison.objects.filter(job=job).first()
    asked_by = _asked_by(comparison.digits) if comparison else None
    if comparison is None or asked_by is None:
        jobs.withdraw(job)
        return
    started = time.perf_counter()
    answer = _ask(asked_by)
    cost_ms = round(ms_since(started), 3)
    changes: dict[str, object] = {"reason": answer.reason or "InvalidReply"}
    if answer.outcome == Outcome.MODEL:
        value = orjson.dumps(answer.result).decode()
        changes = {"new_value": value, "new_cost_ms": cost_ms, "new_key": answer.key}
    with transaction.atomic():
        jobs.finish(job)
        Comparison.objects.filter(pk=comparison.pk).update(**changes)


def keep(comparison: Comparison, user: User) -> bool:
    """Put the new answer in the old one's place; return whether that was possible.

    It is not where the entry is gone or has another answer by now.
    """
    if not _is_keepable(comparison) or comparison.new_cost_ms is None:
        return False
    kept = cache_services.replace_value(
        comparison.key,
        comparison.old_value.encode(),
        comparison.new_value.encode(),
        comparison.new_cost_ms,
        user.get_username(),
    )
    if kept:
        Comparison.objects.filter(pk=comparison.pk).update(kept_at=timezone.now())
    return kept


def report(comparison: Comparison, *, hidden: bool) -> ComparisonReport:
    """Return a comparison as people look at it.

    Args:
        hidden: nothing of the answers' words is to be told.
    """
    job = comparison.job
    rows = []
    if comparison.new_value:
        old, new = orjson.loads(comparison.old_value), orjson.loads(comparison.new_value)
        rows = (
            previews.hidden_differences(old, new, CACHE_TYPES[comparison.stage])
            if hidden
            else previews.differences(old, new)
        )
    failed = job.finished and job.status != Status.COMPLETE
    return ComparisonReport(
        id=comparison.pk,
        status=Status(job.status),
        finished=job.finished,
        trouble=comparison.reason or (job.last_error or job.status if failed else ""),
        identical=comparison.identical,
        rows=rows,
        differing=sum(not row.same for row in rows),
        old_cost_ms=comparison.old_cost_ms,
        new_cost_ms=comparison.new_cost_ms,
        same_key=comparison.key == comparison.new_key,
        kept=comparison.kept_at is not None,
        keepable=_is_keepable(comparison),
    )


def outdated(now: datetime) -> QuerySet[Job]:
    """Return the jobs of comparisons that are older than a day; these go with them."""
    return Job.objects.filter(comparison__created_at__lt=now - KEPT_FOR)


def _forget(comparisons: QuerySet[Comparison]) -> None:
    """Delete comparisons with their jobs, which nothing else is known by."""
    Job.objects.filter(comparison__in=comparisons).delete()


def _is_keepable(comparison: Comparison) -> bool:
    answered = comparison.new_value and comparison.key == comparison.new_key
    return bool(answered) and not comparison.identical and comparison.kept_at is None


def _asked_by(digits: str) -> StageResult | None:
    """Return a result that came by an entry, of a reflection that leads to the same question."""
    result = StageResult.objects.of_entry(digits)
    if result is not None and result.stage != 1 and result.reflection.result_of(1) is None:
        return None
    return result


def _ask(result: StageResult) -> StageAnswer:
    """Return what the model says today to what a result answers, past the cache."""
    reflection = result.reflection
    cache = FreshAnswers(cache=get_cache(), freshness=Freshness(no_store=True))
    if result.stage == 1:
        scorer = make_scorer(cache, reflection.key_scope)
        asked = reflection.text, (), reflection.local_time, reflection.language
        return scorer.enrich(*asked).answer
    first = reflection.result_of(1)
    assert first is not None  # noqa: S101  # `_asked_by`
    stage1 = as_stage1(first.result, Outcome(first.outcome), reflection.local_time)
    variant = result.result["provenance"].get("variant", 0)
    return make_enricher(cache).run_post_enrichment(stage1, variant=variant).answer
