"""Which reflections a list holds: the filters that the API and the pages share."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q

from cachestats.cache import CacheState
from enrichment.models import Job, StageResult, Status
from enrichment.models.reflections import ReflectionQuerySet
from enrichment.stages.wheel import PLEASANT, PRIMARIES

PAGE_SIZE = 25
UNDETERMINED = "undetermined"
FEELINGS: Mapping[str, Collection[str]] = {
    "pleasant": [primary for primary in PRIMARIES if primary in PLEASANT],
    "unpleasant": [primary for primary in PRIMARIES if primary not in PLEASANT],
    **{primary: [primary] for primary in PRIMARIES},
    UNDETERMINED: [],
}
"""What may be asked for -> the primaries of the wheel that it means; none: no clear feeling."""
CACHE_STATES: tuple[str, ...] = tuple(state.value for state in CacheState)


def chosen(reflections: ReflectionQuerySet, asked: Mapping[str, Any]) -> ReflectionQuerySet:
    """Return those of the reflections for which all holds that is asked.

    Args:
        asked: any of `status` (several), `feeling` (several, of `FEELINGS`), `cache` (the state of
            either stage), `owner`, `created_after`, `created_before` (instants), `at_risk` (bool).
    """
    if "owner" in asked:
        reflections = reflections.filter(owner=asked["owner"])
    if "created_after" in asked:
        reflections = reflections.filter(created_at__gte=asked["created_after"])
    if "created_before" in asked:
        reflections = reflections.filter(created_at__lt=asked["created_before"])
    if "at_risk" in asked:
        calm = Q(risk_signals=[])
        reflections = reflections.filter(~calm if asked["at_risk"] else calm)
    if "status" in asked:
        reflections = reflections.filter(_has_status(asked["status"]))
    if "feeling" in asked:
        reflections = reflections.filter(_has_result(_feels(asked["feeling"]), stage=1))
    if "cache" in asked:
        reflections = reflections.filter(_has_result(Q(cache=asked["cache"])))
    return reflections


def _has_status(statuses: Sequence[Status]) -> Q:
    """Match reflections by status, each in the way that is quick for it.

    Nearly all are complete, and a page of these is soon full: their jobs are looked at one by one.
    All others are few, and are found by their jobs. SQLite keeps no statistics to tell.
    """
    submitted = Job.objects.filter(purpose=Job.Purpose.SUBMITTED, status__in=statuses)
    if Status.COMPLETE in statuses:
        return Q(Exists(submitted.filter(reflection=OuterRef("pk"))))
    return Q(pk__in=submitted.values("reflection"))


def _feels(feelings: Collection[str]) -> Q:
    """Match Stage 1's results by what they found."""
    primaries = {primary for feeling in feelings for primary in FEELINGS[feeling]}
    found = Q(result__wheel__primary__in=sorted(primaries))
    return found | Q(result__undetermined=True) if UNDETERMINED in feelings else found


def _has_result(wanted: Q, **fields: Any) -> Q:
    """Match reflections by a result, looked at one by one: no index tells what results hold."""
    return Q(Exists(StageResult.objects.filter(wanted, reflection=OuterRef("pk"), **fields)))
