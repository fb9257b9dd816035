"""What changes reflections: submit, run one job. Both stages are put together here."""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from cachestats.cache import Freshness, Lookup, get_cache
from cachestats.commits import commit
from enrichment import comparisons, descriptions, hosts, images, jobs, variants
from enrichment.backpressure import seconds_until_room
from enrichment.errors import Busy, EnrichmentError, InferenceError, NotCached
from enrichment.forgetting import drop_entries, forgetting_with
from enrichment.freshness import cache_for
from enrichment.idempotency import Claim
from enrichment.inserts import insert
from enrichment.jobs import ClaimLost, Interrupted
from enrichment.models import Job, Reflection, ReflectionImage, StageResult, Status
from enrichment.models.jobs import Priority
from enrichment.models.reflections import PERSON_SCOPE, Parts
from enrichment.records import as_stage1, log_stage, ms_since, path_words, result_row
from enrichment.stages import risk
from enrichment.stages.answers import Outcome, StageAnswer, from_cache
from enrichment.stages.hybrid_scorer import HybridScorer, Stage1
from enrichment.stages.post_enricher import PostEnricher, Stage2, curated_answer, safety_answer
from enrichment.submission import Submission
from enrichment.tuned_stages import make_describer, make_enricher, make_scorer
from enrichment.variants import Choice

logger = logging.getLogger(__name__)

SITE_SCOPE = "site"
ANY_FRESHNESS = Freshness()
VIEW_TEXT = "enrichment.view_text"
DELETE_ANY = "enrichment.delete_reflection"
CHANGE_ANY = "enrichment.change_job"


@dataclass(frozen=True, kw_only=True)
class Enriched:
    """Both stages of a text in the foreground, with their durations."""

    stage1: Stage1
    stage1_ms: float
    stage2: Stage2
    stage2_ms: float


class OwnerMismatch(EnrichmentError):
    """Somebody submits in another owner's name."""


class QueueFull(Busy):
    """There is more work than will be done soon."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("The queue is full", retry_after)


def submit(
    submission: Submission,
    *,
    user: User,
    token_owner: str | None,
    freshness: Freshness = ANY_FRESHNESS,
    only_if_cached: bool = False,
    claim: Claim | None = None,
) -> Reflection:
    """Accept a reflection; it is finished at once when both of its stages are cached.

    Row, job and ticket are written in one transaction: what was answered is never lost. The risk
    check runs here, so that the text for somebody in danger stands in the first answer. An
    image whose description is cached is text at once; else a worker describes it.

    Cached answers are shared within one owner for a token that is bound to one, within one person
    for who is signed in, and within the site for its web app's own token: nobody learns from a
    hit that somebody else wrote the same words.

    Args:
        token_owner: the owner that the token is bound to, "" for one that is bound to none, None
            for a person who is signed in.
        freshness: of the cached answers that will do, now and for a worker later.
        only_if_cached: nothing may be computed.
        claim: of the idempotency key that it came with; the reflection becomes that key's.

    Raises:
        KeyInUse: another request took the claim over, and nothing was written.
        NotCached: something would have to be, against `only_if_cached`; nothing is kept.
        OwnerMismatch: the submission names another owner than the token or the person.
        ModelCannotSee: it has an image that can't be described.
        QueueFull: it needs work, and too much of that is waiting before it.
    """
    owner, key_scope = _owner_and_scope(submission, user, token_owner)
    reflection = Reflection(
        text=submission.text,
        owner=owner,
        submitted_by=user,
        key_scope=key_scope,
        timestamp=submission.timestamp,
        timezone=submission.timezone,
        language=submission.language,
        no_store=freshness.no_store,
        no_cache=freshness.no_cache,
        max_age_seconds=freshness.max_age,
    )
    image = found = None
    if submission.image:
        image, found = descriptions.attach(reflection, submission.image)
    reflection.risk_signals = list(risk.check(reflection.text).signals)
    whole = image is None or image.described
    ready, choice = _from_cache(reflection) if whole else ([], None)
    if only_if_cached and not ready:
        raise NotCached("Not all of it is cached as you want it, and nothing was to be computed.")
    priority = Priority[submission.priority.upper()]
    if not ready and (
        seconds := seconds_until_room(priority, settings.QUEUE_DEPTH, looks=not whole)
    ):
        raise QueueFull(seconds)
    if found:
        get_cache().count(cast(Lookup, found))
    finished = bool(ready)
    if not finished and reflection.at_risk:
        ready = [result_row(reflection, 2, safety_answer(), 0.0)]

    def write() -> Job:
        insert([reflection])
        if claim:
            claim.link(reflection)
        if image:
            image.save(force_insert=True)
        insert(ready)
        status = Status.COMPLETE if finished else Status.QUEUED
        job = jobs.create(reflection, priority=priority, status=status)
        if finished:
            variants.make_ahead(choice, ready[-1])
        else:
            jobs.issue_ticket()
        return job

    job = commit(write)
    # What joins the lines of the request to those of the work.
    logger.info(
        "[JOB] Done at once" if finished else "[JOB] Queued",
        extra={"job": job.pk, "reflection": str(reflection.pk)},
    )
    reflection.written = Parts(jobs=[job], results=ready, image=image)
    return reflection


def _owner_and_scope(
    submission: Submission, user: User, token_owner: str | None
) -> tuple[str, str]:
    """Return whose reflection it is, and whose cached answers it may share."""
    match token_owner:
        case None:
            owner, key_scope = user.get_username(), f"{PERSON_SCOPE}{user.pk}"
        case "":
            owner, key_scope = submission.owner, SITE_SCOPE
        case _:
            owner, key_scope = token_owner, f"owner:{token_owner}"
    if submission.owner not in {"", owner}:
        raise OwnerMismatch("owner must be your own, or left out.")
    return owner, key_scope


def run_job(job: Job, *, interrupted: Callable[[], bool] = lambda: False) -> None:
    """Work on a claimed job until it is complete, committing each stage as it is done.

    Args:
        interrupted: asked between the stages, and between texts that are made ahead, whether to
            leave the rest to another worker.

    Raises:
        ClaimLost: another worker holds the job by now; what was not committed is dropped.
        Interrupted: the rest is for another worker; the claim still holds.
        InferenceError: the reflection's image can't be described now.
    """
    if job.purpose == Job.Purpose.AGAIN:
        _run_again(job)
        return
    if job.purpose == Job.Purpose.VARIANTS:
        _make_ahead(job, interrupted)
        return
    if job.purpose == Job.Purpose.COMPARE:
        comparisons.run(job)
        return
    reflection = job.reflection
    if image := descriptions.waiting(reflection):
        _describe(job, reflection, image)
    results = {result.stage: result for result in reflection.results.all()}
    if 1 not in results:
        results[1] = _run_stage1(job, reflection)
    if 2 in results:
        jobs.finish(job)
    elif interrupted():
        raise Interrupted
    else:
        _run_stage2(job, reflection, results[1])


def _describe(job: Job, reflection: Reflection, image: ReflectionImage) -> None:
    answer = descriptions.describe(reflection, image)
    try:
        descriptions.commit(job, reflection, answer)
    except ClaimLost:
        # Words of the picture: under another tuning nothing leads from the reflection to them.
        drop_entries([answer.key])
        raise


def _run_stage1(job: Job, reflection: Reflection) -> StageResult:
    stage1, row = _score(reflection)
    log_stage(row, reflection.text)
    with forgetting_with(reflection, row.key):
        _commit(job, row, Status.STAGE1_COMPLETE, stage1.answer)
    return row


def _run_stage2(job: Job, reflection: Reflection, first: StageResult) -> None:
    stage1 = as_stage1(first.result, Outcome(first.outcome), reflection.local_time)
    row, answer, choice = _write(reflection, stage1)
    log_stage(row, path_words(stage1))
    with transaction.atomic():
        _commit(job, row, Status.COMPLETE, answer)
        variants.make_ahead(choice, row)


def _score(reflection: Reflection) -> tuple[Stage1, StageResult]:
    """Return Stage 1, and how it is kept."""
    started = time.perf_counter()
    stage1 = _scorer_of(reflection).enrich(
        reflection.text, (), reflection.local_time, reflection.language
    )
    return stage1, result_row(reflection, 1, stage1.answer, ms_since(started))


def _write(
    reflection: Reflection, stage1: Stage1
) -> tuple[StageResult, StageAnswer, Choice | None]:
    """Return Stage 2, as it is kept and as it was answered, and what it was chosen from."""
    started = time.perf_counter()
    enricher = _enricher_of(reflection)
    choice = variants.choose(reflection, stage1, enricher)
    stage2 = enricher.run_post_enrichment(
        stage1,
        at_risk=reflection.at_risk,
        rotation=reflection.id.int,
        variant=choice.variant.number if choice else 0,
    )
    row = result_row(reflection, 2, stage2.answer, ms_since(started))
    return row, stage2.answer, choice


def _run_again(job: Job) -> None:
    """Do both stages once more, and keep what was there if the model is still out of reach."""
    stage1, first = _score(job.reflection)
    with forgetting_with(job.reflection, first.key):
        _finish_again(job, stage1, first)


def _finish_again(job: Job, stage1: Stage1, first: StageResult) -> None:
    """Do Stage 2 once more, and put both results in the place of the fallbacks, or neither."""
    reflection = job.reflection
    answers, rows, choice = [stage1.answer], [first], None
    # Who may be in danger has the safety text, which no model writes.
    if not reflection.at_risk:
        row, answer, choice = _write(reflection, stage1)
        answers.append(answer)
        rows.append(row)
    if any(answer.retry_later for answer in answers):
        jobs.finish_in_vain(job)
        return
    for row in rows:
        log_stage(row, reflection.text if row.stage == 1 else path_words(stage1))
    with transaction.atomic():
        jobs.commit_again(job, rows)
        variants.make_ahead(choice, rows[-1])


def _make_ahead(job: Job, interrupted: Callable[[], bool]) -> None:
    """Make the other texts for the feeling of a reflection that is done."""
    reflection = job.reflection
    first = reflection.result_of(1)
    if first is None:
        raise ClaimLost  # it was just forgotten
    stage1 = as_stage1(first.result, Outcome(first.outcome), reflection.local_time)
    # For readers to come: how fresh this one wanted its own is nothing to them.
    variants.make(job, stage1, make_enricher(get_cache()), interrupted=interrupted)


def enrich_text(submission: Submission) -> Enriched:
    """Run both stages in the foreground, through the cache, and keep no reflection."""
    at_risk = risk.check(submission.text).flagged
    cache = get_cache()
    scorer, enricher = make_scorer(cache, SITE_SCOPE), make_enricher(cache)
    started = time.perf_counter()
    stage1 = scorer.enrich(submission.text, (), submission.timestamp, submission.language)
    stage1_ms = ms_since(started)
    started = time.perf_counter()
    rotation = uuid.uuid4().int
    stage2 = enricher.run_post_enrichment(
        stage1,
        at_risk=at_risk,
        rotation=rotation,
        variant=variants.choose_for_nobody(stage1, enricher, rotation),
    )
    stage2_ms = ms_since(started)
    cache.flush()
    return Enriched(stage1=stage1, stage1_ms=stage1_ms, stage2=stage2, stage2_ms=stage2_ms)


def describe_image(data: bytes) -> str:
    """Return what an image shows, in one to three sentences, through the cache of the site.

    Args:
        data: a file: JPEG, PNG or WebP, at most 5 MB and 40 megapixels.

    Raises:
        InvalidImage: it is none of these.
        Busy: too many others are being read now.
        ModelCannotSee: the model takes text alone; the image was not sent.
        InferenceError: no description could be had.
    """
    image = images.clean(data)
    try:
        answer = make_describer(get_cache(), SITE_SCOPE).describe_image(image)
    finally:
        get_cache().flush()
    return str(answer.result["text"])


def _from_cache(reflection: Reflection) -> tuple[list[StageResult], Choice | None]:
    """Return both results if nothing has to be inferred, else none; count what is served.

    And what Stage 2 was chosen from, where it is the model's.
    """
    nothing: tuple[list[StageResult], None] = [], None
    started = time.perf_counter()
    try:
        identity = hosts.get_client().identity()
    except InferenceError:
        return nothing
    cache = get_cache()
    first = _scorer_of(reflection).peek(reflection.text, reflection.language, identity)
    if first is None:
        return nothing
    stage1_ms = ms_since(started)
    stage1 = as_stage1(first.value, Outcome.MODEL, reflection.local_time)
    started = time.perf_counter()
    served, choice = [first], None
    if reflection.at_risk:
        answer = safety_answer()
    elif not stage1.path:
        answer = curated_answer(reflection.id.int)
    else:
        choice = variants.choose(reflection, stage1, _enricher_of(reflection))
        if choice is None or choice.variant.cached is None:
            return nothing
        served.append(choice.variant.cached)
        answer = from_cache(choice.variant.cached)
    for lookup in served:
        cache.count(cast(Lookup, lookup))
    rows = [
        result_row(reflection, 1, from_cache(first), stage1_ms),
        result_row(reflection, 2, answer, ms_since(started)),
    ]
    log_stage(rows[0], reflection.text)
    log_stage(rows[1], path_words(stage1))
    return rows, choice


def _commit(job: Job, row: StageResult, next_status: Status, answer: StageAnswer) -> None:
    with transaction.atomic():
        jobs.commit_stage(job, row, next_status)
        if answer.retry_later:
            Reflection.objects.filter(pk=row.reflection_id).update(enrich_again=True)


def _scorer_of(reflection: Reflection) -> HybridScorer:
    return make_scorer(cache_for(reflection), reflection.key_scope)


def _enricher_of(reflection: Reflection) -> PostEnricher:
    return make_enricher(cache_for(reflection))
