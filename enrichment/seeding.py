"""Fills a site with reflections, jobs, calls and samples of some days, for demonstrations and
measurements.

All of it is invented and the same for the same seed. Texts are read by the real lexicon and
answered with the human-written texts; where a model would have taken part, a model of the name
MODEL is said to have.
"""

import random
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from enrichment import call_rollups, calls, queue_samples
from enrichment.errors import HostUnreachable
from enrichment.evaluation import NothingKept
from enrichment.inference.messages import ChatRequest, GenerateRequest, ModelIdentity, Reply
from enrichment.models import (
    InferenceCall,
    Job,
    QueueSample,
    Reflection,
    SiteStart,
    StageResult,
    Status,
)
from enrichment.models.jobs import Priority
from enrichment.records import result_row
from enrichment.seeding_texts import OWNERS, TEXTS
from enrichment.stages import post_enricher
from enrichment.stages.answers import Outcome, StageAnswer
from enrichment.stages.hybrid_scorer import NO_MODEL, Stage1
from enrichment.stages.prompts import Method, WritingQuestion
from enrichment.steps import HOUR, MINUTE, floor
from enrichment.tuned_stages import make_scorer

MODEL = ModelIdentity(name="demo:3b", digest="d3" * 32, engine="ollama")
HOSTS = ("http://10.0.0.11:11434", "http://10.0.0.12:11434")
SITE_SCOPE = "site"
DAY = timedelta(days=1)
BATCH_ROWS = 2_000
TTL_SECONDS = 2_592_000
# How much is written in each hour of a day: little at night, most in the evening.
HOURS = (2, 1, 1, 1, 1, 2, 5, 9, 10, 8, 7, 7, 9, 7, 6, 6, 7, 9, 11, 13, 15, 14, 9, 5)
# Texts come back, as people write what they wrote before; so some are answered from the cache.
HIT_SHARE, FALLBACK_SHARE, FAILED_SHARE, CANCELLED_SHARE = 0.58, 0.03, 0.015, 0.01
SECOND_HOST_SHARE, CALL_ERROR_SHARE, RETRIED_SHARE, LOAD_SHARE = 0.35, 0.008, 0.02, 0.03
CALL_ERRORS = ("HostBusy", "HostBrokeOff")
VARIANTS = 3
WORKERS = 2


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """How many rows of each were made."""

    reflections: int
    calls: int
    samples: int
    starts: int


def is_empty() -> bool:
    """Return whether nobody has written anything here, and no model was asked."""
    return not (Reflection.objects.exists() or InferenceCall.objects.exists())


def seed(reflections: int, days: int, seed: int, now: datetime) -> Seeded:
    """Make so many reflections over the days up to now, with all that they leave behind.

    Those that are there already, from the same seed before, are left as they are.
    """
    rng = random.Random(seed)  # noqa: S311  # invented data
    since = now - days * DAY
    starts = _starts(rng, since, days)
    stories = _new([_story(rng, at, now) for at in _moments(rng, since, now, reflections)])
    for begin in range(0, len(stories), BATCH_ROWS):
        _keep(stories[begin : begin + BATCH_ROWS])
    asked = [row for story in stories for row in _calls(rng, story)]
    for begin in range(0, len(asked), BATCH_ROWS):
        calls.write(asked[begin : begin + BATCH_ROWS])
    call_rollups.roll_up(now, budget_seconds=float("inf"))
    samples = _samples(stories, since, now)
    with transaction.atomic():
        QueueSample.objects.bulk_create(samples, BATCH_ROWS, ignore_conflicts=True)
        # As a worker would have by now: pictures of a month read the rows of two days and quarters.
        for _ in queue_samples.merging(now):
            pass
    SiteStart.objects.bulk_create(starts, ignore_conflicts=True)
    return Seeded(
        reflections=len(stories), calls=len(asked), samples=len(samples), starts=len(starts)
    )


@dataclass(frozen=True, kw_only=True)
class _Story:
    """A reflection and what became of it. asked: whether a model was."""

    reflection: Reflection
    job: Job
    results: Sequence[StageResult]
    asked: bool


class _NoModel:
    """Stands where a model would be: none is asked."""

    def identity(self) -> ModelIdentity:
        raise HostUnreachable("No model is asked for a demonstration.")

    def capabilities(self) -> frozenset[str]:
        return frozenset()

    def generate(self, request: GenerateRequest) -> Reply:  # noqa: ARG002  # the interface's
        raise HostUnreachable("No model is asked for a demonstration.")

    def chat(self, request: ChatRequest) -> Reply:  # noqa: ARG002
        raise HostUnreachable("No model is asked for a demonstration.")


def _moments(rng: random.Random, since: datetime, now: datetime, count: int) -> list[datetime]:
    """Return when reflections come, in order, by the hours of a day."""
    hours = [since + number * HOUR for number in range(int((now - since) / HOUR))]
    busy = list(accumulate(HOURS[hour.hour] for hour in hours))
    chosen = rng.choices(hours, cum_weights=busy, k=count)
    return sorted(hour + timedelta(seconds=rng.uniform(0, 3_600)) for hour in chosen)


def _story(rng: random.Random, at: datetime, now: datetime) -> _Story:
    text = rng.choice(TEXTS)
    reflection = Reflection(
        id=uuid.UUID(int=rng.getrandbits(128), version=4),
        text=text,
        owner=rng.choice(OWNERS),
        key_scope=SITE_SCOPE,
        timestamp=at,
    )
    fate = rng.random()
    hit = rng.random() < HIT_SHARE
    waited = timedelta(seconds=0 if hit else rng.expovariate(1 / 4))
    took = timedelta(seconds=0.01 if hit else rng.lognormvariate(1.9, 0.4))
    job = Job(
        reflection=reflection,
        status=Status.COMPLETE,
        priority=Priority.INTERACTIVE,
        available_at=at,
        started_at=None if hit else at + waited,
        finished_at=min(now, at + waited + took),
        attempts=0 if hit else 1,
    )
    if fate < FAILED_SHARE:
        job.status, job.last_error, job.errors = Status.FAILED, "InvalidReply", 1
        job.started_at = at + waited
        return _Story(reflection=reflection, job=job, results=[], asked=True)
    if fate < FAILED_SHARE + CANCELLED_SHARE:
        job.status, job.started_at = Status.CANCELLED, None
        return _Story(reflection=reflection, job=job, results=[], asked=False)
    fallback = not hit and rng.random() < FALLBACK_SHARE
    took_ms = took / timedelta(milliseconds=1)
    results = _results(rng, reflection, hit=hit, fallback=fallback, took_ms=took_ms)
    return _Story(reflection=reflection, job=job, results=results, asked=not (hit or fallback))


def _results(
    rng: random.Random, reflection: Reflection, *, hit: bool, fallback: bool, took_ms: float
) -> list[StageResult]:
    heard = _heard(reflection.text)
    rotation = rng.randrange(VARIANTS)
    first = heard.answer if fallback else _as_computed(rng, _by_model(heard.answer.result), hit=hit)
    if not heard.path:
        second = post_enricher.curated_answer(rotation)
    elif fallback:
        second = post_enricher.fallback_answer(heard, rotation, heard.answer.reason)
    else:
        second = _as_computed(rng, _written(heard, rotation), hit=hit)
    share = rng.uniform(0.2, 0.4)
    return [
        result_row(reflection, 1, first, took_ms * share),
        result_row(reflection, 2, second, took_ms * (1 - share)),
    ]


@cache
def _heard(text: str) -> Stage1:
    """Return what the lexicon alone tells of a text."""
    scorer = make_scorer(NothingKept(), SITE_SCOPE, model=_NoModel())
    return scorer.enrich(text, (), datetime.fromtimestamp(0, UTC))


def _by_model(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content as if a model had been of the lexicon's opinion."""
    provenance = content["provenance"]
    signals = provenance["signals"]
    return {
        **content,
        "warnings": [warning for warning in content["warnings"] if warning != NO_MODEL],
        "provenance": {
            **provenance,
            "engine": MODEL.engine,
            "model": MODEL.name,
            "digest": MODEL.digest,
            "method": str(Method.LIKELIHOOD),
            "signals": {**signals, "model": signals["lexicon"]},
        },
    }


def _written(heard: Stage1, variant: int) -> dict[str, Any]:
    """Return a human-written text as if the model had written it."""
    answer = post_enricher.fallback_answer(heard, variant, "")
    provenance = {
        "engine": MODEL.engine,
        "model": MODEL.name,
        "digest": MODEL.digest,
        "prompt_version": WritingQuestion.PROMPT_VERSION,
        "variant": variant,
    }
    return {**answer.result, "provenance": provenance}


def _as_computed(rng: random.Random, result: Mapping[str, Any], *, hit: bool) -> StageAnswer:
    age_seconds = rng.randrange(60, 5 * 86_400) if hit else 0
    return StageAnswer(
        result=result,
        outcome=Outcome.MODEL,
        cache="hit" if hit else "miss",
        missed="" if hit else "first_seen",
        key=f"{rng.getrandbits(256):064x}",
        stored=not hit,
        age_seconds=age_seconds,
        ttl_seconds=TTL_SECONDS - age_seconds,
        engine=MODEL.engine,
        model=MODEL.name,
    )


def _new(stories: list[_Story]) -> list[_Story]:
    """Return those that are not there yet."""
    ids = [story.reflection.pk for story in stories]
    there: set[uuid.UUID] = set()
    for begin in range(0, len(ids), BATCH_ROWS):
        some = Reflection.objects.filter(pk__in=ids[begin : begin + BATCH_ROWS])
        there.update(some.values_list("pk", flat=True))
    return [story for story in stories if story.reflection.pk not in there]


def _keep(stories: Sequence[_Story]) -> None:
    """Write reflections with their jobs and results, all or none."""
    with transaction.atomic():
        Reflection.objects.bulk_create([story.reflection for story in stories])
        Job.objects.bulk_create([story.job for story in stories])
        StageResult.objects.bulk_create(result for story in stories for result in story.results)
        # Fields that are set on creation are set to now.
        made = [story.reflection.pk for story in stories]
        Reflection.objects.filter(pk__in=made).update(created_at=F("timestamp"))
        Job.objects.filter(reflection__in=made).update(created_at=F("available_at"))
        finished = Job.objects.filter(reflection=OuterRef("reflection")).values("finished_at")
        StageResult.objects.filter(reflection__in=made).update(created_at=Subquery(finished[:1]))


def _calls(rng: random.Random, story: _Story) -> Iterator[InferenceCall]:
    """Yield what a model was asked for a reflection: Stage 1 twice, Stage 2 once."""
    started = story.job.started_at
    if started is None or not story.asked:
        return
    host = HOSTS[rng.random() < SECOND_HOST_SHARE]
    slower = 1 + HOSTS.index(host)
    at = started
    for kind, prompt_tokens, generated in (
        ("generate", 210, 1),
        ("generate", 240, 1),
        ("chat", 320, rng.randint(70, 130)),
    ):
        if rng.random() < CALL_ERROR_SHARE:
            elapsed_ms = rng.uniform(500, 4_000)
            at += timedelta(milliseconds=elapsed_ms)
            yield InferenceCall(
                at=at,
                host=host,
                model=MODEL.name,
                kind=kind,
                elapsed_ms=elapsed_ms,
                queue_ms=elapsed_ms,
                attempts=3,
                error=rng.choice(CALL_ERRORS),
            )
        queue_ms = rng.lognormvariate(2.5, 1.0)
        load_ms = rng.uniform(1_500, 4_000) if rng.random() < LOAD_SHARE else rng.uniform(1, 20)
        prompt_ms = prompt_tokens * slower * rng.lognormvariate(0.4, 0.3)
        generation_ms = generated * slower * 22 * rng.lognormvariate(0.0, 0.15)
        elapsed_ms = queue_ms + load_ms + prompt_ms + generation_ms
        at += timedelta(milliseconds=elapsed_ms)
        yield InferenceCall(
            at=at,
            host=host,
            model=MODEL.name,
            kind=kind,
            elapsed_ms=elapsed_ms,
            queue_ms=queue_ms,
            load_ms=load_ms,
            prompt_ms=prompt_ms,
            generation_ms=generation_ms,
            prompt_tokens=prompt_tokens,
            generated_tokens=generated,
            attempts=1 + (rng.random() < RETRIED_SHARE),
        )


def _samples(stories: Sequence[_Story], since: datetime, now: datetime) -> list[QueueSample]:
    """Return what each minute's sample would have found of these jobs."""
    came, left, began, ended = (Counter[datetime]() for _ in range(4))
    done, failed = Counter[datetime](), Counter[datetime]()
    for job in (story.job for story in stories):
        assert job.finished_at is not None  # noqa: S101  # all of them are finished
        if job.status == Status.FAILED:
            failed[_next(job.finished_at)] += 1
        if job.started_at is None:
            continue
        came[_next(job.available_at)] += 1
        left[_next(job.started_at)] += 1
        began[_next(job.started_at)] += 1
        ended[_next(job.finished_at)] += 1
        if job.status == Status.COMPLETE:
            done[_next(job.finished_at)] += 1
    samples, waiting, running = [], 0, 0
    at = _next(since)
    while at <= now:
        waiting += came[at] - left[at]
        running += began[at] - ended[at]
        # Who came and left within the minute waited too.
        most = waiting + left[at]
        samples.append(
            QueueSample(
                at=at,
                waiting=most,
                running=min(running + ended[at], WORKERS),
                done=done[at],
                failed=failed[at],
                oldest_seconds=4.0 * most if most else None,
                workers=WORKERS,
            )
        )
        at += MINUTE
    return samples


def _next(at: datetime) -> datetime:
    """Return the minute whose sample counts what happened then."""
    return floor(at, MINUTE) + MINUTE


def _starts(rng: random.Random, since: datetime, days: int) -> list[SiteStart]:
    """Return the first start of web and worker, and a restart about every third day."""
    moments = [
        since,
        *(since + rng.uniform(0.2, 0.8) * DAY + day * DAY for day in range(1, days, 3)),
    ]
    return [
        SiteStart(at=floor(at, MINUTE), role=role, host="demo")
        for at in moments
        for role in SiteStart.Role
    ]
