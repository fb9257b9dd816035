"""Which warm-up may work: one at a time in the whole site, by whoever it was asked for.

A row without an end is the one. It is made by the command that goes to work at once, or by a
request that leaves it to the next worker who has nothing else to do. Who works renews its lease;
when nobody has for a while, it was killed, and whoever looks writes that down. A worker's death is
mostly known sooner: `release`.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from enrichment import jobs
from enrichment.errors import EnrichmentError
from enrichment.models import WarmUp, WarmUpEntry
from enrichment.models.warmups import TROUBLE_LENGTH

LEASE = timedelta(seconds=30)
# Between the claim and the first renewal what was lost is looked up.
PLANNING = timedelta(minutes=2)
LOST_LIMIT = 100
MAX_LIMIT = 10_000
# And those whose entries may still be live.
RUNS_KEPT = 100
MAX_CONCURRENCY = 16


class AlreadyWarming(EnrichmentError):
    """Another warm-up waits or is at work; `run` is it."""

    def __init__(self, run: WarmUp) -> None:
        self.run = run
        super().__init__(f"Warm-up {run.pk} is unfinished.")


def request(*, limit: int = LOST_LIMIT, concurrency: int = 1) -> WarmUp:
    """Ask for what was lost to be computed again, by a worker, once nobody waits for the model.

    Raises:
        AlreadyWarming: one waits or is at work.
    """
    with transaction.atomic():
        run = _create(WarmUp.Source.LOST, answer_limit=limit, concurrency=concurrency)
        jobs.issue_ticket()
    return run


def begin(source: WarmUp.Source) -> WarmUp:
    """Return a warm-up for the caller to work on at once; one that only waits gives way to it.

    Raises:
        AlreadyWarming: one is at work.
    """
    _waiting().update(
        ended=WarmUp.Ended.INTERRUPTED,
        ended_at=timezone.now(),
        trouble="Somebody ran the command before a worker took it.",
    )
    return _create(source, lease_until=timezone.now() + LEASE)


def claim() -> WarmUp | None:
    """Return the warm-up that waits for a worker, now ours; None if none does, or people wait."""
    if not claimable() or (run := _waiting().first()) is None:
        return None
    run.lease_until, run.claimed_by = timezone.now() + PLANNING, jobs.worker_name()
    claimed = {"lease_until": run.lease_until, "claimed_by": run.claimed_by}
    return run if _waiting().filter(pk=run.pk).update(**claimed) else None


def claimable() -> int:
    """Return how many warm-ups a worker could take now: one or none."""
    return int(_waiting().exists() and not jobs.people_wait())


def renew(run: WarmUp) -> bool:
    """Say that a warm-up is at work; return whether it is still ours."""
    lease_until = timezone.now() + LEASE
    return WarmUp.objects.filter(pk=run.pk, ended="").update(lease_until=lease_until) > 0


def release(workers: Collection[str], *, charged: bool) -> int:
    """End the warm-up that workers that are gone had claimed, or have another go on with it.

    Args:
        workers: by `jobs.worker_name`.
        charged: whether it ends: it may be what killed the worker.

    Returns:
        How many they had: one or none.
    """
    claimed = WarmUp.objects.filter(ended="", claimed_by__in=workers)
    if charged:
        return claimed.update(ended=WarmUp.Ended.INTERRUPTED, ended_at=timezone.now())
    return claimed.update(lease_until=None, claimed_by="")


def mark_killed() -> None:
    """Write down that the one at work was killed, if nobody renewed its lease."""
    lapsed = WarmUp.objects.filter(ended="", lease_until__lte=timezone.now())
    lapsed.update(ended=WarmUp.Ended.INTERRUPTED, ended_at=timezone.now())


def end(run: WarmUp, how: WarmUp.Ended, trouble: str = "", **counts: int) -> None:
    """End a warm-up, with the counts of one that came to work; one that has an end keeps it."""
    unfinished = WarmUp.objects.filter(pk=run.pk, ended="")
    trouble = trouble[:TROUBLE_LENGTH]
    unfinished.update(ended=how, ended_at=timezone.now(), trouble=trouble, **counts)


def outdated(now: datetime) -> QuerySet[WarmUp]:
    """Return old runs, but for those with a live entry: it must be found when its text is
    forgotten.
    """
    kept = WarmUp.objects.order_by("-at").values_list("pk", flat=True)[:RUNS_KEPT]
    live = WarmUpEntry.objects.filter(
        warm_up=OuterRef("pk"), expires_ms__gt=int(now.timestamp() * 1000)
    )
    return WarmUp.objects.exclude(pk__in=list(kept)).filter(~Exists(live))


def _waiting() -> QuerySet[WarmUp]:
    return WarmUp.objects.filter(ended="", lease_until=None)


def _create(source: WarmUp.Source, **fields: Any) -> WarmUp:
    mark_killed()
    try:
        with transaction.atomic():
            return WarmUp.objects.create(source=source, **fields)
    except IntegrityError as exc:
        unfinished = WarmUp.objects.filter(ended="").first()
        if unfinished is None:
            # It ended just now.
            return _create(source, **fields)
        raise AlreadyWarming(unfinished) from exc
