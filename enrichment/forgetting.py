"""Forgetting reflections, with all that was made of them."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from cachestats import services as cache_services
from cachestats.cache import CacheState, get_cache
from cachestats.services import checkpoint
from enrichment import descriptions, idempotency
from enrichment.errors import CallAborted
from enrichment.jobs import ClaimLost
from enrichment.models import Job, Reflection, ReflectionImage, StageResult, WarmUpEntry
from enrichment.models.reflections import ReflectionQuerySet
from enrichment.tuned_stages import make_scorer

logger = logging.getLogger(__name__)

# A transaction takes so many, with all that goes with them.
BATCH_ROWS = 100


def forget(*reflections: Reflection) -> None:
    """Delete reflections with all that was made of them, so that no bytes of it stay behind.

    A Stage 1 entry and an image's go too, unless another reflection holds the same key, and so
    does one that a job left which was cancelled, or tried in vain for better answers, before it
    wrote a result, and one that a warm-up made under another tuning. A job that is running loses
    its claim and writes nothing.
    """
    keys = {key for reflection in reflections for key in _keys(reflection)}
    with transaction.atomic():
        warmed = WarmUpEntry.objects.filter(reflection__in=reflections)
        keys.update(warmed.values_list("key", flat=True))
        idempotency.forget(reflections)
        Reflection.objects.filter(pk__in=[reflection.pk for reflection in reflections]).delete()
        # The admin deletes within a transaction of its own; a log can't be moved from inside one.
        transaction.on_commit(lambda: drop_entries(keys))
        transaction.on_commit(lambda: checkpoint("default"))


def outdated(now: datetime) -> ReflectionQuerySet:
    """Return reflections that are older than the settings say; none where they say nothing."""
    if not (kept := settings.REFLECTIONS_KEPT_DAYS):
        return Reflection.objects.none()
    return Reflection.objects.filter(created_at__lt=now - timedelta(days=kept))


def forgetting(now: datetime) -> Iterator[int]:
    """Forget what is outdated, some reflections at each step; yield how many."""
    while batch := list(outdated(now).with_parts().order_by("created_at")[:BATCH_ROWS]):
        forget(*batch)
        yield len(batch)


def forget_failure(job: Job) -> None:
    """Drop what was told of a failed job's error if its reflection was forgotten meanwhile."""
    if not Reflection.objects.filter(pk=job.reflection_id).exists():
        drop_entries(())


@contextmanager
def forgetting_with(reflection: Reflection, key: str) -> Iterator[None]:
    """Drop what was cached of a reflection that was forgotten while the model was at work."""
    try:
        yield
    except (ClaimLost, CallAborted):
        if not Reflection.objects.filter(pk=reflection.pk).exists():
            drop_entries([key])
        raise


def _keys(reflection: Reflection) -> Iterator[str]:
    """Yield the keys of a reflection's own entries; "" for one that it has not."""
    yield getattr(reflection.result_of(1), "key", "")
    scorer = make_scorer(get_cache(), reflection.key_scope)
    yield scorer.key(reflection.text, reflection.language)
    yield descriptions.cache_key(reflection)


def _is_held(key: str) -> bool:
    """Return whether an entry is also another reflection's, that did not go past the cache."""
    return any(
        held.filter(key=key).exclude(cache=CacheState.BYPASS).exists()
        for held in (StageResult.objects.filter(stage=1), ReflectionImage.objects.all())
    )


def drop_entries(keys: Iterable[str]) -> None:
    """Delete a forgotten reflection's own entries unless another reflection holds their keys, and
    errors on their way to other processes, which may quote it.
    """
    unheld = [key for key in filter(None, keys) if not _is_held(key)]
    WarmUpEntry.objects.filter(key__in=unheld).delete()
    try:
        cache_services.forget_failures()
        cache_services.forget_entries(unheld)
    except cache_services.UNUSABLE as exc:
        logger.warning("[CACHE] What a forgotten reflection left could not be deleted: %s", exc)
