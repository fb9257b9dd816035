"""Which of a feeling's texts a reader is given, and how the others are made ahead.

So that nobody reads the same poem each time there are up to `inference.variants` of them, each an
entry of the cache. What a reader has read stands in the results. What is made ahead is written by
jobs that nobody waits for, behind all others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from cachestats.cache import CacheState
from cachestats.config import current
from enrichment import hosts, jobs
from enrichment.errors import InferenceError, InvalidReply
from enrichment.models import Job, Reflection, StageResult
from enrichment.models.jobs import Priority
from enrichment.stages.answers import Outcome
from enrichment.stages.hybrid_scorer import Stage1
from enrichment.stages.post_enricher import PostEnricher, Variant

# What the review refused would be refused again: the seed of each question is fixed.
MAKE_AGAIN_AFTER = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The variant that a reader is given.

    read: whether it was given to this reader before. missing: whether another is not made yet, and
    may be.
    topic: the name of all of them together.
    """

    variant: Variant
    read: bool
    missing: bool
    topic: str


def number_in_force() -> int:
    """Return how many variants there are to be of each text.

    At temperature 0 one: they differ by their seed, which then changes nothing (but for a model
    that is led, which is not worth a rule of its own).
    """
    inference = current().config.inference
    return inference.variants if inference.temperature else 1


def choose(reflection: Reflection, stage1: Stage1, enricher: PostEnricher) -> Choice | None:
    """Return which text a reflection's reader is given; None where no model writes one."""
    if reflection.at_risk or not (found := _find(stage1, enricher)):
        return None
    last_read = _last_read(reflection.reader, found) if len(found) > 1 else {}
    due = next_variant(found, last_read)
    return Choice(
        variant=due,
        read=due.key in last_read,
        missing=not reflection.no_store
        and any(each.cached is None for each in found if each is not due),
        topic=found[0].key,
    )


def next_variant(found: Sequence[Variant], last_read: Mapping[str, int]) -> Variant:
    """Return the variant that is due: the first that was never read, else that read longest ago.

    One that is made goes before all that are not. While none is, those who come together are due
    the same one, which is then computed once.

    Args:
        last_read: by key, a number that grows with time, from 1.
    """
    made = [each for each in found if each.cached is not None]
    return min(made or found, key=lambda each: last_read.get(each.key, 0))


def choose_for_nobody(stage1: Stage1, enricher: PostEnricher, rotation: int) -> int:
    """Return the number of a text for an unknown reader: one that is made, or else the first.

    Args:
        rotation: which of those that are made, any number.
    """
    made = [each.number for each in _find(stage1, enricher) if each.cached is not None]
    return made[rotation % len(made)] if made else 0


def make_ahead(choice: Choice | None, row: StageResult) -> None:
    """Queue the making of what is missing, where somebody will want it.

    That is when the first text of a feeling was just computed, or could not be; and when a reader
    had to be given one again. Call it in the transaction that writes the result.
    """
    if choice is None or not choice.missing:
        return
    computed = row.cache == CacheState.MISS and row.stored
    read_again = row.cache == CacheState.HIT and choice.read
    refused = row.reason == InvalidReply.__name__
    if not (computed or read_again or refused):
        return
    now = timezone.now()
    in_the_way = Q(finished_at=None)
    if not computed:
        in_the_way |= Q(finished_at__gt=now - MAKE_AGAIN_AFTER)
    if Job.objects.filter(in_the_way, topic=choice.topic).exists():
        return
    job = Job(
        reflection_id=row.reflection_id,
        purpose=Job.Purpose.VARIANTS,
        priority=Priority.BACKGROUND,
        topic=choice.topic,
        available_at=now,
    )
    # Of two that look at the same time one is refused by the constraint.
    Job.objects.bulk_create([job], ignore_conflicts=True)
    jobs.issue_ticket()


def make(
    job: Job, stage1: Stage1, enricher: PostEnricher, *, interrupted: Callable[[], bool]
) -> None:
    """Make those of a feeling's texts that are missing; what the review refuses stays so.

    Raises:
        ClaimLost: the claim does not hold any more.
        Interrupted: this worker ends, or somebody waits for it; the rest is for later.
    """
    if not (found := _find(stage1, enricher)):
        jobs.withdraw(job)
        return
    for variant in found:
        if variant.cached is not None:
            continue
        if interrupted() or jobs.people_wait():
            raise jobs.Interrupted
        answer = enricher.run_post_enrichment(stage1, variant=variant.number).answer
        if answer.retry_later:
            jobs.withdraw(job)
            return
        if answer.outcome == Outcome.MODEL and not answer.stored:
            # Nothing is kept now, so there is nothing to be made ahead.
            break
    jobs.finish(job)


def _find(stage1: Stage1, enricher: PostEnricher) -> tuple[Variant, ...]:
    """Return a feeling's texts; none where it is not clear or which model answers is not known."""
    if not stage1.path:
        return ()
    try:
        identity = hosts.get_client().identity()
    except InferenceError:
        return ()
    return enricher.variants(stage1, identity, number_in_force())


def _last_read(reader: str, found: Sequence[Variant]) -> dict[str, int]:
    """Return the number of the newest result by key, of those that a reader has read."""
    # As SQL, because each of these looks at one end of an index. Grouped, one query would read all
    # that this reader was ever given of the feeling, with each submission.
    table = StageResult._meta.db_table
    newest = f"(SELECT MAX(id) FROM {table} WHERE key = %s AND reader = %s)"  # noqa: S608  # ours
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join([newest] * len(found))}",
            [value for each in found for value in (each.key, reader)],
        )
        numbers = cursor.fetchone()
    return {each.key: number for each, number in zip(found, numbers, strict=True) if number}
