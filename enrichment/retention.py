"""By which rules rows of reflections, of work on them and of workers go by themselves."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django_q.conf import Conf
from django_q.models import Failure

from cachestats.retention import Rule, days, deletion, older
from enrichment import (
    call_rollups,
    calls,
    comparisons,
    forgetting,
    idempotency,
    queue_samples,
    starts,
    warm_ups,
)
from enrichment.models import (
    CallRollup,
    IdempotencyKey,
    InferenceCall,
    Job,
    QueueSample,
    Reflection,
    SiteStart,
    TuningRun,
    WarmUp,
    WebhookDelivery,
    WorkerHeartbeat,
)
from enrichment.webhooks import outbox

HEARTBEATS_KEPT = timedelta(hours=1)
MERGED = "merged into longer spans"


def rules() -> list[Rule]:
    """Return them; how long texts, calls and history are kept the settings say."""
    found = []
    if kept := settings.CALLS_KEPT_DAYS:
        # Before the sums that it adds to.
        found.append(
            Rule(
                table=InferenceCall,
                why=days(kept),
                count=lambda now: calls.outdated(now).count(),
                remove=calls.pruning,
            )
        )
    found += [
        deletion(
            WorkerHeartbeat,
            "older than an hour",
            lambda now: WorkerHeartbeat.objects.filter(at__lt=now - HEARTBEATS_KEPT),
        ),
        deletion(IdempotencyKey, days(1), idempotency.outdated),
        deletion(Job, f"of comparisons {days(1)}", comparisons.outdated),
        Rule(
            table=QueueSample,
            why=MERGED,
            count=lambda now: queue_samples.mergeable(now).count(),
            remove=queue_samples.merging,
        ),
        deletion(QueueSample, days(queue_samples.KEPT.days), queue_samples.outdated),
        Rule(
            table=CallRollup,
            why=MERGED,
            count=lambda now: call_rollups.mergeable(now).count(),
            remove=call_rollups.merging,
        ),
        deletion(CallRollup, days(call_rollups.KEPT.days), call_rollups.outdated),
        deletion(SiteStart, days(starts.KEPT.days), starts.outdated),
        deletion(
            WarmUp,
            f"beyond the last {warm_ups.RUNS_KEPT}, with no live entry",
            warm_ups.outdated,
        ),
        deletion(Failure, f"beyond the last {Conf.SAVE_LIMIT:,}", _failures),
        Rule(
            table=WebhookDelivery,
            why=f"{days(outbox.KEPT.days)}, or beyond the last {outbox.MOST_FINISHED:,} of each",
            count=lambda now: sum(messages.count() for messages in outbox.surpluses(now)),
            remove=outbox.sweeping,
        ),
    ]
    if kept := settings.HISTORY_KEPT_DAYS:
        found.append(deletion(TuningRun, days(kept), _old_tuning_runs))
    if kept := settings.REFLECTIONS_KEPT_DAYS:
        found.append(
            Rule(
                table=Reflection,
                why=days(kept),
                count=lambda now: forgetting.outdated(now).count(),
                remove=forgetting.forgetting,
            )
        )
    return found


def _old_tuning_runs(now: datetime) -> QuerySet[Any]:
    kept = timedelta(days=settings.HISTORY_KEPT_DAYS)
    return older(TuningRun, "at", now - kept)


def _failures(_now: datetime) -> QuerySet[Any]:
    failed: QuerySet[Any] = Failure.objects.order_by("-stopped")
    if (last := failed[Conf.SAVE_LIMIT : Conf.SAVE_LIMIT + 1].first()) is None:
        return failed.none()
    return failed.filter(stopped__lte=last.stopped)
